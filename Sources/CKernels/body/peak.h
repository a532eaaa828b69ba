// The rate of independent multiply-adds on registers: what no kernel can exceed.
#include <time.h>

static double seconds_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/// GF/s of one thread, the best of short runs during `seconds`.
static double fma_peak(double seconds) {
  enum { CHAINS = 12, TURNS = 20000 };
  vf chains[CHAINS];
  for (int i = 0; i < CHAINS; i++) chains[i] = splat((float)i);
  volatile float one = 0.999f, small = 1e-3f;
  vf a = splat(one), b = splat(small);
  double best = 0, start = seconds_now(), now = start;
  while (now - start < seconds) {
    double begin = now;
    for (int turn = 0; turn < TURNS; turn++)
#pragma clang loop unroll(full)
      for (int i = 0; i < CHAINS; i++) chains[i] = fma_(chains[i], a, b);
    now = seconds_now();
    double rate = 2.0 * LANES * CHAINS * TURNS / (now - begin) * 1e-9;
    if (rate > best) best = rate;
  }
  volatile float sink = 0;
  for (int i = 0; i < CHAINS; i++) sink = sink + sum_lanes(chains[i]);
  return best;
}
