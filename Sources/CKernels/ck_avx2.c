// The table for CPUs with AVX2, FMA and F16C (Intel since Haswell, AMD since Zen).

#include "ck_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

typedef float real;
#define REAL_IS_FLOAT 1
#define TILE_ROWS 6
#define TILE_VECS 1
#define DOTS_LIVE 4
#define MIX_VECS 1
#define TABLE ck_table_avx2
#define TABLE_ISA CK_AVX2
#include "lanes/avx2.inc"
#include "kernels/kernels.inc"

#pragma clang attribute pop
#endif
