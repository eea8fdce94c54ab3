// The product of bf16 numbers with f32 sums, by the CPU's dot-product instruction (AVX512-BF16). An option for twice
// the speed: an element of out is one chain over pairs of k, so rows, panels and threads change no bit; but the
// instruction's own rounding is not what f32 arithmetic elsewhere gives.

#include "ck_internal.h"

#pragma STDC FP_CONTRACT OFF

void ck_pack_bf16(size_t depth, size_t columns, const void *source, ck_dtype dtype,
                  ptrdiff_t k_stride, ptrdiff_t n_stride, size_t panel_begin, size_t panel_end,
                  uint16_t *packed) {
  const size_t pairs = (depth + 1) / 2, panel_size = pairs * CK_PANEL * 2;
  const ptrdiff_t size = (ptrdiff_t)ck_dtype_size(dtype);
  for (size_t panel = panel_begin; panel < panel_end; panel++) {
    uint16_t *to = packed + panel * panel_size;
    memset(to, 0, panel_size * sizeof *to);
    size_t column = panel * CK_PANEL;
    size_t width = columns - column < CK_PANEL ? columns - column : CK_PANEL;
    // along whichever axis the source is contiguous, a few cache lines at a time
    const bool along_k = n_stride != 1;
    const size_t outer = along_k ? width : depth, inner = along_k ? depth : width;
    const ptrdiff_t outer_stride = along_k ? n_stride : k_stride;
    const ptrdiff_t inner_stride = along_k ? k_stride : n_stride;
    const char *from = (const char *)source + (ptrdiff_t)column * n_stride * size;
    for (size_t block = 0; block < inner; block += 32) {
      const size_t count = inner - block < 32 ? inner - block : 32;
      for (size_t i = 0; i < outer; i++) {
        const char *row = from + ((ptrdiff_t)i * outer_stride + (ptrdiff_t)block * inner_stride) * size;
        uint16_t rounded[32];
        if (inner_stride == 1) {
          ck_convert(count, row, dtype, rounded, CK_BF16);
        } else {
          for (size_t j = 0; j < count; j++) {
            ck_convert(1, row + (ptrdiff_t)j * inner_stride * size, dtype, rounded + j, CK_BF16);
          }
        }
        for (size_t j = 0; j < count; j++) {
          const size_t k = along_k ? block + j : i, n = along_k ? i : block + j;
          to[(k / 2 * CK_PANEL + n) * 2 + k % 2] = rounded[j];
        }
      }
    }
  }
}

#if defined(__x86_64__)
#include <immintrin.h>

bool ck_bf16_available(void) {
  return ck_isa_available(CK_AVX512) && __builtin_cpu_supports("avx512bf16");
}

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))), apply_to = function)

enum { BF16_ROWS = 14, BF16_ROW_BLOCK = 336, BF16_PAIR_BLOCK = 384 };

#define UNROLL _Pragma("clang loop unroll(full)")

LANES __m512bh pairs_of(const void *p) { return (__m512bh)_mm512_loadu_si512(p); }

LANES void bf16_tile(int rows, size_t pairs, const uint32_t *a, size_t a_row, const uint32_t *b,
                     float *out, size_t out_row, const float *bias, bool from_zero, const char *ahead,
                     size_t ahead_step) {
  __m512 c[BF16_ROWS][2];
  UNROLL
  for (int i = 0; i < rows; i++) {
    c[i][0] = from_zero ? _mm512_setzero_ps() : _mm512_loadu_ps(out + (size_t)i * out_row);
    c[i][1] = from_zero ? _mm512_setzero_ps() : _mm512_loadu_ps(out + (size_t)i * out_row + 16);
  }
  for (size_t k = 0; k < pairs; k++, b += CK_PANEL) {
    ck_fetch(ahead, ahead_step);
    ahead += ahead_step;
    __m512bh b0 = pairs_of(b), b1 = pairs_of(b + 16);
    UNROLL
    for (int i = 0; i < rows; i++) {
      __m512bh x = (__m512bh)_mm512_set1_epi32((int)a[(size_t)i * a_row + k]);
      c[i][0] = _mm512_dpbf16_ps(c[i][0], x, b0);
      c[i][1] = _mm512_dpbf16_ps(c[i][1], x, b1);
    }
  }
  UNROLL
  for (int i = 0; i < rows; i++) {
    if (bias) {
      c[i][0] = _mm512_add_ps(c[i][0], _mm512_loadu_ps(bias));
      c[i][1] = _mm512_add_ps(c[i][1], _mm512_loadu_ps(bias + 16));
    }
    _mm512_storeu_ps(out + (size_t)i * out_row, c[i][0]);
    _mm512_storeu_ps(out + (size_t)i * out_row + 16, c[i][1]);
  }
}

#define TILE_CASE(n) \
  case n: bf16_tile(n, pairs, a, a_row, b, out, out_row, bias, from_zero, ahead, ahead_step); break;
static void bf16_tile_of(size_t rows, size_t pairs, const uint32_t *a, size_t a_row,
                         const uint32_t *b, float *out, size_t out_row, const float *bias,
                         bool from_zero, const char *ahead, size_t ahead_step) {
  switch (rows) {
    TILE_CASE(1) TILE_CASE(2) TILE_CASE(3) TILE_CASE(4) TILE_CASE(5) TILE_CASE(6) TILE_CASE(7)
    TILE_CASE(8) TILE_CASE(9) TILE_CASE(10) TILE_CASE(11) TILE_CASE(12) TILE_CASE(13) TILE_CASE(14)
    default: __builtin_unreachable();
  }
}

// Rounds `depth` numbers to bf16, to nearest, ties to even; an odd one out is paired with zero.
static void round_row(size_t depth, const float *from, uint32_t *to) {
  uint16_t *halves = (uint16_t *)to;
  size_t k = 0;
  for (; k + 32 <= depth; k += 32) {
    _mm512_storeu_si512(halves + k, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + k + 16),
                                                                 _mm512_loadu_ps(from + k)));
  }
  ck_convert(depth - k, from + k, CK_F32, halves + k, CK_BF16);
  if (depth % 2) halves[depth] = 0;
}

void ck_product_bf16(size_t rows, size_t depth, size_t columns, const float *a, ptrdiff_t a_row,
                     const uint16_t *panels, size_t panel_begin, size_t panel_end,
                     const float *bias, float *out, size_t out_row) {
  const size_t pairs = (depth + 1) / 2, stride = pairs + 16;
  const size_t row_blocks = (rows + BF16_ROW_BLOCK - 1) / BF16_ROW_BLOCK;
  const size_t k_blocks = pairs > BF16_PAIR_BLOCK ? (pairs + BF16_PAIR_BLOCK - 1) / BF16_PAIR_BLOCK : 1;
  float buffer[BF16_ROWS * CK_PANEL], padded_bias[CK_PANEL];
  for (size_t mi = 0, m = 0; mi < row_blocks; mi++) {
    const size_t block_rows = (rows - m) / (row_blocks - mi);
    uint32_t *rounded = ck_scratch(block_rows * stride * sizeof *rounded);
    for (size_t i = 0; i < block_rows; i++) {
      round_row(depth, a + (ptrdiff_t)(m + i) * a_row, rounded + i * stride);
    }
    for (size_t ki = 0, k = 0; ki < k_blocks; ki++) {
      const size_t steps = (pairs - k) / (k_blocks - ki);
      const bool ends = ki + 1 == k_blocks;
      for (size_t panel = panel_begin; panel < panel_end; panel++) {
        const size_t column = panel * CK_PANEL;
        const size_t width = columns - column < CK_PANEL ? columns - column : CK_PANEL;
        const bool whole = width == CK_PANEL;
        const uint32_t *b = (const uint32_t *)panels + (panel * pairs + k) * CK_PANEL;
        const float *own_bias = bias && ends ? bias + column : NULL;
        if (own_bias && !whole) {
          memset(padded_bias, 0, sizeof padded_bias);
          memcpy(padded_bias, own_bias, width * sizeof(float));
          own_bias = padded_bias;
        }
        const size_t tiles = (block_rows + BF16_ROWS - 1) / BF16_ROWS;
        // each tile fetches its share of what is read next, as in product.inc
        const bool last = panel + 1 == panel_end;
        const size_t next = last ? panel_begin * pairs + k + steps : (panel + 1) * pairs + k;
        const char *ahead = (const char *)panels + next * CK_PANEL * sizeof(uint32_t);
        const size_t ahead_step = (CK_PANEL * sizeof(uint32_t) + tiles - 1) / tiles;
        for (size_t i = 0, row = 0; i < tiles; i++) {
          const size_t n = (block_rows - row) / (tiles - i);
          float *to = out + (m + row) * out_row + column;
          float *tile_out = whole ? to : buffer;
          const size_t tile_row = whole ? out_row : CK_PANEL;
          if (!whole && ki > 0) {
            memset(buffer, 0, sizeof buffer);
            for (size_t r = 0; r < n; r++) {
              memcpy(buffer + r * CK_PANEL, to + r * out_row, width * sizeof(float));
            }
          }
          bf16_tile_of(n, steps, rounded + row * stride + k, stride, b, tile_out, tile_row,
                       own_bias, ki == 0, ahead + i * steps * ahead_step, ahead_step);
          if (!whole) {
            for (size_t r = 0; r < n; r++) {
              memcpy(to + r * out_row, buffer + r * CK_PANEL, width * sizeof(float));
            }
          }
          row += n;
        }
      }
      k += steps;
    }
    m += block_rows;
  }
}

#pragma clang attribute pop

#else

bool ck_bf16_available(void) { return false; }
void ck_product_bf16(size_t rows, size_t depth, size_t columns, const float *a, ptrdiff_t a_row,
                     const uint16_t *panels, size_t panel_begin, size_t panel_end,
                     const float *bias, float *out, size_t out_row) {
  __builtin_trap();  // ck_bf16_available said no
}

#endif
