// What choosing a token asks of a row of logits: the weights of its columns, how many of them reach a threshold and
// what these weigh together, which lie in a range, and one drawn by weight.
//
// A row is shared out in blocks, each summed in f32 from its first column to its last and added to the others in
// double precision in their order.

enum { SAMPLING_BLOCK = 1024, SAMPLING_CLAIM = 8 };

typedef struct {
  double sum;
  int64_t count;
} block_head;

typedef struct {
  nk_pool *pool;
  float *y;
  const float *x;
  int64_t count;
  float shift, scale, least;
  block_head *heads;
} sampling_state;

/// Runs `task` over the row's blocks and adds up what it leaves of each.
static block_head over_blocks(sampling_state *s, void (*task)(void *, int)) {
  int64_t parts = blocks(s->count, SAMPLING_BLOCK);
  s->heads = nk_shared_scratch(s->pool, (size_t)(parts + 1) * sizeof(block_head));
  nk_pool_loop(s->pool, task, s);
  block_head all = {0, 0};
  for (int64_t i = 0; i < parts; i++) {
    all.sum += s->heads[i].sum;
    all.count += s->heads[i].count;
  }
  return all;
}

/// Declares `name_task`, which has BODY make the head of each block from `first` to `end`.
#define OVER_BLOCKS(name, BODY)                                                                              \
  static void name##_task(void *context, int worker) {                                                       \
    const sampling_state *s = context;                                                                       \
    (void)worker;                                                                                            \
    for (int64_t from, to; nk_claim(s->pool, blocks(s->count, SAMPLING_BLOCK), SAMPLING_CLAIM, &from, &to);) \
      for (int64_t block = from; block < to; block++) {                                                      \
        int64_t first = block * SAMPLING_BLOCK, end = at_most(s->count, first + SAMPLING_BLOCK);             \
        s->heads[block] = BODY;                                                                              \
      }                                                                                                      \
  }

static inline vf weight_of(const sampling_state *s, vf x) {
  vf y = vexp((x - s->shift) * s->scale);
  return choose(y == y, y, splat(0));
}

static inline block_head weights_of_block(const sampling_state *s, int64_t i, int64_t end) {
  vf a = {0}, b = {0};
  for (; i + 2 * LANES <= end; i += 2 * LANES) {
    vf p = weight_of(s, load(s->x + i)), q = weight_of(s, load(s->x + i + LANES));
    if (s->y) {
      store(s->y + i, p);
      store(s->y + i + LANES, q);
    }
    a += p;
    b += q;
  }
  for (; i < end; i += LANES) {
    int64_t count = at_most(LANES, end - i);
    vf p = weight_of(s, load_part(s->x + i, count, -INFINITY));
    if (s->y) store_part(s->y + i, p, count);
    a += p;
  }
  return (block_head){sum_lanes(a + b), 0};
}

static inline block_head head_of_block(const sampling_state *s, int64_t i, int64_t end) {
  vf sums[4] = {0};
  vi counts[4] = {0};
  const vf least = splat(s->least);
  for (; i + 4 * LANES <= end; i += 4 * LANES)
    for (int k = 0; k < 4; k++) {
      vf x = load(s->x + i + k * LANES);
      vi reaches = x >= least;
      sums[k] += (vf)((vi)x & reaches);
      counts[k] -= reaches;
    }
  for (; i < end; i += LANES) {
    vf x = load_part(s->x + i, at_most(LANES, end - i), NAN);
    vi reaches = x >= least;
    sums[0] += (vf)((vi)x & reaches);
    counts[0] -= reaches;
  }
  vi count = (counts[0] + counts[1]) + (counts[2] + counts[3]);
  block_head head = {sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])), 0};
  for (int k = 0; k < LANES; k++) head.count += count[k];
  return head;
}

OVER_BLOCKS(exponentials, weights_of_block(s, first, end))
OVER_BLOCKS(sum_above, head_of_block(s, first, end))

static double exponentials_sum(nk_pool *pool, float *y, const float *x, int64_t count, float shift, float scale) {
  sampling_state s = {.pool = pool, .y = y, .x = x, .count = count, .shift = shift, .scale = scale};
  return over_blocks(&s, exponentials_task).sum;
}

static double sum_above(nk_pool *pool, const float *x, int64_t count, float least, int64_t *found) {
  sampling_state s = {.pool = pool, .x = x, .count = count, .least = least};
  block_head all = over_blocks(&s, sum_above_task);
  *found = all.count;
  return all.sum;
}

static int64_t select_between(nk_pool *pool, const float *x, int64_t count, float least, float below,
                              int32_t *indices, int64_t room) {
  (void)pool;
  const vf low = splat(least), high = splat(below);
  int64_t found = 0;
  for (int64_t i = 0; i < count; i += LANES) {
    int64_t width = at_most(LANES, count - i);
    vf v = width == LANES ? load(x + i) : load_part(x + i, width, NAN);
    if (!__builtin_reduce_or((v >= low) & (v < high))) continue;
    for (int64_t j = i; j < i + width; j++)
      if (x[j] >= least && x[j] < below) {
        if (found < room) indices[found] = (int32_t)j;
        found++;
      }
  }
  return found;
}

static int64_t draw_above(nk_pool *pool, const float *weights, int64_t count, float least, double uniform) {
  sampling_state s = {.pool = pool, .x = weights, .count = count, .least = least};
  block_head all = over_blocks(&s, sum_above_task);
  double rest = uniform * all.sum;
  int64_t parts = blocks(count, SAMPLING_BLOCK), block = -1;
  // Where rounding leaves a rest behind the last block or the last column, that one is drawn.
  for (int64_t i = 0; i < parts; i++) {
    if (s.heads[i].count == 0) continue;
    if (block >= 0) rest -= s.heads[block].sum;
    block = i;
    if (rest < s.heads[i].sum) break;
  }
  if (block < 0) return -1;
  int64_t drawn = -1, end = at_most(count, (block + 1) * SAMPLING_BLOCK);
  for (int64_t i = block * SAMPLING_BLOCK; i < end; i++) {
    if (!(weights[i] >= least)) continue;
    drawn = i;
    rest -= weights[i];
    if (rest < 0) break;
  }
  return drawn;
}
