// The largest element of each row and where it stands: a walk for its value, then one up to its first place.

typedef struct {
  nk_pool *pool;
  const float *x; int64_t ld, first_column, rows, width;
  float *values;
  int32_t *columns;
} largest_state;

/// The first column whose element is m; `width` where there is none.
static inline int64_t first_column_of(const float *row, int64_t width, float m) {
  int64_t j = 0;
  while (j + LANES <= width && !__builtin_reduce_or(load(row + j) == m)) j += LANES;
  while (j < width && row[j] != m) j++;
  return j;
}

static void largest_task(void *context, int worker) {
  const largest_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->rows, 4, &begin, &end);)
    for (int64_t i = begin; i < end; i++) {
      const float *row = s->x + i * s->ld;
      float m = row_maximum(row, s->width);
      int64_t column = first_column_of(row, s->width, m);
      s->values[i] = m;
      s->columns[i] = column < s->width ? (int32_t)(s->first_column + column) : -1;
    }
}

static void largest(nk_pool *pool, const float *x, int64_t ld, int64_t first_column, float *values,
                    int32_t *columns, int64_t rows, int64_t width) {
  largest_state s = {pool, x, ld, first_column, rows, width, values, columns};
  nk_pool_loop(pool, largest_task, &s);
}
