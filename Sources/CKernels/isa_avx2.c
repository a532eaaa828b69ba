// AVX2 and FMA (x86-64-v3): 16 registers of 8 floats; a tile of 6×16.
#if defined(__x86_64__)
#define VECTOR_BYTES 32
#define MR 6
#define NR_VECTORS 2
#define HAS_FMA 1
#define HAS_BF16 0
#define TABLE nk_table_avx2
#include "pool.h"
#include <math.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt,movbe"))), apply_to = function)
#include "body/all.h"
#pragma clang attribute pop
#endif
