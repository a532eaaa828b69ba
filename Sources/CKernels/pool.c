// A fork-join team of threads: workers spin a little for the next call, then sleep on a futex.
#define _GNU_SOURCE
#include "pool.h"
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>

static void sleep_while(atomic_uint *word, unsigned value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}
static void wake_all(atomic_uint *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
}
#else
static void sleep_while(atomic_uint *word, unsigned value) { (void)word; (void)value; sched_yield(); }
static void wake_all(atomic_uint *word) { (void)word; }
#endif

// About 50 µs on the processors of today: longer than the gaps between the kernels of a step.
enum { SPINS = 20000, SPINS_BEFORE_YIELD = 2000 };

static inline void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

typedef struct {
  nk_pool *pool;
  int worker;
} seat;

static void *work(void *argument) {
  seat mine = *(seat *)argument;
  free(argument);
  nk_pool *pool = mine.pool;
  unsigned seen = 0;
  for (;;) {
    unsigned now;
    int spins = 0;
    while ((now = atomic_load_explicit(&pool->generation, memory_order_acquire)) == seen) {
      if (++spins < SPINS) relax();
      else {
        atomic_fetch_add(&pool->sleeping, 1);
        sleep_while(&pool->generation, seen);
        atomic_fetch_sub(&pool->sleeping, 1);
      }
    }
    seen = now;
    if (pool->stopping) return NULL;
    pool->task(pool->context, mine.worker);
    atomic_fetch_sub_explicit(&pool->running, 1, memory_order_acq_rel);
  }
}

static const nk_table *table_for(nk_isa isa) {
  switch (isa) {
#if defined(__x86_64__)
  case NK_ISA_AVX512_BF16:
    return __builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512bf16") &&
                   __builtin_cpu_supports("avx512vbmi")
               ? &nk_table_avx512_bf16
               : NULL;
  case NK_ISA_AVX512: return __builtin_cpu_supports("x86-64-v4") ? &nk_table_avx512 : NULL;
  case NK_ISA_AVX2: return __builtin_cpu_supports("x86-64-v3") ? &nk_table_avx2 : NULL;
#endif
  case NK_ISA_BASELINE: return &nk_table_baseline;
  default: return NULL;
  }
}

bool nk_isa_available(nk_isa isa) { return isa == NK_ISA_BEST || table_for(isa) != NULL; }

nk_pool *nk_pool_create(int threads, nk_isa isa) {
  if (isa == NK_ISA_BEST) {
    isa = NK_ISA_AVX512_BF16;
    while (!table_for(isa)) isa--;
  }
  const nk_table *table = table_for(isa);
  if (threads < 1 || !table) return NULL;
  nk_pool *pool = aligned_alloc(64, (sizeof(nk_pool) + 63) / 64 * 64);
  if (!pool) return NULL;
  memset(pool, 0, sizeof *pool);
  pool->threads = threads;
  pool->isa = isa;
  pool->table = table;
  pool->local = calloc((size_t)threads, sizeof(void *));
  pool->local_size = calloc((size_t)threads, sizeof(size_t));
  pool->handles = calloc((size_t)threads, sizeof(pthread_t));
  for (int worker = 1; worker < threads; worker++) {
    seat *argument = malloc(sizeof(seat));
    *argument = (seat){pool, worker};
    if (pthread_create(&pool->handles[worker], NULL, work, argument) != 0) {
      free(argument);
      pool->threads = worker;
      nk_pool_destroy(pool);
      return NULL;
    }
  }
  return pool;
}

void nk_pool_destroy(nk_pool *pool) {
  if (!pool) return;
  pool->stopping = true;
  atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
  wake_all(&pool->generation);
  for (int worker = 1; worker < pool->threads; worker++) pthread_join(pool->handles[worker], NULL);
  for (int worker = 0; worker < pool->threads; worker++) free(pool->local[worker]);
  free(pool->shared);
  free(pool->local);
  free(pool->local_size);
  free(pool->handles);
  free(pool);
}

int nk_processor_count(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count < 1 ? 1 : (int)count;
}

int nk_pool_threads(const nk_pool *pool) { return pool->threads; }
nk_isa nk_pool_isa(const nk_pool *pool) { return pool->isa; }

void nk_pool_run(nk_pool *pool, void (*task)(void *, int), void *context) {
  if (pool->threads == 1) {
    task(context, 0);
    return;
  }
  pool->task = task;
  pool->context = context;
  atomic_store_explicit(&pool->running, pool->threads - 1, memory_order_relaxed);
  atomic_fetch_add(&pool->generation, 1);
  if (atomic_load(&pool->sleeping) != 0) wake_all(&pool->generation);
  task(context, 0);
  for (int spins = 0; atomic_load_explicit(&pool->running, memory_order_acquire) != 0; spins++) {
    if (spins < SPINS_BEFORE_YIELD) relax();
    else sched_yield();
  }
}

void nk_barrier(nk_pool *pool) {
  if (pool->threads == 1) return;
  unsigned generation = atomic_load_explicit(&pool->barrier_generation, memory_order_acquire);
  if (atomic_fetch_add_explicit(&pool->barrier_waiting, 1, memory_order_acq_rel) == pool->threads - 1) {
    atomic_store_explicit(&pool->barrier_waiting, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&pool->barrier_generation, 1, memory_order_release);
    return;
  }
  for (int spins = 0;
       atomic_load_explicit(&pool->barrier_generation, memory_order_acquire) == generation; spins++) {
    if (spins < SPINS_BEFORE_YIELD) relax();
    else sched_yield();
  }
}

void *nk_allocate(size_t bytes) {
  // Huge pages where the block is large: rows and panels are walked with long strides.
  size_t alignment = bytes >= (4u << 20) ? (2u << 20) : 64;
  void *block = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
#if defined(__linux__)
  if (block && alignment > 64) madvise(block, bytes, MADV_HUGEPAGE);
#endif
  return block;
}

void nk_free(void *memory) { free(memory); }

void *nk_reserve(size_t bytes) {
  void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return block == MAP_FAILED ? NULL : block;
}

void nk_unreserve(void *memory, size_t bytes) { munmap(memory, bytes); }

static void *grown(void *block, size_t *size, size_t bytes) {
  if (*size >= bytes) return block;
  free(block);
  block = nk_allocate(bytes);
  if (!block) abort();
  *size = bytes;
  return block;
}

void *nk_shared_scratch(nk_pool *pool, size_t bytes) {
  return pool->shared = grown(pool->shared, &pool->shared_size, bytes);
}

void *nk_local_scratch(nk_pool *pool, int worker, size_t bytes) {
  return pool->local[worker] = grown(pool->local[worker], &pool->local_size[worker], bytes);
}

size_t nk_peak_resident_bytes(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
#if defined(__APPLE__)
  return (size_t)usage.ru_maxrss;
#else
  return (size_t)usage.ru_maxrss * 1024;
#endif
}
