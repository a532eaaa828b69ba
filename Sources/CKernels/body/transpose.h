// Squares of floats turned in registers.

#define LOW(b, e) ((e) & (b) ? (e) - (b) + LANES : (e))
#define HIGH(b, e) ((e) & (b) ? (e) + LANES : (e) + (b))
#define FOUR(P, b, e) P(b, e), P(b, e + 1), P(b, e + 2), P(b, e + 3)
#if VECTOR_BYTES == 64
#define EACH(P, b) FOUR(P, b, 0), FOUR(P, b, 4), FOUR(P, b, 8), FOUR(P, b, 12)
#elif VECTOR_BYTES == 32
#define EACH(P, b) FOUR(P, b, 0), FOUR(P, b, 4)
#else
#define EACH(P, b) FOUR(P, b, 0)
#endif

/// Blocks of b×b on either side of the diagonal change places.
#define EXCHANGE(b)                                                      \
  _Pragma("clang loop unroll(full)") for (int i = 0; i < LANES; i++) {   \
    if (i & b) continue;                                                 \
    vf s = r[i], t = r[i + b];                                           \
    r[i] = __builtin_shufflevector(s, t, EACH(LOW, b));                  \
    r[i + b] = __builtin_shufflevector(s, t, EACH(HIGH, b));             \
  }

static inline __attribute__((always_inline)) void transpose_square(vf r[LANES]) {
#if VECTOR_BYTES == 64
  EXCHANGE(8)
#endif
#if VECTOR_BYTES >= 32
  EXCHANGE(4)
#endif
  EXCHANGE(2)
  EXCHANGE(1)
}
#undef LOW
#undef HIGH
#undef FOUR
#undef EACH
#undef EXCHANGE

/// y[k, 8] = x[0:rows, k]ᵀ for eight k; rows beyond are zero, and of the last k only `last` are written.
static inline __attribute__((always_inline)) void transpose_8(const float *x, int64_t ldx, int64_t rows, float *y,
                                                              int64_t ldy, int64_t last) {
  f8 r[8], s[8];
#pragma clang loop unroll(full)
  for (int64_t i = 0; i < 8; i++) r[i] = i < rows ? *(const f8_unaligned *)(x + i * ldx) : (f8){0};
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
  s[0] = LOW(r[0], r[1]); s[1] = HIGH(r[0], r[1]); s[2] = LOW(r[2], r[3]); s[3] = HIGH(r[2], r[3]);
  s[4] = LOW(r[4], r[5]); s[5] = HIGH(r[4], r[5]); s[6] = LOW(r[6], r[7]); s[7] = HIGH(r[6], r[7]);
#undef LOW
#undef HIGH
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
  r[0] = LOW(s[0], s[2]); r[1] = HIGH(s[0], s[2]); r[2] = LOW(s[1], s[3]); r[3] = HIGH(s[1], s[3]);
  r[4] = LOW(s[4], s[6]); r[5] = HIGH(s[4], s[6]); r[6] = LOW(s[5], s[7]); r[7] = HIGH(s[5], s[7]);
#undef LOW
#undef HIGH
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define HIGH(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)
  for (int i = 0; i < 4; i++) {
    s[i] = LOW(r[i], r[i + 4]);
    s[i + 4] = HIGH(r[i], r[i + 4]);
  }
#undef LOW
#undef HIGH
#pragma clang loop unroll(full)
  for (int i = 0; i < 7; i++) *(f8_unaligned *)(y + i * ldy) = s[i];
  if (last == 8) *(f8_unaligned *)(y + 7 * ldy) = s[7];
  else memcpy(y + 7 * ldy, &s[7], (size_t)last * sizeof(float));
}
