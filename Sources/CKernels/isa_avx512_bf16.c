// AVX-512 with products of bf16 (Zen 4, Sapphire Rapids): as AVX-512, but for packed weights.
#if defined(__x86_64__)
#define VECTOR_BYTES 64
#define MR 8
#define NR_VECTORS 3
#define HAS_FMA 1
#define HAS_BF16 1
#define TABLE nk_table_avx512_bf16
#include "pool.h"
#include <immintrin.h>
#include <math.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx512bf16,avx512vbmi,avx512f,avx512vl,avx512bw,avx512dq,avx512cd,avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt,movbe"))), apply_to = function)
#include "body/all.h"
#pragma clang attribute pop
#endif
