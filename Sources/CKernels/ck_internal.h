// What the translation units of CKernels share: the tables, exact widening of one element, scratch.

#ifndef CK_INTERNAL_H
#define CK_INTERNAL_H

#include <string.h>

#include "include/CKernels.h"

#define LANES static inline __attribute__((always_inline, unused))

extern const ck_kernels ck_table_portable;
extern const ck_kernels ck_table_portable_f64;
#if defined(__x86_64__)
extern const ck_kernels ck_table_avx2;
extern const ck_kernels ck_table_avx512;
extern const ck_kernels ck_table_fma_f64;
extern const ck_math ck_math_fma;
#endif
#if defined(__aarch64__)
extern const ck_kernels ck_table_neon;
#endif

// At least `bytes` of memory, aligned to 64, private to the calling thread and valid until its next
// call of this function. It lives as long as the thread, so that a product does not fault in fresh
// pages each time.
void *ck_scratch(size_t bytes);

// Asks for `bytes` (at most two cache lines) to be in the second-level cache when they are read. The first level is too
// small for a whole block, and its few fetches in flight too few for the memory's latency.
LANES void ck_fetch(const char *from, size_t bytes) {
  __builtin_prefetch(from, 0, 2);
  __builtin_prefetch(from + bytes / 2, 0, 2);
}

LANES float ck_float_from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
LANES uint32_t ck_bits_of_float(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

LANES float ck_bf16_to_f32(uint16_t x) { return ck_float_from_bits((uint32_t)x << 16); }

// A signalling NaN becomes quiet, as the instruction does it.
LANES float ck_f16_to_f32(uint16_t x) {
  uint32_t sign = (uint32_t)(x & 0x8000) << 16;
  uint32_t magnitude = x & 0x7FFF;
  if (magnitude >= 0x7C00) {
    uint32_t quiet = magnitude > 0x7C00 ? 0x400000 : 0;
    return ck_float_from_bits(sign | 0x7F800000 | (magnitude & 0x3FF) << 13 | quiet);
  }
  if (magnitude >= 0x400) return ck_float_from_bits(sign | ((magnitude << 13) + (112u << 23)));
  // subnormal or zero: magnitude * 2^-24, exact in f32
  return ck_float_from_bits(sign | ck_bits_of_float((float)magnitude * 0x1p-24f));
}

#endif
