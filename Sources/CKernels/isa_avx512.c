// AVX-512 (x86-64-v4): 32 registers of 16 floats; a tile of 8×48.
#if defined(__x86_64__)
#define VECTOR_BYTES 64
#define MR 8
#define NR_VECTORS 3
#define HAS_FMA 1
#define HAS_BF16 0
#define TABLE nk_table_avx512
#include "pool.h"
#include <math.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx512cd,avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt,movbe"))), apply_to = function)
#include "body/all.h"
#pragma clang attribute pop
#endif
