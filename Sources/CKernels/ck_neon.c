// The table for 64-bit Arm.

#include "ck_internal.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#pragma STDC FP_CONTRACT OFF

typedef float real;
#define REAL_IS_FLOAT 1
#define TILE_ROWS 6
#define TILE_VECS 1
#define DOTS_LIVE 4
#define MIX_VECS 1
#define TABLE ck_table_neon
#define TABLE_ISA CK_NEON
#include "lanes/neon.inc"
#include "kernels/kernels.inc"

#endif
