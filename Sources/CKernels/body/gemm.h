// Matrix product: packed panels and an MR×NR register tile.
//
// The k dimension is walked in blocks of KC in order, and inside a block one element at a time into one
// accumulator per element of c. That order does not depend on m, n or the number of threads, so neither
// do the results. All threads pack a block of a and b together, then share its tiles.

enum {
  NR = NR_VECTORS * LANES,
  KC = 384,
  AHEAD = 16,             // k steps by which the panels are asked for from the second-level cache
  TILE_ROWS = 8 * MR,     // rows and columns of one share of work: small, so that threads end together
  TILE_COLUMNS = 8 * NR,
  MC = 128 * MR,          // rows of a packed at a time
  NC = 64 * NR,           // columns of b packed at a time
};

/// sum[MR,NR] += Σ_k a[k,MR]·b[k,NR]
static inline __attribute__((always_inline)) void multiply_steps(int64_t kc, const float *restrict a,
                                                                 const float *restrict b,
                                                                 vf sum[MR][NR_VECTORS]) {
#pragma clang loop unroll(disable)
  for (int64_t k = 0; k < kc; k++) {
    vf row[NR_VECTORS];
#pragma clang loop unroll(full)
    for (int j = 0; j < NR; j += 16) __builtin_prefetch(b + AHEAD * NR + j);
    __builtin_prefetch(a + AHEAD * MR);
#pragma clang loop unroll(full)
    for (int j = 0; j < NR_VECTORS; j++) row[j] = load(b + j * LANES);
#pragma clang loop unroll(full)
    for (int i = 0; i < MR; i++) {
      vf x = splat(a[i]);
#pragma clang loop unroll(full)
      for (int j = 0; j < NR_VECTORS; j++) sum[i][j] = fma_(x, row[j], sum[i][j]);
    }
    a += MR;
    b += NR;
  }
}

/// What an epilogue reads or writes beside a tile of c, so that the tile asks for it in time.
typedef struct {
  const float *at;
  int64_t ld;
} companion;

/// tile[MR,NR] = Σ_k a[k,MR]·b[k,NR] (+ tile when `add`).
static inline __attribute__((always_inline)) void multiply_tile(
    int64_t kc, const float *restrict a, const float *restrict b, float *restrict c, int64_t ldc, bool add,
    companion beside) {
  vf sum[MR][NR_VECTORS];
#pragma clang loop unroll(full)
  for (int i = 0; i < MR; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < NR_VECTORS; j++) sum[i][j] = (vf){0};
  // The tile of c comes from the second-level cache or beyond. Its lines are asked for one row at a time, so
  // that they do not hold up the panels.
  const int64_t part = kc / MR;
#pragma clang loop unroll(disable)
  for (int row = 0; row < MR; row++) {
#pragma clang loop unroll(full)
    for (int j = 0; j < NR; j += 16) {
      __builtin_prefetch(c + row * ldc + j, 1);
      __builtin_prefetch(beside.at + row * beside.ld + j, 1);
    }
    multiply_steps(part, a, b, sum);
    a += part * MR;
    b += part * NR;
  }
  multiply_steps(kc - MR * part, a, b, sum);
#pragma clang loop unroll(full)
  for (int i = 0; i < MR; i++)
#pragma clang loop unroll(full)
    for (int j = 0; j < NR_VECTORS; j++) {
      float *p = c + i * ldc + j * LANES;
      store(p, add ? load(p) + sum[i][j] : sum[i][j]);
    }
}

static void tile_full(int64_t kc, const float *a, const float *b, float *c, int64_t ldc, bool add,
                      companion beside) {
  if (add) multiply_tile(kc, a, b, c, ldc, true, beside);
  else multiply_tile(kc, a, b, c, ldc, false, beside);
}

/// The same at the edge of c: through a full tile on the stack, so that the sums are the same.
static void tile_part(int64_t kc, const float *a, const float *b, float *c, int64_t ldc, bool add,
                      int64_t rows, int64_t columns) {
  float tile[MR * NR];
  if (add)
    for (int64_t i = 0; i < rows; i++) memcpy(tile + i * NR, c + i * ldc, (size_t)columns * sizeof(float));
  tile_full(kc, a, b, tile, NR, add, (companion){tile, NR});
  for (int64_t i = 0; i < rows; i++) memcpy(c + i * ldc, tile + i * NR, (size_t)columns * sizeof(float));
}

static inline __attribute__((always_inline)) vf epilogue(const nk_gemm_args *g, nk_activation kind, int64_t i,
                                                         int64_t j, int64_t count, vf x, vf *activated) {
#define READ(p, ld) (count == LANES ? load((p) + i * (ld) + j) : load_part((p) + i * (ld) + j, count, 0))
  if (g->bias) x += READ(g->bias, 0);
  if (g->residual) x += READ(g->residual, g->ldr);
  if (g->derivative_at) x *= vderivative(kind, READ(g->derivative_at, g->ld_derivative));
#undef READ
  if (g->activated) *activated = vactivate(kind, x);
  return x;
}

static inline __attribute__((always_inline)) void finish_rows(const nk_gemm_args *g, nk_activation kind, int64_t row,
                                                              int64_t column, int64_t rows, int64_t columns) {
  for (int64_t i = row; i < row + rows; i++) {
    float *c = g->c + i * g->ldc, *activated = g->activated ? g->activated + i * g->ld_activated : NULL;
    int64_t j = column, end = column + columns;
    vf y;
    for (; j + LANES <= end; j += LANES) {
      store(c + j, epilogue(g, kind, i, j, LANES, load(c + j), &y));
      if (activated) store(activated + j, y);
    }
    if (j == end) continue;
    store_part(c + j, epilogue(g, kind, i, j, end - j, load_part(c + j, end - j, 0), &y), end - j);
    if (activated) store_part(activated + j, y, end - j);
  }
}

/// What is done to a finished tile while it is in the cache.
static void finish_tile(const nk_gemm_args *g, int64_t row, int64_t column, int64_t rows, int64_t columns) {
  switch (g->activation) {
  case NK_NONE: finish_rows(g, NK_NONE, row, column, rows, columns); break;
  case NK_GELU_TANH: finish_rows(g, NK_GELU_TANH, row, column, rows, columns); break;
  case NK_GELU_ERF: finish_rows(g, NK_GELU_ERF, row, column, rows, columns); break;
  case NK_SQUARED_RELU: finish_rows(g, NK_SQUARED_RELU, row, column, rows, columns); break;
  case NK_SILU: finish_rows(g, NK_SILU, row, column, rows, columns); break;
  }
}

typedef struct {
  const nk_gemm_args *g;
  nk_pool *pool;
  float *packed_a, *packed_b;
  atomic_long *next;  // [4]: what to pack, in turn; which tiles to multiply, in turn
} gemm_state;

/// Packs rows i … i + rows of the block of a, or columns j … j + columns of the block of b: whole panels.
static void pack_a(const nk_gemm_args *g, const gemm_state *s, int64_t i, int64_t rows, int64_t ic, int64_t pc,
                   int64_t kc) {
  float *to = s->packed_a + i * kc;
  if (g->transpose_a) {
    pack_straight_panels(g->a + pc * g->lda + ic + i, g->lda, rows, kc, MR, to);
    return;
  }
  pack_rows(g->a + (ic + i) * g->lda + pc, g->lda, rows, kc, MR, to, 1);
}

static void pack_b(const nk_gemm_args *g, const gemm_state *s, int64_t j, int64_t columns, int64_t jc,
                   int64_t pc, int64_t kc) {
  float *to = s->packed_b + j * kc;
  if (!g->transpose_b) {
    pack_straight_panels(g->b + pc * g->ldb + jc + j, g->ldb, columns, kc, NR, to);
    return;
  }
  pack_rows(g->b + (jc + j) * g->ldb + pc, g->ldb, columns, kc, NR, to, 1);
}

/// The matrix that finishing a tile of c touches: its place for this tile, or c's where there is none.
static inline companion beside(const nk_gemm_args *g, int64_t row, int64_t column, bool last) {
  if (last && g->residual) return (companion){g->residual + row * g->ldr + column, g->ldr};
  if (last && g->derivative_at) return (companion){g->derivative_at + row * g->ld_derivative + column, g->ld_derivative};
  if (last && g->activated) return (companion){g->activated + row * g->ld_activated + column, g->ld_activated};
  return (companion){g->c + row * g->ldc + column, g->ldc};
}

static void multiply_share(const nk_gemm_args *g, const gemm_state *s, int64_t ic, int64_t jc, int64_t i0,
                           int64_t i1, int64_t j0, int64_t j1, int64_t kc, bool add, bool last) {
  for (int64_t j = j0; j < j1; j += NR) {
    int64_t columns = at_most(NR, j1 - j);
    for (int64_t i = i0; i < i1; i += MR) {
      int64_t rows = at_most(MR, i1 - i);
      const float *a = s->packed_a + i * kc, *b = s->packed_b + j * kc;
      float *c = g->c + (ic + i) * g->ldc + jc + j;
      if (rows == MR && columns == NR) tile_full(kc, a, b, c, g->ldc, add, beside(g, ic + i, jc + j, last));
      else tile_part(kc, a, b, c, g->ldc, add, rows, columns);
      if (last) finish_tile(g, ic + i, jc + j, rows, columns);
    }
  }
}

static void gemm_task(void *context, int worker) {
  gemm_state *s = context;
  const nk_gemm_args *g = s->g;
  (void)worker;
  bool finishing = g->bias || g->residual || g->activated || g->derivative_at;
  int round = 0;
  for (int64_t jc = 0; jc < g->n; jc += NC) {
    int64_t nc = at_most(NC, g->n - jc);
    for (int64_t ic = 0; ic < g->m; ic += MC) {
      int64_t mc = at_most(MC, g->m - ic);
      for (int64_t pc = 0; pc == 0 || pc < g->k; pc += KC) {  // once where k is 0: c may still have to be set
        int64_t kc = at_most(KC, g->k - pc);
        // Two counters in turn: while one is used, the other is set back.
        atomic_long *packs = &s->next[round & 1], *tiles = &s->next[2 + (round & 1)];
        int64_t a_shares = blocks(mc, TILE_ROWS), all = a_shares + blocks(nc, TILE_COLUMNS / 2);
        for (int64_t p; (p = atomic_fetch_add_explicit(packs, 1, memory_order_relaxed)) < all;) {
          int64_t i = p * TILE_ROWS, j = (p - a_shares) * (TILE_COLUMNS / 2);
          if (p < a_shares) pack_a(g, s, i, at_most(TILE_ROWS, mc - i), ic, pc, kc);
          else pack_b(g, s, j, at_most(TILE_COLUMNS / 2, nc - j), jc, pc, kc);
        }
        nk_barrier(s->pool);
        atomic_store_explicit(&s->next[(round + 1) & 1], 0, memory_order_relaxed);
        atomic_store_explicit(&s->next[2 + ((round + 1) & 1)], 0, memory_order_relaxed);
        bool add = g->accumulate || pc > 0, last = finishing && pc + kc == g->k;
        int64_t down = blocks(mc, TILE_ROWS), shares = down * blocks(nc, TILE_COLUMNS);
        for (int64_t t; (t = atomic_fetch_add_explicit(tiles, 1, memory_order_relaxed)) < shares;) {
          int64_t i = t % down * TILE_ROWS, j = t / down * TILE_COLUMNS;
          multiply_share(g, s, ic, jc, i, at_most(i + TILE_ROWS, mc), j, at_most(j + TILE_COLUMNS, nc), kc,
                         add, last);
        }
        nk_barrier(s->pool);
        round++;
      }
    }
  }
}

static void panel_product(nk_pool *pool, const nk_gemm_args *g) {
  int64_t kc = at_most(KC, g->k);
  int64_t a_size = blocks(at_most(MC, g->m), MR) * MR * kc, b_size = blocks(at_most(NC, g->n), NR) * NR * kc;
  a_size = blocks(a_size, 16) * 16;
  atomic_long next[4] = {0, 0, 0, 0};
  float *scratch = nk_shared_scratch(pool, (size_t)(a_size + b_size) * sizeof(float));
  gemm_state state = {g, pool, scratch, scratch + a_size, next};
  nk_pool_run(pool, gemm_task, &state);
}
