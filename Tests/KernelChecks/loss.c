// Cross-entropy and embeddings.
#include "check.h"

static const int64_t shapes[][2] = {{1, 1}, {3, 5}, {4, 16}, {5, 31}, {9, 33}, {2, 64}, {7, 97}, {3, 5003}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static matrix logits_of(check *c, int64_t rows, int64_t vocabulary, int64_t padding) {
  matrix z = uniform(c, rows, vocabulary, padding);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < vocabulary; j++) z.at[i * z.stride + j] *= i % 3 == 1 ? 60 : 6;
  return z;
}

static int32_t *targets_of(check *c, int64_t rows, int64_t vocabulary) {
  int32_t *targets = guarded(c, rows * 4);
  for (int64_t i = 0; i < rows; i++)
    targets[i] = i % 4 == 2 ? -1 - (int32_t)i : (int32_t)(next_bits(c) % (uint64_t)vocabulary);
  return targets;
}

static void cross_entropy(check *c, const void *with) {
  (void)with;
  const float weight = 0.125f;
  for (int s = 0; s < SHAPES; s++) {
    int64_t rows = shapes[s][0], vocabulary = shapes[s][1];
    matrix z = logits_of(c, rows, vocabulary, s % 3), gradient = copy_of(c, z), kept = copy_of(c, z);
    int32_t *targets = targets_of(c, rows, vocabulary);
    matrix losses = empty(c, 1, rows, 0), again = empty(c, 1, rows, 0);
    nk_cross_entropy(c->pool, gradient.at, z.stride, targets, losses.at, rows, vocabulary, true, weight);
    nk_cross_entropy(c->pool, kept.at, z.stride, targets, again.at, rows, vocabulary, false, weight);
    for (int64_t i = 0; i < rows; i++) {
      const float *row = z.at + i * z.stride;
      double most = -INFINITY, sum = 0;
      for (int64_t j = 0; j < vocabulary; j++) most = fmax(most, row[j]);
      for (int64_t j = 0; j < vocabulary; j++) sum += exp(row[j] - most);
      double exact = targets[i] < 0 ? 0 : most + log(sum) - row[targets[i]];
      double unit = 1 + fabs(most) + (targets[i] < 0 ? 0 : fabs((double)row[targets[i]]));
      near(c, losses.at[i], exact, unit);
      near(c, again.at[i], exact, unit);
      for (int64_t j = 0; j < vocabulary; j++) {
        double p = exp(row[j] - most) / sum - (j == targets[i] ? 1 : 0);
        near(c, gradient.at[i * z.stride + j], targets[i] < 0 ? 0 : (double)weight * p, (double)weight);
        holds(c, kept.at[i * z.stride + j] == row[j]);
      }
    }
    untouched(c, gradient);
    forget(c);
  }
}

static void cross_entropy_does_not_depend_on_neighbours(check *c, const void *with) {
  (void)with;
  int64_t rows = 11, vocabulary = 83;
  matrix z = logits_of(c, rows, vocabulary, 1), whole = copy_of(c, z), alone = copy_of(c, z);
  int32_t *targets = targets_of(c, rows, vocabulary);
  matrix losses = empty(c, 1, rows, 0), loss = empty(c, 1, 1, 0);
  nk_cross_entropy(c->pool, whole.at, z.stride, targets, losses.at, rows, vocabulary, true, 0.3f);
  for (int64_t i = 0; i < rows; i++) {
    nk_cross_entropy(c->pool, alone.at + i * z.stride, 999, targets + i, loss.at, 1, vocabulary, true, 0.3f);
    same(c, loss.at[0], losses.at[i]);
  }
  same_all(c, alone, whole);
}

static void embedding_forward(check *c, const void *with) {
  (void)with;
  for (int64_t width = 1; width <= 200; width = width * 3 + 1)
    for (int64_t rows = 1; rows <= 40; rows += 13) {
      matrix table = uniform(c, 9, width, 0), places = uniform(c, 5, width, 0), y = empty(c, rows, width, 0);
      matrix plain = empty(c, rows, width, 0), kinds = uniform(c, 2, width, 0), sum = empty(c, rows, width, 0);
      int32_t *ids = guarded(c, rows * 4), *positions = guarded(c, rows * 4), *segments = guarded(c, rows * 4);
      for (int64_t i = 0; i < rows; i++) {
        ids[i] = (int32_t)(next_bits(c) % 9);
        positions[i] = (int32_t)(i % 5);
        segments[i] = (int32_t)(i / 3 % 2);
      }
      // Not multiples of one small number, so that the order of additions shows.
      for (int64_t j = 0; j < 5 * width; j++) places.at[j] *= 0.3f;
      const nk_table_part all = {0, 9};
      const nk_added_rows none = {0}, by_place = {places.at, positions}, by_kind = {kinds.at, segments};
      nk_embedding_forward(c->pool, table.at, all, ids, none, none, plain.at, rows, width);
      nk_embedding_forward(c->pool, table.at, all, ids, by_place, none, y.at, rows, width);
      nk_embedding_forward(c->pool, table.at, all, ids, by_place, by_kind, sum.at, rows, width);
      for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++) {
          float token = table.at[ids[i] * width + j];
          same(c, plain.at[i * width + j], token);
          float place = places.at[positions[i] * width + j], kind = kinds.at[segments[i] * width + j];
          same(c, y.at[i * width + j], token + place);
          same(c, sum.at[i * width + j], token + (place + kind));
        }
      forget(c);
    }
}

/// Few ids and many rows, so that all add to the same rows: in the order of the rows, to the bit.
static void embedding_backward(check *c, const void *with) {
  (void)with;
  for (int64_t width = 1; width <= 200; width = width * 3 + 1) {
    int64_t rows = 61;
    matrix expected = uniform(c, 9, width, 0), got = copy_of(c, expected), dy = uniform(c, rows, width, 0);
    int32_t *ids = guarded(c, rows * 4);
    for (int64_t i = 0; i < rows; i++) ids[i] = (int32_t)(next_bits(c) % 4);
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < width; j++) expected.at[ids[i] * width + j] += dy.at[i * width + j];
    nk_embedding_backward(c->pool, got.at, (nk_table_part){0, 9}, ids, dy.at, rows, width);
    same_all(c, got, expected);
    forget(c);
  }
}

/// Rows in which the largest stands once or often, first or last, among infinities and NaN, or nowhere.
static void largest_of_rows(check *c, const void *with) {
  (void)with;
  static const int64_t widths[] = {0, 1, 2, 7, 16, 31, 33, 100, 5003};
  const int64_t rows = 23, first = 1000;
  for (int w = 0; w < (int)(sizeof widths / sizeof *widths); w++) {
    int64_t width = widths[w];
    matrix x = uniform(c, rows, width, 3), values = empty(c, 1, rows, 0);
    int32_t *columns = guarded(c, rows * 4);
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < width; j++) {
        float *at = x.at + i * x.stride + j;
        if (i % 3 == 1) *at = rintf(*at * 2);
        if (i % 5 == 2 && next_bits(c) % 3 == 0) *at = NAN;
        if (i % 7 == 3 || (i % 5 == 4 && j % 2)) *at = -INFINITY;
        if (i == 11) *at = NAN;
        if (i == 12 && j >= width / 2) *at = INFINITY;
      }
    nk_largest(c->pool, x.at, x.stride, first, values.at, columns, rows, width);
    for (int64_t i = 0; i < rows; i++) {
      const float *row = x.at + i * x.stride;
      int64_t best = -1;
      for (int64_t j = 0; j < width; j++)
        if (row[j] == row[j] && (best < 0 || row[j] > row[best])) best = j;
      same(c, values.at[i], best < 0 ? -INFINITY : row[best]);
      same_bits(c, (uint32_t)columns[i], (uint32_t)(best < 0 ? -1 : first + best));
    }
    forget(c);
  }
}

const claim loss_claims[] = {
    {"cross-entropy and its gradient", 3e-7, cross_entropy, NULL},
    {"cross-entropy does not depend on its neighbours", 0, cross_entropy_does_not_depend_on_neighbours, NULL},
    {"largest of each row", 0, largest_of_rows, NULL},
    {"embedding forward", 0, embedding_forward, NULL},
    {"embedding backward", 0, embedding_backward, NULL},
    {0},
};
