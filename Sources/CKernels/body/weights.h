// Weights in the formats of inference: where a panel of them has which, and how they become operands of a product.
//
// Rows that meet bf16, fp8 or int8 weights are rounded to bf16, which holds every fp8 and int8 number: where the
// processor multiplies pairs of bf16 (HAS_BF16), the panels hold four k steps at a time as it takes them.
#include "codes.h"

typedef uint16_t v16 __attribute__((vector_size(VECTOR_BYTES / 2)));
typedef int16_t v16s __attribute__((vector_size(VECTOR_BYTES / 2)));
typedef uint16_t v16_unaligned __attribute__((vector_size(VECTOR_BYTES / 2), aligned(1)));
typedef int8_t v8s_unaligned __attribute__((vector_size(VECTOR_BYTES / 4), aligned(1)));
typedef uint8_t v8_unaligned __attribute__((vector_size(VECTOR_BYTES / 4), aligned(1)));
typedef uint32_t vu __attribute__((vector_size(VECTOR_BYTES)));

enum {
  QUAD = 4,              // k steps that stand together in a panel
  PACKED_AHEAD = 6144,   // bytes by which memory is asked for
};

/// What an E4M3 weight is taken for, a float of its bits in another format, is too small by this.
#define FP8_SCALE 256.0f

static inline __attribute__((always_inline)) int64_t weight_bytes(nk_weights kind) {
  return kind == NK_WEIGHTS_F32 ? 4 : kind == NK_WEIGHTS_BF16 ? 2 : 1;
}

/// Whether products take two k steps at a time.
static inline __attribute__((always_inline)) bool in_pairs(nk_weights kind) {
  return HAS_BF16 && kind != NK_WEIGHTS_F32;
}

/// Columns of a panel: with those that fill the last quad, which are 0.
static inline int64_t panel_columns(const nk_packed *b) { return in_pairs(b->kind) ? blocks(b->k, QUAD) * QUAD : b->k; }

/// Bytes from the beginning of a quad to step k, 0 … 3, of a lane.
static inline int64_t weight_place(nk_weights kind, int64_t k, int64_t lane) {
  if (!in_pairs(kind)) return (k * NR + lane) * weight_bytes(kind);
  if (kind == NK_WEIGHTS_BF16) return k / 2 * NR * 4 + lane * 4 + k % 2 * 2;
  // Codes become pairs when the low and high bytes of each 16 are interleaved.
  return lane / LANES * LANES * 4 + lane % LANES / 4 * 16 + k / 2 * 8 + lane % 4 * 2 + k % 2;
}

/// Asks for what lies some way ahead of a quad: whole cache lines of every format.
static inline __attribute__((always_inline)) void packed_ahead(const uint8_t *w, nk_weights kind) {
#pragma clang loop unroll(full)
  for (int64_t line = 0; line < QUAD * NR * weight_bytes(kind); line += 64)
    __builtin_prefetch(w + PACKED_AHEAD + line, 0, 2);
}

// ---------------------------------------------------------------- one k step, as f32

/// The LANES weights at `p`, before any scale.
static inline __attribute__((always_inline)) vf load_weights(nk_weights kind, const uint8_t *p) {
  switch (kind) {
  case NK_WEIGHTS_F32: return load((const float *)p);
  case NK_WEIGHTS_BF16: return (vf)(__builtin_convertvector(*(const v16_unaligned *)p, vu) << 16);
  case NK_WEIGHTS_FP8: {
#if VECTOR_BYTES > 16
    // Sign, four bits of exponent and three of mantissa, where f16 has them: its bias is larger by eight. Numbers
    // below the normal ones stay right.
    typedef _Float16 vhalf __attribute__((vector_size(VECTOR_BYTES / 2)));
    v16s words = (v16s)(__builtin_convertvector(*(const v8_unaligned *)p, v16) << 8) >> 1;
    return __builtin_convertvector((vhalf)((v16)words & 0xBFFF), vf);
#else
    vu x = __builtin_convertvector(*(const v8_unaligned *)p, vu);
    return (vf)((x & 0x80) << 24 | (x & 0x7F) << 20) * 0x1p112f;
#endif
  }
  case NK_WEIGHTS_INT8: return __builtin_convertvector(*(const v8s_unaligned *)p, vf);
  }
}

// ---------------------------------------------------------------- two k steps, as bf16

enum { CODE_VALUES = 2 * 128 };

/// What codes stand for, the sign not counted, as bf16: the low bytes of all, then the high bytes.
static void fill_code_values(nk_weights kind, uint8_t values[CODE_VALUES]) {
  for (uint32_t code = 0; code < CODE_VALUES / 2; code++) {
    uint32_t fp8 = code << 20, bits;
    float x;
    memcpy(&x, &fp8, 4);
    x = kind == NK_WEIGHTS_FP8 ? x * 0x1p112f : (float)code;
    memcpy(&bits, &x, 4);
    values[code] = (uint8_t)(bits >> 16);
    values[CODE_VALUES / 2 + code] = (uint8_t)(bits >> 24);
  }
}

#if HAS_BF16
typedef __m512bh pairs;  // LANES times two k steps

typedef struct {
  __m512i low[2], high[2];
} code_values;

static inline __attribute__((always_inline)) code_values load_code_values(nk_weights kind, const uint8_t *values) {
  code_values v = {0};
  if (kind == NK_WEIGHTS_BF16) return v;
#pragma clang loop unroll(full)
  for (int i = 0; i < 2; i++) {
    v.low[i] = _mm512_loadu_si512(values + i * 64);
    v.high[i] = _mm512_loadu_si512(values + CODE_VALUES / 2 + i * 64);
  }
  return v;
}

/// Steps 0, 1 and 2, 3 of the quad at `p`, for vector j of its lanes.
static inline __attribute__((always_inline)) void load_pairs(nk_weights kind, const uint8_t *p, int j, code_values values,
                                                             pairs to[2]) {
  if (kind == NK_WEIGHTS_BF16) {
    to[0] = (pairs)_mm512_loadu_si512(p + j * 64);
    to[1] = (pairs)_mm512_loadu_si512(p + NR * 4 + j * 64);
    return;
  }
  __m512i codes = _mm512_loadu_si512(p + j * 64), at = kind == NK_WEIGHTS_INT8 ? _mm512_abs_epi8(codes) : codes;
  __m512i low = _mm512_permutex2var_epi8(values.low[0], at, values.low[1]);
  __m512i high = _mm512_permutex2var_epi8(values.high[0], at, values.high[1]);
  high = _mm512_ternarylogic_epi32(high, codes, _mm512_set1_epi8((char)0x80), 0xF8);  // high | (codes & sign)
  to[0] = (pairs)_mm512_unpacklo_epi8(low, high);
  to[1] = (pairs)_mm512_unpackhi_epi8(low, high);
}

/// to = kc steps of codes as bf16 weights.
static inline __attribute__((always_inline)) void expand_codes(nk_weights kind, int64_t kc, const uint8_t *codes,
                                                               const uint8_t *values, uint8_t *to) {
  code_values v = load_code_values(kind, values);
  for (int64_t k = 0; k < kc; k += QUAD, codes += QUAD * NR, to += 2 * QUAD * NR) {
    packed_ahead(codes, kind);
#pragma clang loop unroll(full)
    for (int j = 0; j < NR_VECTORS; j++) {
      pairs quad[2];
      load_pairs(kind, codes, j, v, quad);
      _mm512_storeu_si512(to + j * 64, (__m512i)quad[0]);
      _mm512_storeu_si512(to + NR * 4 + j * 64, (__m512i)quad[1]);
    }
  }
}

static inline __attribute__((always_inline)) pairs splat_pair(const float *pair) {
  int32_t bits;
  memcpy(&bits, pair, 4);
  return (pairs)_mm512_set1_epi32(bits);
}

/// sum + x·w of both steps.
static inline __attribute__((always_inline)) vf multiply_pairs(pairs x, pairs w, vf sum) {
  return (vf)_mm512_dpbf16_ps((__m512)sum, x, w);
}
#else
static inline void expand_codes(nk_weights kind, int64_t kc, const uint8_t *codes, const uint8_t *values, uint8_t *to) {
  (void)kind, (void)kc, (void)codes, (void)values, (void)to;
}
#endif

/// y = k floats rounded to bf16: as floats, or as the pairs of whole quads.
static inline void round_row(bool pairs, const float *x, int64_t k, float *y) {
  if (!pairs) {
    for (int64_t i = 0; i < k; i++) {
      uint32_t bits = (uint32_t)bf16_bits(x[i]) << 16;
      memcpy(y + i, &bits, 4);
    }
    return;
  }
  int64_t whole = k / 2 * 2, all = blocks(k, QUAD) * QUAD;
  for (int64_t i = 0; i < whole; i += 2) {
    uint32_t pair = bf16_bits(x[i]) | (uint32_t)bf16_bits(x[i + 1]) << 16;
    memcpy(y + i / 2, &pair, 4);
  }
  for (int64_t i = whole; i < all; i += 2) {
    uint32_t pair = i < k ? bf16_bits(x[i]) : 0;
    memcpy(y + i / 2, &pair, 4);
  }
}

// ---------------------------------------------------------------- writing and single weights

/// Lanes lo ..< hi of `steps` k steps, all four where they are in pairs, from floats [steps, NR] scaled by `inverse` of
/// the lane.
static inline __attribute__((always_inline)) void store_quad(nk_weights kind, uint8_t *p, int64_t steps, const float *x,
                                                             const float *inverse, int64_t lo, int64_t hi) {
  if (in_pairs(kind) && kind == NK_WEIGHTS_BF16) {
    for (int64_t k = 0; k < QUAD; k += 2, p += NR * 4, x += 2 * NR)
      for (int64_t lane = lo; lane < hi; lane++)
        ((uint32_t *)p)[lane] = bf16_bits(x[lane]) | (uint32_t)bf16_bits(x[NR + lane]) << 16;
    return;
  }
  for (int64_t k = 0; k < (in_pairs(kind) ? QUAD : steps); k++, x += NR)
    for (int64_t lane = lo; lane < hi; lane++) {
      uint8_t *to = p + weight_place(kind, k, lane);
      switch (kind) {
      case NK_WEIGHTS_F32: *(float *)to = x[lane]; break;
      case NK_WEIGHTS_BF16: *(uint16_t *)to = bf16_bits(x[lane]); break;
      case NK_WEIGHTS_FP8: *to = fp8_bits(x[lane] * inverse[lane]); break;
      case NK_WEIGHTS_INT8: *to = (uint8_t)int8_bits(x[lane] * inverse[lane]); break;
      }
    }
}

/// The weight at `p`, before any scale.
static inline float weight_value(nk_weights kind, const uint8_t *p) {
  uint8_t lanes[VECTOR_BYTES] = {0};
  memcpy(lanes, p, (size_t)weight_bytes(kind));
  switch (kind) {
  case NK_WEIGHTS_F32: return load_weights(NK_WEIGHTS_F32, lanes)[0];
  case NK_WEIGHTS_BF16: return load_weights(NK_WEIGHTS_BF16, lanes)[0];
  case NK_WEIGHTS_FP8: return load_weights(NK_WEIGHTS_FP8, lanes)[0];
  case NK_WEIGHTS_INT8: return load_weights(NK_WEIGHTS_INT8, lanes)[0];
  }
}
