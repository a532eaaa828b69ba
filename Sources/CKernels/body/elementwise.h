// Functions of one element, walked in chunks that fit the L1 cache.

enum { CHUNK = 4096 };

typedef struct {
  nk_pool *pool;
  nk_activation kind;
  float *y, *y2;
  const float *x, *x2;
  int64_t count, width;
  float scale;
  uint64_t key, first;
  vf (*function)(vf);
} elementwise_state;

/// Declares `name_task`, which runs BODY for each vector at index i, the last one through a padded copy.
#define ELEMENTWISE(name, BODY)                                                       \
  static inline __attribute__((always_inline)) vf name##_at(const elementwise_state *s, vf x, vf x2, vf y) { \
    (void)s; (void)x; (void)x2; (void)y;                                              \
    return BODY;                                                                      \
  }                                                                                   \
  static void name##_task(void *context, int worker) {                                \
    const elementwise_state *s = context;                                             \
    (void)worker;                                                                     \
    for (int64_t begin, end; nk_claim(s->pool, s->count, CHUNK, &begin, &end);) {     \
      const float *second = s->x2 ? s->x2 : s->x;                                     \
      int64_t i = begin;                                                              \
      for (; i + LANES <= end; i += LANES)                                            \
        store(s->y + i, name##_at(s, load(s->x + i), load(second + i), load(s->y + i))); \
      if (i < end)                                                                    \
        store_part(s->y + i, name##_at(s, load_part(s->x + i, end - i, 0), load_part(second + i, end - i, 0), \
                                       load_part(s->y + i, end - i, 0)), end - i);    \
    }                                                                                 \
  }

ELEMENTWISE(scale, x * s->scale)
ELEMENTWISE(add_scaled, fma_(x, splat(s->scale), y))
ELEMENTWISE(exp, vexp(x))
ELEMENTWISE(tanh, vtanh(x))
ELEMENTWISE(erf, verf(x))
ELEMENTWISE(tanh_backward, x2 * ((1.0f - x) * (1.0f + x)))
ELEMENTWISE(activate, vactivate(s->kind, x))
ELEMENTWISE(activate_backward, x2 * vderivative(s->kind, x))

static void scale(nk_pool *pool, float *y, const float *x, int64_t count, float by) {
  elementwise_state s = {.pool = pool, .y = y, .x = x, .count = count, .scale = by};
  nk_pool_loop(pool, scale_task, &s);
}
static void add_scaled(nk_pool *pool, float *y, const float *x, int64_t count, float by) {
  elementwise_state s = {.pool = pool, .y = y, .x = x, .count = count, .scale = by};
  nk_pool_loop(pool, add_scaled_task, &s);
}
static void exp_all(nk_pool *pool, float *y, const float *x, int64_t count) {
  elementwise_state s = {.pool = pool, .y = y, .x = x, .count = count};
  nk_pool_loop(pool, exp_task, &s);
}
static void tanh_all(nk_pool *pool, float *y, const float *x, int64_t count) {
  elementwise_state s = {.pool = pool, .y = y, .x = x, .count = count};
  nk_pool_loop(pool, tanh_task, &s);
}
static void erf_all(nk_pool *pool, float *y, const float *x, int64_t count) {
  elementwise_state s = {.pool = pool, .y = y, .x = x, .count = count};
  nk_pool_loop(pool, erf_task, &s);
}
static void tanh_backward(nk_pool *pool, float *dx, const float *dy, const float *y, int64_t count) {
  elementwise_state s = {.pool = pool, .y = dx, .x = y, .x2 = dy, .count = count};
  nk_pool_loop(pool, tanh_backward_task, &s);
}
static void activate(nk_pool *pool, nk_activation kind, float *y, const float *x, int64_t count) {
  elementwise_state s = {.pool = pool, .kind = kind, .y = y, .x = x, .count = count};
  nk_pool_loop(pool, activate_task, &s);
}
static void activate_backward(nk_pool *pool, nk_activation kind, float *dx, const float *dy, const float *x,
                              int64_t count) {
  elementwise_state s = {.pool = pool, .kind = kind, .y = dx, .x = x, .x2 = dy, .count = count};
  nk_pool_loop(pool, activate_backward_task, &s);
}

// SwiGLU (Shazeer 2020): silu(gate)·up, with gate and up side by side in a row.
static void swiglu_forward_task(void *context, int worker) {
  const elementwise_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->count, 8, &begin, &end);)
    for (int64_t row = begin; row < end; row++) {
      const float *gate = s->x + row * 2 * s->width, *value = gate + s->width;
      float *y = s->y + row * s->width;
      int64_t j = 0;
      for (; j + LANES <= s->width; j += LANES) {
        vf g = load(gate + j);
        store(y + j, g * vsigmoid(g) * load(value + j));
      }
      if (j < s->width) {
        int64_t rest = s->width - j;
        vf g = load_part(gate + j, rest, 0);
        store_part(y + j, g * vsigmoid(g) * load_part(value + j, rest, 0), rest);
      }
    }
}
static void swiglu_forward(nk_pool *pool, const float *x, float *y, int64_t rows, int64_t width) {
  elementwise_state s = {.pool = pool, .y = y, .x = x, .count = rows, .width = width};
  nk_pool_loop(pool, swiglu_forward_task, &s);
}

static void swiglu_backward_task(void *context, int worker) {
  const elementwise_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->count, 8, &begin, &end);)
    for (int64_t row = begin; row < end; row++) {
      const float *gate = s->x + row * 2 * s->width, *value = gate + s->width, *dy = s->x2 + row * s->width;
      float *d_gate = s->y + row * 2 * s->width, *d_value = d_gate + s->width;
      float *y = s->y2 ? s->y2 + row * s->width : NULL;
      for (int64_t j = 0; j < s->width; j += LANES) {
        int64_t count = at_most(LANES, s->width - j);
        bool whole = count == LANES;
        vf g = whole ? load(gate + j) : load_part(gate + j, count, 0);
        vf u = whole ? load(value + j) : load_part(value + j, count, 0);
        vf d = whole ? load(dy + j) : load_part(dy + j, count, 0);
        vf sigmoid = vsigmoid(g), silu = g * sigmoid;
        vf to_gate = d * u * fma_(silu, 1.0f - sigmoid, sigmoid), to_value = d * silu;
        if (whole) {
          store(d_gate + j, to_gate);
          store(d_value + j, to_value);
          if (y) store(y + j, silu * u);
        } else {
          store_part(d_gate + j, to_gate, count);
          store_part(d_value + j, to_value, count);
          if (y) store_part(y + j, silu * u, count);
        }
      }
    }
}
static void swiglu_backward(nk_pool *pool, const float *dy, const float *x, float *dx, float *y, int64_t rows,
                            int64_t width) {
  elementwise_state s = {.pool = pool, .y = dx, .y2 = y, .x = x, .x2 = dy, .count = rows, .width = width};
  nk_pool_loop(pool, swiglu_backward_task, &s);
}

static void dropout_task(void *context, int worker) {
  const elementwise_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->count, CHUNK, &begin, &end);) {
    float scales[CHUNK];
    dropout_scales(s->key, s->first + (uint64_t)begin, end - begin, s->scale, scales);
    // Two loops: in one, a masked load from null would take the processor hundreds of cycles.
    if (s->x2)
      for (int64_t i = begin; i < end; i++) s->y[i] = s->x2[i] + s->x[i] * scales[i - begin];
    else
      for (int64_t i = begin; i < end; i++) s->y[i] = s->x[i] * scales[i - begin];
  }
}
static void dropout(nk_pool *pool, float *y, const float *x, const float *residual, int64_t count, float p,
                    uint64_t key, uint64_t first) {
  elementwise_state s = {.pool = pool, .y = y, .x = x, .x2 = residual, .count = count, .scale = p, .key = key,
                         .first = first};
  nk_pool_loop(pool, dropout_task, &s);
}

// f16 conversions need the processor's instructions to be fast (F16C); the compiler has them otherwise.
typedef _Float16 vh __attribute__((vector_size(VECTOR_BYTES / 2), aligned(2)));

typedef struct {
  nk_pool *pool;
  uint16_t *half;
  float *single;
  int64_t count;
} conversion_state;

static void f16_from_f32_task(void *context, int worker) {
  const conversion_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->count, CHUNK, &begin, &end);) {
    int64_t i = begin;
    for (; i + LANES <= end; i += LANES) *(vh *)(s->half + i) = __builtin_convertvector(load(s->single + i), vh);
    for (; i < end; i++) ((_Float16 *)s->half)[i] = (_Float16)s->single[i];
  }
}
static void f32_from_f16_task(void *context, int worker) {
  const conversion_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->count, CHUNK, &begin, &end);) {
    int64_t i = begin;
    for (; i + LANES <= end; i += LANES) store(s->single + i, __builtin_convertvector(*(vh *)(s->half + i), vf));
    for (; i < end; i++) s->single[i] = (float)((_Float16 *)s->half)[i];
  }
}
static void f16_from_f32(nk_pool *pool, uint16_t *y, const float *x, int64_t count) {
  conversion_state s = {pool, y, (float *)x, count};
  nk_pool_loop(pool, f16_from_f32_task, &s);
}
static void f32_from_f16(nk_pool *pool, float *y, const uint16_t *x, int64_t count) {
  conversion_state s = {pool, (uint16_t *)x, y, count};
  nk_pool_loop(pool, f32_from_f16_task, &s);
}
