// Times products with packed weights on all threads, the best of a few runs: GF/s of many rows, GB/s of weights of a few.
// Benchmarks/kernels/packed.sh builds and runs it.
#include "CKernels.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *numbers(long count) {
  float *x = aligned_alloc(64, (size_t)(count + 15) / 16 * 64);
  for (long i = 0; i < count; i++) x[i] = (float)(rand() % 2001 - 1000) / 1000;
  return x;
}

int main(int count, char **arguments) {
  int threads = count > 1 ? atoi(arguments[1]) : nk_processor_count();
  nk_pool *pool = nk_pool_create(threads, count > 2 ? (nk_isa)atoi(arguments[2]) : NK_ISA_BEST);
  if (!pool) return fprintf(stderr, "packed [threads] [1 baseline, 2 AVX2, 3 AVX-512, 4 AVX-512 with bf16]\n"), 2;
  const char *names[] = {"f32", "bf16", "fp8", "int8"};
  const long shapes[][2] = {{3072, 768}, {768, 3072}, {8192, 4096}}, rows[] = {1, 2, 4, 8, 32, 128, 512};
  printf("%d threads, %.0f GF/s f32 on registers, memory %.1f GB/s\n", threads, nk_measure_fma_peak(pool, 0.1),
         nk_measure_read_bandwidth(pool, 512 << 20, 0.5));
  printf("%-16s", "GF/s (GB/s)");
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) printf("  %6ld rows     ", rows[r]);
  puts("");
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
    for (int kind = 0; kind < 4; kind++) {
      long n = shapes[s][0], k = shapes[s][1], copies = (256l << 20) / (n * k) + 1;
      float *a = numbers(512 * k), *b = numbers(n * k), *c = numbers(512 * n);
      nk_packed *packed = calloc((size_t)copies, sizeof *packed);
      size_t bytes = (size_t)nk_packed_bytes(pool, (nk_weights)kind, n, k);
      for (long i = 0; i < copies; i++) {
        packed[i] = (nk_packed){.kind = (nk_weights)kind, .n = n, .k = k, .weights = nk_allocate(bytes),
                                .scales = numbers((n + 48) * ((k + NK_INT8_GROUP - 1) / NK_INT8_GROUP))};
        nk_pack(pool, &packed[i], 0, n, b, k, NULL);
      }
      printf("%5ld x %4ld %-4s", n, k, names[kind]);
      for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        nk_gemm_args product = {.m = rows[r], .n = n, .k = k, .a = a, .lda = k, .c = c, .ldc = n};
        double best = 1e9;
        for (int run = 0; run < 3; run++) {
          long times = copies * 8 / rows[r] + 1;
          double start = now();
          for (long i = 0; i < times; i++) nk_packed_product(pool, &packed[i % copies], &product);
          double taken = (now() - start) / (double)times;
          if (taken < best) best = taken;
        }
        printf("  %6.1f (%5.1f) ", 2e-9 * (double)rows[r] * (double)n * (double)k / best, (double)bytes * 1e-9 / best);
      }
      puts("");
      for (long i = 0; i < copies; i++) nk_free(packed[i].weights), free(packed[i].scales);
      free(a), free(b), free(c), free(packed);
    }
  nk_pool_destroy(pool);
}
