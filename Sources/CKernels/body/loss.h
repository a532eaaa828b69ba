// Cross-entropy with its gradient in place of the logits: one copy of them, three walks over a row that
// stays in the cache.

typedef struct {
  nk_pool *pool;
  float *logits; int64_t ld;
  const int32_t *targets;
  float *losses;
  int64_t rows, vocabulary;
  bool gradient;
  float weight;
} loss_state;

static void cross_entropy_row(const loss_state *s, int64_t row) {
  float *z = s->logits + row * s->ld;
  int64_t width = s->vocabulary, whole = width / LANES * LANES, rest = width - whole;
  int32_t target = s->targets[row];
  if (target < 0) {
    s->losses[row] = 0;
    if (s->gradient) memset(z, 0, (size_t)width * sizeof(float));
    return;
  }
  float m = row_maximum(z, width), at_target = z[target];
  vf a = {0}, b = {0};
  int64_t j = 0;
  if (!s->gradient) {
    for (; j < whole; j += LANES) a += vexp(load(z + j) - m);
    if (rest) a += vexp(load_part(z + j, rest, -INFINITY) - m);
    s->losses[row] = m + logf(sum_lanes(a)) - at_target;
    return;
  }
  for (; j + 2 * LANES <= whole; j += 2 * LANES) {
    vf p = vexp(load(z + j) - m), q = vexp(load(z + j + LANES) - m);
    store(z + j, p);
    store(z + j + LANES, q);
    a += p;
    b += q;
  }
  for (; j < whole; j += LANES) {
    vf p = vexp(load(z + j) - m);
    store(z + j, p);
    a += p;
  }
  if (rest) {
    vf p = vexp(load_part(z + j, rest, -INFINITY) - m);
    store_part(z + j, p, rest);
    a += p;
  }
  float sum = sum_lanes(a + b), by = s->weight / sum;
  s->losses[row] = m + logf(sum) - at_target;
  for (j = 0; j < whole; j += LANES) store(z + j, load(z + j) * by);
  for (; j < width; j++) z[j] *= by;
  z[target] -= s->weight;
}

static void cross_entropy_task(void *context, int worker) {
  const loss_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->rows, 4, &begin, &end);)
    for (int64_t row = begin; row < end; row++) cross_entropy_row(s, row);
}

static void cross_entropy(nk_pool *pool, float *logits, int64_t ld, const int32_t *targets, float *losses,
                          int64_t rows, int64_t vocabulary, bool gradient, float weight) {
  loss_state s = {pool, logits, ld, targets, losses, rows, vocabulary, gradient, weight};
  nk_pool_loop(pool, cross_entropy_task, &s);
}
