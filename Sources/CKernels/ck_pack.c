// Packing into panels, and conversion between element types. Plain C: exact, or correctly rounded.

#include "ck_internal.h"

#pragma STDC FP_CONTRACT OFF

size_t ck_dtype_size(ck_dtype dtype) { return dtype == CK_F64 ? 8 : dtype == CK_F32 ? 4 : 2; }

// One text per element size. Sixteen steps of k at a time, so that every cache line of a row-major
// source (k_stride 1) is used whole before the next panel row is written.
#define PACK(name, type)                                                                          \
  static void name(size_t depth, size_t columns, const type *source, ptrdiff_t k_stride,          \
                   ptrdiff_t n_stride, size_t panel_begin, size_t panel_end, type *packed) {      \
    for (size_t panel = panel_begin; panel < panel_end; panel++) {                                \
      size_t column = panel * CK_PANEL;                                                           \
      size_t width = columns - column < CK_PANEL ? columns - column : CK_PANEL;                   \
      const type *from = source + (ptrdiff_t)column * n_stride;                                   \
      type *to = packed + panel * depth * CK_PANEL;                                               \
      if (width < CK_PANEL) memset(to, 0, depth * CK_PANEL * sizeof(type));                       \
      if (n_stride == 1) {                                                                        \
        for (size_t k = 0; k < depth; k++) {                                                      \
          memcpy(to + k * CK_PANEL, from + (ptrdiff_t)k * k_stride, width * sizeof(type));        \
        }                                                                                         \
        continue;                                                                                 \
      }                                                                                           \
      for (size_t k = 0; k < depth; k += 16) {                                                    \
        size_t steps = depth - k < 16 ? depth - k : 16;                                           \
        for (size_t n = 0; n < width; n++) {                                                      \
          const type *row = from + (ptrdiff_t)k * k_stride + (ptrdiff_t)n * n_stride;             \
          for (size_t i = 0; i < steps; i++) {                                                    \
            to[(k + i) * CK_PANEL + n] = row[(ptrdiff_t)i * k_stride];                            \
          }                                                                                       \
        }                                                                                         \
      }                                                                                           \
    }                                                                                             \
  }
PACK(pack_16, uint16_t)
PACK(pack_32, uint32_t)
PACK(pack_64, uint64_t)

void ck_pack(size_t depth, size_t columns, const void *source, ck_dtype dtype, ptrdiff_t k_stride,
             ptrdiff_t n_stride, size_t panel_begin, size_t panel_end, void *packed) {
#define PACK_AS(name) \
  name(depth, columns, source, k_stride, n_stride, panel_begin, panel_end, packed)
  switch (ck_dtype_size(dtype)) {
    case 2: PACK_AS(pack_16); break;
    case 4: PACK_AS(pack_32); break;
    default: PACK_AS(pack_64);
  }
#undef PACK_AS
}

// MARK: Narrowing, to nearest, ties to even

// The bits of a double that survive in a format of `mantissa` fraction bits and exponent bias
// `bias`, 16 bits in all. NaNs stay NaNs, quiet, with the top of their payload.
static uint16_t narrow(double x, int mantissa, int bias) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  const int exponent_bits = 15 - mantissa;
  const uint16_t sign = (uint16_t)(bits >> 48 & 0x8000);
  const uint16_t infinity = (uint16_t)(((1u << exponent_bits) - 1) << mantissa);
  uint64_t magnitude = bits & 0x7fffffffffffffffu;
  if (magnitude > 0x7ff0000000000000u) {
    uint16_t payload = (uint16_t)(magnitude >> (52 - mantissa) & ((1u << mantissa) - 1));
    return (uint16_t)(sign | infinity | payload | 1u << (mantissa - 1));
  }
  if (magnitude == 0x7ff0000000000000u) return sign | infinity;
  int exponent = (int)(magnitude >> 52) - 1023 + bias;
  if (exponent >= (1 << exponent_bits) - 1) return sign | infinity;
  uint64_t fraction = (magnitude & 0x000fffffffffffffu) | 0x0010000000000000u;
  int drop = 52 - mantissa;
  uint64_t kept;
  if (exponent <= 0) {  // subnormal there
    drop += 1 - exponent;
    if (drop > 54) return sign;
    kept = 0;
  } else {
    kept = (uint64_t)(exponent - 1) << mantissa;
  }
  uint64_t rest = fraction & (((uint64_t)1 << drop) - 1), half = (uint64_t)1 << (drop - 1);
  kept += fraction >> drop;
  if (rest > half || (rest == half && (kept & 1))) kept++;
  return (uint16_t)(sign | kept);
}

static double element_as_double(const void *source, size_t i, ck_dtype dtype) {
  switch (dtype) {
    case CK_F64: return ((const double *)source)[i];
    case CK_F32: return (double)((const float *)source)[i];
    case CK_BF16: return (double)ck_bf16_to_f32(((const uint16_t *)source)[i]);
    case CK_F16: return (double)ck_f16_to_f32(((const uint16_t *)source)[i]);
  }
  __builtin_trap();
}

// f32 to bf16 is frequent and simple: add half of what falls away, less one where the rest is even.
static void f32_to_bf16(size_t n, const float *source, uint16_t *target) {
  for (size_t i = 0; i < n; i++) {
    uint32_t bits = ck_bits_of_float(source[i]);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    uint32_t quiet = bits >> 16 | 0x40;
    target[i] = (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
  }
}

void ck_convert(size_t n, const void *source, ck_dtype from, void *target, ck_dtype to) {
  if (from == to) {
    memmove(target, source, n * ck_dtype_size(from));
  } else if (from == CK_BF16 && to == CK_F32) {
    const uint16_t *x = source;
    float *y = target;
    for (size_t i = 0; i < n; i++) y[i] = ck_bf16_to_f32(x[i]);
  } else if (from == CK_F16 && to == CK_F32) {
    const uint16_t *x = source;
    float *y = target;
    for (size_t i = 0; i < n; i++) y[i] = ck_f16_to_f32(x[i]);
  } else if (from == CK_F32 && to == CK_BF16) {
    f32_to_bf16(n, source, target);
  } else {
    for (size_t i = 0; i < n; i++) {
      double x = element_as_double(source, i, from);
      switch (to) {
        case CK_F64: ((double *)target)[i] = x; break;
        case CK_F32: ((float *)target)[i] = (float)x; break;
        case CK_BF16: ((uint16_t *)target)[i] = narrow(x, 7, 127); break;
        case CK_F16: ((uint16_t *)target)[i] = narrow(x, 10, 15); break;
      }
    }
  }
}
