// Rotary positions. The unit of an error is the length of the pair that is turned.
#include "check.h"

static void rotary(check *c, const void *with) {
  (void)with;
  static const int64_t widths[][2] = {{8, 8}, {40, 10}, {64, 64}, {64, 2}, {128, 96}};
  for (int s = 0; s < 5; s++)
    for (int64_t rows = 1; rows <= 37; rows += 18)
      for (int inverse = 0; inverse < 2; inverse++) {
        int64_t heads = s % 3 + 1, width = widths[s][0], turned = widths[s][1], half = turned / 2, table = 50;
        matrix x = uniform(c, rows, heads * width, s % 2 * 5), y = copy_of(c, x);
        matrix cosines = empty(c, table, half, 0), sines = empty(c, table, half, 0);
        int32_t *positions = guarded(c, rows * 4);
        for (int64_t i = 0; i < rows; i++) positions[i] = (int32_t)(next_bits(c) % (uint32_t)table);
        for (int64_t i = 0; i < table; i++)
          for (int64_t j = 0; j < half; j++) {
            double angle = (double)i * pow(10000, -2 * (double)j / (double)turned);
            cosines.at[i * half + j] = (float)cos(angle);
            sines.at[i * half + j] = (float)sin(angle);
          }
        nk_rotary(c->pool, y.at, y.stride, rows, heads, width, turned, cosines.at, sines.at, positions, inverse);
        for (int64_t i = 0; i < rows; i++)
          for (int64_t j = 0; j < heads * width; j++) {
            float got = y.at[i * y.stride + j], before = x.at[i * x.stride + j];
            int64_t at = j % width;
            if (at >= turned) {
              same(c, got, before);
              continue;
            }
            double other = x.at[i * x.stride + j + (at < half ? half : -half)];
            double cosine = cosines.at[positions[i] * half + at % half];
            double sine = sines.at[positions[i] * half + at % half] * (inverse ? -1.0 : 1.0);
            near(c, got, before * cosine + (at < half ? -other : other) * sine, hypot(before, other) + 0x1p-126);
          }
        untouched(c, y);
        // A row alone.
        matrix row = copy_of(c, part_of(x, rows - 1, 1, 0, x.columns));
        nk_rotary(c->pool, row.at, row.stride, 1, heads, width, turned, cosines.at, sines.at,
                  positions + rows - 1, inverse);
        for (int64_t j = 0; j < x.columns; j++) holds(c, row.at[j] == y.at[(rows - 1) * y.stride + j]);
        forget(c);
      }
}

const claim rotary_claims[] = {
    {"rotary positions, forth and back", 1.5e-7, rotary, NULL},
    {0},
};
