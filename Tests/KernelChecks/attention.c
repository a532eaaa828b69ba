// Attention. Inputs are uniform in [−1, 1). A score is a sum of terms of size scale·width/4 in all; the unit of
// an error of the output and of log_sum is 1 more than that, that of a gradient its largest element.
#include "check.h"

typedef struct {
  int64_t batch, length, key_length, heads, kv_heads, head_width;
  bool causal;
  float scale;
} shape;

typedef struct {
  nk_attention_args args;
  matrix q, k, v, output, log_sum, d_output, dq, dk, dv;
} attention;

// Lengths beside the tiles of 96; widths of whole and of broken panels; queries that share keys.
static const shape shapes[] = {
    {1, 1, 1, 1, 1, 8, true, 0.5f},      {2, 5, 5, 2, 1, 40, true, 0.2f},    {1, 95, 95, 1, 1, 8, true, 1},
    {2, 96, 96, 2, 2, 64, true, 0.125f}, {1, 97, 97, 3, 1, 40, true, 0.16f}, {1, 193, 193, 2, 1, 64, true, 0.125f},
    {1, 31, 31, 1, 1, 128, true, 0.09f}, {1, 130, 130, 1, 1, 16, true, 6},   {1, 7, 7, 4, 4, 5, true, 0.4f},
    {1, 100, 100, 2, 1, 128, false, 1},  {2, 33, 33, 2, 2, 8, false, 0.35f}, {1, 192, 192, 1, 1, 40, false, 0.16f},
};
// More keys than queries: the queries are the last, as when text is generated.
static const shape continued[] = {
    {1, 1, 2, 1, 1, 8, true, 0.35f},     {2, 1, 97, 2, 1, 64, true, 0.125f}, {1, 3, 200, 2, 2, 40, true, 0.16f},
    {2, 40, 130, 4, 2, 16, true, 0.25f}, {1, 96, 192, 1, 1, 8, true, 0.35f}, {1, 2, 193, 1, 1, 128, false, 0.09f},
};
// Sequences that end early, beside the tiles of 64 and 96 and those of 6 and 8, in them.
static const struct {
  shape s;
  int32_t visible[3];
} padded[] = {
    {{3, 97, 97, 2, 1, 40, false, 0.16f}, {2, 96, 97}},    {{3, 130, 130, 4, 2, 16, false, 0.25f}, {63, 64, 65}},
    {{2, 193, 193, 1, 1, 64, false, 0.125f}, {95, 192}},   {{3, 100, 100, 2, 2, 8, false, 0.35f}, {13, 2, 99}},
    {{1, 7, 7, 3, 1, 5, false, 0.4f}, {5}},                {{3, 1, 97, 2, 1, 64, false, 0.125f}, {1, 65, 97}},
    {{2, 3, 200, 2, 2, 40, false, 0.16f}, {96, 199}},      {{2, 97, 97, 1, 1, 8, false, 0.35f}, {1, 1}},
};
enum {
  SHAPES = sizeof shapes / sizeof *shapes,
  CONTINUED = sizeof continued / sizeof *continued,
  PADDED = sizeof padded / sizeof *padded,
};

static attention attention_of(check *c, const shape *s, int64_t padding) {
  int64_t rows = s->batch * s->length, keys = s->batch * s->key_length, width = s->heads * s->head_width,
          kv_width = s->kv_heads * s->head_width;
  attention a = {
      .q = uniform(c, rows, width, padding), .k = uniform(c, keys, kv_width, padding * 2),
      .v = uniform(c, keys, kv_width, padding), .output = empty(c, rows, width, padding * 3),
      .log_sum = empty(c, s->batch * s->heads, s->length, 0), .d_output = uniform(c, rows, width, padding),
      .dq = empty(c, rows, width, padding), .dk = empty(c, keys, kv_width, padding),
      .dv = empty(c, keys, kv_width, padding * 2),
  };
  a.args = (nk_attention_args){
      .batch = s->batch, .length = s->length, .key_length = s->key_length, .heads = s->heads,
      .kv_heads = s->kv_heads, .head_width = s->head_width, .scale = s->scale, .causal = s->causal,
      .q = a.q.at, .ldq = a.q.stride, .k = a.k.at, .ldk = a.k.stride, .v = a.v.at, .ldv = a.v.stride,
      .output = a.output.at, .ldo = a.output.stride, .log_sum = a.log_sum.at,
      .d_output = a.d_output.at, .ldd = a.d_output.stride, .dq = a.dq.at, .lddq = a.dq.stride,
      .dk = a.dk.at, .lddk = a.dk.stride, .dv = a.dv.at, .lddv = a.dv.stride,
  };
  return a;
}

/// The last keys and values of each sequence become padding, and NaN: whoever looks there spoils a result.
static void hide(check *c, attention *a, const int32_t *visible) {
  nk_attention_args *g = &a->args;
  int32_t *given = guarded(c, g->batch * 4);
  memcpy(given, visible, (size_t)g->batch * 4);
  g->visible = given;
  for (int64_t row = 0; row < a->k.rows; row++)
    for (int64_t j = 0; j < a->k.columns; j++)
      if (row % g->key_length >= visible[row / g->key_length])
        a->k.at[row * a->k.stride + j] = a->v.at[row * a->v.stride + j] = NAN;
}

/// How many keys query i of a sequence sees.
static int64_t keys_seen(const nk_attention_args *g, int64_t sequence, int64_t i) {
  if (g->causal) return g->key_length - g->length + i + 1;
  return g->visible ? g->visible[sequence] : g->key_length;
}

/// Exact results, without gaps between rows.
typedef struct {
  double *output, *log_sum, *dq, *dk, *dv;
  int64_t outputs, gradients;  // elements of output and dq; of dk and dv
} reference;

static double dot(const float *x, const float *y, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; i++) sum += (double)x[i] * y[i];
  return sum;
}

/// One row of probabilities, before dropout; returns the log of their sum.
static double probabilities(const attention *a, int64_t sequence, int64_t head, int64_t i, double *p) {
  const nk_attention_args *g = &a->args;
  int64_t d = g->head_width, group = head / (g->heads / g->kv_heads);
  int64_t seen = keys_seen(g, sequence, i);
  double most = -INFINITY, sum = 0;
  for (int64_t j = 0; j < g->key_length; j++) {
    p[j] = j >= seen ? -INFINITY
                     : (double)g->scale * dot(g->q + (sequence * g->length + i) * g->ldq + head * d,
                                              g->k + (sequence * g->key_length + j) * g->ldk + group * d, d);
    most = fmax(most, p[j]);
  }
  for (int64_t j = 0; j < g->key_length; j++) sum += p[j] = exp(p[j] - most);
  for (int64_t j = 0; j < g->key_length; j++) p[j] /= sum;
  return most + log(sum);
}

/// `mask` holds what dropout multiplies each probability with: [batch, heads, length, key_length] or null.
static reference exact_results(check *c, const attention *a, const double *mask) {
  const nk_attention_args *g = &a->args;
  int64_t d = g->head_width, width = g->heads * d, kv_width = g->kv_heads * d, keys = g->key_length;
  reference r = {.outputs = g->batch * g->length * width, .gradients = g->batch * keys * kv_width};
  r.output = guarded(c, r.outputs * 8);
  r.log_sum = guarded(c, g->batch * g->heads * g->length * 8);
  r.dq = guarded(c, r.outputs * 8);
  r.dk = guarded(c, r.gradients * 8);
  r.dv = guarded(c, r.gradients * 8);
  double *p = guarded(c, keys * 8), *dp = guarded(c, keys * 8);
  for (int64_t row = 0; row < g->batch * g->heads * g->length; row++) {
    int64_t i = row % g->length, head = row / g->length % g->heads, sequence = row / g->length / g->heads;
    int64_t group = head / (g->heads / g->kv_heads), at = (sequence * g->length + i) * width + head * d;
    r.log_sum[row] = probabilities(a, sequence, head, i, p);
    const float *d_out = g->d_output + (sequence * g->length + i) * g->ldd + head * d;
    const float *q = g->q + (sequence * g->length + i) * g->ldq + head * d;
    double mean = 0;
    int64_t seen = keys_seen(g, sequence, i);
    for (int64_t j = 0; j < seen; j++) {
      const float *v = g->v + (sequence * keys + j) * g->ldv + group * d;
      double kept = mask ? mask[row * keys + j] : 1;
      for (int64_t l = 0; l < d; l++) {
        r.output[at + l] += p[j] * kept * v[l];
        r.dv[(sequence * keys + j) * kv_width + group * d + l] += p[j] * kept * d_out[l];
      }
      dp[j] = kept * dot(d_out, v, d);
      mean += p[j] * dp[j];
    }
    for (int64_t j = 0; j < seen; j++) {
      const float *k = g->k + (sequence * keys + j) * g->ldk + group * d;
      double ds = p[j] * (dp[j] - mean) * (double)g->scale;
      for (int64_t l = 0; l < d; l++) {
        r.dq[at + l] += ds * k[l];
        r.dk[(sequence * keys + j) * kv_width + group * d + l] += ds * q[l];
      }
    }
  }
  return r;
}

static attention nth_attention(check *c, int s) {
  if (s < SHAPES) return attention_of(c, &shapes[s], s % 3);
  if (s < SHAPES + CONTINUED) return attention_of(c, &continued[s - SHAPES], s % 3);
  attention a = attention_of(c, &padded[s - SHAPES - CONTINUED].s, s % 3);
  hide(c, &a, padded[s - SHAPES - CONTINUED].visible);
  return a;
}

static void forward(check *c, const void *with) {
  (void)with;
  for (int s = 0; s < SHAPES + CONTINUED + PADDED; s++) {
    attention a = nth_attention(c, s);
    reference r = exact_results(c, &a, NULL);
    nk_attention_forward(c->pool, &a.args);
    double unit = 1 + (double)(a.args.scale * (float)a.args.head_width) / 4;
    near_all(c, a.output, r.output, unit);
    near_all(c, a.log_sum, r.log_sum, unit);
    forget(c);
  }
}

static void backward(check *c, const void *with) {
  (void)with;
  for (int s = 0; s < SHAPES + CONTINUED + PADDED; s++) {
    attention a = nth_attention(c, s);
    if (a.args.length < a.args.key_length) continue;
    reference r = exact_results(c, &a, NULL);
    nk_attention_forward(c->pool, &a.args);
    nk_attention_backward(c->pool, &a.args);
    // Where one key is seen, d q and d k are zero, differences of terms of size 1.
    bool one = keys_seen(&a.args, 0, a.args.length - 1) == 1;
    near_all(c, a.dq, r.dq, one ? 1 : largest(r.dq, r.outputs));
    near_all(c, a.dk, r.dk, one ? 1 : largest(r.dk, r.gradients));
    near_all(c, a.dv, r.dv, largest(r.dv, r.gradients));
    forget(c);
  }
}

/// Keys and values in a cache with room for more: each query alone gives what all together gave.
static void does_not_depend_on_neighbours(check *c, const void *with) {
  (void)with;
  const shape whole = {2, 131, 131, 4, 2, 40, true, 0.16f};
  const int64_t room = 150, d = whole.head_width;
  attention a = attention_of(c, &whole, 1);
  nk_attention_forward(c->pool, &a.args);
  matrix k = uniform(c, 2 * room, a.k.columns, 0), v = uniform(c, 2 * room, a.v.columns, 0);
  for (int64_t row = 0; row < 2 * whole.length; row++) {
    int64_t to = row / whole.length * room + row % whole.length;
    memcpy(k.at + to * k.stride, a.k.at + row * a.k.stride, (size_t)k.columns * 4);
    memcpy(v.at + to * v.stride, a.v.at + row * a.v.stride, (size_t)v.columns * 4);
  }
  for (int64_t i = 0, step; i < whole.length; i += step) {
    step = i % 5 == 0 ? 1 : i % 7 + 1;
    if (step > whole.length - i) step = whole.length - i;
    matrix q = empty(c, 2 * step, a.q.columns, 0), output = empty(c, 2 * step, a.q.columns, 0);
    for (int64_t row = 0; row < 2 * step; row++)
      memcpy(q.at + row * q.stride, a.q.at + (row / step * whole.length + i + row % step) * a.q.stride,
             (size_t)q.columns * 4);
    nk_attention_args args = a.args;
    args.length = step;
    args.key_length = i + step;
    args.q = q.at, args.ldq = q.stride;
    args.k = k.at, args.ldk = k.stride;
    args.v = v.at, args.ldv = v.stride;
    args.kv_sequence_stride = room * k.stride;
    args.output = output.at, args.ldo = output.stride;
    args.log_sum = NULL;
    nk_attention_forward(c->pool, &args);
    for (int64_t sequence = 0; sequence < 2; sequence++)
      same_all(c, part_of(output, sequence * step, step, 0, output.columns),
               part_of(a.output, sequence * whole.length + i, step, 0, output.columns));
  }
  // One head of the second sequence alone.
  matrix output = empty(c, whole.length, d, 0);
  nk_attention_args args = a.args;
  args.batch = args.heads = args.kv_heads = 1;
  args.q += whole.length * args.ldq + 3 * d;
  args.k += whole.length * args.ldk + d;
  args.v += whole.length * args.ldv + d;
  args.output = output.at, args.ldo = d, args.log_sum = NULL;
  nk_attention_forward(c->pool, &args);
  same_all(c, output, part_of(a.output, whole.length, whole.length, 3 * d, d));
}

/// The same inputs, with results of their own.
static attention again(check *c, const attention *a) {
  attention b = *a;
  matrix *results[] = {&b.output, &b.log_sum, &b.dq, &b.dk, &b.dv};
  for (int i = 0; i < 5; i++)
    *results[i] = empty(c, results[i]->rows, results[i]->columns, results[i]->stride - results[i]->columns);
  b.args.output = b.output.at, b.args.log_sum = b.log_sum.at;
  b.args.dq = b.dq.at, b.args.dk = b.dk.at, b.args.dv = b.dv.at;
  return b;
}

static void same_rows(check *c, const attention *a, const attention *b, int64_t first, int64_t rows) {
  const matrix got[] = {a->output, a->dq, a->dk, a->dv}, expected[] = {b->output, b->dq, b->dk, b->dv};
  for (int i = 0; i < 4; i++)
    same_all(c, part_of(got[i], first, rows, 0, got[i].columns), part_of(expected[i], first, rows, 0, got[i].columns));
}

/// A sequence gives what it gives alone and without padding; one that fills its place, what it gives without
/// `visible`.
static void does_not_depend_on_padding(check *c, const void *with) {
  (void)with;
  static const int32_t lengths[] = {1, 5, 63, 64, 65, 95, 96, 97, 149};
  const shape s = {2, 150, 150, 4, 2, 40, false, 0.16f};
  for (int l = 0; l < (int)(sizeof lengths / sizeof *lengths); l++)
    for (int drops = 0; drops < 2; drops++) {
      attention whole = attention_of(c, &s, 1);
      // Nobody reads the results of padding: their gradients are 0.
      for (int64_t i = lengths[l]; i < s.length; i++)
        memset(whole.d_output.at + i * whole.d_output.stride, 0, (size_t)whole.d_output.columns * 4);
      whole.args.dropout = drops ? 0.2f : 0;
      whole.args.dropout_key = 5;
      attention padded = again(c, &whole), alone = again(c, &whole);
      padded.args.visible = (int32_t[]){lengths[l], (int32_t)s.length};
      alone.args.batch = 1;
      alone.args.length = alone.args.key_length = lengths[l];
      attention *all[] = {&whole, &padded, &alone};
      for (int i = 0; i < 3; i++) {
        nk_attention_forward(c->pool, &all[i]->args);
        nk_attention_backward(c->pool, &all[i]->args);
      }
      same_rows(c, &padded, &alone, 0, lengths[l]);
      same_rows(c, &padded, &whole, s.length, s.length);
      forget(c);
    }
}

/// With values e_j the output is the row of probabilities after dropout, so it shows the mask; the same key
/// must then give the same mask for other values, forward and backward.
static void dropout(check *c, const void *with) {
  const int32_t *lengths = with;
  const shape s = {2, 120, 120, 4, 2, 128, !lengths, 0.3f};
  const float p = 0.25f;
  const int64_t d = s.head_width, rows = s.batch * s.heads * s.length;
  attention a = attention_of(c, &s, 1);
  a.args.dropout = p;
  a.args.dropout_key = 77;
  if (lengths) hide(c, &a, lengths);
  matrix v = copy_of(c, a.v);
  for (int64_t i = 0; i < a.v.rows; i++)
    for (int64_t j = 0; j < a.v.columns; j++) a.v.at[i * a.v.stride + j] = j % d == i % s.length;
  nk_attention_forward(c->pool, &a.args);
  double *mask = guarded(c, rows * s.length * 8), *exact = guarded(c, s.length * 8);
  int64_t seen = 0, dropped = 0;
  for (int64_t row = 0; row < rows; row++) {
    int64_t i = row % s.length, head = row / s.length % s.heads, sequence = row / s.length / s.heads;
    const float *got = a.output.at + (sequence * s.length + i) * a.output.stride + head * d;
    probabilities(&a, sequence, head, i, exact);
    for (int64_t j = 0; j < s.length; j++) {
      mask[row * s.length + j] = got[j] == 0 ? 0 : 1 / (1 - (double)p);
      near(c, got[j], exact[j] * mask[row * s.length + j], 1);
      bool sees = j < keys_seen(&a.args, sequence, i);
      seen += sees;
      dropped += sees && got[j] == 0;
    }
  }
  holds(c, fabs((double)dropped / (double)seen - (double)p) < 5 * sqrt((double)(p * (1 - p)) / (double)seen));
  memcpy(a.v.at, v.at, (size_t)((v.rows - 1) * v.stride + v.columns) * 4);
  reference r = exact_results(c, &a, mask);
  nk_attention_forward(c->pool, &a.args);
  nk_attention_backward(c->pool, &a.args);
  near_all(c, a.output, r.output, 1);
  near_all(c, a.log_sum, r.log_sum, 1);
  near_all(c, a.dq, r.dq, largest(r.dq, r.outputs));
  near_all(c, a.dk, r.dk, largest(r.dk, r.gradients));
  near_all(c, a.dv, r.dv, largest(r.dv, r.gradients));
}

const claim attention_claims[] = {
    {"attention forward", 5e-7, forward, NULL},
    {"attention backward", 4e-6, backward, NULL},
    {"attention does not depend on its neighbours", 0, does_not_depend_on_neighbours, NULL},
    {"attention does not depend on padding", 0, does_not_depend_on_padding, NULL},
    {"attention with dropout, forward and backward", 4e-6, dropout, NULL},
    {"attention with dropout and padding, forward and backward", 4e-6, dropout, (const int32_t[]){70, 120}},
    {0},
};
