// The f32 table in plain C: the reference of the others, and what runs where none of them does.

#include "ck_internal.h"

#pragma STDC FP_CONTRACT OFF

typedef float real;
#define REAL_IS_FLOAT 1
#define TILE_ROWS 4
#define TILE_VECS 1
#define DOTS_LIVE 4
#define MIX_VECS 1
#define TABLE ck_table_portable
#define TABLE_ISA CK_PORTABLE
#include "lanes/portable.inc"
#include "kernels/kernels.inc"
