// Philox4x32-10 (Salmon et al. 2011): four random words from a 64-bit key and a 64-bit counter.
#pragma once
#include <stdint.h>

static inline void philox(uint64_t key, uint64_t counter, uint32_t out[4]) {
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32), c2 = 0, c3 = 0;
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
    uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c1 = (uint32_t)p1;
    c3 = (uint32_t)p0;
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = c0; out[1] = c1; out[2] = c2; out[3] = c3;
}

/// scale[i] = 0 with probability p, else 1/(1 − p), for elements first … first + count of the stream `key`.
static inline void dropout_scales(uint64_t key, uint64_t first, int64_t count, float p, float *scale) {
  uint32_t threshold = (uint32_t)((double)p * 4294967296.0);
  float kept = 1.0f / (1.0f - p);
  uint32_t words[4];
  uint64_t have = UINT64_MAX;
  for (int64_t i = 0; i < count; i++) {
    uint64_t element = first + (uint64_t)i;
    if (element / 4 != have) philox(key, have = element / 4, words);
    scale[i] = words[element % 4] < threshold ? 0 : kept;
  }
}
