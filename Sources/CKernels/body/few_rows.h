// A few rows against a matrix stored transposed: bound by reading the matrix once, so nothing of it is packed.
// Squares of it are turned in registers, and the sums run in the order of the matrix product's tiles, to the last bit.

enum {
  FEW_ROWS = 4,
  FEW_COLUMNS = 16,
  FEW_VECTORS = FEW_COLUMNS / LANES,
  STRIP = 32,        // k steps for which a row is asked for at a time
  FEW_AHEAD = 256,   // k steps by which it is asked for from memory
};

typedef struct {
  nk_pool *pool;
  const nk_gemm_args *g;
} few_rows_state;

/// Asks for what lies FEW_AHEAD steps from (column j, step k): of these rows of b, or of the next ones.
static inline void few_rows_ahead(const nk_gemm_args *g, int64_t j, int64_t k) {
  for (k += FEW_AHEAD; k >= g->k; k -= g->k) j += FEW_COLUMNS;
  for (int64_t i = j; i < at_most(j + FEW_COLUMNS, g->n); i++)
    for (int64_t l = 0; l < STRIP; l += 16) __builtin_prefetch(g->b + i * g->ldb + k + l, 0, 2);
}

/// c[0:rows, j:j+columns].
static inline __attribute__((always_inline)) void few_rows_panel(const nk_gemm_args *g, int rows, int64_t j,
                                                                 int64_t columns) {
  const float *b[FEW_COLUMNS];
  for (int i = 0; i < FEW_COLUMNS; i++) b[i] = g->b + (j + at_most(i, columns - 1)) * g->ldb;
  vf total[FEW_ROWS][FEW_VECTORS];
  for (int64_t pc = 0; pc < g->k; pc += KC) {
    vf sum[FEW_ROWS][FEW_VECTORS];
    memset(sum, 0, sizeof sum);
    int64_t end = at_most(pc + KC, g->k), k = pc;
    for (; k + LANES <= end; k += LANES) {
      if ((k - pc) % STRIP == 0) few_rows_ahead(g, j, k);
#pragma clang loop unroll(full)
      for (int v = 0; v < FEW_VECTORS; v++) {
        vf square[LANES];
#pragma clang loop unroll(full)
        for (int i = 0; i < LANES; i++) square[i] = load(b[v * LANES + i] + k);
        transpose_square(square);
#pragma clang loop unroll(full)
        for (int l = 0; l < LANES; l++)
#pragma clang loop unroll(full)
          for (int i = 0; i < rows; i++) sum[i][v] = fma_(splat(g->a[i * g->lda + k + l]), square[l], sum[i][v]);
      }
    }
    for (; k < end; k++)
      for (int v = 0; v < FEW_VECTORS; v++) {
        vf column;
        for (int i = 0; i < LANES; i++) column[i] = b[v * LANES + i][k];
        for (int i = 0; i < rows; i++) sum[i][v] = fma_(splat(g->a[i * g->lda + k]), column, sum[i][v]);
      }
    for (int i = 0; i < rows; i++)
      for (int v = 0; v < FEW_VECTORS; v++) total[i][v] = pc == 0 ? sum[i][v] : total[i][v] + sum[i][v];
  }
  for (int i = 0; i < rows; i++) {
    float row[FEW_COLUMNS];
    for (int v = 0; v < FEW_VECTORS; v++) store(row + v * LANES, total[i][v]);
    memcpy(g->c + i * g->ldc + j, row, (size_t)columns * sizeof(float));
  }
  finish_tile(g, 0, j, rows, columns);
}

static void few_rows_task(void *context, int worker) {
  const few_rows_state *s = context;
  const nk_gemm_args *g = s->g;
  (void)worker;
  // Eight panels a share: each leads the memory into the next.
  for (int64_t begin, end; nk_claim(s->pool, g->n, 8 * FEW_COLUMNS, &begin, &end);)
    for (int64_t j = begin; j < end; j += FEW_COLUMNS) {
      int64_t columns = at_most(FEW_COLUMNS, end - j);
      switch (g->m) {
      case 1: few_rows_panel(g, 1, j, columns); break;
      case 2: few_rows_panel(g, 2, j, columns); break;
      case 3: few_rows_panel(g, 3, j, columns); break;
      default: few_rows_panel(g, 4, j, columns); break;
      }
    }
}

static inline bool has_few_rows(const nk_gemm_args *g) {
  return g->m <= FEW_ROWS && g->k > 0 && g->transpose_b && !g->transpose_a && !g->accumulate;
}

static void few_rows_product(nk_pool *pool, const nk_gemm_args *g) {
  few_rows_state state = {pool, g};
  nk_pool_loop(pool, few_rows_task, &state);
}

static void gemm(nk_pool *pool, const nk_gemm_args *g) {
  if (g->m == 0 || g->n == 0) return;
  if (has_few_rows(g)) few_rows_product(pool, g);
  else panel_product(pool, g);
}
