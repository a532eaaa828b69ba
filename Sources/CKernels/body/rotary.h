// Rotary positions (Su et al. 2021): pairs of components turned by an angle that grows with the position.

typedef struct {
  nk_pool *pool;
  float *x; int64_t ldx, rows, heads, head_width, half;
  const float *cos_table, *sin_table;
  const int32_t *positions;
  float sign;
} rotary_state;

static void rotary_task(void *context, int worker) {
  const rotary_state *r = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(r->pool, r->rows, 16, &begin, &end);)
    for (int64_t row = begin; row < end; row++) {
      const float *c = r->cos_table + r->positions[row] * r->half;
      const float *s = r->sin_table + r->positions[row] * r->half;
      for (int64_t head = 0; head < r->heads; head++) {
        float *restrict low = r->x + row * r->ldx + head * r->head_width, *restrict high = low + r->half;
        for (int64_t i = 0; i < r->half; i++) {
          float a = low[i], b = high[i], sine = r->sign * s[i];
          low[i] = a * c[i] - b * sine;
          high[i] = b * c[i] + a * sine;
        }
      }
    }
}

static void rotary(nk_pool *pool, float *x, int64_t ldx, int64_t rows, int64_t heads, int64_t head_width,
                   int64_t rotary_width, const float *cos_table, const float *sin_table,
                   const int32_t *positions, bool inverse) {
  rotary_state state = {pool, x, ldx, rows, heads, head_width, rotary_width / 2, cos_table, sin_table, positions,
                        inverse ? -1.0f : 1.0f};
  nk_pool_loop(pool, rotary_task, &state);
}
