// The way back through attention.h, tile by tile: probabilities are computed again from the log of their sums.

// With P = exp(S − log_sum), D = Σ dO∘O per row:
//   dV += Pᵀ dO,  dS = P ∘ (dO Vᵀ − D),  dQ += dS K · scale,  dK += dSᵀ Q · scale.
// `left_…` are packed as left operands, `right_…` as right operands; a block starts at its first row.
typedef struct {
  int64_t d, dn, all;
  float *right_keys, *right_values, *key_columns, *dk, *dv;            // of the group
  float *left_q, *left_do, *query_columns, *do_columns, *dq, *row_dot;  // of one head
  float *s, *dp, *drop;
} backward_scratch;

static backward_scratch take_backward_scratch(nk_pool *pool, int worker, int64_t length, int64_t d) {
  backward_scratch b = {.d = d, .dn = up(d, COLUMNS), .all = up(length, BLOCK)};
  float **wide[] = {&b.key_columns, &b.dk, &b.dv, &b.query_columns, &b.do_columns, &b.dq};
  float **narrow[] = {&b.right_keys, &b.right_values, &b.left_q, &b.left_do};
  float **tiles[] = {&b.s, &b.dp};
  int64_t floats = b.all * (6 * b.dn + 4 * d + 1) + 2 * BLOCK * BLOCK + BLOCK;
  float *next = nk_local_scratch(pool, worker, (size_t)floats * sizeof(float));
  for (int i = 0; i < 6; i++, next += b.all * b.dn) *wide[i] = next;
  for (int i = 0; i < 4; i++, next += b.all * d) *narrow[i] = next;
  for (int i = 0; i < 2; i++, next += BLOCK * BLOCK) *tiles[i] = next;
  b.row_dot = next;
  b.drop = next + b.all;
  return b;
}

static void write_rows(float *y, int64_t ldy, const float *x, int64_t ldx, int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; r++) memcpy(y + r * ldy, x + r * ldx, (size_t)width * sizeof(float));
}

static void clear_rows(float *y, int64_t ldy, int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; r++) memset(y + r * ldy, 0, (size_t)width * sizeof(float));
}

/// One tile: queries from i, keys from j.
static void backward_tile(const nk_attention_args *g, const backward_scratch *b, int64_t sequence, int64_t head,
                          int64_t i, int64_t j) {
  int64_t rows = at_most(BLOCK, g->length - i), count = at_most(BLOCK, keys_of(g, sequence) - j);
  mask m = mask_of(g, i, rows, j, count);
  const float *log_sum = g->log_sum + (sequence * g->heads + head) * g->length + i;
  multiply_scores(m, b->left_q + i * b->d, b->right_keys + j * b->d, b->d, b->s);
  multiply_scores(m, b->left_do + i * b->d, b->right_values + j * b->d, b->d, b->dp);
  for (int64_t r = 0; r < rows; r++) {
    float *p = b->s + r * BLOCK, *dp = b->dp + r * BLOCK;
    int64_t seen = seen_by(m, r), wide = up(count, COLUMNS), c = 0;
    exponentials(p, seen, wide, log_sum[r]);
    if (g->dropout > 0) {
      drop_probabilities(g, sequence, head, i + r, j, count, b->drop);
      // dp carries dS until P itself (dropped) has been used for dV.
      for (; c < seen; c++) {
        dp[c] = p[c] * (dp[c] * b->drop[c] - b->row_dot[i + r]) * g->scale;
        p[c] *= b->drop[c];
      }
      for (; c < up(seen, LANES); c++) dp[c] = 0;
    } else {
      vf mean = splat(b->row_dot[i + r]);
      for (; c < seen; c += LANES) store(dp + c, load(p + c) * (load(dp + c) - mean) * g->scale);
    }
    for (; c < wide; c += LANES) store(dp + c, (vf){0});
  }
  add_transposed(m, b->s, b->do_columns + i * b->dn, b->dv + j * b->dn, b->dn);
  add_transposed(m, b->dp, b->query_columns + i * b->dn, b->dk + j * b->dn, b->dn);
  add_values(m, b->dp, b->key_columns + j * b->dn, b->dq + i * b->dn, b->dn);
}

static void backward_head(const nk_attention_args *g, const backward_scratch *b, int64_t sequence, int64_t head) {
  int64_t d = b->d, dn = b->dn, first = sequence * g->length, keys = keys_of(g, sequence);
  for (int64_t i = 0; i < g->length; i += BLOCK) {
    int64_t rows = at_most(BLOCK, g->length - i);
    const float *q = g->q + (first + i) * g->ldq + head * d;
    const float *d_out = g->d_output + (first + i) * g->ldd + head * d;
    const float *out = g->output + (first + i) * g->ldo + head * d;
    pack_rows(q, g->ldq, rows, d, MR, b->left_q + i * d, g->scale);
    pack_rows(d_out, g->ldd, rows, d, MR, b->left_do + i * d, 1);
    pack_straight_panels(q, g->ldq, d, rows, COLUMNS, b->query_columns + i * dn);
    pack_straight_panels(d_out, g->ldd, d, rows, COLUMNS, b->do_columns + i * dn);
    for (int64_t r = 0; r < rows; r++) b->row_dot[i + r] = dot(d_out + r * g->ldd, out + r * g->ldo, d);
  }
  memset(b->dq, 0, (size_t)(b->all * dn) * sizeof(float));
  for (int64_t j = 0; j < keys; j += BLOCK)
    for (int64_t i = g->causal ? j : 0; i < g->length; i += BLOCK) backward_tile(g, b, sequence, head, i, j);
  write_rows(g->dq + first * g->lddq + head * d, g->lddq, b->dq, dn, g->length, d);
}

static void backward_group(const nk_attention_args *g, const backward_scratch *b, int64_t sequence, int64_t group) {
  int64_t d = b->d, dn = b->dn, first = sequence * g->length, per = g->heads / g->kv_heads;
  int64_t keys = keys_of(g, sequence);
  for (int64_t j = 0; j < keys; j += BLOCK) {
    int64_t count = at_most(BLOCK, keys - j);
    const float *k = g->k + (first + j) * g->ldk + group * d, *v = g->v + (first + j) * g->ldv + group * d;
    pack_rows(k, g->ldk, count, d, COLUMNS, b->right_keys + j * d, 1);
    pack_rows(v, g->ldv, count, d, COLUMNS, b->right_values + j * d, 1);
    pack_straight_panels(k, g->ldk, d, count, COLUMNS, b->key_columns + j * dn);
  }
  memset(b->dk, 0, (size_t)(b->all * dn) * sizeof(float));
  memset(b->dv, 0, (size_t)(b->all * dn) * sizeof(float));
  for (int64_t head = group * per; head < (group + 1) * per; head++) backward_head(g, b, sequence, head);
  float *dk = g->dk + first * g->lddk + group * d, *dv = g->dv + first * g->lddv + group * d;
  write_rows(dk, g->lddk, b->dk, dn, keys, d);
  write_rows(dv, g->lddv, b->dv, dn, keys, d);
  clear_rows(dk + keys * g->lddk, g->lddk, g->length - keys, d);
  clear_rows(dv + keys * g->lddv, g->lddv, g->length - keys, d);
}

static void attention_backward_task(void *context, int worker) {
  const attention_state *state = context;
  const nk_attention_args *g = state->g;
  backward_scratch b = take_backward_scratch(state->pool, worker, g->length, g->head_width);
  for (int64_t item, end; nk_claim(state->pool, g->batch * g->kv_heads, 1, &item, &end);)
    backward_group(g, &b, item / g->kv_heads, item % g->kv_heads);
}

static void attention_backward(nk_pool *pool, const nk_attention_args *g) {
  attention_state state = {pool, g};
  nk_pool_loop(pool, attention_backward_task, &state);
}
