// The team of threads and what the instruction-set bodies need of it.
#pragma once

#include "CKernels.h"
#include <pthread.h>
#include <stdatomic.h>

typedef struct nk_table nk_table;

struct nk_pool {
  int threads;
  nk_isa isa;
  const nk_table *table;

  // Work for everybody: `generation` counts the calls, `running` the threads still inside.
  void (*task)(void *, int);
  void *context;
  _Alignas(64) atomic_uint generation;
  atomic_int sleeping;
  _Alignas(64) atomic_int running;
  _Alignas(64) atomic_int barrier_waiting;
  atomic_uint barrier_generation;
  _Alignas(64) atomic_long next;  // the shared counter of dynamic loops
  bool stopping;

  // Scratch memory: one block shared by all, one for each thread; they only grow.
  void *shared; size_t shared_size;
  void **local; size_t *local_size;

  pthread_t *handles;
};

/// All threads of the pool meet here.
void nk_barrier(nk_pool *pool);

/// The shared scratch block with room for `bytes`; call outside tasks only.
void *nk_shared_scratch(nk_pool *pool, size_t bytes);

/// The calling worker's scratch block with room for `bytes`; valid until its next call.
void *nk_local_scratch(nk_pool *pool, int worker, size_t bytes);

/// Claims the next `step` of `count` items of a dynamic loop; false when none is left.
static inline bool nk_claim(nk_pool *pool, int64_t count, int64_t step, int64_t *begin, int64_t *end) {
  int64_t first = atomic_fetch_add_explicit(&pool->next, step, memory_order_relaxed);
  if (first >= count) return false;
  *begin = first;
  *end = first + step < count ? first + step : count;
  return true;
}

/// Runs `task` on every thread with the dynamic loop's counter at zero.
static inline void nk_pool_loop(nk_pool *pool, void (*task)(void *, int), void *context) {
  atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
  nk_pool_run(pool, task, context);
}

/// The functions of one instruction set.
struct nk_table {
  double (*fma_peak)(double seconds);
  float (*read_streams)(const float *x, int64_t count, int streams, bool prefetches);
  void (*gemm)(nk_pool *, const nk_gemm_args *);
  int64_t panel_width;
  int64_t (*packed_bytes)(nk_weights, int64_t, int64_t);
  void (*pack)(nk_pool *, const nk_packed *, int64_t, int64_t, const float *, int64_t, const float *);
  void (*packed_product)(nk_pool *, const nk_packed *, const nk_gemm_args *);
  void (*unpack_rows)(nk_pool *, const nk_packed *, int64_t, const int32_t *, int64_t, float *, int64_t);
  void (*attention_forward)(nk_pool *, const nk_attention_args *);
  void (*attention_backward)(nk_pool *, const nk_attention_args *);
  int64_t page_tokens;
  int64_t (*page_floats)(int64_t, int64_t);
  void (*paged_attention)(nk_pool *, const nk_paged_args *);
  void (*rotary)(nk_pool *, float *, int64_t, int64_t, int64_t, int64_t, int64_t, const float *,
                 const float *, const int32_t *, bool);
  void (*norm_forward)(nk_pool *, nk_norm, const float *, int64_t, const float *, const float *, float,
                       float *, int64_t, float *, int64_t, int64_t);
  void (*norm_backward)(nk_pool *, nk_norm, const float *, int64_t, const float *, int64_t, const float *,
                        const float *, const float *, int64_t, float *, int64_t, float *, float *, int64_t,
                        int64_t);
  void (*add_column_sums)(nk_pool *, const float *, int64_t, int64_t, int64_t, float *);
  void (*scale)(nk_pool *, float *, const float *, int64_t, float);
  void (*add_scaled)(nk_pool *, float *, const float *, int64_t, float);
  void (*activate)(nk_pool *, nk_activation, float *, const float *, int64_t);
  void (*activate_backward)(nk_pool *, nk_activation, float *, const float *, const float *, int64_t);
  void (*swiglu_forward)(nk_pool *, const float *, float *, int64_t, int64_t);
  void (*swiglu_backward)(nk_pool *, const float *, const float *, float *, float *, int64_t, int64_t);
  void (*dropout)(nk_pool *, float *, const float *, const float *, int64_t, float, uint64_t, uint64_t);
  void (*exp)(nk_pool *, float *, const float *, int64_t);
  void (*tanh)(nk_pool *, float *, const float *, int64_t);
  void (*erf)(nk_pool *, float *, const float *, int64_t);
  void (*tanh_backward)(nk_pool *, float *, const float *, const float *, int64_t);
  void (*cross_entropy)(nk_pool *, float *, int64_t, const int32_t *, float *, int64_t, int64_t, bool, float);
  void (*cross_entropy_statistics)(nk_pool *, float *, int64_t, const int32_t *, int64_t, float *, int64_t,
                                   int64_t);
  void (*cross_entropy_combine)(nk_pool *, const float *, const int32_t *, float *, float *, int64_t, int64_t);
  void (*cross_entropy_gradient)(nk_pool *, float *, int64_t, const int32_t *, int64_t, const float *, const float *,
                                 int64_t, int64_t, float);
  void (*largest)(nk_pool *, const float *, int64_t, int64_t, float *, int32_t *, int64_t, int64_t);
  double (*exponentials)(nk_pool *, float *, const float *, int64_t, float, float);
  double (*sum_above)(nk_pool *, const float *, int64_t, float, int64_t *);
  int64_t (*select_between)(nk_pool *, const float *, int64_t, float, float, int32_t *, int64_t);
  int64_t (*draw_above)(nk_pool *, const float *, int64_t, float, double);
  double (*sum_of_squares)(nk_pool *, const float *, int64_t);
  void (*adamw)(nk_pool *, const nk_adamw_args *, float *, float *, float *, float *, int64_t);
  void (*sgd)(nk_pool *, float, float, bool, float, float, float *, float *, float *, int64_t);
  void (*reduce)(nk_pool *, nk_reduction, nk_element, const void *const *, int, float *const *, int, int64_t,
                 int64_t);
  void (*f16_from_f32)(nk_pool *, uint16_t *, const float *, int64_t);
  void (*f32_from_f16)(nk_pool *, float *, const uint16_t *, int64_t);
};

extern const nk_table nk_table_baseline;
#if defined(__x86_64__)
extern const nk_table nk_table_avx2;
extern const nk_table nk_table_avx512;
extern const nk_table nk_table_avx512_bf16;
#endif
