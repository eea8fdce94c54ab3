// Which tables this CPU can use. The CPU is asked at run time; nothing here reads the environment.

#include "ck_internal.h"

bool ck_isa_available(ck_isa isa) {
  switch (isa) {
    case CK_PORTABLE: return true;
#if defined(__x86_64__)
    case CK_AVX2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
             __builtin_cpu_supports("f16c");
    case CK_AVX512:
      return ck_isa_available(CK_AVX2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vl");
#endif
#if defined(__aarch64__)
    case CK_NEON: return true;
#endif
    default: return false;
  }
}

ck_isa ck_best_isa(void) {
  if (ck_isa_available(CK_AVX512)) return CK_AVX512;
  if (ck_isa_available(CK_AVX2)) return CK_AVX2;
  if (ck_isa_available(CK_NEON)) return CK_NEON;
  return CK_PORTABLE;
}

const ck_kernels *ck_f32(ck_isa isa) {
  if (!ck_isa_available(isa)) return NULL;
  switch (isa) {
#if defined(__x86_64__)
    case CK_AVX2: return &ck_table_avx2;
    case CK_AVX512: return &ck_table_avx512;
#endif
#if defined(__aarch64__)
    case CK_NEON: return &ck_table_neon;
#endif
    default: return &ck_table_portable;
  }
}

const ck_kernels *ck_f64(void) {
#if defined(__x86_64__)
  if (ck_isa_available(CK_AVX2)) return &ck_table_fma_f64;
#endif
  return &ck_table_portable_f64;
}

const ck_kernels *ck_f64_portable(void) { return &ck_table_portable_f64; }
