// The f64 table again, compiled for AVX2 with FMA: without the instruction each fused multiply-add
// is a call. The same bits.

#include "ck_internal.h"

#if defined(__x86_64__)

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

typedef double real;
#define REAL_IS_FLOAT 0
#define TILE_ROWS 4
#define TILE_VECS 1
#define DOTS_LIVE 4
#define MIX_VECS 1
#define TABLE ck_table_fma_f64
#define TABLE_ISA CK_PORTABLE
#include "math/functions.inc"
#include "lanes/portable.inc"
#include "kernels/kernels.inc"

#pragma clang attribute pop
#endif
