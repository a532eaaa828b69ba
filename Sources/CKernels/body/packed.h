// A product with a matrix that was packed once, for inference: panels of NR columns, k after k, in one of several
// formats that become f32 in registers. Text written token by token reads the matrix from its first byte to its last;
// a prompt's product needs no packing of it. The sums run in the order of the matrix product's tiles, so that f32
// gives its bits, and a row's bits do not depend on the rows beside it.

enum {
  UNROLLED = 4,          // k steps between requests for memory: whole cache lines of every format
  PACKED_AHEAD = 6144,   // bytes by which memory is asked for
};

static inline int64_t packed_panels(const nk_packed *b) { return blocks(b->n, NR); }

static inline const uint8_t *packed_at(const nk_packed *b, int64_t panel, int64_t k) {
  return (const uint8_t *)b->weights + (panel * b->k + k) * NR * weight_bytes(b->kind);
}

static inline __attribute__((always_inline)) bool has_scales(nk_weights kind) { return kind >= NK_WEIGHTS_FP8; }

/// The scales of a panel: for all its columns, or for those of the group that k is in.
static inline float *scales_at(const nk_packed *b, int64_t panel, int64_t k) {
  int64_t groups = b->kind == NK_WEIGHTS_INT8 ? blocks(b->k, NK_INT8_GROUP) : 1;
  return b->scales + (panel * groups + (groups > 1 ? k / NK_INT8_GROUP : 0)) * NR;
}

/// k steps whose sum is made before it is scaled and added up.
static inline __attribute__((always_inline)) int64_t packed_unit(nk_weights kind) {
  return kind == NK_WEIGHTS_INT8 ? NK_INT8_GROUP : KC;
}

/// sum[rows, NR] += Σ a[k·along + i]·w[k, NR]
static inline __attribute__((always_inline)) void packed_steps(nk_weights kind, int rows, int64_t kc, const float *a,
                                                               int64_t along, const uint8_t *w,
                                                               vf sum[MR][NR_VECTORS]) {
  const int64_t step = NR * weight_bytes(kind);
#pragma clang loop unroll(disable)
  for (int64_t k = 0; k < kc; k += UNROLLED) {
#pragma clang loop unroll(full)
    for (int64_t line = 0; line < UNROLLED * step; line += 64) __builtin_prefetch(w + PACKED_AHEAD + line, 0, 2);
    int64_t steps = at_most(UNROLLED, kc - k);
#define STEP                                                                                                  \
  {                                                                                                           \
    vf row[NR_VECTORS];                                                                                       \
    _Pragma("clang loop unroll(full)") for (int j = 0; j < NR_VECTORS; j++)                                   \
        row[j] = load_weights(kind, w + j * LANES * weight_bytes(kind));                                      \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {                                       \
      vf x = splat(a[i]);                                                                                     \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < NR_VECTORS; j++) sum[i][j] = fma_(x, row[j], sum[i][j]); \
    }                                                                                                         \
    a += along;                                                                                               \
    w += step;                                                                                                \
  }
    if (steps == UNROLLED) {
#pragma clang loop unroll(full)
      for (int u = 0; u < UNROLLED; u++) STEP
    } else {
#pragma clang loop unroll(disable)
      for (int64_t u = 0; u < steps; u++) STEP
    }
#undef STEP
  }
}

/// c[rows, NR] = scale · Σ over k from `pc` to pc + kc (+ c when `add`), kc at most packed_unit.
static inline __attribute__((always_inline)) void packed_tile(nk_weights kind, int rows, const nk_packed *b,
                                                              int64_t panel, int64_t pc, int64_t kc, const float *a,
                                                              int64_t along, float *c, int64_t ldc, bool add) {
  vf sum[MR][NR_VECTORS];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < NR_VECTORS; j++) sum[i][j] = (vf){0};
  packed_steps(kind, rows, kc, a, along, packed_at(b, panel, pc), sum);
#pragma clang loop unroll(full)
  for (int j = 0; j < NR_VECTORS; j++) {
    vf scale = has_scales(kind) ? load(scales_at(b, panel, pc) + j * LANES) : splat(1);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      float *p = c + i * ldc + j * LANES;
      if (has_scales(kind)) store(p, add ? fma_(scale, sum[i][j], load(p)) : scale * sum[i][j]);
      else store(p, add ? load(p) + sum[i][j] : sum[i][j]);
    }
  }
}

/// How many rows a tile is made for that has `rows` to compute.
static inline int64_t tile_rows(int64_t rows) { return rows > 4 ? MR : rows > 2 ? 4 : rows; }

/// The same for a number of rows that is known at run time: one of `tile_rows`.
static inline __attribute__((always_inline)) void packed_tile_of(nk_weights kind, int64_t rows, const nk_packed *b,
                                                                 int64_t panel, int64_t pc, int64_t kc,
                                                                 const float *a, int64_t along, float *c,
                                                                 int64_t ldc, bool add) {
  switch (rows) {
  case 1: packed_tile(kind, 1, b, panel, pc, kc, a, along, c, ldc, add); break;
  case 2: packed_tile(kind, 2, b, panel, pc, kc, a, along, c, ldc, add); break;
  case 4: packed_tile(kind, 4, b, panel, pc, kc, a, along, c, ldc, add); break;
  default: packed_tile(kind, MR, b, panel, pc, kc, a, along, c, ldc, add); break;
  }
}

typedef struct {
  nk_pool *pool;
  const nk_packed *b;
  const nk_gemm_args *g;
  float *a;            // panels [k, width] of all rows of a
  int64_t width;
  int64_t panels_at_once;
  atomic_long *next;   // rows to pack, panels to multiply
} packed_state;

static inline __attribute__((always_inline)) void packed_panel(nk_weights kind, const packed_state *s, int64_t panel) {
  const nk_gemm_args *g = s->g;
  int64_t j = panel * NR, columns = at_most(NR, g->n - j);
  for (int64_t pc = 0; pc < g->k; pc += packed_unit(kind)) {
    int64_t kc = at_most(packed_unit(kind), g->k - pc);
    for (int64_t i = 0; i < g->m; i += MR) {
      int64_t rows = at_most(MR, g->m - i), made = tile_rows(rows);
      const float *a = s->a + i * g->k + pc * s->width;
      float *c = g->c + i * g->ldc + j, tile[MR * NR];
      if (made == rows && columns == NR) {
        packed_tile_of(kind, made, s->b, panel, pc, kc, a, s->width, c, g->ldc, pc > 0);
        continue;
      }
      if (pc > 0)
        for (int64_t r = 0; r < rows; r++) memcpy(tile + r * NR, c + r * g->ldc, (size_t)columns * sizeof(float));
      packed_tile_of(kind, made, s->b, panel, pc, kc, a, s->width, tile, NR, pc > 0);
      for (int64_t r = 0; r < rows; r++) memcpy(c + r * g->ldc, tile + r * NR, (size_t)columns * sizeof(float));
    }
  }
  finish_tile(g, 0, j, g->m, columns);
}

static void packed_task(void *context, int worker) {
  const packed_state *s = context;
  const nk_gemm_args *g = s->g;
  (void)worker;
  if (g->m > 1) {
    for (int64_t i; (i = MR * atomic_fetch_add_explicit(&s->next[0], 1, memory_order_relaxed)) < g->m;)
      pack_rows(g->a + i * g->lda, g->lda, at_most(MR, g->m - i), g->k, s->width, s->a + i * g->k, 1);
    nk_barrier(s->pool);
  }
  int64_t panels = packed_panels(s->b), step = s->panels_at_once;
  for (int64_t p; (p = step * atomic_fetch_add_explicit(&s->next[1], 1, memory_order_relaxed)) < panels;)
    for (int64_t panel = p; panel < at_most(p + step, panels); panel++) switch (s->b->kind) {
      case NK_WEIGHTS_F32: packed_panel(NK_WEIGHTS_F32, s, panel); break;
      case NK_WEIGHTS_BF16: packed_panel(NK_WEIGHTS_BF16, s, panel); break;
      case NK_WEIGHTS_FP8: packed_panel(NK_WEIGHTS_FP8, s, panel); break;
      case NK_WEIGHTS_INT8: packed_panel(NK_WEIGHTS_INT8, s, panel); break;
      }
}

static void packed_product(nk_pool *pool, const nk_packed *b, const nk_gemm_args *args) {
  if (args->m == 0 || args->n == 0) return;
  nk_gemm_args g = *args;
  g.n = b->n;
  g.k = b->k;
  atomic_long next[2] = {0, 0};
  // One row is its own panel.
  int64_t width = g.m > MR ? MR : tile_rows(g.m), share = packed_panels(b) / (4 * pool->threads);
  const float *a = g.m == 1 ? g.a : nk_shared_scratch(pool, (size_t)(blocks(g.m, MR) * MR * g.k) * sizeof(float));
  packed_state state = {pool, b, &g, (float *)a, width, share < 1 ? 1 : at_most(share, 8), next};
  nk_pool_run(pool, packed_task, &state);
}

// ---------------------------------------------------------------- packing

typedef struct {
  nk_pool *pool;
  const nk_packed *b;
  int64_t first, rows;
  const float *x; int64_t ldx;
  const float *scales;
  float *y; int64_t ldy;
  const int32_t *ids;
} packing_state;

/// Lanes lo ..< hi of a panel, from floats [k, NR] that begin at k.
static void pack_lanes(const nk_packed *b, int64_t panel, int64_t k, int64_t kc, const float *x, int64_t lo, int64_t hi,
                       const float *inverse) {
  uint8_t *to = (uint8_t *)packed_at(b, panel, k);
  for (int64_t l = 0; l < kc; l++) {
    uint8_t *p = to + (l * NR + lo) * weight_bytes(b->kind);
    const float *from = x + l * NR + lo;
#define STORE(kind) case kind: store_weights(kind, p, from, inverse + lo, hi - lo); break
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
    inverse[j] = scale > 0 ? 1 / scale : 0;
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
    for (int64_t l = 0; l < (kc); l++) memmove(floats + l * NR + lo, floats + l * NR, (size_t)(hi - lo) * sizeof(float));
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
  int64_t panel = row / NR, lane = row % NR, size = weight_bytes(b->kind);
  for (int64_t k = 0; k < b->k; k++) {
    uint8_t lanes[VECTOR_BYTES] = {0};
    memcpy(lanes, packed_at(b, panel, k) + lane * size, (size_t)size);
    vf x = b->kind == NK_WEIGHTS_F32    ? load_weights(NK_WEIGHTS_F32, lanes)
           : b->kind == NK_WEIGHTS_BF16 ? load_weights(NK_WEIGHTS_BF16, lanes)
           : b->kind == NK_WEIGHTS_FP8  ? load_weights(NK_WEIGHTS_FP8, lanes)
                                        : load_weights(NK_WEIGHTS_INT8, lanes);
    y[k] = has_scales(b->kind) ? x[0] * scales_at(b, panel, k)[lane] : x[0];
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
