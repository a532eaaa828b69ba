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

const claim shard_claims[] = {
    {"dropout of a shard draws the whole's mask", 0, dropout, NULL},
    {"attention of some heads draws the masks of these heads", 0, attention_heads, NULL},
    {0},
};
