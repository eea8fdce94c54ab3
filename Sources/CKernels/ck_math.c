// The elementary functions' C face, for CPUs with and without fused multiply-add.

#include "ck_internal.h"

#pragma STDC FP_CONTRACT OFF

#include "math/functions.inc"

static const ck_math portable = {scalar_exp,  scalar_log, scalar_sin, scalar_cos,
                                 scalar_tanh, scalar_erf, scalar_pow, scalar_lgamma};

static inline const ck_math *functions(void) {
#if defined(__x86_64__)
  if (ck_isa_available(CK_AVX2)) return &ck_math_fma;
#endif
  return &portable;
}

const ck_math *ck_math_portable(void) { return &portable; }

double ck_exp(double x) { return functions()->exp(x); }
double ck_log(double x) { return functions()->log(x); }
double ck_sin(double x) { return functions()->sin(x); }
double ck_cos(double x) { return functions()->cos(x); }
double ck_tanh(double x) { return functions()->tanh(x); }
double ck_erf(double x) { return functions()->erf(x); }
double ck_pow(double x, double y) { return functions()->pow(x, y); }
double ck_lgamma(double x) { return functions()->lgamma(x); }
