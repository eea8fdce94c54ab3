// The elementary functions as one table per way of compiling them.

#ifndef CK_MATH_TABLES_H
#define CK_MATH_TABLES_H

typedef struct {
  double (*exp)(double);
  double (*log)(double);
  double (*sin)(double);
  double (*cos)(double);
  double (*tanh)(double);
  double (*erf)(double);
  double (*pow)(double, double);
  double (*lgamma)(double);
} ck_math_functions;

#if defined(__x86_64__)
extern const ck_math_functions ck_math_fma;
#endif

#endif
