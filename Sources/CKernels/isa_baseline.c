// Whatever the compiler targets: SSE2 on x86-64 (16 registers of 4 floats), NEON on arm64 (32).
#define VECTOR_BYTES 16
#define MR 6
#define NR_VECTORS 2
#if defined(__aarch64__)
#define HAS_FMA 1
#else
#define HAS_FMA 0
#endif
#define HAS_BF16 0
#define TABLE nk_table_baseline
#include "body/all.h"
