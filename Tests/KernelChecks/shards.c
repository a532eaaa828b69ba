// What a rank computes of its share of a tensor is what one rank computes of the whole, to the bit where
// nothing is summed across shares.
#include "check.h"

/// Every shard of a tensor draws the whole's mask, wherever it begins.
static void dropout(check *c, const void *with) {
  (void)with;
  const int64_t count = 9001;
  matrix x = uniform(c, 1, count, 0), residual = uniform(c, 1, count, 0), whole = empty(c, 1, count, 0);
  nk_dropout(c->pool, whole.at, x.at, residual.at, count, 0.3f, 99, 0);
  for (int64_t first = 0, part = 1; first < count; first += part, part = part * 5 % 4999 + 1) {
    if (part > count - first) part = count - first;
    matrix y = empty(c, 1, part, 0);
    nk_dropout(c->pool, y.at, x.at + first, residual.at + first, part, 0.3f, 99, (uint64_t)first);
    same_all(c, y, part_of(whole, 0, 1, first, part));
  }
  // Beyond 2³², as in a large batch: element 2³⁴ + 5 of the whole is element 3 of one that begins 3 before.
  matrix a = empty(c, 1, 100, 0), b = empty(c, 1, 97, 0);
  const uint64_t far = ((uint64_t)1 << 34) + 2;
  nk_dropout(c->pool, a.at, x.at, NULL, 100, 0.5f, 99, far);
  nk_dropout(c->pool, b.at, x.at + 3, NULL, 97, 0.5f, 99, far + 3);
  same_all(c, b, part_of(a, 0, 1, 3, 97));
  bool differs = false;
  for (int64_t i = 0; i < 97; i++) differs |= (a.at[i] == 0) != (whole.at[i] == residual.at[i]);
  holds(c, differs);
}

typedef struct {
  matrix output, dq, dk, dv;
} gradients;

static gradients unwritten(check *c, int64_t rows, int64_t width, int64_t kv_width) {
  return (gradients){empty(c, rows, width, 1), empty(c, rows, width, 1), empty(c, rows, kv_width, 1),
                     empty(c, rows, kv_width, 1)};
}

static void attend(check *c, nk_attention_args args, const gradients *g) {
  args.output = g->output.at, args.ldo = g->output.stride;
  args.dq = g->dq.at, args.lddq = g->dq.stride;
  args.dk = g->dk.at, args.lddk = g->dk.stride;
  args.dv = g->dv.at, args.lddv = g->dv.stride;
  args.log_sum = guarded(c, args.batch * args.heads * args.length * 4);
  nk_attention_forward(c->pool, &args);
  nk_attention_backward(c->pool, &args);
}

/// Heads shared out unevenly, with dropout: outputs and gradients are the columns of the whole's.
static void attention_heads(check *c, const void *with) {
  (void)with;
  enum { BATCH = 2, LENGTH = 101, GROUPS = 5, PER = 2, WIDTH = 24 };
  const int64_t rows = BATCH * LENGTH, heads = GROUPS * PER;
  matrix q = uniform(c, rows, heads * WIDTH, 1), d_output = uniform(c, rows, heads * WIDTH, 2);
  matrix k = uniform(c, rows, GROUPS * WIDTH, 0), v = uniform(c, rows, GROUPS * WIDTH, 3);
  nk_attention_args args = {.batch = BATCH, .length = LENGTH, .key_length = LENGTH, .heads = heads,
                            .kv_heads = GROUPS, .head_width = WIDTH, .scale = 0.2f, .causal = true,
                            .q = q.at, .ldq = q.stride, .k = k.at, .ldk = k.stride, .v = v.at, .ldv = v.stride,
                            .d_output = d_output.at, .ldd = d_output.stride, .dropout = 0.4f, .dropout_key = 7};
  gradients whole = unwritten(c, rows, heads * WIDTH, GROUPS * WIDTH);
  attend(c, args, &whole);
  args.total_heads = heads;
  static const int64_t bounds[] = {0, 2, 3, 5};  // of the groups
  for (int rank = 0; rank < 3; rank++) {
    int64_t group = bounds[rank], groups = bounds[rank + 1] - group;
    args.kv_heads = groups;
    args.heads = groups * PER;
    args.first_head = group * PER;
    args.q = q.at + group * PER * WIDTH;
    args.d_output = d_output.at + group * PER * WIDTH;
    args.k = k.at + group * WIDTH;
    args.v = v.at + group * WIDTH;
    gradients part = unwritten(c, rows, args.heads * WIDTH, groups * WIDTH);
    attend(c, args, &part);
    int64_t at = group * PER * WIDTH, width = groups * PER * WIDTH;
    same_all(c, part.output, part_of(whole.output, 0, rows, at, width));
    same_all(c, part.dq, part_of(whole.dq, 0, rows, at, width));
    same_all(c, part.dk, part_of(whole.dk, 0, rows, group * WIDTH, groups * WIDTH));
    same_all(c, part.dv, part_of(whole.dv, 0, rows, group * WIDTH, groups * WIDTH));
  }
}

/// Uneven parts of a table, one of them empty: the parts' results add up to the whole's, and each part's
/// gradient is its rows of the whole's.
static void embedding(check *c, const void *with) {
  (void)with;
  static const int64_t bounds[] = {0, 3, 3, 9, 17};
  const int64_t rows = 53;
  const nk_table_part all = {0, 17};
  for (int64_t width = 1; width <= 200; width = width * 3 + 1) {
    matrix table = uniform(c, 17, width, 0), places = uniform(c, 5, width, 0), dy = uniform(c, rows, width, 0);
    matrix whole = empty(c, rows, width, 0), gradient = uniform(c, 17, width, 0), kept = copy_of(c, gradient);
    int32_t *ids = guarded(c, rows * 4), *positions = guarded(c, rows * 4), *kinds = guarded(c, rows * 4);
    for (int64_t i = 0; i < rows; i++) {
      ids[i] = (int32_t)(next_bits(c) % 17);
      positions[i] = (int32_t)(i % 5);
      kinds[i] = (int32_t)(i / 7 % 2);
    }
    for (int64_t j = 0; j < 5 * width; j++) places.at[j] *= 0.3f;
    const nk_added_rows none = {0}, by_place = {places.at, positions}, by_kind = {places.at, kinds};
    nk_embedding_forward(c->pool, table.at, all, ids, by_place, by_kind, whole.at, rows, width);
    nk_embedding_backward(c->pool, gradient.at, all, ids, dy.at, rows, width);
    for (int rank = 0; rank < 4; rank++) {
      nk_table_part part = {bounds[rank], bounds[rank + 1] - bounds[rank]};
      matrix rows_of = copy_of(c, part_of(table, part.first_row, part.table_rows, 0, width));
      matrix d_rows = copy_of(c, part_of(kept, part.first_row, part.table_rows, 0, width));
      matrix plain = empty(c, rows, width, 0), placed = empty(c, rows, width, 0);
      nk_embedding_forward(c->pool, rows_of.at, part, ids, none, none, plain.at, rows, width);
      nk_embedding_forward(c->pool, rows_of.at, part, ids, by_place, by_kind, placed.at, rows, width);
      nk_embedding_backward(c->pool, d_rows.at, part, ids, dy.at, rows, width);
      for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++) {
          bool inside = ids[i] >= part.first_row && ids[i] < part.first_row + part.table_rows;
          same(c, plain.at[i * width + j], inside ? table.at[ids[i] * width + j] : 0);
          float added = places.at[positions[i] * width + j] + places.at[kinds[i] * width + j];
          same(c, placed.at[i * width + j], inside ? whole.at[i * width + j] : added);
          // A rank without the id and one with nothing but the id make the whole's bits.
          if (!inside) same(c, table.at[ids[i] * width + j] + placed.at[i * width + j], whole.at[i * width + j]);
        }
      same_all(c, d_rows, part_of(gradient, part.first_row, part.table_rows, 0, width));
    }
    forget(c);
  }
}

/// Blocks of a matrix draw what the whole matrix draws there.
static void random_block(check *c, const void *with) {
  (void)with;
  const int64_t rows = 301, columns = 157;
  const uint64_t first = 11;
  static const int64_t row_bounds[] = {0, 1, 150, 301}, column_bounds[] = {0, 64, 65, 157};
  matrix whole = empty(c, rows, columns, 0);
  nk_random_normal(c->pool, whole.at, 1, rows * columns, 5, first, 0, 0.02f);
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) {
      int64_t row = row_bounds[i], column = column_bounds[j];
      matrix block = empty(c, row_bounds[i + 1] - row, column_bounds[j + 1] - column, 0);
      nk_random_normal(c->pool, block.at, block.rows, block.columns, 5,
                       first + (uint64_t)(row * columns + column), (uint64_t)columns, 0.02f);
      same_all(c, block, part_of(whole, row, block.rows, column, block.columns));
    }
}

typedef struct {
  int64_t rows, vocabulary;
  matrix logits;
  int32_t *targets;
} losses_case;

static losses_case losses_of(check *c, int64_t rows, int64_t vocabulary) {
  losses_case l = {rows, vocabulary, uniform(c, rows, vocabulary, 1), guarded(c, rows * 4)};
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = 0; j < vocabulary; j++) l.logits.at[i * l.logits.stride + j] *= i % 3 == 1 ? 60 : 6;
    l.targets[i] = i % 4 == 2 ? -1 - (int32_t)i : (int32_t)(next_bits(c) % (uint64_t)vocabulary);
  }
  return l;
}

/// The vocabulary from bounds[rank] to bounds[rank + 1] on each rank; the logits in `gradient` become it.
static void share_out(check *c, const losses_case *l, const int64_t *bounds, int64_t ranks, float weight,
                      matrix losses, matrix gradient) {
  matrix all = empty(c, ranks * l->rows, 3, 0), totals = empty(c, l->rows, 2, 0);
  for (int64_t rank = 0; rank < ranks; rank++)
    nk_cross_entropy_statistics(c->pool, gradient.at + bounds[rank], gradient.stride, l->targets, bounds[rank],
                                all.at + rank * l->rows * 3, l->rows, bounds[rank + 1] - bounds[rank]);
  nk_cross_entropy_combine(c->pool, all.at, l->targets, totals.at, losses.at, ranks, l->rows);
  for (int64_t rank = 0; rank < ranks; rank++)
    nk_cross_entropy_gradient(c->pool, gradient.at + bounds[rank], gradient.stride, l->targets, bounds[rank],
                              all.at + rank * l->rows * 3, totals.at, l->rows,
                              bounds[rank + 1] - bounds[rank], weight);
}

/// Uneven and empty shares against double precision; one share against the serial kernel, to the bit.
static void cross_entropy(check *c, const void *with) {
  (void)with;
  static const int64_t shapes[][2] = {{1, 1}, {3, 5}, {9, 33}, {7, 97}, {130, 64}, {3, 5003}};
  const float weight = 0.125f;
  for (int s = 0; s < 6; s++) {
    int64_t rows = shapes[s][0], vocabulary = shapes[s][1];
    losses_case l = losses_of(c, rows, vocabulary);
    matrix serial = copy_of(c, l.logits), gradient = copy_of(c, l.logits), alone = copy_of(c, l.logits);
    matrix expected = empty(c, 1, rows, 0), losses = empty(c, 1, rows, 0);
    nk_cross_entropy(c->pool, serial.at, serial.stride, l.targets, expected.at, rows, vocabulary, true, weight);
    share_out(c, &l, (int64_t[]){0, vocabulary}, 1, weight, losses, alone);
    for (int64_t i = 0; i < rows; i++) holds(c, losses.at[i] == expected.at[i]);
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < vocabulary; j++)
        holds(c, alone.at[i * alone.stride + j] == serial.at[i * serial.stride + j]);
    const int64_t bounds[] = {0, vocabulary / 7, vocabulary / 7, vocabulary / 2, vocabulary, vocabulary};
    share_out(c, &l, bounds, 5, weight, losses, gradient);
    for (int64_t i = 0; i < rows; i++) {
      const float *row = l.logits.at + i * l.logits.stride;
      int32_t target = l.targets[i];
      double most = -INFINITY, sum = 0;
      for (int64_t j = 0; j < vocabulary; j++) most = fmax(most, row[j]);
      for (int64_t j = 0; j < vocabulary; j++) sum += exp(row[j] - most);
      near(c, losses.at[i], target < 0 ? 0 : most + log(sum) - row[target],
           1 + fabs(most) + (target < 0 ? 0 : fabs((double)row[target])));
      for (int64_t j = 0; j < vocabulary; j++)
        near(c, gradient.at[i * gradient.stride + j],
             target < 0 ? 0 : (double)weight * (exp(row[j] - most) / sum - (j == target ? 1 : 0)), (double)weight);
    }
    untouched(c, gradient);
    forget(c);
  }
}

/// Logits of −∞, as a padded vocabulary has, count nothing, even where they are all that a rank has; a NaN
/// reaches every rank.
static void cross_entropy_limits(check *c, const void *with) {
  (void)with;
  const int64_t rows = 5, vocabulary = 43, bounds[] = {0, 20, 33, 43};
  losses_case l = losses_of(c, rows, vocabulary);
  for (int64_t i = 0; i < rows; i++) {
    l.targets[i] = (int32_t)i;
    for (int64_t j = 33; j < vocabulary; j++) l.logits.at[i * l.logits.stride + j] = -INFINITY;
  }
  l.logits.at[4 * l.logits.stride + 25] = NAN;
  matrix serial = copy_of(c, l.logits), gradient = copy_of(c, l.logits);
  matrix expected = empty(c, 1, rows, 0), losses = empty(c, 1, rows, 0);
  nk_cross_entropy(c->pool, serial.at, serial.stride, l.targets, expected.at, rows, vocabulary, true, 1);
  share_out(c, &l, bounds, 3, 1, losses, gradient);
  for (int64_t i = 0; i < rows; i++) {
    if (i < 4) near(c, losses.at[i], expected.at[i], 1 + fabs((double)expected.at[i]));
    else holds(c, losses.at[i] != losses.at[i] && expected.at[i] != expected.at[i]);
    for (int64_t j = 0; j < vocabulary; j++) {
      float got = gradient.at[i * gradient.stride + j], exact = serial.at[i * serial.stride + j];
      if (i < 4) near(c, got, exact, 1);
      else holds(c, got != got && exact != exact);
    }
  }
}

static float widened(uint16_t x) {
  uint32_t bits = (uint32_t)x << 16;
  float y;
  memcpy(&y, &bits, 4);
  return y;
}

/// In rank order and in f32, to the bit, into every output and nowhere else; f32 in place of the inputs too.
static void reduction(check *c, const void *with) {
  nk_reduction kind = *(const nk_reduction *)with;
  static const int64_t counts[] = {0, 1, 7, 16, 63, 64, 65, 5000, 9001};
  enum { MOST = 8, FIRST = 5, AFTER = 3 };
  for (int ranks = 1; ranks <= MOST; ranks++)
    for (int n = 0; n < 9; n++) {
      int64_t count = counts[n], length = FIRST + count + AFTER;
      matrix x[MOST], wide = empty(c, 1, length, 0), narrow = copy_of(c, wide), twice = copy_of(c, wide);
      uint16_t *halves[MOST];
      const void *inputs[MOST], *halved[MOST];
      float *outputs[MOST], *both[] = {narrow.at, twice.at}, *one[] = {wide.at};
      for (int r = 0; r < ranks; r++) {
        x[r] = uniform(c, 1, length, 0);
        halves[r] = guarded(c, length * 2);
        for (int64_t i = 0; i < length; i++) halves[r][i] = (uint16_t)(next_bits(c) % 0x7F80);
        if (count > 6) x[r].at[FIRST + 6] = r == ranks / 2 ? NAN : 1;
        inputs[r] = outputs[r] = x[r].at;
        halved[r] = halves[r];
      }
      matrix sum = empty(c, 1, length, 0), halved_sum = copy_of(c, sum);
      for (int64_t i = FIRST; i < FIRST + count; i++) {
        float a = x[0].at[i], b = widened(halves[0][i]);
        for (int r = 1; r < ranks; r++) {
          float p = x[r].at[i], q = widened(halves[r][i]);
          a = kind == NK_SUM ? a + p : a != a || a > p ? a : p;
          b = kind == NK_SUM ? b + q : b > q ? b : q;
        }
        sum.at[i] = a;
        halved_sum.at[i] = b;
      }
      nk_reduce(c->pool, kind, NK_BF16, halved, ranks, both, 2, FIRST, count);
      same_all(c, narrow, halved_sum);
      same_all(c, twice, halved_sum);
      nk_reduce(c->pool, kind, NK_F32, inputs, ranks, one, 1, FIRST, count);
      matrix before = copy_of(c, x[ranks - 1]);
      nk_reduce(c->pool, kind, NK_F32, inputs, ranks, outputs, ranks, FIRST, count);
      for (int64_t i = 0; i < length; i++) {
        bool inside = i >= FIRST && i < FIRST + count;
        if (sum.at[i] != sum.at[i] && inside) holds(c, wide.at[i] != wide.at[i] && x[0].at[i] != x[0].at[i]);
        else same(c, wide.at[i], sum.at[i]);
        for (int r = 0; r < ranks && inside && sum.at[i] == sum.at[i]; r++) same(c, x[r].at[i], sum.at[i]);
        if (!inside) same(c, x[ranks - 1].at[i], before.at[i]);
      }
      forget(c);
    }
}

const claim shard_claims[] = {
    {"dropout of a shard draws the whole's mask", 0, dropout, NULL},
    {"attention of some heads draws the masks of these heads", 0, attention_heads, NULL},
    {"embedding over parts of a table", 0, embedding, NULL},
    {"random normal numbers of a block", 0, random_block, NULL},
    {"cross-entropy over parts of the vocabulary", 4e-7, cross_entropy, NULL},
    {"cross-entropy over parts of the vocabulary: infinity and NaN", 4e-7, cross_entropy_limits, NULL},
    {"sum over ranks", 0, reduction, &(const nk_reduction){NK_SUM}},
    {"maximum over ranks", 0, reduction, &(const nk_reduction){NK_MAX}},
    {0},
};
