// The f64 table in plain C. Where the CPU has fused multiply-add, ck_fma_f64.c, the same text, is
// used.

#include "ck_internal.h"

#pragma STDC FP_CONTRACT OFF

typedef double real;
#define REAL_IS_FLOAT 0
#define TILE_ROWS 4
#define TILE_VECS 1
#define DOTS_LIVE 4
#define MIX_VECS 1
#define TABLE ck_table_portable_f64
#define TABLE_ISA CK_PORTABLE
#include "math/functions.inc"
#include "lanes/portable.inc"
#include "kernels/kernels.inc"
