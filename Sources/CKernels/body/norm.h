// LayerNorm, LayerNorm with gain stored as gain − 1 (Nemotron), RMSNorm; column sums.
//
// Sums over rows (gradients of gains and biases) are made in two steps over fixed blocks of rows, so that
// they do not depend on the number of threads.

enum { ROW_BLOCK = 64 };

typedef struct {
  nk_pool *pool;
  nk_norm kind;
  const float *x, *dy, *gain, *bias, *residual;
  float *y, *dx, *statistics;
  int64_t ldx, ldy, lddy, ldr, lddx, rows, width;
  float epsilon;
  float *partial;  // [row blocks, 2, width]: sums of dy·x̂ and of dy
} norm_state;

static inline float sum_row(const float *x, int64_t width) {
  vf a = {0}, b = {0};
  int64_t j = 0;
  for (; j + 2 * LANES <= width; j += 2 * LANES) {
    a += load(x + j);
    b += load(x + j + LANES);
  }
  for (; j < width; j += LANES)
    a += width - j >= LANES ? load(x + j) : load_part(x + j, width - j, 0);
  return sum_lanes(a + b);
}

static inline float sum_squares_row(const float *x, int64_t width, float mean) {
  vf a = {0}, b = {0};
  int64_t j = 0;
  for (; j + 2 * LANES <= width; j += 2 * LANES) {
    vf u = load(x + j) - mean, v = load(x + j + LANES) - mean;
    a = fma_(u, u, a);
    b = fma_(v, v, b);
  }
  for (; j < width; j += LANES) {
    vf u = (width - j >= LANES ? load(x + j) : load_part(x + j, width - j, mean)) - mean;
    a = fma_(u, u, a);
  }
  return sum_lanes(a + b);
}

static void norm_forward_task(void *context, int worker) {
  const norm_state *s = context;
  (void)worker;
  float shift = s->kind == NK_LAYER_NORM_1P ? 1 : 0;
  for (int64_t begin, end; nk_claim(s->pool, s->rows, 16, &begin, &end);)
    for (int64_t row = begin; row < end; row++) {
      const float *x = s->x + row * s->ldx;
      float *y = s->y + row * s->ldy;
      float mean = s->kind == NK_RMS_NORM ? 0 : sum_row(x, s->width) / (float)s->width;
      float rstd = 1 / sqrtf(sum_squares_row(x, s->width, mean) / (float)s->width + s->epsilon);
      s->statistics[2 * row] = mean;
      s->statistics[2 * row + 1] = rstd;
      // Not one loop: a masked load from null, which it would become, takes the processor hundreds of cycles.
      if (s->bias)
        for (int64_t j = 0; j < s->width; j++) y[j] = (x[j] - mean) * rstd * (s->gain[j] + shift) + s->bias[j];
      else
        for (int64_t j = 0; j < s->width; j++) y[j] = (x[j] - mean) * rstd * (s->gain[j] + shift);
    }
}

static void norm_forward(nk_pool *pool, nk_norm kind, const float *x, int64_t ldx, const float *gain,
                         const float *bias, float epsilon, float *y, int64_t ldy, float *statistics,
                         int64_t rows, int64_t width) {
  norm_state s = {.pool = pool, .kind = kind, .x = x, .ldx = ldx, .gain = gain, .bias = bias, .y = y, .ldy = ldy,
                  .statistics = statistics, .rows = rows, .width = width, .epsilon = epsilon};
  nk_pool_loop(pool, norm_forward_task, &s);
}

/// dx = rstd·(g − mean(g) − x̂·mean(g·x̂)) with g = dy·gain; without the mean of g for RMSNorm.
static void norm_backward_row(const norm_state *s, int64_t row, float *d_gain, float *d_bias) {
  const float *dy = s->dy + row * s->lddy, *x = s->x + row * s->ldx;
  const float *residual = s->residual ? s->residual + row * s->ldr : NULL;
  float *dx = s->dx + row * s->lddx;
  float mean = s->statistics[2 * row], rstd = s->statistics[2 * row + 1];
  float shift = s->kind == NK_LAYER_NORM_1P ? 1 : 0;
  int64_t width = s->width;
  vf sum_g = {0}, sum_gx = {0};
  for (int64_t j = 0; j < width; j += LANES) {
    int64_t count = at_most(LANES, width - j);
    bool whole = count == LANES;
    vf d = whole ? load(dy + j) : load_part(dy + j, count, 0);
    vf normal = ((whole ? load(x + j) : load_part(x + j, count, 0)) - mean) * rstd;
    vf gain = (whole ? load(s->gain + j) : load_part(s->gain + j, count, 0)) + shift;
    vf gradient = d * gain;
    sum_g += gradient;
    sum_gx = fma_(gradient, normal, sum_gx);
    vf to_gain = fma_(d, normal, load(d_gain + j)), to_bias = load(d_bias + j) + d;
    store(d_gain + j, to_gain);
    store(d_bias + j, to_bias);
  }
  float mean_g = s->kind == NK_RMS_NORM ? 0 : sum_lanes(sum_g) / (float)width;
  float mean_gx = sum_lanes(sum_gx) / (float)width;
#define GRADIENT ((dy[j] * (s->gain[j] + shift) - mean_g - (x[j] - mean) * rstd * mean_gx) * rstd)
  if (residual)
    for (int64_t j = 0; j < width; j++) {
      float gradient = GRADIENT;
      dx[j] = residual[j] + gradient;
    }
  else
    for (int64_t j = 0; j < width; j++) dx[j] = GRADIENT;
#undef GRADIENT
}

static void norm_backward_task(void *context, int worker) {
  const norm_state *s = context;
  (void)worker;
  int64_t stride = blocks(s->width, LANES) * LANES;
  for (int64_t begin, end; nk_claim(s->pool, blocks(s->rows, ROW_BLOCK), 1, &begin, &end);) {
    float *partial = s->partial + begin * 2 * stride;
    memset(partial, 0, (size_t)(2 * stride) * sizeof(float));
    for (int64_t row = begin * ROW_BLOCK; row < at_most((begin + 1) * ROW_BLOCK, s->rows); row++)
      norm_backward_row(s, row, partial, partial + stride);
  }
}

/// to[j] += Σ_block partial[block·stride + j]
static void add_partials(const float *partial, int64_t count, int64_t stride, float *to, int64_t width) {
  for (int64_t j = 0; j < width; j++) {
    float sum = 0;
    for (int64_t block = 0; block < count; block++) sum += partial[block * stride + j];
    to[j] += sum;
  }
}

static void norm_backward(nk_pool *pool, nk_norm kind, const float *dy, int64_t lddy, const float *x, int64_t ldx,
                          const float *gain, const float *statistics, const float *residual, int64_t ldr,
                          float *dx, int64_t lddx, float *d_gain, float *d_bias, int64_t rows, int64_t width) {
  int64_t count = blocks(rows, ROW_BLOCK), stride = blocks(width, LANES) * LANES;
  norm_state s = {.pool = pool, .kind = kind, .dy = dy, .lddy = lddy, .x = x, .ldx = ldx, .gain = gain,
                  .statistics = (float *)statistics, .residual = residual, .ldr = ldr, .dx = dx, .lddx = lddx,
                  .rows = rows, .width = width,
                  .partial = nk_shared_scratch(pool, (size_t)(count * 2 * stride) * sizeof(float))};
  nk_pool_loop(pool, norm_backward_task, &s);
  add_partials(s.partial, count, 2 * stride, d_gain, width);
  if (d_bias) add_partials(s.partial + stride, count, 2 * stride, d_bias, width);
}

static void column_sums_task(void *context, int worker) {
  const norm_state *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, blocks(s->rows, ROW_BLOCK), 1, &begin, &end);) {
    float *restrict partial = s->partial + begin * s->width;
    memset(partial, 0, (size_t)s->width * sizeof(float));
    for (int64_t row = begin * ROW_BLOCK; row < at_most((begin + 1) * ROW_BLOCK, s->rows); row++) {
      const float *x = s->x + row * s->ldx;
      for (int64_t j = 0; j < s->width; j++) partial[j] += x[j];
    }
  }
}

static void add_column_sums(nk_pool *pool, const float *x, int64_t ldx, int64_t rows, int64_t width, float *sums) {
  int64_t count = blocks(rows, ROW_BLOCK);
  norm_state s = {.pool = pool, .x = x, .ldx = ldx, .rows = rows, .width = width,
                  .partial = nk_shared_scratch(pool, (size_t)(count * width) * sizeof(float))};
  nk_pool_loop(pool, column_sums_task, &s);
  add_partials(s.partial, count, width, sums, width);
}
