// Attention over pages, for inference. A page holds BLOCK tokens, and of each key-value head its keys and values as the
// panels that the products of `attention.h` read: nothing is packed again. Sums run as there, a page a block, so that
// a query gives the same bits however its sequence was cut and whatever stands beside it.

/// Floats of one head in a page: keys [BLOCK/COLUMNS][d][COLUMNS], then values [dn/COLUMNS][BLOCK][COLUMNS].
static inline int64_t page_head_floats(int64_t d) { return BLOCK * (d + up(d, COLUMNS)); }

static int64_t page_floats(int64_t kv_heads, int64_t head_width) { return kv_heads * page_head_floats(head_width); }

typedef struct {
  nk_pool *pool;
  const nk_paged_args *g;
  const int64_t *first_item;  // [sequences + 1]
  atomic_long *next;          // tokens to store, items to attend
} paged_state;

static inline float *page_of(const nk_paged_args *g, int64_t sequence, int64_t block, int64_t head) {
  int64_t page = g->tables[sequence * g->table_stride + block];
  return g->pages + page * g->page_stride + head * page_head_floats(g->head_width);
}

/// Puts a new token's keys and values into its page.
static void store_token(const nk_paged_args *g, int64_t sequence, int64_t row) {
  int64_t d = g->head_width, position = g->lengths[sequence] - (g->first_rows[sequence + 1] - row);
  int64_t block = position / BLOCK, slot = position % BLOCK;
  for (int64_t head = 0; head < g->kv_heads; head++) {
    const float *k = g->k + row * g->ldk + head * d, *v = g->v + row * g->ldv + head * d;
    float *keys = page_of(g, sequence, block, head), *values = keys + BLOCK * d;
    keys += slot / COLUMNS * COLUMNS * d + slot % COLUMNS;
    for (int64_t i = 0; i < d; i++) keys[i * COLUMNS] = k[i];
    for (int64_t i = 0; i < d; i += COLUMNS)
      memcpy(values + i * BLOCK + slot * COLUMNS, v + i, (size_t)at_most(COLUMNS, d - i) * sizeof(float));
  }
}

static void cached_rows_of(int64_t rows, int64_t kc, const float *a, int64_t down, int64_t along, const float *b,
                           const float *ahead, float *c, int64_t ldc, bool add) {
  switch (rows) {
  case 1: cached_rows(1, kc, a, down, along, b, ahead, c, ldc, add); break;
  case 2: cached_rows(2, kc, a, down, along, b, ahead, c, ldc, add); break;
  case 4: cached_rows(4, kc, a, down, along, b, ahead, c, ldc, add); break;
  default: cached_rows(MR, kc, a, down, along, b, ahead, c, ldc, add); break;
  }
}

/// Rows of one item on their way over the pages: queries of a head, or the heads of a group for one query.
typedef struct {
  forward_rows f;
  float *q;               // panels [d, MR], scaled
  int64_t rows, position; // of the first query
  bool is_one_query;      // all rows stand at `position`
} paged_rows;

static void attend_pages(const nk_paged_args *g, const nk_attention_args *softmax, int64_t sequence, int64_t group,
                         paged_rows *p) {
  int64_t d = g->head_width, dn = up(d, COLUMNS), end = p->position + (p->is_one_query ? 1 : p->rows);
  start_rows(&p->f, p->rows, up(p->rows, MR));
  for (int64_t j = 0; j < end; j += BLOCK) {
    const float *keys = page_of(g, sequence, j / BLOCK, group), *values = keys + BLOCK * d;
    // While a page is read for the first rows, the next is asked for.
    const float *next = page_of(g, sequence, (j + BLOCK < end ? j + BLOCK : j) / BLOCK, group);
    mask m = {p->rows, at_most(BLOCK, end - j), p->is_one_query ? BLOCK : p->position - j};
    for (int64_t c = 0; c < m.keys; c += COLUMNS)
      for (int64_t i = 0; i < p->rows; i += MR)
        if (c <= m.diagonal + i + MR - 1)
          cached_rows_of(tile_rows(at_most(MR, p->rows - i)), d, p->q + i * d, 1, MR, keys + c * d,
                         i == 0 ? next + c * d : NULL, p->f.s + i * BLOCK + c, BLOCK, false);
    for (int64_t r = 0; r < p->rows; r++) soften_row(softmax, &p->f, m, r, 0, j);
    for (int64_t c = 0; c < d; c += COLUMNS)
      for (int64_t i = 0; i < p->rows; i += MR) {
        int64_t seen = at_most(m.keys, m.diagonal + i + MR);
        if (seen > 0)
          cached_rows_of(tile_rows(at_most(MR, p->rows - i)), seen, p->f.s + i * BLOCK, BLOCK, 1, values + c * BLOCK,
                         i == 0 ? next + BLOCK * d + c * BLOCK : NULL, p->f.out + i * dn + c, dn, true);
      }
  }
}

static void write_row(const nk_paged_args *g, const paged_rows *p, int64_t r, int64_t row, int64_t head) {
  float *out = p->f.out + r * p->f.wide;
  scale_row(out, p->f.wide, 1 / p->f.sum[r]);
  memcpy(g->output + row * g->ldo + head * g->head_width, out, (size_t)g->head_width * sizeof(float));
}

/// Items of a sequence: blocks of queries of each head, or groups of heads for its only query.
static inline int64_t items_of(const nk_paged_args *g, int64_t sequence) {
  int64_t count = g->first_rows[sequence + 1] - g->first_rows[sequence];
  return count == 1 ? g->kv_heads : blocks(count, BLOCK) * g->heads;
}

static void attend_item(const nk_paged_args *g, int64_t sequence, int64_t item, paged_rows *p) {
  const nk_attention_args softmax = {.dropout = 0};
  int64_t d = g->head_width, first = g->first_rows[sequence], count = g->first_rows[sequence + 1] - first;
  int64_t per = g->heads / g->kv_heads, start = g->lengths[sequence] - count;
  p->is_one_query = count == 1;
  if (count == 1) {
    p->position = start;
    for (int64_t h = 0; h < per; h += BLOCK) {
      int64_t head = item * per + h;
      p->rows = at_most(BLOCK, per - h);
      pack_rows(g->q + first * g->ldq + head * d, d, p->rows, d, MR, p->q, g->scale);
      attend_pages(g, &softmax, sequence, item, p);
      for (int64_t r = 0; r < p->rows; r++) write_row(g, p, r, first, head + r);
    }
    return;
  }
  // The longest rows first: what is left at the end is short.
  int64_t head = item % g->heads, i = (blocks(count, BLOCK) - 1 - item / g->heads) * BLOCK;
  p->rows = at_most(BLOCK, count - i);
  p->position = start + i;
  pack_rows(g->q + (first + i) * g->ldq + head * d, g->ldq, p->rows, d, MR, p->q, g->scale);
  attend_pages(g, &softmax, sequence, head / per, p);
  for (int64_t r = 0; r < p->rows; r++) write_row(g, p, r, first + i + r, head);
}

static void paged_task(void *context, int worker) {
  const paged_state *s = context;
  const nk_paged_args *g = s->g;
  int64_t d = g->head_width, dn = up(d, COLUMNS), rows = g->first_rows[g->sequences];
  float *q = nk_local_scratch(s->pool, worker, sizeof(float) * (size_t)(BLOCK * (d + dn + BLOCK) + 2 * BLOCK));
  float *out = q + BLOCK * d, *scores = out + BLOCK * dn, *maximum = scores + BLOCK * BLOCK;
  paged_rows p = {.f = {0, 0, dn, out, scores, maximum, maximum + BLOCK, NULL}, .q = q};
  int64_t sequence = 0;
  for (int64_t row; (row = atomic_fetch_add_explicit(&s->next[0], 1, memory_order_relaxed)) < rows;) {
    while (row >= g->first_rows[sequence + 1]) sequence++;
    store_token(g, sequence, row);
  }
  nk_barrier(s->pool);
  sequence = 0;
  for (int64_t item; (item = atomic_fetch_add_explicit(&s->next[1], 1, memory_order_relaxed)) < s->first_item[g->sequences];) {
    while (item >= s->first_item[sequence + 1]) sequence++;
    attend_item(g, sequence, item - s->first_item[sequence], &p);
  }
}

static void paged_attention(nk_pool *pool, const nk_paged_args *g) {
  int64_t *first = nk_shared_scratch(pool, (size_t)(g->sequences + 1) * sizeof(int64_t));
  first[0] = 0;
  for (int64_t i = 0; i < g->sequences; i++) first[i + 1] = first[i] + items_of(g, i);
  atomic_long next[2] = {0, 0};
  paged_state state = {pool, g, first, next};
  nk_pool_run(pool, paged_task, &state);
}
