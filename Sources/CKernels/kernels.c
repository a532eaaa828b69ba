// The public functions: those that depend on the instruction set go through the pool's table, the others
// move memory and stand here.
#include "pool.h"
#include "body/random.h"
#include <math.h>
#include <string.h>
#include <time.h>

void nk_gemm(nk_pool *pool, const nk_gemm_args *args) { pool->table->gemm(pool, args); }
void nk_attention_forward(nk_pool *pool, const nk_attention_args *args) {
  pool->table->attention_forward(pool, args);
}
void nk_attention_backward(nk_pool *pool, const nk_attention_args *args) {
  pool->table->attention_backward(pool, args);
}
int64_t nk_panel_width(const nk_pool *pool) { return pool->table->panel_width; }
int64_t nk_packed_bytes(const nk_pool *pool, nk_weights kind, int64_t n, int64_t k) {
  return pool->table->packed_bytes(kind, n, k);
}
void nk_pack(nk_pool *pool, const nk_packed *b, int64_t first, int64_t rows, const float *x, int64_t ldx,
             const float *scales) {
  pool->table->pack(pool, b, first, rows, x, ldx, scales);
}
void nk_packed_product(nk_pool *pool, const nk_packed *b, const nk_gemm_args *args) {
  pool->table->packed_product(pool, b, args);
}
void nk_unpack_rows(nk_pool *pool, const nk_packed *b, int64_t first_row, const int32_t *ids, int64_t rows, float *y,
                    int64_t ldy) {
  pool->table->unpack_rows(pool, b, first_row, ids, rows, y, ldy);
}
int64_t nk_page_tokens(const nk_pool *pool) { return pool->table->page_tokens; }
int64_t nk_page_floats(const nk_pool *pool, int64_t kv_heads, int64_t head_width) {
  return pool->table->page_floats(kv_heads, head_width);
}
void nk_paged_attention(nk_pool *pool, const nk_paged_args *args) { pool->table->paged_attention(pool, args); }
void nk_rotary(nk_pool *pool, float *x, int64_t ldx, int64_t rows, int64_t heads, int64_t head_width,
               int64_t rotary_width, const float *cos_table, const float *sin_table, const int32_t *positions,
               bool inverse) {
  pool->table->rotary(pool, x, ldx, rows, heads, head_width, rotary_width, cos_table, sin_table, positions,
                      inverse);
}
void nk_norm_forward(nk_pool *pool, nk_norm kind, const float *x, int64_t ldx, const float *gain,
                     const float *bias, float epsilon, float *y, int64_t ldy, float *statistics, int64_t rows,
                     int64_t width) {
  pool->table->norm_forward(pool, kind, x, ldx, gain, bias, epsilon, y, ldy, statistics, rows, width);
}
void nk_norm_backward(nk_pool *pool, nk_norm kind, const float *dy, int64_t lddy, const float *x, int64_t ldx,
                      const float *gain, const float *statistics, const float *residual, int64_t ldr, float *dx,
                      int64_t lddx, float *d_gain, float *d_bias, int64_t rows, int64_t width) {
  pool->table->norm_backward(pool, kind, dy, lddy, x, ldx, gain, statistics, residual, ldr, dx, lddx, d_gain,
                             d_bias, rows, width);
}
void nk_add_column_sums(nk_pool *pool, const float *x, int64_t ldx, int64_t rows, int64_t width, float *sums) {
  pool->table->add_column_sums(pool, x, ldx, rows, width, sums);
}
void nk_scale(nk_pool *pool, float *y, const float *x, int64_t count, float scale) {
  pool->table->scale(pool, y, x, count, scale);
}
void nk_add_scaled(nk_pool *pool, float *y, const float *x, int64_t count, float scale) {
  pool->table->add_scaled(pool, y, x, count, scale);
}
void nk_activate(nk_pool *pool, nk_activation kind, float *y, const float *x, int64_t count) {
  pool->table->activate(pool, kind, y, x, count);
}
void nk_activate_backward(nk_pool *pool, nk_activation kind, float *dx, const float *dy, const float *x,
                          int64_t count) {
  pool->table->activate_backward(pool, kind, dx, dy, x, count);
}
void nk_swiglu_forward(nk_pool *pool, const float *x, float *y, int64_t rows, int64_t width) {
  pool->table->swiglu_forward(pool, x, y, rows, width);
}
void nk_swiglu_backward(nk_pool *pool, const float *dy, const float *x, float *dx, float *y, int64_t rows,
                        int64_t width) {
  pool->table->swiglu_backward(pool, dy, x, dx, y, rows, width);
}
void nk_dropout(nk_pool *pool, float *y, const float *x, const float *residual, int64_t count, float p,
                uint64_t key, uint64_t first) {
  pool->table->dropout(pool, y, x, residual, count, p, key, first);
}
void nk_exp(nk_pool *pool, float *y, const float *x, int64_t count) { pool->table->exp(pool, y, x, count); }
void nk_tanh(nk_pool *pool, float *y, const float *x, int64_t count) { pool->table->tanh(pool, y, x, count); }
void nk_erf(nk_pool *pool, float *y, const float *x, int64_t count) { pool->table->erf(pool, y, x, count); }
void nk_tanh_backward(nk_pool *pool, float *dx, const float *dy, const float *y, int64_t count) {
  pool->table->tanh_backward(pool, dx, dy, y, count);
}
void nk_cross_entropy(nk_pool *pool, float *logits, int64_t ld, const int32_t *targets, float *losses,
                      int64_t rows, int64_t vocabulary, bool gradient, float weight) {
  pool->table->cross_entropy(pool, logits, ld, targets, losses, rows, vocabulary, gradient, weight);
}
void nk_cross_entropy_statistics(nk_pool *pool, float *logits, int64_t ld, const int32_t *targets,
                                 int64_t first_column, float *statistics, int64_t rows, int64_t columns) {
  pool->table->cross_entropy_statistics(pool, logits, ld, targets, first_column, statistics, rows, columns);
}
void nk_cross_entropy_combine(nk_pool *pool, const float *statistics, const int32_t *targets, float *totals,
                              float *losses, int64_t ranks, int64_t rows) {
  pool->table->cross_entropy_combine(pool, statistics, targets, totals, losses, ranks, rows);
}
void nk_cross_entropy_gradient(nk_pool *pool, float *exponentials, int64_t ld, const int32_t *targets,
                               int64_t first_column, const float *statistics, const float *totals, int64_t rows,
                               int64_t columns, float weight) {
  pool->table->cross_entropy_gradient(pool, exponentials, ld, targets, first_column, statistics, totals, rows,
                                      columns, weight);
}
void nk_largest(nk_pool *pool, const float *x, int64_t ld, int64_t first_column, float *values, int32_t *columns,
                int64_t rows, int64_t width) {
  pool->table->largest(pool, x, ld, first_column, values, columns, rows, width);
}
double nk_exponentials(nk_pool *pool, float *y, const float *x, int64_t count, float shift, float scale) {
  return pool->table->exponentials(pool, y, x, count, shift, scale);
}
double nk_sum_above(nk_pool *pool, const float *x, int64_t count, float least, int64_t *found) {
  return pool->table->sum_above(pool, x, count, least, found);
}
int64_t nk_select_between(nk_pool *pool, const float *x, int64_t count, float least, float below,
                          int32_t *indices, int64_t room) {
  return pool->table->select_between(pool, x, count, least, below, indices, room);
}
int64_t nk_draw_above(nk_pool *pool, const float *weights, int64_t count, float least, double uniform) {
  return pool->table->draw_above(pool, weights, count, least, uniform);
}
double nk_sum_of_squares(nk_pool *pool, const float *x, int64_t count) {
  return pool->table->sum_of_squares(pool, x, count);
}
void nk_adamw(nk_pool *pool, const nk_adamw_args *args, float *p, float *g, float *m, float *v, int64_t count) {
  pool->table->adamw(pool, args, p, g, m, v, count);
}
void nk_sgd(nk_pool *pool, float learning_rate, float momentum, bool nesterov, float weight_decay,
            float gradient_scale, float *p, float *g, float *v, int64_t count) {
  pool->table->sgd(pool, learning_rate, momentum, nesterov, weight_decay, gradient_scale, p, g, v, count);
}
void nk_reduce(nk_pool *pool, nk_reduction reduction, nk_element element, const void *const *inputs, int n_inputs,
               float *const *outputs, int n_outputs, int64_t first, int64_t count) {
  pool->table->reduce(pool, reduction, element, inputs, n_inputs, outputs, n_outputs, first, count);
}
void nk_f16_from_f32(nk_pool *pool, uint16_t *y, const float *x, int64_t count) {
  pool->table->f16_from_f32(pool, y, x, count);
}
void nk_f32_from_f16(nk_pool *pool, float *y, const uint16_t *x, int64_t count) {
  pool->table->f32_from_f16(pool, y, x, count);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct {
  nk_pool *pool;
  double seconds;
  double rates[256];
} peak_state;

static void peak_task(void *context, int worker) {
  peak_state *s = context;
  if (worker < 256) s->rates[worker] = s->pool->table->fma_peak(s->seconds);
}

double nk_measure_fma_peak(nk_pool *pool, double seconds) {
  peak_state s = {.pool = pool, .seconds = seconds};
  nk_pool_run(pool, peak_task, &s);
  double sum = 0;
  for (int i = 0; i < pool->threads && i < 256; i++) sum += s.rates[i];
  return sum;
}

typedef struct {
  nk_pool *pool;
  float *memory;
  int64_t part;  // floats of each thread
  int streams;
  bool prefetches;
  volatile float sums[256];
} read_state;

static void touch_task(void *context, int worker) {
  read_state *s = context;
  float *mine = s->memory + worker * s->part;
  // Not zeros: pages never written may all be one.
  for (int64_t i = 0; i < s->part; i++) mine[i] = 1;
}

static void read_task(void *context, int worker) {
  read_state *s = context;
  s->sums[worker % 256] =
      s->pool->table->read_streams(s->memory + worker * s->part, s->part, s->streams, s->prefetches);
}

double nk_measure_read_bandwidth(nk_pool *pool, size_t bytes, double seconds) {
  // Parts of whole huge pages, with room behind the last for prefetches.
  const int64_t unit = (2 << 20) / (int64_t)sizeof(float);
  read_state s = {.pool = pool};
  s.part = (int64_t)(bytes / sizeof(float)) / pool->threads / unit * unit;
  s.memory = s.part > 0 ? nk_allocate(bytes) : NULL;
  if (!s.memory) return 0;
  nk_pool_run(pool, touch_task, &s);
  double best = 0, start = now(), end = start;
  for (int round = 0; round < 8 || end - start < seconds; round++) {
    s.streams = 1 << round % 4;
    s.prefetches = round / 4 % 2;
    double begin = now();
    nk_pool_run(pool, read_task, &s);
    end = now();
    double rate = (double)(s.part * pool->threads) * sizeof(float) / (end - begin) * 1e-9;
    if (rate > best) best = rate;
  }
  nk_free(s.memory);
  return best;
}

// ---------------------------------------------------------------- memory movers

enum { CHUNK = 1 << 14 };

typedef struct {
  nk_pool *pool;
  float *y;
  const float *x;
  uint16_t *y16;
  const uint16_t *x16;
  const int32_t *ids;
  nk_table_part part;
  nk_added_rows added[2];
  int64_t count, rows, width;
  float value;
  uint64_t key, first, row_stride;
} mover;

static void fill_task(void *context, int worker) {
  const mover *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->count, CHUNK, &begin, &end);)
    for (int64_t i = begin; i < end; i++) s->y[i] = s->value;
}
void nk_fill(nk_pool *pool, float *y, int64_t count, float value) {
  mover s = {.pool = pool, .y = y, .count = count, .value = value};
  nk_pool_loop(pool, fill_task, &s);
}

static void copy_task(void *context, int worker) {
  const mover *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->count, CHUNK, &begin, &end);)
    memcpy(s->y + begin, s->x + begin, (size_t)(end - begin) * sizeof(float));
}
void nk_copy(nk_pool *pool, float *y, const float *x, int64_t count) {
  mover s = {.pool = pool, .y = y, .x = x, .count = count};
  nk_pool_loop(pool, copy_task, &s);
}

/// Where in the part of a table the row of an id begins; false where it is elsewhere.
static inline bool find_row(const mover *s, int64_t row, int64_t *at) {
  int64_t place = s->ids[row] - s->part.first_row;
  *at = place * s->width;
  return place >= 0 && place < s->part.table_rows;
}

/// y = the sum of up to three rows, first to last.
static inline void add_rows(float *y, const float *const from[3], int count, int64_t width) {
  switch (count) {
  case 0: memset(y, 0, (size_t)width * sizeof(float)); break;
  case 1: memcpy(y, from[0], (size_t)width * sizeof(float)); break;
  case 2:
    for (int64_t j = 0; j < width; j++) y[j] = from[0][j] + from[1][j];
    break;
  default:
    for (int64_t j = 0; j < width; j++) y[j] = from[0][j] + from[1][j] + from[2][j];
  }
}

static void embedding_forward_task(void *context, int worker) {
  const mover *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->rows, 16, &begin, &end);)
    for (int64_t row = begin; row < end; row++) {
      const float *from[3];
      int count = 0;
      for (int i = 0; i < 2; i++)
        if (s->added[i].table) from[count++] = s->added[i].table + s->added[i].at[row] * s->width;
      int64_t at;
      if (find_row(s, row, &at)) from[count++] = s->x + at;
      add_rows(s->y + row * s->width, from, count, s->width);
    }
}
void nk_embedding_forward(nk_pool *pool, const float *table, nk_table_part part, const int32_t *ids,
                          nk_added_rows positions, nk_added_rows segments, float *y, int64_t rows, int64_t width) {
  mover s = {.pool = pool, .y = y, .x = table, .part = part, .ids = ids, .added = {positions, segments},
             .rows = rows, .width = width};
  nk_pool_loop(pool, embedding_forward_task, &s);
}

// Each thread owns some columns and walks the rows in order: no two add to one element, whatever the ids.
static void embedding_backward_task(void *context, int worker) {
  const mover *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->width, 64, &begin, &end);)
    for (int64_t row = 0; row < s->rows; row++) {
      int64_t at;
      if (!find_row(s, row, &at)) continue;
      float *restrict to = s->y + at;
      const float *from = s->x + row * s->width;
      for (int64_t j = begin; j < end; j++) to[j] += from[j];
    }
}
void nk_embedding_backward(nk_pool *pool, float *d_table, nk_table_part part, const int32_t *ids,
                           const float *dy, int64_t rows, int64_t width) {
  mover s = {.pool = pool, .y = d_table, .part = part, .x = dy, .ids = ids, .rows = rows, .width = width};
  nk_pool_loop(pool, embedding_backward_task, &s);
}

// bf16 is the upper half of an f32, rounded to nearest even; a NaN stays one.
static void bf16_from_f32_task(void *context, int worker) {
  const mover *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->count, CHUNK, &begin, &end);)
    for (int64_t i = begin; i < end; i++) {
      uint32_t bits;
      memcpy(&bits, s->x + i, 4);
      uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
      s->y16[i] = (uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000 ? (bits >> 16) | 0x40 : rounded);
    }
}
void nk_bf16_from_f32(nk_pool *pool, uint16_t *y, const float *x, int64_t count) {
  mover s = {.pool = pool, .y16 = y, .x = x, .count = count};
  nk_pool_loop(pool, bf16_from_f32_task, &s);
}
static void f32_from_bf16_task(void *context, int worker) {
  const mover *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->count, CHUNK, &begin, &end);)
    for (int64_t i = begin; i < end; i++) {
      uint32_t bits = (uint32_t)s->x16[i] << 16;
      memcpy(s->y + i, &bits, 4);
    }
}
void nk_f32_from_bf16(nk_pool *pool, float *y, const uint16_t *x, int64_t count) {
  mover s = {.pool = pool, .y = y, .x16 = x, .count = count};
  nk_pool_loop(pool, f32_from_bf16_task, &s);
}

// Box–Muller: words 0, 1 of counter c give elements 2c and 2c + 1.
static void random_normal_task(void *context, int worker) {
  const mover *s = context;
  (void)worker;
  for (int64_t begin, end; nk_claim(s->pool, s->count, CHUNK, &begin, &end);) {
    int64_t row = begin / s->width, column = begin % s->width;
    for (int64_t i = begin; i < end; i++) {
      uint64_t element = s->first + (uint64_t)row * s->row_stride + (uint64_t)column;
      if (++column == s->width) column = 0, row++;
      uint32_t words[4];
      philox(s->key, element / 2, words);
      double u = ((double)words[0] + 1) / 4294967296.0, angle = 6.283185307179586 * words[1] / 4294967296.0;
      double radius = sqrt(-2 * log(u));
      s->y[i] = (float)(s->value * radius * (element % 2 ? sin(angle) : cos(angle)));
    }
  }
}
void nk_random_normal(nk_pool *pool, float *y, int64_t rows, int64_t columns, uint64_t key, uint64_t first,
                      uint64_t row_stride, float deviation) {
  mover s = {.pool = pool, .y = y, .count = rows * columns, .width = columns, .key = key, .first = first,
             .row_stride = row_stride, .value = deviation};
  nk_pool_loop(pool, random_normal_task, &s);
}
