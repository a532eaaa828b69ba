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

/// Walks `count` floats as `streams` runs side by side, each through accumulators of its own.
static inline __attribute__((always_inline)) float walk(const float *x, int64_t count, int streams,
                                                        bool prefetches) {
  enum { UNROLL = 4, AHEAD = 1024 };
  int64_t span = count / streams / (UNROLL * LANES) * (UNROLL * LANES);
  vf sums[8 * UNROLL];
  for (int i = 0; i < streams * UNROLL; i++) sums[i] = splat(0);
  for (int64_t at = 0; at < span; at += UNROLL * LANES)
    for (int stream = 0; stream < streams; stream++) {
      const float *from = x + stream * span + at;
      if (prefetches)
        for (int line = 0; line < UNROLL * LANES; line += 16) __builtin_prefetch(from + AHEAD + line);
      for (int i = 0; i < UNROLL; i++) sums[stream * UNROLL + i] += load(from + i * LANES);
    }
  vf sum = splat(0);
  for (int i = 0; i < streams * UNROLL; i++) sum += sums[i];
  return sum_lanes(sum);
}

/// Reads `count` floats and returns their sum, so that none is left out.
static float read_streams(const float *x, int64_t count, int streams, bool prefetches) {
  switch (streams) {
  case 1: return prefetches ? walk(x, count, 1, true) : walk(x, count, 1, false);
  case 2: return prefetches ? walk(x, count, 2, true) : walk(x, count, 2, false);
  case 4: return prefetches ? walk(x, count, 4, true) : walk(x, count, 4, false);
  default: return prefetches ? walk(x, count, 8, true) : walk(x, count, 8, false);
  }
}
