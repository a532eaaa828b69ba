// Times the kernels beside OpenBLAS on one thread, in thread CPU time, the best of a few runs.
// Benchmarks/kernels/run.sh builds and runs it.
#include "CKernels.h"
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
#include <time.h>

void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc);
void openblas_set_num_threads(int);

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *numbers(long count) {
  float *x = aligned_alloc(64, (size_t)(count + 15) / 16 * 64);
  for (long i = 0; i < count; i++) x[i] = (float)(rand() % 2001 - 1000) / 1000;
  return x;
}

#define BEST(seconds, runs, work)             \
  double seconds = 1e9;                       \
  for (int run = 0; run < (runs); run++) {    \
    double start = now();                     \
    work;                                     \
    double taken = now() - start;             \
    if (taken < seconds) seconds = taken;     \
  }

static void products(nk_pool *pool) {
  long shapes[][3] = {{1024, 3072, 768}, {1024, 768, 768},  {1024, 768, 3072}, {3072, 768, 1024},
                      {512, 50304, 768}, {1024, 1536, 384}, {256, 256, 64}};
  const char *names[] = {"NN", "NT", "TN"};
  printf("%-22s %4s %12s %12s\n", "m x n x k", "", "GF/s", "OpenBLAS");
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    long m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
    float *a = numbers(m * k), *b = numbers(n * k), *c = numbers(m * n), *d = numbers(m * n);
    for (int form = 0; form < 3; form++) {
      bool ta = form == 2, tb = form == 1;
      long lda = ta ? m : k, ldb = tb ? k : n;
      nk_gemm_args product = {.m = m, .n = n, .k = k, .a = a, .lda = lda, .transpose_a = ta,
                              .b = b, .ldb = ldb, .transpose_b = tb, .c = c, .ldc = n};
      BEST(ours, 7, nk_gemm(pool, &product));
      BEST(theirs, 7, cblas_sgemm(101, ta ? 112 : 111, tb ? 112 : 111, (int)m, (int)n, (int)k, 1, a, (int)lda, b,
                                  (int)ldb, 0, d, (int)n));
      double work = 2e-9 * (double)m * (double)n * (double)k;
      printf("%5ld x %5ld x %5ld %6s %12.1f %12.1f\n", m, n, k, names[form], work / ours, work / theirs);
    }
    free(a), free(b), free(c), free(d);
  }
}

static void attention(nk_pool *pool) {
  // A decoder's; an encoder's, and of sequences that are a quarter padding.
  struct { long b, t, h, d; bool causal; int32_t seen; } shapes[] = {
      {4, 256, 12, 64, true, 0}, {1, 1024, 12, 64, true, 0}, {2, 512, 6, 128, true, 0},
      {2, 512, 12, 64, false, 512}, {2, 512, 12, 64, false, 384}};
  printf("\n%-34s %12s %12s\n", "attention (b, T, h, d)", "forward ms", "backward ms");
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    long b = shapes[s].b, t = shapes[s].t, h = shapes[s].h, d = shapes[s].d, w = h * d, n = b * t * w;
    int32_t seen[] = {shapes[s].seen, shapes[s].seen, shapes[s].seen, shapes[s].seen};
    float *x = numbers(3 * n), *dx = numbers(3 * n), *y = numbers(n), *dy = numbers(n), *l = numbers(b * t * h);
    nk_attention_args g = {.batch = b, .length = t, .key_length = t, .heads = h, .kv_heads = h, .head_width = d,
                           .scale = 1 / sqrtf((float)d), .causal = shapes[s].causal,
                           .visible = shapes[s].causal ? NULL : seen, .q = x, .ldq = 3 * w, .k = x + w,
                           .ldk = 3 * w, .v = x + 2 * w, .ldv = 3 * w, .output = y, .ldo = w, .log_sum = l,
                           .d_output = dy, .ldd = w, .dq = dx, .lddq = 3 * w, .dk = dx + w, .lddk = 3 * w,
                           .dv = dx + 2 * w, .lddv = 3 * w};
    BEST(forward, 7, nk_attention_forward(pool, &g));
    BEST(backward, 7, nk_attention_backward(pool, &g));
    char kind[32] = "causal";
    if (!shapes[s].causal) snprintf(kind, sizeof kind, "%d keys", (int)shapes[s].seen);
    printf("%4ld %6ld %4ld %5ld  %-10s %10.2f %12.2f\n", b, t, h, d, kind, forward * 1e3, backward * 1e3);
    free(x), free(dx), free(y), free(dy), free(l);
  }
}

int main(int count, char **words) {
  nk_isa isa = count > 1 ? (nk_isa)atoi(words[1]) : NK_ISA_BEST;
  nk_pool *pool = nk_pool_create(1, isa);
  if (!pool) return fprintf(stderr, "this processor lacks instruction set %d\n", isa), 1;
  openblas_set_num_threads(1);
  printf("instruction set %d, one thread, FMA peak %.1f GF/s\n", nk_pool_isa(pool), nk_measure_fma_peak(pool, 0.3));
  products(pool);
  attention(pool);
}
