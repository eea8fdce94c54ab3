// The elementary functions compiled for AVX2 with FMA.

#include "ck_internal.h"

#if defined(__x86_64__)

#pragma STDC FP_CONTRACT OFF
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#include "math/functions.inc"

const ck_math ck_math_fma = {scalar_exp,  scalar_log, scalar_sin, scalar_cos,
                             scalar_tanh, scalar_erf, scalar_pow, scalar_lgamma};

#pragma clang attribute pop
#endif
