// Cross-entropy of logits that are shared out by columns of the vocabulary. The first walk leaves exponentials
// for the second: writing them hides behind computing them. With one rank, the bits of loss.h.

typedef struct {
  nk_pool *pool;
  float *logits; int64_t ld;
  const int32_t *targets;
  int64_t first_column, rows, columns;
  float *statistics, *totals, *losses;
  int64_t ranks;
  float weight;
} loss_shard_state;

/// Where the row's target stands among these columns; negative where another rank has it.
static inline int64_t own_target(const loss_shard_state *s, int64_t row) {
  int64_t column = s->targets[row] - s->first_column;
  return column < s->columns ? column : -1;
}

/// What is subtracted from logits whose largest is m: infinities alone have no size.
static inline float base_of(float m) { return m == -INFINITY ? 0 : m; }

static void statistics_task(void *context, int worker) {
  const loss_shard_state *s = context;
  (void)worker;
  int64_t width = s->columns, whole = width / LANES * LANES, rest = width - whole;
  for (int64_t begin, end; nk_claim(s->pool, s->rows, 4, &begin, &end);)
    for (int64_t row = begin; row < end; row++) {
      float *z = s->logits + row * s->ld, *to = s->statistics + row * 3;
      if (s->targets[row] < 0) {
        to[0] = to[1] = to[2] = 0;
        continue;
      }
      float most = row_maximum(z, width), base = base_of(most);
      int64_t target = own_target(s, row), j = 0;
      to[0] = most;
      to[2] = target >= 0 ? z[target] : 0;
      vf a = {0}, b = {0};
      for (; j + 2 * LANES <= whole; j += 2 * LANES) {
        vf p = vexp(load(z + j) - base), q = vexp(load(z + j + LANES) - base);
        store(z + j, p);
        store(z + j + LANES, q);
        a += p;
        b += q;
      }
      if (j < whole) {
        vf p = vexp(load(z + j) - base);
        store(z + j, p);
        a += p;
      }
      if (rest) {
        vf p = vexp(load_part(z + whole, rest, -INFINITY) - base);
        store_part(z + whole, p, rest);
        a += p;
      }
      to[1] = sum_lanes(a + b);
    }
}

static void cross_entropy_statistics(nk_pool *pool, float *logits, int64_t ld, const int32_t *targets,
                                     int64_t first_column, float *statistics, int64_t rows, int64_t columns) {
  loss_shard_state s = {.pool = pool, .logits = logits, .ld = ld, .targets = targets,
                        .first_column = first_column, .rows = rows, .columns = columns, .statistics = statistics};
  nk_pool_loop(pool, statistics_task, &s);
}

static void combine_task(void *context, int worker) {
  const loss_shard_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->rows, 64, &begin, &end);)
    for (int64_t row = begin; row < end; row++) {
      float most = -INFINITY, sum = 0, at_target = 0;
      for (int64_t rank = 0; rank < s->ranks; rank++) {
        float m = s->statistics[(rank * s->rows + row) * 3];
        if (m > most) most = m;
      }
      for (int64_t rank = 0; rank < s->ranks; rank++) {
        const float *from = s->statistics + (rank * s->rows + row) * 3;
        sum += from[1] * vexp(splat(from[0] - base_of(most)))[0];
        at_target += from[2];
      }
      s->totals[row * 2] = base_of(most);
      s->totals[row * 2 + 1] = sum;
      s->losses[row] = s->targets[row] < 0 ? 0 : base_of(most) + logf(sum) - at_target;
    }
}

static void cross_entropy_combine(nk_pool *pool, const float *statistics, const int32_t *targets, float *totals,
                                  float *losses, int64_t ranks, int64_t rows) {
  loss_shard_state s = {.pool = pool, .targets = targets, .rows = rows, .statistics = (float *)statistics,
                        .totals = totals, .losses = losses, .ranks = ranks};
  nk_pool_loop(pool, combine_task, &s);
}

static void gradient_task(void *context, int worker) {
  const loss_shard_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->rows, 4, &begin, &end);)
    for (int64_t row = begin; row < end; row++) {
      float *z = s->logits + row * s->ld;
      if (s->targets[row] < 0) {
        memset(z, 0, (size_t)s->columns * sizeof(float));
        continue;
      }
      // From this rank's largest logit to that of the vocabulary.
      float fade = vexp(splat(s->statistics[row * 3] - s->totals[row * 2]))[0];
      float by = fade * (s->weight / s->totals[row * 2 + 1]);
      int64_t target = own_target(s, row), j = 0;
      for (; j + LANES <= s->columns; j += LANES) store(z + j, load(z + j) * by);
      for (; j < s->columns; j++) z[j] *= by;
      if (target >= 0) z[target] -= s->weight;
    }
}

static void cross_entropy_gradient(nk_pool *pool, float *exponentials, int64_t ld, const int32_t *targets,
                                   int64_t first_column, const float *statistics, const float *totals,
                                   int64_t rows, int64_t columns, float weight) {
  loss_shard_state s = {.pool = pool, .logits = exponentials, .ld = ld, .targets = targets,
                        .first_column = first_column, .rows = rows, .columns = columns,
                        .statistics = (float *)statistics, .totals = (float *)totals, .weight = weight};
  nk_pool_loop(pool, gradient_task, &s);
}
