// Weights in the formats of inference: how one vector of them becomes floats, and how floats become them.
#include "codes.h"

typedef uint16_t v16 __attribute__((vector_size(VECTOR_BYTES / 2)));
typedef int16_t v16s __attribute__((vector_size(VECTOR_BYTES / 2)));
typedef uint16_t v16_unaligned __attribute__((vector_size(VECTOR_BYTES / 2), aligned(1)));
typedef int8_t v8s __attribute__((vector_size(VECTOR_BYTES / 4)));
typedef int8_t v8s_unaligned __attribute__((vector_size(VECTOR_BYTES / 4), aligned(1)));
typedef uint8_t v8_unaligned __attribute__((vector_size(VECTOR_BYTES / 4), aligned(1)));
typedef uint32_t vu __attribute__((vector_size(VECTOR_BYTES)));

/// What an E4M3 weight is taken for, a float of its bits in another format, is too small by this.
#define FP8_SCALE 256.0f

static inline __attribute__((always_inline)) int64_t weight_bytes(nk_weights kind) {
  return kind == NK_WEIGHTS_F32 ? 4 : kind == NK_WEIGHTS_BF16 ? 2 : 1;
}

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

/// `count` floats, scaled by `inverse` of the same places, as weights at `p`.
static inline __attribute__((always_inline)) void store_weights(nk_weights kind, uint8_t *p, const float *x,
                                                                const float *inverse, int64_t count) {
  for (int64_t i = 0; i < count; i++) switch (kind) {
    case NK_WEIGHTS_F32: ((float *)p)[i] = x[i]; break;
    case NK_WEIGHTS_BF16: ((uint16_t *)p)[i] = bf16_bits(x[i]); break;
    case NK_WEIGHTS_FP8: p[i] = fp8_bits(x[i] * inverse[i]); break;
    case NK_WEIGHTS_INT8: p[i] = (uint8_t)int8_bits(x[i] * inverse[i]); break;
    }
}
