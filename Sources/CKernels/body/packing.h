// Matrices into panels, in the format that products read, and rows of them back as floats.

typedef struct {
  nk_pool *pool;
  const nk_packed *b;
  int64_t first, rows;
  const float *x; int64_t ldx;
  const float *scales;
  float *y; int64_t ldy;
  const int32_t *ids;
} packing_state;

/// Lanes lo ..< hi of a panel, from floats [k, NR] that begin at k; whole quads of them, where it is in pairs.
static void pack_lanes(const nk_packed *b, int64_t panel, int64_t k, int64_t kc, const float *x, int64_t lo, int64_t hi,
                       const float *inverse) {
  uint8_t *to = packed_at(b, panel, k);
  for (int64_t l = 0; l < kc; l += QUAD) {
    int64_t steps = at_most(QUAD, kc - l);
#define STORE(kind) case kind: store_quad(kind, to + l * NR * weight_bytes(kind), steps, x + l * NR, inverse, lo, hi); break
    switch (b->kind) { STORE(NK_WEIGHTS_F32); STORE(NK_WEIGHTS_BF16); STORE(NK_WEIGHTS_FP8); STORE(NK_WEIGHTS_INT8); }
#undef STORE
  }
}

/// From the largest weights of lanes lo ..< hi their scales, and 1/scale.
static void set_scales(const nk_packed *b, int64_t panel, int64_t k, const float *largest, const float *given,
                       int64_t lo, int64_t hi, float *inverse) {
  float *scales = scales_at(b, panel, k), top = b->kind == NK_WEIGHTS_FP8 ? 448 : 127;
  float unit = b->kind == NK_WEIGHTS_FP8 ? FP8_SCALE : 1;
  for (int64_t j = lo; j < hi; j++) {
    float scale = given ? given[j - lo] : largest[j] / top;
    scales[j] = scale * unit;
    // Of a row of zeros, or of numbers next to nothing, nothing is kept.
    inverse[j] = 1 / scale < INFINITY ? 1 / scale : 0;
  }
}

static void largest_of(const float *x, int64_t kc, float *largest) {
  for (int64_t l = 0; l < kc; l++)
    for (int64_t j = 0; j < NR; j += LANES) store(largest + j, vmax(load(largest + j), vabs(load(x + l * NR + j))));
}

static void pack_panel(const packing_state *s, int64_t panel, float *floats) {
  const nk_packed *b = s->b;
  int64_t j = panel * NR, lo = s->first > j ? s->first - j : 0, hi = at_most(NR, s->first + s->rows - j);
  const float *x = s->x + (j + lo - s->first) * s->ldx;
  float inverse[NR], largest[NR];
  memset(largest, 0, sizeof largest);
  // Rows that begin inside the panel are shifted to their lanes afterwards.
#define FLOATS(k, kc)                                                                     \
  pack_transposed(x + (k), s->ldx, hi - lo, kc, NR, floats, 1);                           \
  if (lo > 0)                                                                             \
    for (int64_t l = 0; l < (kc); l++) memmove(floats + l * NR + lo, floats + l * NR, (size_t)(hi - lo) * sizeof(float)); \
  memset(floats + (kc) * NR, 0, sizeof(float) * (size_t)((blocks(kc, QUAD) * QUAD - (kc)) * NR));
  if (b->kind == NK_WEIGHTS_FP8) {
    for (int64_t k = 0; k < b->k; k += NK_INT8_GROUP) {
      int64_t kc = at_most(NK_INT8_GROUP, b->k - k);
      FLOATS(k, kc)
      largest_of(floats, kc, largest);
    }
    set_scales(b, panel, 0, largest, s->scales ? s->scales + (j + lo - s->first) : NULL, lo, hi, inverse);
  }
  for (int64_t k = 0; k < b->k; k += NK_INT8_GROUP) {
    int64_t kc = at_most(NK_INT8_GROUP, b->k - k);
    FLOATS(k, kc)
    if (b->kind == NK_WEIGHTS_INT8) {
      memset(largest, 0, sizeof largest);
      largest_of(floats, kc, largest);
      set_scales(b, panel, k, largest, NULL, lo, hi, inverse);
    }
    pack_lanes(b, panel, k, kc, floats, lo, hi, inverse);
  }
#undef FLOATS
}

static void pack_task(void *context, int worker) {
  const packing_state *s = context;
  float *floats = nk_local_scratch(s->pool, worker, sizeof(float) * NR * NK_INT8_GROUP);
  int64_t first = s->first / NR, count = blocks(s->first + s->rows, NR) - first;
  for (int64_t begin, end; nk_claim(s->pool, count, 1, &begin, &end);) pack_panel(s, first + begin, floats);
}

static void pack(nk_pool *pool, const nk_packed *b, int64_t first, int64_t rows, const float *x, int64_t ldx,
                 const float *scales) {
  if (rows == 0) return;
  packing_state state = {.pool = pool, .b = b, .first = first, .rows = rows, .x = x, .ldx = ldx, .scales = scales};
  nk_pool_loop(pool, pack_task, &state);
}

/// y = row `row` of the matrix, as the product sees it.
static void unpack_row(const nk_packed *b, int64_t row, float *y) {
  int64_t panel = row / NR, lane = row % NR;
  for (int64_t k = 0; k < b->k; k++) {
    int64_t step = k % QUAD;
    float x = weight_value(b->kind, packed_at(b, panel, k - step) + weight_place(b->kind, step, lane));
    y[k] = has_scales(b->kind) ? x * scales_at(b, panel, k)[lane] : x;
  }
}

static void unpack_task(void *context, int worker) {
  const packing_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->rows, 1, &begin, &end);)
    for (int64_t row = begin; row < end; row++) {
      int64_t at = s->ids[row] - s->first;
      float *y = s->y + row * s->ldy;
      if (at >= 0 && at < s->b->n) unpack_row(s->b, at, y);
      else memset(y, 0, (size_t)s->b->k * sizeof(float));
    }
}

static void unpack_rows(nk_pool *pool, const nk_packed *b, int64_t first_row, const int32_t *ids, int64_t rows,
                        float *y, int64_t ldy) {
  packing_state state = {.pool = pool, .b = b, .first = first_row, .rows = rows, .y = y, .ldy = ldy, .ids = ids};
  nk_pool_loop(pool, unpack_task, &state);
}
