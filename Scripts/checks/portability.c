// Checks the kernels on one instruction set, for Scripts/checks/portability.sh:
//   portability best                            prints what the dispatcher chooses here
//   portability (baseline|avx2|avx512|avx512bf16) [all]    prints the claims that fail (or all of them) and a summary
#include "KernelChecks.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const names[] = {"best", "baseline", "avx2", "avx512", "avx512bf16"};

typedef struct {
  bool all;
  int claims;
  double worst;
  char worst_claim[160];
} tally;

static void report(void *context, const char *claim, double error, double bound, bool ok) {
  tally *t = context;
  t->claims++;
  if (t->all || !ok) printf("%-6s %9.2e of %7.1e  %s\n", ok ? "ok" : "FAILED", error, bound, claim);
  if (bound > 0 && !(error / bound <= t->worst)) {
    t->worst = error / bound;
    snprintf(t->worst_claim, sizeof t->worst_claim, "%s", claim);
  }
}

int main(int count, char **arguments) {
  if (count < 2) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);  // a crash leaves the name of the last claim that held
  if (strcmp(arguments[1], "best") == 0) {
    nk_pool *pool = nk_pool_create(1, NK_ISA_BEST);
    puts(pool ? names[nk_pool_isa(pool)] : "none");
    nk_pool_destroy(pool);
    return 0;
  }
  for (int isa = NK_ISA_BASELINE; isa <= NK_ISA_AVX512_BF16; isa++) {
    if (strcmp(arguments[1], names[isa]) != 0) continue;
    tally t = {.all = count > 2};
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int failures = nk_check_all((nk_isa)isa, 3, report, &t);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (failures < 0) {
      puts("not available");
      return 3;
    }
    printf("%d claims, %d failed; worst error %.2f of its bound (%s); %.1f s\n", t.claims, failures, t.worst,
           t.worst_claim, (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec));
    return failures != 0;
  }
  return 2;
}
