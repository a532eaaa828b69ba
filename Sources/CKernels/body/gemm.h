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

/// tile[MR,NR] = Σ_k a[k,MR]·b[k,NR] (+ tile when `add`).
static inline __attribute__((always_inline)) void multiply_tile(
    int64_t kc, const float *restrict a, const float *restrict b, float *restrict c, int64_t ldc, bool add) {
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
    for (int j = 0; j < NR; j += 16) __builtin_prefetch(c + row * ldc + j, 1);
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

static void tile_full(int64_t kc, const float *a, const float *b, float *c, int64_t ldc, bool add) {
  if (add) multiply_tile(kc, a, b, c, ldc, true);
  else multiply_tile(kc, a, b, c, ldc, false);
}

/// The same at the edge of c: through a full tile on the stack, so that the sums are the same.
static void tile_part(int64_t kc, const float *a, const float *b, float *c, int64_t ldc, bool add,
                      int64_t rows, int64_t columns) {
  float tile[MR * NR];
  if (add)
    for (int64_t i = 0; i < rows; i++) memcpy(tile + i * NR, c + i * ldc, (size_t)columns * sizeof(float));
  tile_full(kc, a, b, tile, NR, add);
  for (int64_t i = 0; i < rows; i++) memcpy(c + i * ldc, tile + i * NR, (size_t)columns * sizeof(float));
}

static inline void transpose_8x8(const float *x, int64_t ldx, float *y, int64_t ldy) {
  f8 r[8], s[8];
#define ROW(i) r[i] = *(const f8_unaligned *)(x + i * ldx)
  ROW(0); ROW(1); ROW(2); ROW(3); ROW(4); ROW(5); ROW(6); ROW(7);
#undef ROW
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
  s[0] = LOW(r[0], r[1]); s[1] = HIGH(r[0], r[1]); s[2] = LOW(r[2], r[3]); s[3] = HIGH(r[2], r[3]);
  s[4] = LOW(r[4], r[5]); s[5] = HIGH(r[4], r[5]); s[6] = LOW(r[6], r[7]); s[7] = HIGH(r[6], r[7]);
#undef LOW
#undef HIGH
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
  r[0] = LOW(s[0], s[2]); r[1] = HIGH(s[0], s[2]); r[2] = LOW(s[1], s[3]); r[3] = HIGH(s[1], s[3]);
  r[4] = LOW(s[4], s[6]); r[5] = HIGH(s[4], s[6]); r[6] = LOW(s[5], s[7]); r[7] = HIGH(s[5], s[7]);
#undef LOW
#undef HIGH
#define OUT(i, v) *(f8_unaligned *)(y + (i) * ldy) = v
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define HIGH(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)
  for (int i = 0; i < 4; i++) {
    OUT(i, LOW(r[i], r[i + 4]));
    OUT(i + 4, HIGH(r[i], r[i + 4]));
  }
#undef LOW
#undef HIGH
#undef OUT
}

/// panel[k, width] = x[0:rows, 0:kc]ᵀ scaled, with zeros for the rows that are missing.
static void pack_transposed(const float *x, int64_t ldx, int64_t rows, int64_t kc, int64_t width, float *panel,
                            float scale) {
  int64_t whole = kc / 8 * 8;
  int64_t r = 0;
  for (; r + 8 <= rows; r += 8) {
    for (int64_t k = 0; k < whole; k += 8)
      transpose_8x8(x + r * ldx + k, ldx, panel + k * width + r, width);
    for (int64_t k = whole; k < kc; k++)
      for (int64_t i = r; i < r + 8; i++) panel[k * width + i] = x[i * ldx + k];
  }
  for (; r < rows; r++)
    for (int64_t k = 0; k < kc; k++) panel[k * width + r] = x[r * ldx + k];
  if (rows < width)
    for (int64_t k = 0; k < kc; k++)
      for (int64_t i = rows; i < width; i++) panel[k * width + i] = 0;
  if (scale != 1)
    for (int64_t i = 0; i < kc * width; i++) panel[i] *= scale;
}

/// panel[k, width] = x[0:kc, 0:columns], with zeros for the columns that are missing.
static inline __attribute__((always_inline)) void pack_straight(const float *x, int64_t ldx, int64_t columns,
                                                                int64_t kc, int64_t width, float *panel) {
  if (columns == width) {
    for (int64_t k = 0; k < kc; k++) memcpy(panel + k * width, x + k * ldx, (size_t)width * sizeof(float));
    return;
  }
  for (int64_t k = 0; k < kc; k++) {
    memcpy(panel + k * width, x + k * ldx, (size_t)columns * sizeof(float));
    memset(panel + k * width + columns, 0, (size_t)(width - columns) * sizeof(float));
  }
}

/// Panels of `width`, a constant where this is inlined so that copies are moves, from x[0:kc, 0:columns].
/// Whole panels are filled together, row by row of x: neighbours share its cache lines and pages.
static inline __attribute__((always_inline)) void pack_straight_panels(const float *x, int64_t ldx,
                                                                       int64_t columns, int64_t kc,
                                                                       int64_t width, float *panels) {
  int64_t whole = columns / width, size = width * kc;
  for (int64_t k = 0; k < kc; k++)
    for (int64_t p = 0; p < whole; p++)
      memcpy(panels + p * size + k * width, x + k * ldx + p * width, (size_t)width * sizeof(float));
  if (whole * width < columns)
    pack_straight(x + whole * width, ldx, columns - whole * width, kc, width, panels + whole * size);
}

static inline int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t blocks(int64_t count, int64_t size) { return (count + size - 1) / size; }

/// Panels of `width` from the rows of x, as an operand whose k is x's columns.
static void pack_rows(const float *x, int64_t ldx, int64_t rows, int64_t k, int64_t width, float *panels,
                      float scale) {
  for (int64_t r = 0; r < rows; r += width)
    pack_transposed(x + r * ldx, ldx, at_most(width, rows - r), k, width, panels + r * k, scale);
}

/// What is done to a finished tile while it is in the cache.
static void finish_tile(const nk_gemm_args *g, int64_t row, int64_t column, int64_t rows, int64_t columns) {
  for (int64_t i = row; i < row + rows; i++) {
    float *c = g->c + i * g->ldc + column;
    const float *residual = g->residual ? g->residual + i * g->ldr + column : NULL;
    const float *derivative = g->derivative_at ? g->derivative_at + i * g->ld_derivative + column : NULL;
    float *activated = g->activated ? g->activated + i * g->ld_activated + column : NULL;
    for (int64_t j = 0; j < columns; j += LANES) {
      int64_t count = at_most(LANES, columns - j);
      bool whole = count == LANES;
#define READ(p) (whole ? load((p) + j) : load_part((p) + j, count, 0))
#define WRITE(p, v) (whole ? store((p) + j, v) : store_part((p) + j, v, count))
      vf x = READ(c);
      if (g->bias) x += READ(g->bias + column);
      if (residual) x += READ(residual);
      if (derivative) x *= vderivative(g->activation, READ(derivative));
      WRITE(c, x);
      if (activated) WRITE(activated, vactivate(g->activation, x));
#undef READ
#undef WRITE
    }
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

static void multiply_share(const nk_gemm_args *g, const gemm_state *s, int64_t ic, int64_t jc, int64_t i0,
                           int64_t i1, int64_t j0, int64_t j1, int64_t kc, bool add, bool last) {
  for (int64_t j = j0; j < j1; j += NR) {
    int64_t columns = at_most(NR, j1 - j);
    for (int64_t i = i0; i < i1; i += MR) {
      int64_t rows = at_most(MR, i1 - i);
      const float *a = s->packed_a + i * kc, *b = s->packed_b + j * kc;
      float *c = g->c + (ic + i) * g->ldc + jc + j;
      if (rows == MR && columns == NR) tile_full(kc, a, b, c, g->ldc, add);
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

// A few rows against a matrix stored transposed, as when text is generated token by token: bound by reading
// the matrix once, so nothing of it is packed beyond a strip that stays in the first-level cache. The sums
// run in the order of the tiles above.
enum { FEW_ROWS = 4, STRIP = 64 };

static inline __attribute__((always_inline)) void add_strip(vf sum[FEW_ROWS][NR_VECTORS], const float *a,
                                                            int64_t lda, int rows, const float *strip,
                                                            int64_t count) {
  for (int64_t k = 0; k < count; k++)
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      vf x = splat(a[i * lda + k]);
#pragma clang loop unroll(full)
      for (int j = 0; j < NR_VECTORS; j++) sum[i][j] = fma_(x, load(strip + k * NR + j * LANES), sum[i][j]);
    }
}

static inline __attribute__((always_inline)) void few_rows_panel(const nk_gemm_args *g, int rows, int64_t j,
                                                                 int64_t columns) {
  float strip[STRIP * NR];
  vf total[FEW_ROWS][NR_VECTORS];
  for (int64_t pc = 0; pc < g->k; pc += KC) {
    vf sum[FEW_ROWS][NR_VECTORS];
    memset(sum, 0, sizeof sum);
    int64_t kc = at_most(KC, g->k - pc);
    for (int64_t k = 0; k < kc; k += STRIP) {
      int64_t count = at_most(STRIP, kc - k);
      const float *b = g->b + j * g->ldb + pc + k;
      for (int64_t i = 0; i < columns; i++)
        for (int64_t l = 0; l < STRIP; l += 16) __builtin_prefetch(b + i * g->ldb + 2 * STRIP + l);
      pack_transposed(b, g->ldb, columns, count, NR, strip, 1);
      add_strip(sum, g->a + pc + k, g->lda, rows, strip, count);
    }
    for (int i = 0; i < rows; i++)
      for (int v = 0; v < NR_VECTORS; v++) total[i][v] = pc == 0 ? sum[i][v] : total[i][v] + sum[i][v];
  }
  for (int i = 0; i < rows; i++) {
    float row[NR];
    for (int v = 0; v < NR_VECTORS; v++) store(row + v * LANES, total[i][v]);
    memcpy(g->c + i * g->ldc + j, row, (size_t)columns * sizeof(float));
  }
  finish_tile(g, 0, j, rows, columns);
}

static void few_rows_task(void *context, int worker) {
  gemm_state *s = context;
  const nk_gemm_args *g = s->g;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, blocks(g->n, NR), 1, &begin, &end);) {
    int64_t j = begin * NR, columns = at_most(NR, g->n - j);
    switch (g->m) {
    case 1: few_rows_panel(g, 1, j, columns); break;
    case 2: few_rows_panel(g, 2, j, columns); break;
    case 3: few_rows_panel(g, 3, j, columns); break;
    default: few_rows_panel(g, 4, j, columns); break;
    }
  }
}

static void gemm(nk_pool *pool, const nk_gemm_args *g) {
  if (g->m == 0 || g->n == 0) return;
  if (g->m <= FEW_ROWS && g->k > 0 && g->transpose_b && !g->transpose_a && !g->accumulate) {
    gemm_state state = {.g = g, .pool = pool};
    nk_pool_loop(pool, few_rows_task, &state);
    return;
  }
  int64_t kc = at_most(KC, g->k);
  int64_t a_size = blocks(at_most(MC, g->m), MR) * MR * kc, b_size = blocks(at_most(NC, g->n), NR) * NR * kc;
  a_size = blocks(a_size, 16) * 16;
  atomic_long next[4] = {0, 0, 0, 0};
  float *scratch = nk_shared_scratch(pool, (size_t)(a_size + b_size) * sizeof(float));
  gemm_state state = {g, pool, scratch, scratch + a_size, next};
  nk_pool_run(pool, gemm_task, &state);
}
