// Runs each hot kernel once, after a warm-up, on one thread; under callgrind each run leaves a dump named
// "kernel set". Benchmarks/instructions/run.sh builds, runs and compares; see there.
#include "CKernels.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrind/callgrind.h>

enum { ROWS = 96, WIDTH = 768, LENGTH = 256, HEADS = 2, HEAD = 64, VOCABULARY = 8192, COUNT = 1 << 16 };

/// Enough of everything, so that a kernel is one line below.
typedef struct {
  nk_pool *pool;
  float *a, *b, *c, *d, *e, *f, *statistics;
  uint16_t *half;
  int32_t *ids;
} memory;

static float *numbers(size_t count) {
  float *x = nk_allocate(count * sizeof(float));
  uint32_t state = 1;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525 + 1013904223;
    x[i] = (float)((int32_t)state >> 8) * 0x1p-23f;
  }
  return x;
}

static nk_gemm_args product(const memory *m, int64_t rows, bool ta, bool tb) {
  return (nk_gemm_args){.m = rows, .n = WIDTH, .k = WIDTH, .a = m->a, .lda = ta ? rows : WIDTH, .transpose_a = ta,
                        .b = m->b, .ldb = WIDTH, .transpose_b = tb, .c = m->c, .ldc = WIDTH};
}
static void gemm(const memory *m, int64_t rows, bool ta, bool tb) {
  nk_gemm_args args = product(m, rows, ta, tb);
  nk_gemm(m->pool, &args);
}
static void gemm_nn(const memory *m) { gemm(m, ROWS, false, false); }
static void gemm_nt(const memory *m) { gemm(m, ROWS, false, true); }
static void gemm_tn(const memory *m) { gemm(m, ROWS, true, false); }
static void gemm_1_row(const memory *m) { gemm(m, 1, false, true); }
static void gemm_4_rows(const memory *m) { gemm(m, 4, false, true); }
static void gemm_accumulated(const memory *m) {
  nk_gemm_args args = product(m, ROWS, true, false);
  args.accumulate = true;
  nk_gemm(m->pool, &args);
}
static void gemm_gelu(const memory *m) {
  nk_gemm_args args = product(m, ROWS, false, true);
  args.bias = m->d;
  args.activation = NK_GELU_TANH;
  args.activated = m->e;
  args.ld_activated = WIDTH;
  nk_gemm(m->pool, &args);
}
static void gemm_gelu_derivative(const memory *m) {
  nk_gemm_args args = product(m, ROWS, false, false);
  args.activation = NK_GELU_TANH;
  args.derivative_at = m->e;
  args.ld_derivative = WIDTH;
  nk_gemm(m->pool, &args);
}
static nk_attention_args attention(const memory *m) {
  enum { ROW = HEADS * HEAD };
  float *q = m->a, *k = q + LENGTH * ROW, *v = k + LENGTH * ROW, *output = m->c, *d_output = m->b, *dq = m->d;
  return (nk_attention_args){
      .batch = 1, .length = LENGTH, .key_length = LENGTH, .heads = HEADS, .kv_heads = HEADS, .head_width = HEAD,
      .scale = 0.125f, .causal = true, .q = q, .ldq = ROW, .k = k, .ldk = ROW, .v = v, .ldv = ROW,
      .output = output, .ldo = ROW, .log_sum = m->statistics, .d_output = d_output, .ldd = ROW,
      .dq = dq, .lddq = ROW, .dk = dq + LENGTH * ROW, .lddk = ROW, .dv = dq + 2 * LENGTH * ROW, .lddv = ROW};
}
static void attention_forward(const memory *m) {
  nk_attention_args args = attention(m);
  nk_attention_forward(m->pool, &args);
}
static void attention_backward(const memory *m) {  // of the forward pass that ran before
  nk_attention_args args = attention(m);
  nk_attention_backward(m->pool, &args);
}
static const int32_t visible[] = {LENGTH * 3 / 4};
static void attention_padded_forward(const memory *m) {
  nk_attention_args args = attention(m);
  args.causal = false;
  args.visible = visible;
  nk_attention_forward(m->pool, &args);
}
static void attention_padded_backward(const memory *m) {  // of the forward pass that ran before
  nk_attention_args args = attention(m);
  args.causal = false;
  args.visible = visible;
  nk_attention_backward(m->pool, &args);
}
static void norm_forward(const memory *m) {
  nk_norm_forward(m->pool, NK_LAYER_NORM, m->a, WIDTH, m->d, m->e, 1e-5f, m->c, WIDTH, m->statistics, ROWS, WIDTH);
}
static void norm_backward(const memory *m) {  // with the statistics of the forward pass before
  nk_norm_backward(m->pool, NK_LAYER_NORM, m->b, WIDTH, m->a, WIDTH, m->d, m->statistics, m->e, WIDTH, m->c, WIDTH,
                   m->f, m->f + WIDTH, ROWS, WIDTH);
}
static void column_sums(const memory *m) { nk_add_column_sums(m->pool, m->a, WIDTH, ROWS, WIDTH, m->f); }
static void swiglu_forward(const memory *m) { nk_swiglu_forward(m->pool, m->a, m->c, ROWS / 2, WIDTH); }
static void swiglu_backward(const memory *m) { nk_swiglu_backward(m->pool, m->b, m->a, m->d, NULL, ROWS / 2, WIDTH); }
static void dropout(const memory *m) { nk_dropout(m->pool, m->c, m->a, m->b, COUNT, 0.1f, 7, 0); }
static const nk_table_part whole = {0, ROWS};
static void embedding_forward(const memory *m) {
  const nk_added_rows positions = {m->b, m->ids}, none = {0};
  nk_embedding_forward(m->pool, m->a, whole, m->ids, positions, none, m->c, ROWS, WIDTH);
}
static void embedding_backward(const memory *m) { nk_embedding_backward(m->pool, m->f, whole, m->ids, m->b, ROWS, WIDTH); }
static void cross_entropy(const memory *m) {
  nk_cross_entropy(m->pool, m->e, VOCABULARY, m->ids, m->statistics, 8, VOCABULARY, true, 0.125f);
}
static void largest(const memory *m) {
  nk_largest(m->pool, m->a, VOCABULARY, 0, m->statistics, (int32_t *)m->half, 8, VOCABULARY);
}
static void tanh_backward(const memory *m) { nk_tanh_backward(m->pool, m->c, m->a, m->b, COUNT); }
static void sum_of_squares(const memory *m) { m->f[0] = (float)nk_sum_of_squares(m->pool, m->a, COUNT); }
static void adamw(const memory *m) {
  const nk_adamw_args args = {1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.1f, 0.05f, 1};
  memset(m->f, 0, COUNT * sizeof(float));
  nk_adamw(m->pool, &args, m->c, m->d, m->e, m->f, COUNT);
}
static void bf16(const memory *m) {
  nk_bf16_from_f32(m->pool, m->half, m->a, COUNT);
  nk_f32_from_bf16(m->pool, m->c, m->half, COUNT);
}
static void random_normal(const memory *m) { nk_random_normal(m->pool, m->c, 1, COUNT / 8, 7, 0, 0, 0.02f); }

#define KERNEL(function) {#function, function}
static const struct {
  const char *name;
  void (*run)(const memory *m);
} kernels[] = {
    KERNEL(gemm_nn), KERNEL(gemm_nt), KERNEL(gemm_tn), KERNEL(gemm_accumulated), KERNEL(gemm_gelu),
    KERNEL(gemm_gelu_derivative), KERNEL(gemm_1_row), KERNEL(gemm_4_rows), KERNEL(attention_forward),
    KERNEL(attention_backward), KERNEL(attention_padded_forward), KERNEL(attention_padded_backward),
    KERNEL(norm_forward), KERNEL(norm_backward), KERNEL(column_sums),
    KERNEL(swiglu_forward), KERNEL(swiglu_backward), KERNEL(dropout), KERNEL(embedding_forward),
    KERNEL(embedding_backward), KERNEL(cross_entropy), KERNEL(largest), KERNEL(tanh_backward), KERNEL(sum_of_squares), KERNEL(adamw), KERNEL(bf16),
    KERNEL(random_normal),
};

int main(void) {
  static const char *const sets[] = {NULL, "baseline", "avx2"};  // valgrind has no AVX-512
  for (int set = NK_ISA_BASELINE; set <= NK_ISA_AVX2; set++) {
    nk_pool *pool = nk_pool_create(1, (nk_isa)set);
    if (!pool) continue;
    size_t most = WIDTH * WIDTH;
    memory m = {pool, numbers(most), numbers(most), numbers(most), numbers(most), numbers(most), numbers(most),
                numbers(COUNT), malloc(COUNT * 2), malloc(ROWS * 4)};
    for (int i = 0; i < ROWS; i++) m.ids[i] = (i * 37) % 61;
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++) {
      char name[64];
      snprintf(name, sizeof name, "%s %s", kernels[i].name, sets[set]);
      kernels[i].run(&m);
      CALLGRIND_TOGGLE_COLLECT;
      kernels[i].run(&m);
      CALLGRIND_TOGGLE_COLLECT;
      CALLGRIND_DUMP_STATS_AT(name);
    }
    nk_pool_destroy(pool);
  }
  return 0;
}
