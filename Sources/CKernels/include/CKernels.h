// Needletail's numeric kernels: one C source for AVX-512, with and without products of bf16, AVX2+FMA and a portable
// baseline (SSE2, NEON), chosen at run time when a pool is made.
//
// Two promises hold for every function here.
//  1. The result of an element does not depend on the number of threads, nor on how many rows or columns
//     are computed with it: sums run over a fixed order. (The instruction sets differ from each other by
//     rounding.)
//  2. Nothing is allocated after the first calls: scratch memory belongs to the pool and only grows.
//
// Matrices are row-major f32 with a row stride in elements (`ld…`).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---------------------------------------------------------------- pool

typedef enum {
  NK_ISA_BEST = 0,
  NK_ISA_BASELINE = 1,
  NK_ISA_AVX2 = 2,
  NK_ISA_AVX512 = 3,
  NK_ISA_AVX512_BF16 = 4,
} nk_isa;

/// A team of threads (the caller is the first) with their scratch memory and an instruction set.
typedef struct nk_pool nk_pool;

/// Null when the processor lacks `isa` or a thread cannot be started.
nk_pool *nk_pool_create(int threads, nk_isa isa);
void nk_pool_destroy(nk_pool *pool);
int nk_pool_threads(const nk_pool *pool);
nk_isa nk_pool_isa(const nk_pool *pool);
bool nk_isa_available(nk_isa isa);

/// The processors that this process may run on.
int nk_processor_count(void);

/// Multiply-add rate of all threads at once on registers: the ceiling of every kernel, in GF/s.
double nk_measure_fma_peak(nk_pool *pool, double seconds);

/// Rate at which all threads together read `bytes` of memory, each its own part, in GB/s (10⁹): the best of
/// passes with 1, 2, 4 and 8 streams a thread, with and without software prefetch, during `seconds`. Take
/// several times the last-level cache. 0 when there is not so much memory.
double nk_measure_read_bandwidth(nk_pool *pool, size_t bytes, double seconds);

/// Calls `task(context, worker)` once on every thread of the pool and returns when all are done.
void nk_pool_run(nk_pool *pool, void (*task)(void *context, int worker), void *context);

// ---------------------------------------------------------------- matrix product

typedef enum {
  NK_NONE = 0,
  NK_GELU_TANH = 1,
  NK_GELU_ERF = 2,
  NK_SQUARED_RELU = 3,
  NK_SILU = 4,
} nk_activation;

/// c[m,n] = (accumulate ? c : 0) + op(a)·op(b) + bias + residual, then, when asked,
/// activated = activation(c), or c *= activation'(derivative_at).
/// op(a) is [m,k] (or its transpose is stored), op(b) is [k,n].
typedef struct {
  int64_t m, n, k;
  const float *a; int64_t lda; bool transpose_a;
  const float *b; int64_t ldb; bool transpose_b;
  float *c; int64_t ldc;
  bool accumulate;
  const float *bias;                      // [n] or null
  const float *residual; int64_t ldr;     // [m,n] or null
  nk_activation activation;
  float *activated; int64_t ld_activated; // [m,n] or null: activation(c)
  const float *derivative_at; int64_t ld_derivative;  // [m,n] or null: c *= activation'(it)
} nk_gemm_args;

void nk_gemm(nk_pool *pool, const nk_gemm_args *args);

// ---------------------------------------------------------------- packed weights

typedef enum {
  NK_WEIGHTS_F32 = 0,
  NK_WEIGHTS_BF16 = 1,
  NK_WEIGHTS_FP8 = 2,   // E4M3, a scale for each row
  NK_WEIGHTS_INT8 = 3,  // a scale for each row and NK_INT8_GROUP columns
} nk_weights;

enum { NK_INT8_GROUP = 128 };

/// A matrix [n, k], as a linear layer has it ([out, in]), in panels of nk_panel_width rows, in the order in which the
/// instruction set multiplies.
typedef struct {
  nk_weights kind;
  int64_t n, k;
  void *weights;   // nk_packed_bytes of them
  float *scales;   // [panels, groups, width], or null
} nk_packed;

int64_t nk_panel_width(const nk_pool *pool);
int64_t nk_packed_bytes(const nk_pool *pool, nk_weights kind, int64_t n, int64_t k);
/// Rows first ..< first + rows of b = x[rows, k], rounded to its format. `scales`: of FP8 rows, where x is only some of
/// the columns that share them; null: those of x.
void nk_pack(nk_pool *pool, const nk_packed *b, int64_t first, int64_t rows, const float *x, int64_t ldx,
             const float *scales);
/// args->c[m, n] = args->a[m, k]·bᵀ with args' epilogue; of args, b, n, k and `accumulate` are not read. Sums are
/// f32; f32 weights give the bits of nk_gemm, and beside others a is rounded to bf16.
void nk_packed_product(nk_pool *pool, const nk_packed *b, const nk_gemm_args *args);
/// y[i] = row ids[i] − first_row of b as floats, 0 where it has no such row.
void nk_unpack_rows(nk_pool *pool, const nk_packed *b, int64_t first_row, const int32_t *ids, int64_t rows, float *y,
                    int64_t ldy);

/// codes[rows, k] = x as FP8 or INT8 codes, row by row, and scales[rows, groups] of them: what files hold.
void nk_quantize(nk_pool *pool, nk_weights kind, const float *x, int64_t rows, int64_t k, uint8_t *codes, float *scales);
/// y = codes · their scales, for elements first ..< first + count of codes[rows, k]; scales are those of all rows.
void nk_dequantize(nk_weights kind, const uint8_t *codes, int64_t first, int64_t count, int64_t k, const float *scales,
                   float *y);

// ---------------------------------------------------------------- attention

/// Scaled-dot-product attention with grouped queries; no [length,length] matrix is kept.
/// Row i of sequence s is row s·length + i of q, and s·key_length + j of k and v; query i stands at
/// position key_length − length + i, and sees no later key where `causal`. `log_sum` is [batch·heads·length]
/// (sequence, head, query).
typedef struct {
  int64_t batch, length, key_length, heads, kv_heads, head_width;
  float scale;
  bool causal;
  // [batch] or null: how many keys of each sequence, 1 … key_length, are not padding; no query sees the others,
  // whose dk and dv are 0. Not where `causal`. What a sequence gives does not depend on its padding.
  const int32_t *visible;
  const float *q; int64_t ldq;
  const float *k; int64_t ldk;
  const float *v; int64_t ldv;
  int64_t kv_sequence_stride;   // elements between the k (and v) of two sequences; 0: key_length rows
  float *output; int64_t ldo;
  float *log_sum;
  // Dropout of the probabilities: kept with probability 1 − dropout and scaled by its inverse. The masks are
  // those of heads first_head ..< first_head + heads of total_heads (0: heads).
  float dropout; uint64_t dropout_key;
  int64_t total_heads, first_head;
  // Backward only.
  const float *d_output; int64_t ldd;
  float *dq; int64_t lddq;
  float *dk; int64_t lddk;
  float *dv; int64_t lddv;
} nk_attention_args;

void nk_attention_forward(nk_pool *pool, const nk_attention_args *args);
void nk_attention_backward(nk_pool *pool, const nk_attention_args *args);

/// Causal attention of new tokens over keys and values that lie in pages, nk_page_tokens tokens each, as the kernel
/// reads them: of each key-value head keys in panels, then values in panels. Sequences of any lengths side by side; what
/// a query gives does not depend on the queries beside it, nor on how its sequence was cut.
typedef struct {
  int64_t sequences, heads, kv_heads, head_width;
  float scale;
  const int32_t *first_rows;  // [sequences + 1]: where the new tokens of each stand among the rows
  const int32_t *lengths;     // [sequences]: tokens with the new ones
  const int32_t *tables;      // [sequences, table_stride]: pages in the order of their tokens
  int64_t table_stride;
  float *pages;               // the first page of the layer
  int64_t page_stride;        // floats from one page to the next
  const float *q; int64_t ldq;
  const float *k; int64_t ldk;  // of the new tokens, put into the pages first
  const float *v; int64_t ldv;
  float *output; int64_t ldo;
} nk_paged_args;

int64_t nk_page_tokens(const nk_pool *pool);
/// Floats of a page of one layer.
int64_t nk_page_floats(const nk_pool *pool, int64_t kv_heads, int64_t head_width);
void nk_paged_attention(nk_pool *pool, const nk_paged_args *args);

/// Rotates the first `rotary_width` components of each of `heads` heads of width `head_width` in each row,
/// pairing i with i + rotary_width/2; `positions` gives each row's angle index, `inverse` turns back.
/// cos, sin: [table rows, rotary_width/2].
void nk_rotary(nk_pool *pool, float *x, int64_t ldx, int64_t rows, int64_t heads, int64_t head_width,
               int64_t rotary_width, const float *cos_table, const float *sin_table,
               const int32_t *positions, bool inverse);

// ---------------------------------------------------------------- norms

typedef enum { NK_LAYER_NORM = 0, NK_LAYER_NORM_1P = 1, NK_RMS_NORM = 2 } nk_norm;

/// y = (x − mean)·rstd·gain + bias, gain stored as it is (1P: as gain − 1); RMS: mean 0 and no bias.
/// statistics: [rows, 2] = mean, rstd.
void nk_norm_forward(nk_pool *pool, nk_norm kind, const float *x, int64_t ldx, const float *gain,
                     const float *bias, float epsilon, float *y, int64_t ldy, float *statistics,
                     int64_t rows, int64_t width);
/// dx = (residual ? residual : 0) + d norm; d_gain, d_bias (may be null) are accumulated.
void nk_norm_backward(nk_pool *pool, nk_norm kind, const float *dy, int64_t lddy, const float *x, int64_t ldx,
                      const float *gain, const float *statistics, const float *residual, int64_t ldr,
                      float *dx, int64_t lddx, float *d_gain, float *d_bias, int64_t rows, int64_t width);

// ---------------------------------------------------------------- elementwise and reductions

/// sums[width] += column sums of x[rows, width].
void nk_add_column_sums(nk_pool *pool, const float *x, int64_t ldx, int64_t rows, int64_t width, float *sums);
void nk_fill(nk_pool *pool, float *y, int64_t count, float value);
void nk_copy(nk_pool *pool, float *y, const float *x, int64_t count);
/// y = x · scale
void nk_scale(nk_pool *pool, float *y, const float *x, int64_t count, float scale);
/// y += x · scale
void nk_add_scaled(nk_pool *pool, float *y, const float *x, int64_t count, float scale);
void nk_activate(nk_pool *pool, nk_activation kind, float *y, const float *x, int64_t count);
/// dx = dy · activation'(x)
void nk_activate_backward(nk_pool *pool, nk_activation kind, float *dx, const float *dy, const float *x,
                          int64_t count);
/// y[rows,width] = silu(x[:, :width]) · x[:, width:2·width]
void nk_swiglu_forward(nk_pool *pool, const float *x, float *y, int64_t rows, int64_t width);
/// dx[rows, 2·width]; y (may be null) is recomputed into it.
void nk_swiglu_backward(nk_pool *pool, const float *dy, const float *x, float *dx, float *y, int64_t rows,
                        int64_t width);
/// y = residual + mask·x/(1 − p); the mask of element i is a function of (key, first + i) alone. residual may be
/// null.
void nk_dropout(nk_pool *pool, float *y, const float *x, const float *residual, int64_t count, float p,
                uint64_t key, uint64_t first);
/// The largest relative errors of these against a long-double reference are stated in `body/vector.h`.
void nk_exp(nk_pool *pool, float *y, const float *x, int64_t count);
void nk_tanh(nk_pool *pool, float *y, const float *x, int64_t count);
void nk_erf(nk_pool *pool, float *y, const float *x, int64_t count);
/// dx = dy·(1 − y²), where y = tanh(x).
void nk_tanh_backward(nk_pool *pool, float *dx, const float *dy, const float *y, int64_t count);

// ---------------------------------------------------------------- embedding, loss

/// Rows first_row ..< first_row + table_rows of a table.
typedef struct {
  int64_t first_row, table_rows;
} nk_table_part;

/// A whole table, and which of its rows is added to each row; nothing where the table is null.
typedef struct {
  const float *table;
  const int32_t *at;
} nk_added_rows;

/// y[row] = the table's row ids[row], 0 where that lies outside `part`, + (position + segment), each where given:
/// rows of the same bits whichever rank has the id, once the ranks' rows are added.
void nk_embedding_forward(nk_pool *pool, const float *table, nk_table_part part, const int32_t *ids,
                          nk_added_rows positions, nk_added_rows segments, float *y, int64_t rows, int64_t width);
/// The table's row ids[row] of the gradient += dy[row], where it lies inside `part`.
void nk_embedding_backward(nk_pool *pool, float *d_table, nk_table_part part, const int32_t *ids,
                           const float *dy, int64_t rows, int64_t width);
/// losses[row] = log Σ exp(logits[row]) − logits[row, target] (0 where the target is negative).
/// With `gradient` the logits become weight · d loss / d logits, zero where the target is negative.
void nk_cross_entropy(nk_pool *pool, float *logits, int64_t ld, const int32_t *targets, float *losses,
                      int64_t rows, int64_t vocabulary, bool gradient, float weight);

// The same where the logits are shared out by columns: these hold columns first_column ..< first_column + columns
// of the vocabulary, perhaps none. Three numbers of each row go round between the two walks over the logits.

/// statistics[rows, 3] = the row's largest logit (−∞ of none), Σ exp(logit − largest) and the target's logit (0
/// where another rank has it); all 0 where the target is negative. The logits become exp(logit − largest).
void nk_cross_entropy_statistics(nk_pool *pool, float *logits, int64_t ld, const int32_t *targets,
                                 int64_t first_column, float *statistics, int64_t rows, int64_t columns);
/// From the statistics of all ranks, [ranks, rows, 3] in their order: totals[rows, 2] = the largest logit and
/// Σ exp(logit − largest) over the vocabulary; losses[row] = log Σ exp(logit) − the target's logit (0 where the
/// target is negative).
void nk_cross_entropy_combine(nk_pool *pool, const float *statistics, const int32_t *targets, float *totals,
                              float *losses, int64_t ranks, int64_t rows);
/// What the logits became above becomes weight · d loss / d logits, zero where the target is negative.
/// statistics[rows, 3] are this rank's own.
void nk_cross_entropy_gradient(nk_pool *pool, float *exponentials, int64_t ld, const int32_t *targets,
                               int64_t first_column, const float *statistics, const float *totals, int64_t rows,
                               int64_t columns, float weight);

/// Of each row the largest element and the first column where it stands, counted from `first_column`; −∞ and −1
/// where there is none. A NaN is none.
void nk_largest(nk_pool *pool, const float *x, int64_t ld, int64_t first_column, float *values, int32_t *columns,
                int64_t rows, int64_t width);

// ---------------------------------------------------------------- choosing a token
// Of one row. Sums are f32 within fixed blocks of 1024 and double over the blocks.

/// Σ y, y = exp((x − shift)·scale), 0 where x is a NaN; shift and scale are finite. y may be null; it may be x.
double nk_exponentials(nk_pool *pool, float *y, const float *x, int64_t count, float shift, float scale);
/// Σ x over the elements that are at least `least`, and how many they are. A NaN is none.
double nk_sum_above(nk_pool *pool, const float *x, int64_t count, float least, int64_t *found);
/// The indices of elements with least ≤ x < below, in order, as many as there is room for; returns how many there
/// are. One thread walks.
int64_t nk_select_between(nk_pool *pool, const float *x, int64_t count, float least, float below, int32_t *indices,
                          int64_t room);
/// The index where the weights that are at least `least` > 0, added up from the first, pass uniform · their sum;
/// 0 ≤ uniform < 1. −1 where there is none.
int64_t nk_draw_above(nk_pool *pool, const float *weights, int64_t count, float least, double uniform);

// ---------------------------------------------------------------- optimizer

/// Σ x² in double precision over fixed blocks.
double nk_sum_of_squares(nk_pool *pool, const float *x, int64_t count);

typedef struct {
  float learning_rate, beta1, beta2, epsilon, weight_decay;
  float correction1, correction2;  // 1 − beta^step
  float gradient_scale;            // clipping and loss scale
} nk_adamw_args;

/// Decoupled weight decay (Loshchilov & Hutter 2019). Sets g to zero on the way.
void nk_adamw(nk_pool *pool, const nk_adamw_args *args, float *p, float *g, float *m, float *v, int64_t count);

/// v = momentum·v + (g·scale + decay·p); p −= lr·(nesterov ? g' + momentum·v : v). Sets g to zero.
void nk_sgd(nk_pool *pool, float learning_rate, float momentum, bool nesterov, float weight_decay,
            float gradient_scale, float *p, float *g, float *v, int64_t count);

// ---------------------------------------------------------------- storage types

void nk_bf16_from_f32(nk_pool *pool, uint16_t *y, const float *x, int64_t count);
void nk_f32_from_bf16(nk_pool *pool, float *y, const uint16_t *x, int64_t count);
void nk_f16_from_f32(nk_pool *pool, uint16_t *y, const float *x, int64_t count);
void nk_f32_from_f16(nk_pool *pool, float *y, const uint16_t *x, int64_t count);

// ---------------------------------------------------------------- reduction over ranks

typedef enum { NK_SUM = 0, NK_MAX = 1 } nk_reduction;
typedef enum { NK_F32 = 0, NK_BF16 = 1 } nk_element;

/// For elements first ..< first + count: inputs[0] + inputs[1] + … (or the largest; a NaN is larger than all) in
/// that order and in f32, whatever the inputs are stored as, written to every output. n_inputs ≥ 1. An f32 input
/// may be an output.
void nk_reduce(nk_pool *pool, nk_reduction reduction, nk_element element, const void *const *inputs, int n_inputs,
               float *const *outputs, int n_outputs, int64_t first, int64_t count);

// ---------------------------------------------------------------- random numbers

/// Standard normal numbers · deviation in y[rows, columns]; element (r, c) is a function of
/// (key, first + r·row_stride + c) alone (Philox4x32-10).
void nk_random_normal(nk_pool *pool, float *y, int64_t rows, int64_t columns, uint64_t key, uint64_t first,
                      uint64_t row_stride, float deviation);

// ---------------------------------------------------------------- memory

/// Memory for a tensor, aligned to 64 bytes, in huge pages where it is large; null when there is none.
void *nk_allocate(size_t bytes);
/// Addresses without memory: zero where they are read, a page at a time where they are written; null when there are
/// none. Given back by nk_unreserve with the same size.
void *nk_reserve(size_t bytes);
void nk_unreserve(void *memory, size_t bytes);
void nk_free(void *memory);

/// The largest resident size this process has had, in bytes.
size_t nk_peak_resident_bytes(void);

#ifdef __cplusplus
}
#endif
