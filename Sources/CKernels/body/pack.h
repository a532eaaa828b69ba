// Operands of the products, copied into panels: k after k, each with `width` floats side by side. A width is
// below eight or a multiple of eight.

static inline int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t blocks(int64_t count, int64_t size) { return (count + size - 1) / size; }

/// panel[k, width] = x[0:rows, 0:kc]ᵀ scaled, with zeros for the rows that are missing.
static void pack_transposed(const float *x, int64_t ldx, int64_t rows, int64_t kc, int64_t width, float *panel,
                            float scale) {
  int64_t whole = kc / 8 * 8;
  for (int64_t r = 0; r < width; r += 8) {
    int64_t here = at_most(8, width - r), given = rows - r < 0 ? 0 : at_most(here, rows - r);
    const float *from = x + r * ldx;
    float *to = panel + r;
    // A panel of fewer than eight rows is written eight wide, from the first k on: what is too much is
    // overwritten by the next k, and the last k does without.
    for (int64_t k = 0; k < whole; k += 8)
      if (given == 8) transpose_8(from + k, ldx, 8, to + k * width, width, 8);
      else transpose_8(from + k, ldx, given, to + k * width, width, k + 8 < kc ? 8 : here);
    for (int64_t k = whole; k < kc; k++)
      for (int64_t i = 0; i < here; i++) to[k * width + i] = i < given ? from[i * ldx + k] : 0;
  }
  if (scale != 1)
    for (int64_t i = 0; i < kc * width; i++) panel[i] *= scale;
}

/// panel[k, width] = x[0:kc, 0:columns], with zeros for the columns that are missing.
static inline __attribute__((always_inline)) void pack_straight(const float *x, int64_t ldx, int64_t columns,
                                                                int64_t kc, int64_t width, float *panel) {
  if (columns == width) {
    for (int64_t k = 0; k < kc; k++) memcpy(panel + k * width, x + k * ldx, (size_t)width * sizeof(float));
    return;
  }
  for (int64_t k = 0; k < kc; k++) {
    memcpy(panel + k * width, x + k * ldx, (size_t)columns * sizeof(float));
    memset(panel + k * width + columns, 0, (size_t)(width - columns) * sizeof(float));
  }
}

/// Panels of `width`, a constant where this is inlined so that copies are moves, from x[0:kc, 0:columns].
/// Whole panels are filled together, row by row of x: neighbours share its cache lines and pages.
static inline __attribute__((always_inline)) void pack_straight_panels(const float *x, int64_t ldx,
                                                                       int64_t columns, int64_t kc,
                                                                       int64_t width, float *panels) {
  int64_t whole = columns / width, size = width * kc;
  for (int64_t k = 0; k < kc; k++)
    for (int64_t p = 0; p < whole; p++)
      memcpy(panels + p * size + k * width, x + k * ldx + p * width, (size_t)width * sizeof(float));
  if (whole * width < columns)
    pack_straight(x + whole * width, ldx, columns - whole * width, kc, width, panels + whole * size);
}

/// Panels of `width` from the rows of x, as an operand whose k is x's columns.
static void pack_rows(const float *x, int64_t ldx, int64_t rows, int64_t k, int64_t width, float *panels,
                      float scale) {
  for (int64_t r = 0; r < rows; r += width)
    pack_transposed(x + r * ldx, ldx, at_most(width, rows - r), k, width, panels + r * k, scale);
}
