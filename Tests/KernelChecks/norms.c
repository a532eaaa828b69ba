// Norms of three kinds, forward and backward, and column sums.
#include "check.h"
#include <stdlib.h>

static const int64_t shapes[][2] = {{1, 1},   {1, 64},   {5, 7},    {3, 16}, {63, 33},
                                    {64, 15}, {65, 100}, {130, 40}, {4, 768}};
enum { SHAPES = sizeof shapes / sizeof *shapes };
static const float EPSILON = 1e-5f;

typedef struct {
  double mean, rstd;
} statistics;

static statistics statistics_of(nk_norm kind, const float *x, int64_t width) {
  double sum = 0, squares = 0;
  for (int64_t j = 0; j < width; j++) sum += x[j];
  double mean = kind == NK_RMS_NORM ? 0 : sum / (double)width;
  for (int64_t j = 0; j < width; j++) squares += (x[j] - mean) * (x[j] - mean);
  return (statistics){mean, 1 / sqrt(squares / (double)width + (double)EPSILON)};
}

/// Rows that are not centred, so that the mean matters.
static matrix rows_of(check *c, int64_t rows, int64_t width, int64_t padding) {
  matrix x = uniform(c, rows, width, padding);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < width; j++) x.at[i * x.stride + j] += 0.5f;
  return x;
}

static void forward(check *c, const void *with) {
  nk_norm kind = *(const nk_norm *)with;
  for (int s = 0; s < SHAPES; s++) {
    int64_t rows = shapes[s][0], width = shapes[s][1];
    matrix x = rows_of(c, rows, width, s % 2 * 3), y = empty(c, rows, width, s % 3), stats = empty(c, rows, 2, 0);
    float *gain = uniform_row(c, width), *bias = kind == NK_RMS_NORM || s % 3 == 2 ? NULL : uniform_row(c, width);
    nk_norm_forward(c->pool, kind, x.at, x.stride, gain, bias, EPSILON, y.at, y.stride, stats.at, rows, width);
    for (int64_t i = 0; i < rows; i++) {
      statistics of = statistics_of(kind, x.at + i * x.stride, width);
      near(c, stats.at[2 * i], of.mean, 1);
      // A row of one element has nothing but epsilon for a variance: any error of the mean would show whole.
      near(c, stats.at[2 * i + 1], of.rstd, of.rstd);
      for (int64_t j = 0; j < width; j++) {
        double normal = (x.at[i * x.stride + j] - of.mean) * of.rstd;
        double by = gain[j] + (kind == NK_LAYER_NORM_1P ? 1.0 : 0.0), plus = bias ? bias[j] : 0;
        near(c, y.at[i * y.stride + j], normal * by + plus, (of.rstd + fabs(normal)) * fabs(by) + fabs(plus));
      }
    }
    untouched(c, y);
    forget(c);
  }
}

/// dx = rstd·(g − mean(g) − x̂·mean(g·x̂)), g = dy·gain, by their definitions.
static void backward(check *c, const void *with) {
  nk_norm kind = *(const nk_norm *)with;
  for (int s = 0; s < SHAPES; s++) {
    int64_t rows = shapes[s][0], width = shapes[s][1];
    matrix x = rows_of(c, rows, width, s % 2), dy = uniform(c, rows, width, 2), dx = empty(c, rows, width, s % 3);
    matrix residual = uniform(c, rows, width, 1), stats = empty(c, rows, 2, 0);
    float *gain = uniform_row(c, width);
    matrix gain_before = uniform(c, 1, width, 0), bias_before = uniform(c, 1, width, 0);
    matrix d_gain = copy_of(c, gain_before), d_bias = copy_of(c, bias_before);
    bool adds = s % 2, biased = kind != NK_RMS_NORM && s % 3 != 2;
    double shift = kind == NK_LAYER_NORM_1P;
    double *to_gain = guarded(c, 32 * width), *to_bias = to_gain + width, *gain_unit = to_bias + width,
           *bias_unit = gain_unit + width;
    for (int64_t j = 0; j < width; j++) {
      gain_unit[j] = fabs(to_gain[j] = gain_before.at[j]);
      bias_unit[j] = fabs(to_bias[j] = bias_before.at[j]);
    }
    for (int64_t i = 0; i < rows; i++) {
      statistics of = statistics_of(kind, x.at + i * x.stride, width);
      stats.at[2 * i] = (float)of.mean;
      stats.at[2 * i + 1] = (float)of.rstd;
    }
    nk_norm_backward(c->pool, kind, dy.at, dy.stride, x.at, x.stride, gain, stats.at, adds ? residual.at : NULL,
                     residual.stride, dx.at, dx.stride, d_gain.at, biased ? d_bias.at : NULL, rows, width);
    for (int64_t i = 0; i < rows; i++) {
      double mean = stats.at[2 * i], rstd = stats.at[2 * i + 1], mean_g = 0, mean_gx = 0, largest = 0;
      for (int64_t j = 0; j < width; j++) {
        double normal = (x.at[i * x.stride + j] - mean) * rstd, d = dy.at[i * dy.stride + j];
        mean_g += d * (gain[j] + shift) / (double)width;
        mean_gx += d * (gain[j] + shift) * normal / (double)width;
        to_gain[j] += d * normal;
        gain_unit[j] += fabs(d) * (fabs(normal) + rstd);
        to_bias[j] += d;
        bias_unit[j] += fabs(d);
        largest = fmax(largest, fabs(normal));
      }
      for (int64_t j = 0; j < width; j++) {
        double normal = (x.at[i * x.stride + j] - mean) * rstd;
        double g = dy.at[i * dy.stride + j] * (gain[j] + shift);
        double more = adds ? residual.at[i * residual.stride + j] : 0;
        double exact = more + rstd * (g - (kind == NK_RMS_NORM ? 0 : mean_g) - normal * mean_gx);
        near(c, dx.at[i * dx.stride + j], exact, fabs(more) + rstd * (1 + shift) * (1 + largest * largest));
      }
    }
    for (int64_t j = 0; j < width; j++) {
      near(c, d_gain.at[j], to_gain[j], gain_unit[j]);
      if (biased) near(c, d_bias.at[j], to_bias[j], bias_unit[j]);
      else same(c, d_bias.at[j], bias_before.at[j]);
    }
    untouched(c, dx);
    forget(c);
  }
}

/// A row alone gives the bits it gives among others.
static void does_not_depend_on_neighbours(check *c, const void *with) {
  nk_norm kind = *(const nk_norm *)with;
  int64_t rows = 70, width = 45;
  matrix x = rows_of(c, rows, width, 1), dy = uniform(c, rows, width, 0), stats = empty(c, rows, 2, 0);
  matrix y = empty(c, rows, width, 0), dx = empty(c, rows, width, 0);
  float *gain = uniform_row(c, width), *bias = uniform_row(c, width);
  float *d_gain = uniform_row(c, width), *d_bias = uniform_row(c, width);
  matrix one_y = empty(c, 1, width, 0), one_dx = empty(c, 1, width, 0), one_stats = empty(c, 1, 2, 0);
  nk_norm_forward(c->pool, kind, x.at, x.stride, gain, bias, EPSILON, y.at, width, stats.at, rows, width);
  nk_norm_backward(c->pool, kind, dy.at, width, x.at, x.stride, gain, stats.at, NULL, 0, dx.at, width, d_gain,
                   d_bias, rows, width);
  for (int64_t i = 0; i < rows; i += 3) {
    const float *row = x.at + i * x.stride;
    nk_norm_forward(c->pool, kind, row, 99, gain, bias, EPSILON, one_y.at, 99, one_stats.at, 1, width);
    nk_norm_backward(c->pool, kind, dy.at + i * width, 99, row, 99, gain, one_stats.at, NULL, 0, one_dx.at, 99,
                     d_gain, d_bias, 1, width);
    same_all(c, one_y, part_of(y, i, 1, 0, width));
    same_all(c, one_dx, part_of(dx, i, 1, 0, width));
    same_all(c, one_stats, part_of(stats, i, 1, 0, 2));
  }
}

static void column_sums(check *c, const void *with) {
  (void)with;
  for (int s = 0; s < SHAPES; s++) {
    int64_t rows = shapes[s][0] * 3, width = shapes[s][1];
    matrix x = uniform(c, rows, width, s % 3), before = uniform(c, 1, width, 0), sums = copy_of(c, before);
    nk_add_column_sums(c->pool, x.at, x.stride, rows, width, sums.at);
    for (int64_t j = 0; j < width; j++) {
      double exact = before.at[j], unit = fabs(exact);
      for (int64_t i = 0; i < rows; i++) {
        exact += x.at[i * x.stride + j];
        unit += fabs((double)x.at[i * x.stride + j]);
      }
      near(c, sums.at[j], exact, unit);
    }
    float alone = before.at[width / 2];
    nk_add_column_sums(c->pool, x.at + width / 2, x.stride, rows, 1, &alone);
    holds(c, alone == sums.at[width / 2]);
    forget(c);
  }
}

static const nk_norm layer = NK_LAYER_NORM, layer_1p = NK_LAYER_NORM_1P, rms = NK_RMS_NORM;

const claim norm_claims[] = {
    {"LayerNorm forward", 3e-7, forward, &layer},
    {"LayerNorm1P forward", 3e-7, forward, &layer_1p},
    {"RMSNorm forward", 3e-7, forward, &rms},
    {"LayerNorm backward", 3e-7, backward, &layer},
    {"LayerNorm1P backward", 3e-7, backward, &layer_1p},
    {"RMSNorm backward", 3e-7, backward, &rms},
    {"LayerNorm does not depend on its neighbours", 0, does_not_depend_on_neighbours, &layer},
    {"LayerNorm1P does not depend on its neighbours", 0, does_not_depend_on_neighbours, &layer_1p},
    {"RMSNorm does not depend on its neighbours", 0, does_not_depend_on_neighbours, &rms},
    {"column sums", 2e-7, column_sums, NULL},
    {0},
};
