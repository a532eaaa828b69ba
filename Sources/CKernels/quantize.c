// Matrices as the codes and scales that files hold, and back.
#include "pool.h"
#include "body/codes.h"

static inline int64_t scale_columns(nk_weights kind, int64_t k) { return kind == NK_WEIGHTS_INT8 ? NK_INT8_GROUP : k; }

typedef struct {
  nk_pool *pool;
  nk_weights kind;
  const float *x;
  int64_t rows, k;
  uint8_t *codes;
  float *scales;
} quantizer;

static void quantize_task(void *context, int worker) {
  const quantizer *s = context;
  (void)worker;
  int64_t unit = scale_columns(s->kind, s->k), groups = (s->k + unit - 1) / unit;
  for (int64_t row, end; nk_claim(s->pool, s->rows, 1, &row, &end);)
    for (int64_t group = 0; group < groups; group++) {
      int64_t first = group * unit, last = first + unit < s->k ? first + unit : s->k;
      const float *x = s->x + row * s->k;
      float largest = 0;
      for (int64_t i = first; i < last; i++) largest = fmaxf(largest, fabsf(x[i]));
      float scale = largest / (s->kind == NK_WEIGHTS_FP8 ? 448 : 127), inverse = 1 / scale < INFINITY ? 1 / scale : 0;
      s->scales[row * groups + group] = scale;
      for (int64_t i = first; i < last; i++)
        s->codes[row * s->k + i] =
            s->kind == NK_WEIGHTS_FP8 ? fp8_bits(x[i] * inverse) : (uint8_t)int8_bits(x[i] * inverse);
    }
}
void nk_quantize(nk_pool *pool, nk_weights kind, const float *x, int64_t rows, int64_t k, uint8_t *codes, float *scales) {
  quantizer s = {pool, kind, x, rows, k, codes, scales};
  nk_pool_loop(pool, quantize_task, &s);
}

static float code_value(nk_weights kind, uint8_t code) {
  if (kind == NK_WEIGHTS_INT8) return (float)(int8_t)code;
  int exponent = code >> 3 & 15, mantissa = code & 7;
  float size = exponent ? ldexpf((float)(8 + mantissa), exponent - 10) : ldexpf((float)mantissa, -9);
  if ((code & 0x7F) == 0x7F) size = NAN;
  return code & 0x80 ? -size : size;
}
void nk_dequantize(nk_weights kind, const uint8_t *codes, int64_t first, int64_t count, int64_t k, const float *scales,
                   float *y) {
  float values[256];
  for (int code = 0; code < 256; code++) values[code] = code_value(kind, (uint8_t)code);
  int64_t unit = scale_columns(kind, k), groups = (k + unit - 1) / unit;
  for (int64_t i = 0; i < count;) {
    int64_t row = (first + i) / k, column = (first + i) % k, group = column / unit;
    int64_t end = (group + 1) * unit < k ? (group + 1) * unit : k, here = end - column < count - i ? end - column : count - i;
    float scale = scales[row * groups + group];
    for (int64_t j = 0; j < here; j++) y[i + j] = values[codes[i + j]] * scale;
    i += here;
  }
}
