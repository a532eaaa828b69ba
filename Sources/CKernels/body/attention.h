// Flash attention (Dao et al. 2022): tiles of BLOCK queries × BLOCK keys; only the log of each row's sum is
// kept. One share of work is one group of query heads of one sequence, so that d k and d v of the group are
// summed in order by one thread. Keys are walked from the first, in the same blocks for every query, so a
// query's result does not depend on the queries computed with it.
//
// Products inside a tile run in register tiles of MR × COLUMNS, narrower than the matrix product's because a
// head is 64 or 128 wide; what the causal mask hides is skipped register tile by register tile.

enum {
  COLUMNS = 2 * LANES,
  BLOCK = MR == 8 ? 64 : 96,  // a multiple of MR and of COLUMNS for every instruction set
};

static inline int64_t up(int64_t n, int64_t unit) { return blocks(n, unit) * unit; }

/// c[rows,COLUMNS] (+)= Σ_k a[i·down + k·along]·b[k,COLUMNS]. Meanwhile as much is asked for from `ahead`, unless it is
/// null.
static inline __attribute__((always_inline)) void cached_rows(int rows, int64_t kc, const float *a, int64_t down,
                                                              int64_t along, const float *b, const float *ahead,
                                                              float *c, int64_t ldc, bool add) {
  vf sum[MR][2];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) sum[i][0] = sum[i][1] = (vf){0};
#pragma clang loop unroll(disable)
  for (int64_t k = 0; k < kc; k++) {
    if (ahead)
      for (int line = 0; line < COLUMNS; line += 16) __builtin_prefetch(ahead + k * COLUMNS + line, 0, 2);
    vf left = load(b), right = load(b + LANES);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      vf x = splat(a[i * down]);
      sum[i][0] = fma_(x, left, sum[i][0]);
      sum[i][1] = fma_(x, right, sum[i][1]);
    }
    a += along;
    b += COLUMNS;
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) {
    float *p = c + i * ldc;
    store(p, add ? load(p) + sum[i][0] : sum[i][0]);
    store(p + LANES, add ? load(p + LANES) + sum[i][1] : sum[i][1]);
  }
}

/// The same for a whole tile of MR rows.
static inline __attribute__((always_inline)) void cached_tile(int64_t kc, const float *a, int64_t down,
                                                              int64_t along, const float *b, float *c,
                                                              int64_t ldc, bool add) {
  cached_rows(MR, kc, a, down, along, b, NULL, c, ldc, add);
}

/// Where a tile of queries and keys lies: query r sees the keys up to diagonal + r.
typedef struct {
  int64_t rows, keys;
  int64_t diagonal;
} mask;

/// s[rows,BLOCK] = a·b over `width`, for packed panels of a (queries) and b (keys), where a key is seen.
static void multiply_scores(mask m, const float *a, const float *b, int64_t width, float *s) {
  for (int64_t j = 0; j < m.keys; j += COLUMNS)
    for (int64_t i = 0; i < m.rows; i += MR)
      if (j <= m.diagonal + i + MR - 1)
        cached_tile(width, a + i * width, 1, MR, b + j * width, s + i * BLOCK + j, BLOCK, false);
}

/// c[rows,width] += s·b, where b[keys,width] is packed and s is zero for keys that are not seen.
static void add_values(mask m, const float *s, const float *b, float *c, int64_t width) {
  for (int64_t j = 0; j < width; j += COLUMNS)
    for (int64_t i = 0; i < m.rows; i += MR) {
      int64_t seen = at_most(m.keys, m.diagonal + i + MR);
      if (seen > 0) cached_tile(seen, s + i * BLOCK, BLOCK, 1, b + j * m.keys, c + i * width + j, width, true);
    }
}

/// c[keys,width] += sᵀ·b, where b[rows,width] is packed and s is zero for keys that are not seen.
static void add_transposed(mask m, const float *s, const float *b, float *c, int64_t width) {
  for (int64_t j = 0; j < width; j += COLUMNS)
    for (int64_t i = 0; i < m.keys; i += MR) {
      int64_t first = i > m.diagonal ? i - m.diagonal : 0;
      if (first < m.rows)
        cached_tile(m.rows - first, s + first * BLOCK + i, 1, BLOCK, b + j * m.rows + first * COLUMNS,
                    c + i * width + j, width, true);
    }
}

typedef struct {
  nk_pool *pool;
  const nk_attention_args *g;
} attention_state;

/// The keys of a sequence that are not padding. No other is looked at.
static inline int64_t keys_of(const nk_attention_args *g, int64_t sequence) {
  return g->visible ? g->visible[sequence] : g->key_length;
}

/// Queries from position `query`, keys from position `key`.
static inline mask mask_of(const nk_attention_args *g, int64_t query, int64_t rows, int64_t key, int64_t keys) {
  return (mask){rows, keys, g->causal ? query - key : keys};
}

/// How many keys of the tile its query r may see.
static inline int64_t seen_by(mask m, int64_t r) {
  int64_t seen = m.diagonal + r + 1;
  return seen < 0 ? 0 : at_most(seen, m.keys);
}

static inline uint64_t probability_index(const nk_attention_args *g, int64_t sequence, int64_t head,
                                         int64_t position, int64_t key) {
  int64_t total = g->total_heads ? g->total_heads : g->heads;
  return (((uint64_t)(sequence * total + g->first_head + head) << 22) + (uint64_t)position) * (1u << 22) + (uint64_t)key;
}

static void drop_probabilities(const nk_attention_args *g, int64_t sequence, int64_t head, int64_t position,
                               int64_t key, int64_t count, float *scales) {
  dropout_scales(g->dropout_key, probability_index(g, sequence, head, position, key), count, g->dropout, scales);
}

/// p = exp(s − m) over the visible part, zero beyond; returns its sum.
static inline float exponentials(float *s, int64_t seen, int64_t width, float m) {
  vf sum = {0};
  int64_t j = 0;
  for (; j + LANES <= seen; j += LANES) {
    vf p = vexp(load(s + j) - m);
    sum += p;
    store(s + j, p);
  }
  if (j < seen) {
    vf p = vexp(load_part(s + j, seen - j, -INFINITY) - m);
    sum += p;
    store(s + j, p);
    j += LANES;
  }
  for (; j < width; j += LANES) store(s + j, (vf){0});
  return sum_lanes(sum);
}

static inline float row_maximum(const float *s, int64_t seen) {
  vf m = splat(-INFINITY);
  int64_t j = 0;
  for (; j + LANES <= seen; j += LANES) m = vmax(m, load(s + j));
  if (j < seen) m = vmax(m, load_part(s + j, seen - j, -INFINITY));
  return max_lanes(m);
}

static inline float dot(const float *a, const float *b, int64_t count) {
  vf sum = {0};
  int64_t j = 0;
  for (; j + LANES <= count; j += LANES) sum = fma_(load(a + j), load(b + j), sum);
  if (j < count) sum = fma_(load_part(a + j, count - j, 0), load_part(b + j, count - j, 0), sum);
  return sum_lanes(sum);
}

static inline void scale_row(float *x, int64_t count, float scale) {
  for (int64_t j = 0; j < count; j += LANES) store(x + j, load(x + j) * scale);
}

/// Queries of one head on their way over the keys: what is kept of each row, `wide` floats of it in `out`.
typedef struct {
  int64_t sequence, head, wide;
  float *out, *s, *maximum, *sum, *drop;
} forward_rows;

static void start_rows(const forward_rows *f, int64_t rows, int64_t whole) {
  for (int64_t r = 0; r < rows; r++) {
    f->maximum[r] = -INFINITY;
    f->sum[r] = 0;
  }
  memset(f->out, 0, (size_t)(whole * f->wide) * sizeof(float));
}

/// The scores of row r against the keys from `key` on become unnormalised probabilities; where the largest
/// score so far grows, what is there already shrinks.
static void soften_row(const nk_attention_args *g, const forward_rows *f, mask m, int64_t r, int64_t position,
                       int64_t key) {
  int64_t seen = seen_by(m, r);
  float *row = f->s + r * BLOCK;
  if (seen == 0) {
    memset(row, 0, sizeof(float) * (size_t)m.keys);
    return;
  }
  float top = row_maximum(row, seen);
  if (top > f->maximum[r]) {
    float fade = vexp(splat(f->maximum[r] - top))[0];
    f->sum[r] *= fade;
    scale_row(f->out + r * f->wide, f->wide, fade);
    f->maximum[r] = top;
  }
  f->sum[r] += exponentials(row, seen, up(m.keys, COLUMNS), f->maximum[r]);
  if (g->dropout > 0) {
    drop_probabilities(g, f->sequence, f->head, position, key, m.keys, f->drop);
    for (int64_t c = 0; c < m.keys; c++) row[c] *= f->drop[c];
  }
}

/// Writes row r, which is the query i of its sequence.
static void finish_row(const nk_attention_args *g, const forward_rows *f, int64_t r, int64_t i) {
  scale_row(f->out + r * f->wide, f->wide, 1 / f->sum[r]);
  memcpy(g->output + (f->sequence * g->length + i) * g->ldo + f->head * g->head_width, f->out + r * f->wide,
         (size_t)g->head_width * sizeof(float));
  if (g->log_sum)
    g->log_sum[(f->sequence * g->heads + f->head) * g->length + i] = f->maximum[r] + logf(f->sum[r]);
}

/// The keys (or values) of a group of heads of a sequence.
static inline const float *of_group(const nk_attention_args *g, const float *x, int64_t ldx, int64_t sequence,
                                    int64_t group) {
  int64_t stride = g->kv_sequence_stride ? g->kv_sequence_stride : g->key_length * ldx;
  return x + sequence * stride + group * g->head_width;
}

/// Floats of scratch memory that `forward_group` needs.
static int64_t forward_floats(const nk_attention_args *g) {
  int64_t d = g->head_width, dn = up(d, COLUMNS);
  return up(g->key_length, BLOCK) * (d + dn) + BLOCK * (d + dn + BLOCK) + 3 * BLOCK;
}

static void forward_group(const nk_attention_args *g, float *scratch, int64_t sequence, int64_t group) {
  int64_t d = g->head_width, dn = up(d, COLUMNS), keys = keys_of(g, sequence), per = g->heads / g->kv_heads;
  int64_t all = up(keys, BLOCK);
  const float *k = of_group(g, g->k, g->ldk, sequence, group), *v = of_group(g, g->v, g->ldv, sequence, group);
  float *packed_k = scratch, *packed_v = packed_k + all * d, *packed_q = packed_v + all * dn, *out = packed_q + BLOCK * d;
  float *s = out + BLOCK * dn, *maximum = s + BLOCK * BLOCK;
  forward_rows f = {sequence, 0, dn, out, s, maximum, maximum + BLOCK, maximum + 2 * BLOCK};
  for (int64_t j = 0; j < keys; j += BLOCK) {
    int64_t count = at_most(BLOCK, keys - j);
    pack_rows(k + j * g->ldk, g->ldk, count, d, COLUMNS, packed_k + j * d, 1);
    pack_straight_panels(v + j * g->ldv, g->ldv, d, count, COLUMNS, packed_v + j * dn);
  }
  for (f.head = group * per; f.head < (group + 1) * per; f.head++)
    for (int64_t i = 0; i < g->length; i += BLOCK) {
      int64_t rows = at_most(BLOCK, g->length - i), start = g->key_length - g->length + i;
      const float *q = g->q + (sequence * g->length + i) * g->ldq + f.head * d;
      pack_rows(q, g->ldq, rows, d, MR, packed_q, g->scale);
      start_rows(&f, rows, up(rows, MR));
      int64_t end = g->causal ? start + rows : keys;
      for (int64_t j = 0; j < end; j += BLOCK) {
        mask m = mask_of(g, start, rows, j, at_most(BLOCK, keys - j));
        multiply_scores(m, packed_q, packed_k + j * d, d, s);
        for (int64_t r = 0; r < rows; r++) soften_row(g, &f, m, r, start + r, j);
        add_values(m, s, packed_v + j * dn, out, dn);
      }
      for (int64_t r = 0; r < rows; r++) finish_row(g, &f, r, i + r);
    }
}

// Scratch memory is taken before work is claimed: a thread that happens to get none has it for the next time.
static void attention_forward_task(void *context, int worker) {
  const attention_state *state = context;
  const nk_attention_args *g = state->g;
  float *scratch = nk_local_scratch(state->pool, worker, sizeof(float) * (size_t)forward_floats(g));
  for (int64_t item, end; nk_claim(state->pool, g->batch * g->kv_heads, 1, &item, &end);)
    forward_group(g, scratch, item / g->kv_heads, item % g->kv_heads);
}

static void attention_forward(nk_pool *pool, const nk_attention_args *g) {
  attention_state state = {pool, g};
  nk_pool_loop(pool, attention_forward_task, &state);
}
