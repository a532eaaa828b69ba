// Optimizer updates in one pass over memory, and the norm of the gradients.

enum { NORM_BLOCK = 1 << 14 };

typedef struct {
  nk_pool *pool;
  const float *x;
  double *partial;
  int64_t count;
} norm2_state;

static void sum_of_squares_task(void *context, int worker) {
  const norm2_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, blocks(s->count, NORM_BLOCK), 1, &begin, &end);) {
    int64_t first = begin * NORM_BLOCK;
    s->partial[begin] = sum_squares_row(s->x + first, at_most(NORM_BLOCK, s->count - first), 0);
  }
}

static double sum_of_squares(nk_pool *pool, const float *x, int64_t count) {
  int64_t parts = blocks(count, NORM_BLOCK);
  norm2_state s = {pool, x, nk_shared_scratch(pool, (size_t)(parts + 1) * sizeof(double)), count};
  nk_pool_loop(pool, sum_of_squares_task, &s);
  double sum = 0;
  for (int64_t i = 0; i < parts; i++) sum += s.partial[i];
  return sum;
}

typedef struct {
  nk_pool *pool;
  const nk_adamw_args *a;
  float *p, *g, *m, *v;
  int64_t count;
  float learning_rate, momentum, weight_decay, gradient_scale;
  bool nesterov;
} update_state;

static inline void adamw_vector(const nk_adamw_args *a, vf *p, vf g, vf *m, vf *v) {
  g *= a->gradient_scale;
  *m = fma_(g - *m, splat(1 - a->beta1), *m);
  *v = fma_(g * g - *v, splat(1 - a->beta2), *v);
  vf denominator = vsqrt(*v) * (1 / sqrtf(a->correction2)) + a->epsilon;
  *p *= 1 - a->learning_rate * a->weight_decay;
  *p -= (a->learning_rate / a->correction1) * *m / denominator;
}

static void adamw_task(void *context, int worker) {
  const update_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->count, CHUNK * 4, &begin, &end);)
    for (int64_t i = begin; i < end; i += LANES) {
      int64_t count = at_most(LANES, end - i);
      if (count == LANES) {
        vf p = load(s->p + i), m = load(s->m + i), v = load(s->v + i);
        adamw_vector(s->a, &p, load(s->g + i), &m, &v);
        store(s->p + i, p);
        store(s->m + i, m);
        store(s->v + i, v);
        store(s->g + i, (vf){0});
      } else {
        vf p = load_part(s->p + i, count, 0), m = load_part(s->m + i, count, 0), v = load_part(s->v + i, count, 0);
        adamw_vector(s->a, &p, load_part(s->g + i, count, 0), &m, &v);
        store_part(s->p + i, p, count);
        store_part(s->m + i, m, count);
        store_part(s->v + i, v, count);
        memset(s->g + i, 0, (size_t)count * sizeof(float));
      }
    }
}

static void adamw(nk_pool *pool, const nk_adamw_args *a, float *p, float *g, float *m, float *v, int64_t count) {
  update_state s = {.pool = pool, .a = a, .p = p, .g = g, .m = m, .v = v, .count = count};
  nk_pool_loop(pool, adamw_task, &s);
}

static void sgd_task(void *context, int worker) {
  const update_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->count, CHUNK * 4, &begin, &end);)
    for (int64_t i = begin; i < end; i++) {
      float g = s->g[i] * s->gradient_scale + s->weight_decay * s->p[i];
      float v = s->momentum * s->v[i] + g;
      s->v[i] = v;
      s->p[i] -= s->learning_rate * (s->nesterov ? g + s->momentum * v : v);
      s->g[i] = 0;
    }
}

static void sgd(nk_pool *pool, float learning_rate, float momentum, bool nesterov, float weight_decay,
                float gradient_scale, float *p, float *g, float *v, int64_t count) {
  update_state s = {.pool = pool, .p = p, .g = g, .v = v, .count = count, .learning_rate = learning_rate,
                    .momentum = momentum, .weight_decay = weight_decay, .gradient_scale = gradient_scale,
                    .nesterov = nesterov};
  nk_pool_loop(pool, sgd_task, &s);
}
