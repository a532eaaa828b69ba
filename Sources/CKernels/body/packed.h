// A product with a matrix that was packed once, for inference: panels of NR columns, k after k, in one of several
// formats that become operands in registers. Text written token by token reads the matrix from its first byte to its
// last; a prompt's product needs no packing of it. Sums are f32. With f32 weights they run in the order of the matrix
// product's tiles, which gives its bits; beside narrower weights, rows are rounded to bf16. In every format a row's
// bits do not depend on the rows beside it.

static inline int64_t packed_panels(const nk_packed *b) { return blocks(b->n, NR); }

/// Where step k, a multiple of QUAD, of a panel is.
static inline uint8_t *packed_at(const nk_packed *b, int64_t panel, int64_t k) {
  return (uint8_t *)b->weights + (panel * panel_columns(b) + k) * NR * weight_bytes(b->kind);
}

static int64_t packed_bytes(nk_weights kind, int64_t n, int64_t k) {
  nk_packed b = {.kind = kind, .n = n, .k = k};
  return packed_panels(&b) * panel_columns(&b) * NR * weight_bytes(kind);
}

static inline __attribute__((always_inline)) bool has_scales(nk_weights kind) { return kind >= NK_WEIGHTS_FP8; }

/// The scales of a panel: for all its columns, or for those of the group that k is in.
static inline float *scales_at(const nk_packed *b, int64_t panel, int64_t k) {
  int64_t groups = b->kind == NK_WEIGHTS_INT8 ? blocks(b->k, NK_INT8_GROUP) : 1;
  return b->scales + (panel * groups + (groups > 1 ? k / NK_INT8_GROUP : 0)) * NR;
}

/// k steps whose sum is made before it is scaled and added up: of codes, so many that what they become stays in the
/// first-level cache.
static inline __attribute__((always_inline)) int64_t packed_unit(nk_weights kind) {
  return kind == NK_WEIGHTS_INT8 ? NK_INT8_GROUP : kind == NK_WEIGHTS_FP8 ? KC / 2 : KC;
}

// ---------------------------------------------------------------- one tile

/// Rows of a, a panel's weights from one k step on, and where their products go.
typedef struct {
  const float *a;          // k step after k step, or pair after pair, `along` floats apart
  int64_t along;
  const uint8_t *weights;
  const uint8_t *values;   // of codes (fill_code_values)
  const float *scales;
  int64_t kc;              // k steps: packed_unit at most
  float *c;
  int64_t ldc;
  bool add;
} packed_operands;

/// sum[rows, NR] += Σ a·w
static inline __attribute__((always_inline)) void single_steps(nk_weights kind, int rows, packed_operands o,
                                                               vf sum[MR][NR_VECTORS]) {
#pragma clang loop unroll(disable)
  for (int64_t k = 0; k < o.kc; k += QUAD) {
    packed_ahead(o.weights, kind);
    int64_t steps = at_most(QUAD, o.kc - k);
#define STEP                                                                                                  \
  {                                                                                                           \
    vf row[NR_VECTORS];                                                                                       \
    _Pragma("clang loop unroll(full)") for (int j = 0; j < NR_VECTORS; j++)                                   \
        row[j] = load_weights(kind, o.weights + j * LANES * weight_bytes(kind));                              \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {                                       \
      vf x = splat(o.a[i]);                                                                                   \
      _Pragma("clang loop unroll(full)") for (int j = 0; j < NR_VECTORS; j++) sum[i][j] = fma_(x, row[j], sum[i][j]); \
    }                                                                                                         \
    o.a += o.along;                                                                                           \
    o.weights += NR * weight_bytes(kind);                                                                     \
  }
    if (steps == QUAD) {
#pragma clang loop unroll(full)
      for (int u = 0; u < QUAD; u++) STEP
    } else {
#pragma clang loop unroll(disable)
      for (int64_t u = 0; u < steps; u++) STEP
    }
#undef STEP
  }
}

#if HAS_BF16
static inline __attribute__((always_inline)) void pair_steps(nk_weights kind, int rows, packed_operands o,
                                                             vf sum[MR][NR_VECTORS]) {
  code_values values = load_code_values(kind, o.values);
#pragma clang loop unroll(disable)
  for (int64_t k = 0; k < o.kc; k += QUAD) {
    packed_ahead(o.weights, kind);
    pairs quad[NR_VECTORS][2];
#pragma clang loop unroll(full)
    for (int j = 0; j < NR_VECTORS; j++) load_pairs(kind, o.weights, j, values, quad[j]);
#pragma clang loop unroll(full)
    for (int half = 0; half < 2; half++)
#pragma clang loop unroll(full)
      for (int i = 0; i < rows; i++) {
        pairs x = splat_pair(o.a + half * o.along + i);
#pragma clang loop unroll(full)
        for (int j = 0; j < NR_VECTORS; j++) sum[i][j] = multiply_pairs(x, quad[j][half], sum[i][j]);
      }
    o.a += 2 * o.along;
    o.weights += QUAD * NR * weight_bytes(kind);
  }
}
#endif

/// c[rows, NR] = scale · Σ (+ c when `add`), from weights as they stand in memory.
static inline __attribute__((always_inline)) void packed_tile(nk_weights kind, int rows, bool scaled, packed_operands o) {
  vf sum[MR][NR_VECTORS];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < NR_VECTORS; j++) sum[i][j] = (vf){0};
#if HAS_BF16
  if (in_pairs(kind)) pair_steps(kind, rows, o, sum);
  else single_steps(kind, rows, o, sum);
#else
  single_steps(kind, rows, o, sum);
#endif
#pragma clang loop unroll(full)
  for (int j = 0; j < NR_VECTORS; j++) {
    vf scale = scaled ? load(o.scales + j * LANES) : splat(1);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      float *p = o.c + i * o.ldc + j * LANES;
      if (scaled) store(p, o.add ? fma_(scale, sum[i][j], load(p)) : scale * sum[i][j]);
      else store(p, o.add ? load(p) + sum[i][j] : sum[i][j]);
    }
  }
}

/// How many rows a tile is made for that has `rows` to compute.
static inline int64_t tile_rows(int64_t rows) { return rows > 4 ? MR : rows > 2 ? 4 : rows; }

/// The same for a number of rows that is known at run time, one of `tile_rows`: MR rows read `expanded` weights.
static inline __attribute__((always_inline)) void packed_tile_of(nk_weights kind, nk_weights expanded, int64_t rows,
                                                                 packed_operands o) {
  switch (rows) {
  case 1: packed_tile(kind, 1, has_scales(kind), o); break;
  case 2: packed_tile(kind, 2, has_scales(kind), o); break;
  case 4: packed_tile(kind, 4, has_scales(kind), o); break;
  default: packed_tile(expanded, MR, has_scales(kind), o); break;
  }
}

// ---------------------------------------------------------------- the product

typedef struct {
  nk_pool *pool;
  const nk_packed *b;
  const nk_gemm_args *g;
  float *a;              // panels of `width` rows, all of k
  int64_t width;
  int64_t row_floats;    // of a packed row
  atomic_long *next_rows;     // to pack
  atomic_long *next_panels;   // to multiply, of each thread's run
} packed_state;

/// Rows i ..< i + rows of a into their panel.
static void pack_a_panel(const packed_state *s, int64_t i, int64_t rows, int worker) {
  const nk_gemm_args *g = s->g;
  const float *from = g->a + i * g->lda;
  float *to = s->a + i * s->row_floats;
  if (s->b->kind == NK_WEIGHTS_F32) {
    pack_transposed(from, g->lda, rows, g->k, s->width, to, 1);
    return;
  }
  if (s->width == 1) {
    round_row(in_pairs(s->b->kind), from, g->k, to);
    return;
  }
  float *rounded = nk_local_scratch(s->pool, worker, sizeof(float) * (size_t)(MR * s->row_floats));
  for (int64_t row = 0; row < rows; row++)
    round_row(in_pairs(s->b->kind), from + row * g->lda, g->k, rounded + row * s->row_floats);
  pack_transposed(rounded, s->row_floats, rows, s->row_floats, s->width, to, 1);
}

static inline __attribute__((always_inline)) void packed_panel(nk_weights kind, const packed_state *s, int64_t panel,
                                                               const uint8_t *values, int worker) {
  const nk_gemm_args *g = s->g;
  // Codes that many rows meet are turned into pairs once.
  const nk_weights expanded = in_pairs(kind) ? NK_WEIGHTS_BF16 : kind;
  const bool expands = expanded != kind && tile_rows(g->m) == MR;
  uint8_t *expansion = expands ? nk_local_scratch(s->pool, worker, 2 * NR * KC) : NULL;
  int64_t j = panel * NR, columns = at_most(NR, g->n - j);
  for (int64_t pc = 0; pc < g->k; pc += packed_unit(kind)) {
    int64_t kc = at_most(packed_unit(kind), g->k - pc);
    packed_operands o = {.along = s->width, .weights = packed_at(s->b, panel, pc), .values = values, .kc = kc,
                         .scales = has_scales(kind) ? scales_at(s->b, panel, pc) : NULL, .add = pc > 0};
    const uint8_t *codes = o.weights;
    if (expands) expand_codes(kind, kc, codes, values, expansion);
    for (int64_t i = 0; i < g->m; i += MR) {
      int64_t rows = at_most(MR, g->m - i), made = tile_rows(rows);
      float *c = g->c + i * g->ldc + j, tile[MR * NR];
      o.a = s->a + i * s->row_floats + (in_pairs(kind) ? pc / 2 : pc) * s->width;
      o.weights = expands && made == MR ? expansion : codes;
      bool whole = made == rows && columns == NR;
      o.c = whole ? c : tile;
      o.ldc = whole ? g->ldc : NR;
      if (!whole && o.add)
        for (int64_t r = 0; r < rows; r++) memcpy(tile + r * NR, c + r * g->ldc, (size_t)columns * sizeof(float));
      packed_tile_of(kind, expanded, made, o);
      if (!whole)
        for (int64_t r = 0; r < rows; r++) memcpy(c + r * g->ldc, tile + r * NR, (size_t)columns * sizeof(float));
    }
  }
  finish_tile(g, 0, j, g->m, columns);
}

static void packed_task(void *context, int worker) {
  const packed_state *s = context;
  const nk_gemm_args *g = s->g;
  if (s->a != g->a) {
    for (int64_t i; (i = MR * atomic_fetch_add_explicit(s->next_rows, 1, memory_order_relaxed)) < g->m;)
      pack_a_panel(s, i, at_most(MR, g->m - i), worker);
    nk_barrier(s->pool);
  }
  uint8_t values[CODE_VALUES];
  if (in_pairs(s->b->kind) && has_scales(s->b->kind)) fill_code_values(s->b->kind, values);
  // Each thread walks a run of neighbouring panels, so that what is asked for ahead is its own; who is done first
  // helps the others.
  int64_t panels = packed_panels(s->b), threads = s->pool->threads;
  for (int64_t other = 0; other < threads; other++) {
    int64_t run = (worker + other) % threads, end = (run + 1) * panels / threads;
    for (int64_t panel; (panel = atomic_fetch_add_explicit(&s->next_panels[run], 1, memory_order_relaxed)) < end;)
      switch (s->b->kind) {
      case NK_WEIGHTS_F32: packed_panel(NK_WEIGHTS_F32, s, panel, values, worker); break;
      case NK_WEIGHTS_BF16: packed_panel(NK_WEIGHTS_BF16, s, panel, values, worker); break;
      case NK_WEIGHTS_FP8: packed_panel(NK_WEIGHTS_FP8, s, panel, values, worker); break;
      case NK_WEIGHTS_INT8: packed_panel(NK_WEIGHTS_INT8, s, panel, values, worker); break;
      }
  }
}

static void packed_product(nk_pool *pool, const nk_packed *b, const nk_gemm_args *args) {
  if (args->m == 0 || b->n == 0) return;
  nk_gemm_args g = *args;
  g.n = b->n;
  g.k = b->k;
  int64_t threads = pool->threads, width = g.m > MR ? MR : tile_rows(g.m);
  atomic_long next_rows = 0, next_panels[threads];
  for (int64_t run = 0; run < threads; run++) atomic_init(&next_panels[run], run * packed_panels(b) / threads);
  packed_state state = {.pool = pool, .b = b, .g = &g, .width = width, .next_rows = &next_rows,
                        .next_panels = next_panels, .row_floats = in_pairs(b->kind) ? panel_columns(b) / 2 : b->k};
  // One row as it stands is its own panel.
  bool stands = g.m == 1 && b->kind == NK_WEIGHTS_F32;
  state.a = stands ? (float *)g.a
                   : nk_shared_scratch(pool, (size_t)(blocks(g.m, MR) * MR * state.row_floats) * sizeof(float));
  nk_pool_run(pool, packed_task, &state);
}
