// The table for CPUs with AVX-512 (F, BW, DQ, VL: Intel since Skylake-SP, AMD since Zen 4).

#include "ck_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))), apply_to = function)

typedef float real;
#define REAL_IS_FLOAT 1
#define TILE_ROWS 14
#define TILE_VECS 2
#define DOTS_LIVE 16
#define MIX_VECS 4
#define TABLE ck_table_avx512
#define TABLE_ISA CK_AVX512
#include "lanes/avx512.inc"
#include "kernels/kernels.inc"

#pragma clang attribute pop
#endif
