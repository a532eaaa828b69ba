// What choosing a token asks of a row of logits.
#include "check.h"

// Around a vector, a block of 1024, and what one thread takes at a time.
static const int64_t widths[] = {0, 1, 3, 16, 31, 33, 129, 1023, 1024, 1025, 5003, 8192, 20011};
enum { WIDTHS = sizeof widths / sizeof *widths };

/// Logits of which every ninth is no number, every eleventh an infinity.
static matrix logits_of(check *c, int64_t width) {
  matrix x = uniform(c, 1, width, 0);
  for (int64_t i = 0; i < width; i++) {
    x.at[i] *= 30;
    if (i % 9 == 4) x.at[i] = NAN;
    if (i % 11 == 7) x.at[i] = -INFINITY;
  }
  return x;
}

static void exponentials(check *c, const void *with) {
  (void)with;
  const float scales[] = {1, 0.37f, 2.5f, 3e38f};
  for (int w = 0; w < WIDTHS; w++)
    for (int s = 0; s < 4; s++) {
      int64_t width = widths[w];
      float shift = s % 2 ? 30 : -2;
      matrix x = logits_of(c, width), y = empty(c, 1, width, 0), place = copy_of(c, x);
      if (s == 3) shift = width ? x.at[0] : 0;
      if (s == 3)
        for (int64_t i = 0; i < width; i++)
          if (x.at[i] > shift) x.at[i] = place.at[i] = shift;
      double sum = nk_exponentials(c->pool, y.at, x.at, width, shift, scales[s]), total = 0;
      for (int64_t i = 0; i < width; i++) {
        float power = (x.at[i] - shift) * scales[s];
        double exact = power == power && power > -87.3f ? exp(power) : 0;
        if (power != power || power > -87.3f || power < -87.4f) near(c, y.at[i], exact, exact + 1e-300);
        total += exact;
      }
      near(c, sum, total, 10 * total + 1e-300);
      holds(c, nk_exponentials(c->pool, NULL, x.at, width, shift, scales[s]) == sum);
      holds(c, nk_exponentials(c->pool, place.at, place.at, width, shift, scales[s]) == sum);
      same_all(c, place, y);
      forget(c);
    }
}

static void sum_above(check *c, const void *with) {
  (void)with;
  for (int w = 0; w < WIDTHS; w++) {
    int64_t width = widths[w];
    matrix x = logits_of(c, width);
    const float thresholds[] = {-1e9f, -3, 0, 29, width ? x.at[0] : 1, 31};
    for (int t = 0; t < 6; t++) {
      double exact = 0, size = 1e-300;
      int64_t count = 0, found = -1;
      for (int64_t i = 0; i < width; i++)
        if (x.at[i] >= thresholds[t]) {
          exact += x.at[i];
          size += fabs(x.at[i]);
          count++;
        }
      near(c, nk_sum_above(c->pool, x.at, width, thresholds[t], &found), exact, size);
      holds(c, found == count);
    }
    forget(c);
  }
}

static void select_between(check *c, const void *with) {
  (void)with;
  for (int w = 0; w < WIDTHS; w++) {
    int64_t width = widths[w];
    matrix x = logits_of(c, width);
    float first = width ? x.at[0] : 1;
    const float ranges[][2] = {{-INFINITY, 31}, {5, 6}, {-1, 0}, {first, nextafterf(first, INFINITY)}, {31, 40}};
    for (int r = 0; r < 5; r++) {
      int64_t expected = 0;
      for (int64_t i = 0; i < width; i++) expected += x.at[i] >= ranges[r][0] && x.at[i] < ranges[r][1];
      // All of them, and the first few.
      for (int64_t room = expected;; room = room / 3) {
        int32_t *indices = guarded(c, room * 4);
        int64_t found = nk_select_between(c->pool, x.at, width, ranges[r][0], ranges[r][1], indices, room);
        holds(c, found == expected);
        for (int64_t i = 0, k = 0; i < width && k < room; i++)
          if (x.at[i] >= ranges[r][0] && x.at[i] < ranges[r][1]) same_bits(c, (uint32_t)indices[k++], (uint32_t)i);
        if (room == 0) break;
      }
    }
    forget(c);
  }
}

/// The error is how far the number asked for lies from the share of the index drawn.
static void draw(check *c, const void *with) {
  (void)with;
  for (int w = 0; w < WIDTHS; w++) {
    int64_t width = widths[w];
    matrix x = uniform(c, 1, width, 0);
    for (int64_t i = 0; i < width; i++) {
      x.at[i] = fabsf(x.at[i]) * (i % 7 ? 1e-3f : 1);
      if (i % 5 == 2 || (width > 3000 && (i < 1100 || i > width - 1500))) x.at[i] = 0;
    }
    for (int d = 0; d < 60; d++) {
      float least = d % 3 == 2 ? 0.4f : 1e-30f;
      double uniform = d < 3 ? 0 : d < 6 ? 1 - 0x1p-53 : (next_uniform(c) + 1) / 2, total = 0, before = 0;
      int64_t drawn = nk_draw_above(c->pool, x.at, width, least, uniform), first = -1;
      for (int64_t i = width - 1; i >= 0; i--)
        if (x.at[i] >= least) {
          total += x.at[i];
          first = i;
        }
      same_bits(c, (uint32_t)drawn, (uint32_t)drawn);
      if (first < 0 || uniform == 0) holds(c, drawn == first);
      if (first < 0) continue;
      holds(c, drawn >= 0 && drawn < width && x.at[drawn] >= least);
      for (int64_t i = 0; i < drawn; i++) before += x.at[i] >= least ? x.at[i] : 0;
      double place = uniform * total, after = before + x.at[drawn];
      near(c, place < before ? place - before : place > after ? place - after : 0, 0, total);
    }
    forget(c);
  }
}

const claim sampling_claims[] = {
    {"exponentials of a row and their sum", 3e-7, exponentials, NULL},
    {"sum and count above a threshold", 3e-7, sum_above, NULL},
    {"elements of a range", 0, select_between, NULL},
    {"an index drawn by weight", 3e-7, draw, NULL},
    {0},
};
