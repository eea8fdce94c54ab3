// Prints one SHA-256 per kernel and instruction set that this CPU has, over the results for many
// odd sizes. The same program runs here and, cross-compiled, under qemu-user: run.sh compares the
// lines. It checks bits only; what the kernels should compute is the business of
// Tests/TensorCoreTests/Kernels.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

static uint64_t seed;
static uint32_t draw(void) {  // splitmix64
  uint64_t z = (seed += 0x9e3779b97f4a7c15u);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (uint32_t)(z >> 32);
}
static float *values(size_t n, float size) {
  float *x = calloc(n + 1, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = size * ((float)(draw() >> 8) * 0x1p-23f - 1.0f);
  return x;
}

static ck_sha256 digest;
static void add(const void *bytes, size_t n) { ck_sha256_update(&digest, bytes, n); }
static void add_floats(const float *x, size_t n) { add(x, n * sizeof *x); }

typedef void (*run)(const ck_kernels *t, size_t n);

static void product(const ck_kernels *t, size_t n) {
  size_t rows = 1 + n % 31, depth = n * 7 % 811, columns = 1 + n * 13 % 90;
  size_t panels = (columns + 31) / 32;
  float *a = values(rows * depth, 1), *b = values(depth * columns, 1), *bias = values(columns, 1);
  for (int dtype = CK_F32; dtype <= CK_F16; dtype++) {
    void *source = calloc(depth * columns + 1, 4), *packed = calloc(depth * panels * 32 + 1, 4);
    float *out = values(rows * columns, 1);
    ck_convert(depth * columns, b, CK_F32, source, (ck_dtype)dtype);
    ck_pack(depth, columns, source, (ck_dtype)dtype, 1, (ptrdiff_t)depth, 0, panels, packed);
    t->product(rows, depth, columns, a, (ptrdiff_t)depth, 1, packed, (ck_dtype)dtype, 0, panels,
               n % 3 ? bias : NULL, out, columns, n % 2);
    add_floats(out, rows * columns);
    free(source), free(packed), free(out);
  }
  free(a), free(b), free(bias);
}

static void rows(const ck_kernels *t, size_t n) {
  enum { ROWS = 3 };
  float *x = values(ROWS * n, 3), *y = values(ROWS * n, 1), *gain = values(n, 1);
  float *out = values(ROWS * n, 1), *more = values(2 * n, 1), scale[ROWS];
  t->norm(ROWS, n, x, n % 2, 1e-5, scale, out);
  add_floats(scale, ROWS), add_floats(out, ROWS * n);
  t->norm_backward(ROWS, n, x, scale, n % 2, y, out);
  t->affine_backward(ROWS, n, x, gain, y, out, more, more + n, 0, n);
  t->divide_rows(ROWS, n, out, scale, 1e-3, y);
  t->affine(ROWS, n, y, gain, gain, x);
  add_floats(out, ROWS * n), add_floats(more, 2 * n), add_floats(x, ROWS * n);
  double dot = t->dot(n, x, y);
  add(&dot, sizeof dot);
  free(x), free(y), free(gain), free(out), free(more);
}

static void elementwise(const ck_kernels *t, size_t n) {
  float *x = values(n, n % 5 ? 4 : 120), *y = values(n, 1), *out = values(n, 1);
  for (int kind = CK_IDENTITY; kind <= CK_LOGISTIC; kind++) {
    t->activation(n, (ck_activation)kind, x, out);
    add_floats(out, n);
    t->activation_backward(n, (ck_activation)kind, x, y, out);
    add_floats(out, n);
  }
  for (int f = CK_EXP; f <= CK_SIGMOID; f++) {
    t->function(n, (ck_function)f, x, out);
    add_floats(out, n);
  }
  t->multiply_add(n, x, y, out);
  t->add_scaled(n, 0.3, y, out);
  float *m = values(n, 1), *v = values(n, 0);
  t->adamw(n, 0.01, 0.9, 0.99, 1e-8, 0.1, 0.3, 0.2, out, m, v, y);
  t->sgd(n, 0.01, 0.9, 0.1, out, m, y);
  add_floats(m, n), add_floats(v, n), add_floats(y, n);
  free(x), free(y), free(out), free(m), free(v);
}

static void attention(const ck_kernels *t, size_t n) {
  size_t queries = 1 + n % 13, past = n * 3 % 23, total = past + queries;
  size_t kw = 1 + n % 70, vw = 1 + n * 5 % 130;
  float *q = values(queries * kw, 1), *k = values(total * kw, 1), *v = values(total * vw, 1);
  float *s = values(queries * total, 1), *p = values(queries * total, 1);
  float *out = values(queries * vw, 1), *dq = values(queries * kw, 1), *dk = values(total * kw, 1);
  float *dv = values(total * vw, 1), *scratch = values(4 * (total + 64), 1);
  ck_span spans[2] = {{k, v, past, kw, vw}, {k + past * kw, v + past * vw, queries, kw, vw}};
  t->attention_scores(queries, past, total, spans, 2, kw, q, kw, 0.3, n % 7, s, total);
  t->attention_softmax(queries, past, total, s, p, total);
  t->attention(queries, past, total, spans, 2, kw, vw, q, kw, 0.3, n % 2 ? 0.9 : 0, n % 7, out, vw, scratch);
  add_floats(s, queries * total), add_floats(p, queries * total), add_floats(out, queries * vw);
  t->attention_mix_backward(queries, past, total, spans, 2, vw, p, total, out, vw, s, dv, vw);
  t->attention_softmax_backward(queries, past, total, p, s, s, total);
  t->attention_scores_backward(queries, past, total, spans, 2, kw, q, kw, 0.3, s, total, dq, kw,
                               dk, kw);
  add_floats(dv, total * vw), add_floats(dq, queries * kw), add_floats(dk, total * kw);
  free(q), free(k), free(v), free(s), free(p), free(out), free(dq), free(dk), free(dv);
  free(scratch);
}

static void linear(const ck_kernels *t, size_t n) {
  size_t tokens = 1 + n % 17, kw = 1 + n % 37, vw = 1 + n * 7 % 140;
  float *q = values(tokens * kw, 1), *k = values(tokens * kw, 1), *v = values(tokens * vw, 1);
  float *state = values(kw * vw, 1), *out = values(tokens * vw, 1), *z = values(kw, 1);
  float *dq = values(tokens * kw, 1), *dk = values(tokens * kw, 1), *dv = values(tokens * vw, 1);
  float *scratch = values((tokens + 1) * kw * vw, 1), *s = values(tokens * tokens, 1);
  t->linear_attention_backward(tokens, kw, vw, q, kw, k, kw, v, vw, 0.9, 0.7, state, out, vw, dq,
                               kw, dk, kw, dv, vw, state, scratch);
  t->linear_attention(tokens, kw, vw, q, kw, k, kw, v, vw, 0.9, 0.7, state, out, vw);
  t->linear_normaliser(tokens, kw, q, kw, k, kw, 0.9, 0.7, z, dv, vw);
  t->linear_scores(tokens, kw, q, kw, k, kw, 0.9, 0.7, s, tokens);
  t->linear_normaliser_backward(tokens, kw, q, kw, k, kw, 0.9, 0.7, v, vw, dq, kw, dk, kw, scratch);
  add_floats(dq, tokens * kw), add_floats(dk, tokens * kw), add_floats(dv, tokens * vw);
  add_floats(state, kw * vw), add_floats(out, tokens * vw), add_floats(z, kw);
  add_floats(s, tokens * tokens);
  free(q), free(k), free(v), free(state), free(out), free(z), free(dq), free(dk), free(dv);
  free(scratch), free(s);
}

static void gated(const ck_kernels *t, size_t n) {
  size_t tokens = 1 + n % 17, kw = 1 + n % 37, vw = 1 + n * 7 % 140, step = n % 2;
  size_t stride = step ? kw : 1;
  float *q = values(tokens * kw, 1), *k = values(tokens * kw, 1), *v = values(tokens * vw, 1);
  float *decay = values(tokens * kw, 1), *beta = values(tokens, 1);
  float *state = values(kw * vw, 1), *out = values(tokens * vw, 1);
  float *dq = values(tokens * kw, 1), *dk = values(tokens * kw, 1), *dv = values(tokens * vw, 1);
  float *dd = values(tokens * kw, 1), *db = values(tokens, 1);
  float *scratch = values((tokens + 2) * (kw + 1) * vw, 1);
  float *rates = n % 3 ? beta : NULL;
  t->gated_attention_backward(tokens, kw, vw, q, kw, k, kw, v, vw, decay, stride, step, rates, 1,
                              0.7, state, out, vw, dq, dk, dv, dd, db, scratch);
  t->gated_attention(tokens, kw, vw, q, kw, k, kw, v, vw, decay, stride, step, rates, 1, 0.7,
                     state, out, vw);
  add_floats(dq, tokens * kw), add_floats(dk, tokens * kw), add_floats(dv, tokens * vw);
  add_floats(dd, tokens * kw), add_floats(db, tokens);
  add_floats(state, kw * vw), add_floats(out, tokens * vw);
  free(q), free(k), free(v), free(decay), free(beta), free(state), free(out), free(dq), free(dk);
  free(dv), free(dd), free(db), free(scratch);
}

static void loss(const ck_kernels *t, size_t n) {
  float *x = values(2 * n, 5), *dx = values(2 * n, 1);
  int32_t targets[2] = {0, (int32_t)n - 1};
  double weights[2] = {0.25, -1.5}, result[2];
  t->log_probability(2, n, x, n, targets, result);
  t->log_probability_backward(2, n, x, n, targets, weights, dx);
  add(result, sizeof result), add_floats(dx, 2 * n);
  int32_t best[2], higher[2];
  t->standing(2, n, x, n, targets, best, higher, result);
  add(best, sizeof best), add(higher, sizeof higher), add(result, sizeof result);
  free(x), free(dx);
}

static void rotary(const ck_kernels *t, size_t n) {
  enum { TOKENS = 3, HEADS = 2 };
  size_t half = 1 + n % 40, width = 2 * half + n % 3;
  float *x = values(TOKENS * HEADS * width, 1), *out = values(TOKENS * HEADS * width, 1);
  float *c = values(8 * half, 1), *s = values(8 * half, 1);
  int32_t positions[TOKENS] = {7, 0, 3};
  for (int k = 0; k < 4; k++) {
    t->rotary(TOKENS, HEADS, width, 2 * half, k % 2, k / 2, positions, c, s, x, out);
    add_floats(out, TOKENS * HEADS * width);
  }
  free(x), free(out), free(c), free(s);
}

static void elementary(const ck_kernels *t, size_t n) {
  (void)t;
  for (int i = 0; i < 20; i++) {
    double x = ((double)draw() * 0x1p-32 - 0.5) * (double)(1u << n % 30);
    double y[] = {ck_exp(x),  ck_log(x * x), ck_sin(x), ck_cos(x * 1e30),
                  ck_tanh(x), ck_erf(x),     ck_pow(x * x, 1.3), ck_lgamma(x)};
    for (int k = 0; k < 8; k++) {
      if (y[k] == y[k]) add(&y[k], sizeof y[k]);
    }
  }
}

static const struct {
  const char *name;
  run run;
} cases[] = {
    {"product", product},   {"rows", rows},     {"elementwise", elementwise},
    {"attention", attention}, {"linear", linear}, {"gated", gated},
    {"loss", loss},         {"rotary", rotary},     {"elementary", elementary},
};

int main(void) {
  static const char *names[] = {"portable", "avx2", "avx512", "neon"};
  for (int isa = CK_PORTABLE; isa <= CK_NEON; isa++) {
    const ck_kernels *table = ck_f32((ck_isa)isa);
    if (!table) continue;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
      ck_sha256_init(&digest);
      seed = c;
      for (size_t n = 1; n <= 100; n++) cases[c].run(table, n);
      uint8_t d[32];
      ck_sha256_final(&digest, d);
      printf("%-8s %-11s ", names[isa], cases[c].name);
      for (int i = 0; i < 16; i++) printf("%02x", d[i]);
      printf("\n");
    }
  }
  return 0;
}
