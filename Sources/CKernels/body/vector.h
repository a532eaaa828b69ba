// Vectors of f32 in the width of the instruction set being compiled, and elementary functions on them.
// Included once per instruction set: VECTOR_BYTES, MR and NR_VECTORS are its parameters (isa_*.c).
//
// Largest errors against long double, over all floats sampled by the tests (ElementaryFunctionTests):
//   vexp   2e-7 relative; below −87.3 it returns 0 (subnormal results are flushed), above 88.7 infinity
//   vtanh  4e-7 relative
//   verf   2e-7 absolute, 4e-7 relative
#include "../pool.h"
#include <math.h>
#include <string.h>

enum { LANES = VECTOR_BYTES / 4 };

typedef float vf __attribute__((vector_size(VECTOR_BYTES)));
typedef float vf_unaligned __attribute__((vector_size(VECTOR_BYTES), aligned(4)));
typedef int32_t vi __attribute__((vector_size(VECTOR_BYTES)));
typedef float f8 __attribute__((vector_size(32)));
typedef float f8_unaligned __attribute__((vector_size(32), aligned(4)));

static inline vf load(const float *p) { return *(const vf_unaligned *)p; }
static inline void store(float *p, vf x) { *(vf_unaligned *)p = x; }
static inline vf splat(float x) { return x - (vf){0}; }

/// a·b + c; fused where the processor can, which is part of each instruction set's rounding.
static inline vf fma_(vf a, vf b, vf c) {
#if HAS_FMA
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}
static inline vf vmax(vf a, vf b) { return __builtin_elementwise_max(a, b); }
static inline vf vmin(vf a, vf b) { return __builtin_elementwise_min(a, b); }
static inline vf vabs(vf a) { return __builtin_elementwise_abs(a); }
static inline vf vsqrt(vf a) { return __builtin_elementwise_sqrt(a); }
static inline vf choose(vi mask, vf a, vf b) { return (vf)((mask & (vi)a) | (~mask & (vi)b)); }

/// The sum of the lanes, by halves: the order is the same wherever it is used.
static inline float sum_lanes(vf x) {
  for (int step = LANES / 2; step > 0; step /= 2)
    for (int i = 0; i < step; i++) x[i] += x[i + step];
  return x[0];
}
static inline float max_lanes(vf x) {
  float m = x[0];
  for (int i = 1; i < LANES; i++) m = x[i] > m ? x[i] : m;
  return m;
}

/// The first `count` < LANES floats, the rest `fill`.
static inline vf load_part(const float *p, int64_t count, float fill) {
  float lanes[LANES];
  for (int i = 0; i < LANES; i++) lanes[i] = fill;
  memcpy(lanes, p, (size_t)count * sizeof(float));
  return load(lanes);
}
static inline void store_part(float *p, vf x, int64_t count) {
  float lanes[LANES];
  store(lanes, x);
  memcpy(p, lanes, (size_t)count * sizeof(float));
}

// 2^n · p(r) with n = round(x / ln 2) and |r| ≤ ln 2 / 2; p is a least-squares fit of (e^r − 1 − r)/r².
static inline vf vexp(vf x) {
  const vf largest = splat(88.72283f), smallest = splat(-87.33654f);
  vf bounded = vmin(vmax(x, smallest), largest);
  vf n = __builtin_elementwise_roundeven(bounded * 1.44269504f);
  vf r = fma_(n, splat(-0.693359375f), bounded);
  r = fma_(n, splat(2.12194440e-4f), r);
  vf p = splat(1.3901283e-3f);
  p = fma_(p, r, splat(8.3631445e-3f));
  p = fma_(p, r, splat(4.1666854e-2f));
  p = fma_(p, r, splat(1.6666578e-1f));
  p = fma_(p, r, splat(0.5f));
  p = fma_(p * r, r, r) + 1.0f;
  // n may be 128 where the result is still finite: scale in two steps.
  vi half = __builtin_convertvector(n, vi) >> 1;
  vi rest = __builtin_convertvector(n, vi) - half;
  vf y = p * (vf)((half + 127) << 23) * (vf)((rest + 127) << 23);
  y = choose(x < smallest, splat(0), y);
  y = choose(x > largest, splat(INFINITY), y);
  return choose(x != x, x, y);
}

static inline vf vsigmoid(vf x) { return 1.0f / (1.0f + vexp(-x)); }

static inline vf vtanh(vf x) {
  vf a = vabs(x);
  vf large = 1.0f - 2.0f / (vexp(vmin(a, splat(20.0f)) * 2.0f) + 1.0f);
  vf s = x * x;
  vf p = splat(-5.9239748e-3f);
  p = fma_(p, s, splat(2.0873671e-2f));
  p = fma_(p, s, splat(-5.3823814e-2f));
  p = fma_(p, s, splat(1.3332585e-1f));
  p = fma_(p, s, splat(-3.3333328e-1f));
  vf small = fma_(p * s, x, x);
  vf signed_large = choose(x < 0, -large, large);
  return choose(x != x, x, choose(a < 0.625f, small, signed_large));
}

// Below 1 a polynomial in x², above it 1 − exp(Q(|x|)), both least-squares fits.
static inline vf verf(vf x) {
  vf a = vabs(x);
  vf s = x * x;
  vf p = splat(7.853857e-5f);
  p = fma_(p, s, splat(-8.0101925e-4f));
  p = fma_(p, s, splat(5.1883277e-3f));
  p = fma_(p, s, splat(-2.6853811e-2f));
  p = fma_(p, s, splat(1.1283585e-1f));
  p = fma_(p, s, splat(-3.7612626e-1f));
  vf small = fma_(p, s, splat(1.1283791f)) * x;
  vf t = vmin(a, splat(4.0f));
  vf q = splat(-2.149626e-5f);
  q = fma_(q, t, splat(4.3910800e-4f));
  q = fma_(q, t, splat(-4.1936189e-3f));
  q = fma_(q, t, splat(2.5178988e-2f));
  q = fma_(q, t, splat(-1.0837251e-1f));
  q = fma_(q, t, splat(-6.3326257e-1f));
  q = fma_(q, t, splat(-1.1295569f));
  q = fma_(q, t, splat(1.8344654e-4f));
  vf large = 1.0f - vexp(q);
  vf signed_large = choose(x < 0, -large, large);
  return choose(x != x, x, choose(a < 1.0f, small, signed_large));
}

// Activations and their derivatives. GeLU's tanh form is x·sigmoid(2u): no cancellation for x ≪ 0.
static inline vf vactivate(nk_activation kind, vf x) {
  switch (kind) {
  case NK_NONE: return x;
  case NK_GELU_TANH: {
    vf u = x * fma_(x * x, splat(0.044715f * 0.7978845608f), splat(0.7978845608f));
    return x * vsigmoid(2.0f * u);
  }
  case NK_GELU_ERF: return 0.5f * x * (1.0f + verf(x * 0.70710678f));
  case NK_SQUARED_RELU: {
    vf r = vmax(x, splat(0));
    return r * r;
  }
  case NK_SILU: return x * vsigmoid(x);
  }
}

static inline vf vderivative(nk_activation kind, vf x) {
  switch (kind) {
  case NK_NONE: return splat(1);
  case NK_GELU_TANH: {
    vf u = x * fma_(x * x, splat(0.044715f * 0.7978845608f), splat(0.7978845608f));
    vf s = vsigmoid(2.0f * u);
    vf du = fma_(x * x, splat(3 * 0.044715f * 0.7978845608f), splat(0.7978845608f));
    return fma_(2.0f * x * s * (1.0f - s), du, s);
  }
  case NK_GELU_ERF: {
    vf cdf = 0.5f * (1.0f + verf(x * 0.70710678f));
    return fma_(x * 0.39894228f, vexp(-0.5f * x * x), cdf);
  }
  case NK_SQUARED_RELU: return 2.0f * vmax(x, splat(0));
  case NK_SILU: {
    vf s = vsigmoid(x);
    return fma_(x * s, 1.0f - s, s);
  }
  }
}
