// SHA-256 (FIPS 180-4), with the SHA instructions where the CPU has them, and CRC-32 as in zlib.

#include <pthread.h>

#include "ck_internal.h"

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

void ck_sha256_blocks_plain(uint32_t state[8], const uint8_t *blocks, size_t count) {
  for (const uint8_t *p = blocks; count > 0; count--, p += 64) {
    uint32_t w[64], s[8];
    for (int i = 0; i < 16; i++) {
      w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
             (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    }
    for (int i = 16; i < 64; i++) {
      uint32_t a = w[i - 15], b = w[i - 2];
      w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
             (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
      uint32_t e = s[4], a = s[0];
      uint32_t t1 = s[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
                    ((e & s[5]) ^ (~e & s[6])) + round_constants[i] + w[i];
      uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
                    ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
      memmove(s + 1, s, 7 * sizeof s[0]);
      s[4] += t1;
      s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
  }
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("sha,sse4.1"))) static void blocks_sha(uint32_t state[8], const uint8_t *p,
                                                              size_t blocks) {
  // the instructions want the state as (f, e, b, a) and (h, g, d, c), lowest lane first
  const __m128i bytes = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i abcd = _mm_loadu_si128((const __m128i *)state);
  __m128i efgh = _mm_loadu_si128((const __m128i *)(state + 4));
  __m128i cdab = _mm_shuffle_epi32(abcd, 0xB1), hgfe = _mm_shuffle_epi32(efgh, 0x1B);
  __m128i abef = _mm_alignr_epi8(cdab, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, cdab, 0xF0);
  for (; blocks > 0; blocks--, p += 64) {
    __m128i start0 = abef, start1 = cdgh, w[4];
    for (int i = 0; i < 4; i++) {
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * i)), bytes);
    }
    for (int i = 0; i < 16; i++) {  // four rounds each
      __m128i k = _mm_loadu_si128((const __m128i *)(round_constants + 4 * i));
      __m128i sum = _mm_add_epi32(w[i % 4], k);
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
      if (i < 12) {
        __m128i next = _mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]);
        next = _mm_add_epi32(next, _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4));
        w[i % 4] = _mm_sha256msg2_epu32(next, w[(i + 3) % 4]);
      }
    }
    abef = _mm_add_epi32(abef, start0);
    cdgh = _mm_add_epi32(cdgh, start1);
  }
  __m128i feba = _mm_shuffle_epi32(abef, 0x1B), dchg = _mm_shuffle_epi32(cdgh, 0xB1);
  _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xF0));
  _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

#include <cpuid.h>

static bool has_sha(void) {
  unsigned a, b, c, d;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  return (b >> 29 & 1) && __builtin_cpu_supports("sse4.1");
}
#endif

typedef void (*block_function)(uint32_t state[8], const uint8_t *p, size_t blocks);
static block_function blocks_of_this_cpu = ck_sha256_blocks_plain;
static uint32_t crc_tables[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void prepare(void) {
#if defined(__x86_64__)
  if (has_sha()) blocks_of_this_cpu = blocks_sha;
#endif
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; bit++) c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
    crc_tables[0][i] = c;
  }
  for (int t = 1; t < 8; t++) {
    for (int i = 0; i < 256; i++) {
      uint32_t c = crc_tables[t - 1][i];
      crc_tables[t][i] = crc_tables[0][c & 0xff] ^ c >> 8;
    }
  }
}

void ck_sha256_init(ck_sha256 *h) {
  static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memcpy(h->state, start, sizeof start);
  h->length = 0;
}

void ck_sha256_update(ck_sha256 *h, const void *bytes, size_t count) {
  pthread_once(&once, prepare);
  const uint8_t *p = bytes;
  size_t held = h->length % 64;
  h->length += count;
  if (held > 0) {
    size_t n = count < 64 - held ? count : 64 - held;
    memcpy(h->block + held, p, n);
    p += n;
    count -= n;
    if (held + n < 64) return;
    blocks_of_this_cpu(h->state, h->block, 1);
  }
  blocks_of_this_cpu(h->state, p, count / 64);
  if (count % 64) memcpy(h->block, p + count / 64 * 64, count % 64);
}

void ck_sha256_final(ck_sha256 *h, uint8_t digest[32]) {
  const uint64_t bits = h->length * 8;
  uint8_t tail[72] = {0x80};
  size_t zeros = (119 - h->length % 64) % 64;  // 0x80 and zeros up to 8 bytes before a block's end
  for (int i = 0; i < 8; i++) tail[1 + zeros + (size_t)i] = (uint8_t)(bits >> (56 - 8 * i));
  ck_sha256_update(h, tail, zeros + 9);
  for (int i = 0; i < 32; i++) digest[i] = (uint8_t)(h->state[i / 4] >> (24 - 8 * (i % 4)));
}

// Eight bytes a step through eight tables ("slicing by 8").
uint32_t ck_crc32(uint32_t crc, const void *bytes, size_t count) {
  pthread_once(&once, prepare);
  const uint8_t *p = bytes;
  uint32_t c = ~crc;
  for (; count >= 8; count -= 8, p += 8) {
    uint32_t low = c ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                        (uint32_t)p[3] << 24);
    c = crc_tables[7][low & 0xff] ^ crc_tables[6][low >> 8 & 0xff] ^
        crc_tables[5][low >> 16 & 0xff] ^ crc_tables[4][low >> 24] ^ crc_tables[3][p[4]] ^
        crc_tables[2][p[5]] ^ crc_tables[1][p[6]] ^ crc_tables[0][p[7]];
  }
  for (; count > 0; count--, p++) c = crc_tables[0][(c ^ *p) & 0xff] ^ c >> 8;
  return ~c;
}
