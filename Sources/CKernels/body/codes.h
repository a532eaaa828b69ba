// Floats as the codes of narrower formats, one at a time.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t bf16_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  if ((bits & 0x7FFFFFFF) > 0x7F800000) return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

/// The E4M3 code nearest to x, of two the even one; 448 and −448 beyond them.
static inline uint8_t fp8_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  uint8_t sign = (uint8_t)(bits >> 24 & 0x80);
  float size = fabsf(x);
  if (!(size < 448)) return sign | 0x7E;
  if (size < 0x1p-6f) return sign | (uint8_t)__builtin_roundevenf(size * 512);
  bits &= 0x7FFFFFFF;
  return sign | (uint8_t)(((bits + 0x7FFFF + (bits >> 20 & 1)) >> 20) - (120 << 3));
}

/// The whole number nearest to x, of two the even one; x lies in −127 … 127 but for rounding.
static inline int8_t int8_bits(float x) { return (int8_t)__builtin_rintf(x); }
