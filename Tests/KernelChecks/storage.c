// Conversions to 16 bits and back, random numbers and dropout.
#include "check.h"

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, 4);
  return x;
}

/// The value of a half by its definition (IEEE 754-2019, 3.4).
static float value_of_half(uint16_t half) {
  int exponent = half >> 10 & 31, fraction = half & 1023;
  double size = exponent == 31  ? (fraction ? NAN : INFINITY)
                : exponent == 0 ? ldexp(fraction, -24)
                                : ldexp(1024 + fraction, exponent - 25);
  return (float)(half >> 15 ? -size : size);
}

/// All halves, and around each the floats that decide a rounding: the tie to the next and its neighbours.
static void f16(check *c, const void *with) {
  (void)with;
  enum { HALVES = 1 << 16 };
  uint16_t *halves = guarded(c, HALVES * 2), *back = guarded(c, HALVES * 2);
  matrix x = empty(c, 1, HALVES, 0);
  for (int i = 0; i < HALVES; i++) halves[i] = (uint16_t)i;
  nk_f32_from_f16(c->pool, x.at, halves, HALVES);
  nk_f16_from_f32(c->pool, back, x.at, HALVES);
  for (int i = 0; i < HALVES; i++) {
    float exact = value_of_half((uint16_t)i);
    if (exact != exact) {
      holds(c, x.at[i] != x.at[i] && (back[i] & 0x7C00) == 0x7C00 && (back[i] & 0x3FF));
      continue;
    }
    same(c, x.at[i], exact);
    same_bits(c, back[i], halves[i]);
  }
  for (int step = -1; step <= 1; step++) {
    for (int i = 0; i < HALVES; i++) {
      // Infinity stands where 65536 would, so that the tie below it is 65520.
      float low = value_of_half((uint16_t)i);
      float high = (i & 0x7FFF) >= 0x7BFF ? copysignf(65536, low) : value_of_half((uint16_t)(i + 1));
      if (low != low || isinf(low)) low = high = 0;
      float tie = (low + high) / 2;
      x.at[i] = step == 0 ? tie : nextafterf(tie, step < 0 ? low : high);
    }
    nk_f16_from_f32(c->pool, back, x.at, HALVES);
    for (int i = 0; i < HALVES; i++) {
      if ((i & 0x7FFF) >= 0x7C00) continue;
      same_bits(c, back[i], (uint32_t)(step == 0 ? i + (i & 1) : step < 0 ? i : i + 1));
    }
  }
}

static void f16_extremes(check *c, const void *with) {
  (void)with;
  const float x[] = {65519.99f,       65520,     1e30f,     -INFINITY, 0x1p-25f,
                     0x1.000002p-25f, -0x1p-40f, 0x1p-140f, 0.0f,      -0.0f};
  const uint16_t expected[] = {0x7BFF, 0x7C00, 0x7C00, 0xFC00, 0, 1, 0x8000, 0, 0, 0x8000};
  uint16_t got[10];
  for (int count = 1; count <= 10; count++) {  // in the rest of a vector as in a vector
    nk_f16_from_f32(c->pool, got, x, count);
    for (int i = 0; i < count; i++) same_bits(c, got[i], expected[i]);
  }
}

static void bf16(check *c, const void *with) {
  (void)with;
  static const uint32_t lows[] = {0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF};
  enum { COUNT = 1 << 16 };
  matrix x = empty(c, 1, COUNT, 0);
  uint16_t *y = guarded(c, COUNT * 2);
  for (int l = 0; l < 6; l++) {
    for (uint32_t high = 0; high < COUNT; high++) x.at[high] = float_of(high << 16 | lows[l]);
    nk_bf16_from_f32(c->pool, y, x.at, COUNT);
    for (uint32_t high = 0; high < COUNT; high++) {
      bool up = lows[l] > 0x8000 || (lows[l] == 0x8000 && high % 2);
      if (x.at[high] != x.at[high]) holds(c, (y[high] & 0x7F80) == 0x7F80 && (y[high] & 0x7F));
      else same_bits(c, y[high], high + up);
    }
  }
  for (uint32_t high = 0; high < COUNT; high++) y[high] = (uint16_t)high;
  nk_f32_from_bf16(c->pool, x.at, y, COUNT);
  for (uint32_t high = 0; high < COUNT; high++) same(c, x.at[high], float_of(high << 16));
}

// ---------------------------------------------------------------- random numbers

/// Philox4x32-10 (Salmon et al. 2011), a round at a time.
static void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]) {
  memcpy(out, counter, 16);
  for (uint32_t round = 0; round < 10; round++) {
    uint64_t left = 0xCD9E8D57ull * out[2], right = 0xD2511F53ull * out[0];
    uint32_t next[4] = {(uint32_t)(left >> 32) ^ out[1] ^ (key[0] + round * 0x9E3779B9u), (uint32_t)left,
                        (uint32_t)(right >> 32) ^ out[3] ^ (key[1] + round * 0xBB67AE85u), (uint32_t)right};
    memcpy(out, next, 16);
  }
}

/// Box–Muller on Philox, whose own known answers come first (kat_vectors of Random123).
static void random_normal(check *c, const void *with) {
  (void)with;
  static const uint32_t zero[4], answer[4] = {0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8};
  uint32_t words[4];
  philox(zero, zero, words);
  holds(c, memcmp(words, answer, 16) == 0);
  const uint64_t key = 0x0123456789ABCDEF, first = 0xFFFFFFF1;
  const uint32_t halves[2] = {(uint32_t)key, (uint32_t)(key >> 32)};
  int64_t count = 33001;
  matrix x = empty(c, 1, count, 0), part = empty(c, 1, 100, 0);
  nk_random_normal(c->pool, x.at, 1, count, key, first, 0, 2.5f);
  double sum = 0, squares = 0, fourths = 0;
  for (int64_t i = 0; i < count; i++) {
    uint64_t pair = (first + (uint64_t)i) / 2;
    philox(halves, (uint32_t[]){(uint32_t)pair, (uint32_t)(pair >> 32), 0, 0}, words);
    double radius = sqrt(-2 * log((words[0] + 1.0) / 4294967296.0)), angle = 2 * M_PI * words[1] / 4294967296.0;
    near(c, x.at[i], 2.5 * radius * ((first + (uint64_t)i) % 2 ? sin(angle) : cos(angle)), 2.5 * radius + 0x1p-126);
    double y = x.at[i] / 2.5;
    sum += y;
    squares += y * y;
    fourths += y * y * y * y;
  }
  // Five standard deviations of each mean.
  holds(c, fabs(sum / count) < 0.028 && fabs(squares / count - 1) < 0.039 && fabs(fourths / count - 3) < 0.27);
  nk_random_normal(c->pool, part.at, 1, 100, key, first + 777, 0, 2.5f);
  for (int i = 0; i < 100; i++) holds(c, part.at[i] == x.at[777 + i]);
}

static void dropout(check *c, const void *with) {
  (void)with;
  static const float shares[] = {0.1f, 0.5f, 0.9f};
  int64_t count = 50001;
  for (int s = 0; s < 3; s++) {
    float p = shares[s], kept = 1 / (1 - p);
    matrix x = uniform(c, 1, count, 0), residual = uniform(c, 1, count, 0);
    matrix y = empty(c, 1, count, 0), sum = empty(c, 1, count, 0), other = empty(c, 1, count, 0);
    matrix part = empty(c, 1, 4099, 0);
    nk_dropout(c->pool, y.at, x.at, NULL, count, p, 99, 0);
    nk_dropout(c->pool, sum.at, x.at, residual.at, count, p, 99, 0);
    nk_dropout(c->pool, part.at, x.at, NULL, 4099, p, 99, 0);
    nk_dropout(c->pool, other.at, x.at, NULL, count, p, 100, 0);
    double dropped = 0, agreeing = 0;
    for (int64_t i = 0; i < count; i++) {
      bool keeps = y.at[i] != 0 || x.at[i] == 0;
      dropped += !keeps;
      agreeing += keeps == (other.at[i] != 0 || x.at[i] == 0);
      near(c, y.at[i], keeps ? x.at[i] * (double)kept : 0, 1 + fabs(x.at[i] * kept));
      near(c, sum.at[i], residual.at[i] + (keeps ? x.at[i] * (double)kept : 0), 1 + fabs(x.at[i] * kept));
      if (i < 4099) holds(c, part.at[i] == y.at[i]);
    }
    // Five standard deviations: the share dropped, and how often independent masks agree.
    double q = p * p + (1 - p) * (1 - p);
    holds(c, fabs(dropped / count - p) < 5 * sqrt(p * (1 - p) / count));
    holds(c, fabs(agreeing / count - q) < 5 * sqrt(q * (1 - q) / count));
    forget(c);
  }
}

const claim storage_claims[] = {
    {"f16: every value, ties to even and their neighbours", 0, f16, NULL},
    {"f16: overflow, subnormals and signs", 0, f16_extremes, NULL},
    {"bf16: every value, ties to even, infinity and NaN", 0, bf16, NULL},
    {"random normal numbers", 2e-7, random_normal, NULL},
    {"dropout", 2e-7, dropout, NULL},
    {0},
};
