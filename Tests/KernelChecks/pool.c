// The team of threads, memory, and what is measured of the machine.
#include "check.h"
#include <stdatomic.h>

enum { MOST_WORKERS = 64 };

static void visit(void *context, int worker) {
  atomic_int *visits = context;
  if (worker < MOST_WORKERS) atomic_fetch_add(&visits[worker], 1);
}

static void runs_each_worker_once(check *c, const void *with) {
  (void)with;
  atomic_int visits[MOST_WORKERS] = {0};
  for (int turn = 1; turn <= 100; turn++) {
    nk_pool_run(c->pool, visit, visits);
    for (int i = 0; i < MOST_WORKERS; i++)
      holds(c, atomic_load(&visits[i]) == (i < nk_pool_threads(c->pool) ? turn : 0));
  }
}

static void knows_itself(check *c, const void *with) {
  (void)with;
  nk_isa isa = nk_pool_isa(c->pool);
  holds(c, isa != NK_ISA_BEST && nk_isa_available(isa) && nk_isa_available(NK_ISA_BEST));
  holds(c, nk_pool_create(0, isa) == NULL && nk_pool_create(1, (nk_isa)99) == NULL);
  holds(c, !nk_isa_available((nk_isa)99));
  holds(c, nk_processor_count() >= 1 && nk_peak_resident_bytes() > 1 << 16);
  double peak = nk_measure_fma_peak(c->pool, 1e-4);
  holds(c, isfinite(peak) && peak > 0);
}

static void allocates(check *c, const void *with) {
  (void)with;
  for (size_t bytes = 1; bytes < 64 << 20; bytes = bytes * 5 + 3) {
    char *memory = nk_allocate(bytes);
    holds(c, memory && (uintptr_t)memory % 64 == 0);
    memory[0] = memory[bytes - 1] = 1;
    nk_free(memory);
  }
}

static void moves(check *c, const void *with) {
  (void)with;
  static const int64_t counts[] = {0, 1, 17, 16383, 16384, 40001};
  for (int i = 0; i < 6; i++) {
    matrix x = uniform(c, 1, counts[i], 0), y = empty(c, 1, counts[i], 0);
    nk_copy(c->pool, y.at, x.at, counts[i]);
    same_all(c, y, x);
    nk_fill(c->pool, y.at, counts[i], -0.75f);
    for (int64_t j = 0; j < counts[i]; j++) same(c, y.at[j], -0.75f);
    forget(c);
  }
}

const claim pool_claims[] = {
    {"a pool runs a task once on each of its threads", 0, runs_each_worker_once, NULL},
    {"a pool knows its instruction set and refuses what it cannot be", 0, knows_itself, NULL},
    {"memory is aligned to 64 bytes", 0, allocates, NULL},
    {"fill and copy", 0, moves, NULL},
    {0},
};
