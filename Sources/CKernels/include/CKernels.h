// CKernels: every inner loop of Thetascope. The C side knows arrays, rows and strides; it knows no
// model, owns no threads' policy and allocates nothing that outlives a call.
//
// One table of functions per (instruction set, element type). The element type R is float or double
// (double only on the portable path); pointers are untyped here so that the generic Swift face can
// call one table type, and the Swift face is what guarantees that they point at R.
//
// The law of this module: a kernel's result bits depend on its inputs only: not on the instruction
// set, not on how rows or panels are split over calls. Sums along a row are 16 strided partial sums
// (lane j adds elements j, j+16, …, a missing tail element adds nothing) then one fixed tree
// (8+8, 4+4, 2+2, 1+1: lane j with lane j+8, then j+4, j+2, j+1). Products are one chain of fused
// multiply-adds in the order of k.

#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// MARK: Instruction sets

typedef enum { CK_PORTABLE = 0, CK_AVX2 = 1, CK_AVX512 = 2, CK_NEON = 3 } ck_isa;
typedef enum { CK_F32 = 0, CK_BF16 = 1, CK_F16 = 2, CK_F64 = 3 } ck_dtype;
typedef enum {
  CK_IDENTITY = 0,
  CK_RELU = 1,
  CK_GELU = 2,           // x/2 (1 + erf(x/√2))
  CK_GELU_TANH = 3,      // x/2 (1 + tanh(√(2/π)(x + 0.044715 x³))), "gelu_new", "gelu_pytorch_tanh"
  CK_SILU = 4,           // x σ(x)
  CK_ELU_PLUS_ONE = 5,   // x > 0 ? x + 1 : exp(x)
  CK_LOGISTIC = 6,       // σ(x) = 1 / (1 + exp(-x))
} ck_activation;
typedef enum { CK_EXP = 0, CK_TANH = 1, CK_ERF = 2, CK_SIGMOID = 3 } ck_function;

// Rows of keys and of values that lie together: `count` rows, `key_stride`/`value_stride` elements
// apart, already offset to one head. A sequence's visible past is a list of spans.
typedef struct {
  const void *keys;
  const void *values;
  size_t count;
  size_t key_stride;
  size_t value_stride;
} ck_span;

#define CK_PANEL 32  // columns of a packed panel

// MARK: The table

typedef struct ck_kernels {
  ck_isa isa;
  size_t element_size;  // 4 or 8

  // -- Matrix product. out[m, n] = chain over k of a(m, k)·b(k, n), started from 0, or from out[m, n]
  // with `accumulate`; then + bias[n] when bias is not null. a(m, k) = a[m*a_row + k*a_column].
  // `panels` is b packed as [ceil(columns/32)][depth][32] elements of `dtype`, widened exactly inside.
  // Computes `rows` rows and panels [panel_begin, panel_end); columns beyond `columns` are not written.
  void (*product)(size_t rows, size_t depth, size_t columns, const void *a, ptrdiff_t a_row,
                  ptrdiff_t a_column, const void *panels, ck_dtype dtype, size_t panel_begin,
                  size_t panel_end, const void *bias, void *out, size_t out_row, bool accumulate);

  // -- Norms, over rows of `width` contiguous elements.
  // centred = x - mean(x) when `centre`, else x; scale = sqrt(mean(centred²) + epsilon);
  // normalized = centred / scale. `scale` has one element a row.
  void (*norm)(size_t rows, size_t width, const void *x, bool centre, double epsilon, void *scale,
               void *normalized);
  // The same last two steps with a scale that is given (someone edited it).
  void (*norm_with_scale)(size_t rows, size_t width, const void *x, bool centre, const void *scale,
                          void *normalized);
  // out = x*gain (+ bias, fused, when not null); gain and bias are [width].
  void (*affine)(size_t rows, size_t width, const void *x, const void *gain, const void *bias,
                 void *out);
  // dx += (dn - [mean(dn) if centre] - n * mean(dn∘n)) / scale.
  void (*norm_backward)(size_t rows, size_t width, const void *normalized, const void *scale,
                        bool centre, const void *d_normalized, void *dx);
  // dx += dy∘gain.   For columns [begin, end): dgain += Σ_rows dy∘x, dbias += Σ_rows dy, in row order
  // (each of dx, dgain, dbias may be null).
  void (*affine_backward)(size_t rows, size_t width, const void *x, const void *gain,
                          const void *dy, void *dx, void *dgain, void *dbias, size_t begin,
                          size_t end);

  // -- Elementwise over n elements.
  void (*add)(size_t n, const void *x, const void *y, void *out);
  void (*multiply)(size_t n, const void *x, const void *y, void *out);
  void (*multiply_add)(size_t n, const void *x, const void *y, void *accumulator);  // acc += x∘y, fused
  void (*scale)(size_t n, double factor, const void *x, void *out);
  void (*add_scaled)(size_t n, double factor, const void *x, void *accumulator);    // acc += f·x, fused
  void (*activation)(size_t n, ck_activation kind, const void *x, void *out);
  void (*activation_backward)(size_t n, ck_activation kind, const void *x, const void *dy,
                              void *dx);                                            // dx += dy·f'(x)
  // cap·tanh(x / cap); -inf, which is a mask, stays. In place allowed.
  void (*soft_cap)(size_t n, double cap, const void *x, void *out);
  // dx += dy·(1 - (y / cap)²) of soft_cap's y; 0 where y is -inf.
  void (*soft_cap_backward)(size_t n, double cap, const void *y, const void *dy, void *dx);
  // x / (divisor[row] + epsilon) for every element of a row.
  void (*divide_rows)(size_t rows, size_t width, const void *x, const void *divisor, double epsilon,
                      void *out);

  // -- Rotary embedding, x and out [tokens, heads, width]; the first `rotary` dimensions turn, the rest
  // are copied. cos/sin are [table rows, rotary/2]; token t uses row positions[t]. `interleaved` pairs
  // 2i with 2i+1 (GPT-J), otherwise i with i + rotary/2. `inverse` turns back (for gradients).
  void (*rotary)(size_t tokens, size_t heads, size_t width, size_t rotary, bool interleaved,
                 bool inverse, const int32_t *positions, const void *cosines, const void *sines,
                 const void *x, void *out);

  // -- Softmax attention, one head of one sequence. Query i (of `queries`, rows `q_stride` apart) sees
  // keys 0 ..< min(total, past + i + 1) of the concatenated spans (`total` rows in all).
  // scores[i, j] = (q_i·k_j)*scale for visible j, -inf for the others; rows `row_stride` apart. With a
  // `window` (0: none) a query sees the last `window` of those keys only.
  void (*attention_scores)(size_t queries, size_t past, size_t total, const ck_span *spans,
                           size_t span_count, size_t width, const void *q, size_t q_stride,
                           double scale, size_t window, void *scores, size_t row_stride);
  // pattern row i = softmax over its first min(total, past + i + 1) scores, 0 beyond. In place allowed.
  void (*attention_softmax)(size_t queries, size_t past, size_t total, const void *scores,
                            void *pattern, size_t row_stride);
  // out_i = Σ_j pattern[i, j]·v_j in key order over the first min(total, past + i + 1) keys.
  void (*attention_mix)(size_t queries, size_t past, size_t total, const ck_span *spans,
                        size_t span_count, size_t width, const void *pattern, size_t row_stride,
                        void *out, size_t out_stride);
  // The three above, fused: the same arithmetic and so the same bits; between them soft_cap, where `cap`
  // is not 0. scratch: `total` + 64 elements per query block of at most 4 queries, i.e. 4 * (total + 64).
  void (*attention)(size_t queries, size_t past, size_t total, const ck_span *spans,
                    size_t span_count, size_t key_width, size_t value_width, const void *q,
                    size_t q_stride, double scale, double cap, size_t window, void *out,
                    size_t out_stride, void *scratch);
  // Gradients; keys and values of one span only, that of the sequence itself, whose first row is key
  // number `past`; earlier keys are constants, which count through `spans` where their values matter.
  // d_pattern[i, j] = dout_i·v_j for visible j (0 beyond);   dv_j += Σ_i pattern[i, j]·dout_i, in order of i.
  void (*attention_mix_backward)(size_t queries, size_t past, size_t total, const ck_span *spans,
                                 size_t span_count, size_t width, const void *pattern,
                                 size_t row_stride, const void *dout, size_t dout_stride,
                                 void *d_pattern, void *dv, size_t dv_stride);
  // d_scores = pattern∘(d_pattern - Σ_j pattern∘d_pattern). In place over d_pattern allowed.
  void (*attention_softmax_backward)(size_t queries, size_t past, size_t total, const void *pattern,
                                     const void *d_pattern, void *d_scores, size_t row_stride);
  // dq_i += scale Σ_j d_scores[i, j]·k_j;   dk_j += scale Σ_i d_scores[i, j]·q_i (own keys), in order.
  void (*attention_scores_backward)(size_t queries, size_t past, size_t total, const ck_span *spans,
                                    size_t span_count, size_t width, const void *q, size_t q_stride,
                                    double scale, const void *d_scores, size_t row_stride, void *dq,
                                    size_t dq_stride, void *dk, size_t dk_stride);

  // -- Linear attention, one head of one sequence: S = decay·S + k_t ⊗ v_t;  out_t = scale·(q_t S).
  // state [key_width, value_width], read and written. q, k are after the feature map.
  void (*linear_attention)(size_t tokens, size_t key_width, size_t value_width, const void *q,
                           size_t q_stride, const void *k, size_t k_stride, const void *v,
                           size_t v_stride, double decay, double scale, void *state, void *out,
                           size_t out_stride);
  // z = decay·z + k_t;  out_t = scale·(q_t·z).  z [key_width] read and written; out one element a token.
  void (*linear_normaliser)(size_t tokens, size_t key_width, const void *q, size_t q_stride,
                            const void *k, size_t k_stride, double decay, double scale, void *z,
                            void *out, size_t out_stride);
  // scores[i, j] = scale·decay^(i-j)·(q_i·k_j) for j <= i, 0 beyond (the weight of token j in out_i).
  void (*linear_scores)(size_t tokens, size_t key_width, const void *q, size_t q_stride,
                        const void *k, size_t k_stride, double decay, double scale, void *scores,
                        size_t row_stride);
  // Gradients of linear_attention from a given initial state (null: zeros); dq, dk, dv accumulate,
  // d_initial (may be null) accumulates. scratch: (tokens + 1) * key_width * value_width elements.
  void (*linear_attention_backward)(size_t tokens, size_t key_width, size_t value_width,
                                    const void *q, size_t q_stride, const void *k, size_t k_stride,
                                    const void *v, size_t v_stride, double decay, double scale,
                                    const void *initial, const void *dout, size_t dout_stride,
                                    void *dq, size_t dq_stride, void *dk, size_t dk_stride,
                                    void *dv, size_t dv_stride, void *d_initial, void *scratch);
  // Gradients of linear_normaliser from a zero start; dout one element a token.
  // scratch: (tokens + 1) * key_width elements.
  void (*linear_normaliser_backward)(size_t tokens, size_t key_width, const void *q,
                                     size_t q_stride, const void *k, size_t k_stride, double decay,
                                     double scale, const void *dout, size_t dout_stride, void *dq,
                                     size_t dq_stride, void *dk, size_t dk_stride, void *scratch);

  // -- Gated linear attention, one head of one sequence: S = diag(decay_t)·S, then S += k_t ⊗ v_t, or by
  // the delta rule (beta not null) S += k_t ⊗ beta_t·(v_t - k_tᵀS);  out_t = scale·(q_t S).
  // Element a of token t's decay is decay[t*decay_stride + a*decay_step]; decay_step 0: one for all.
  void (*gated_attention)(size_t tokens, size_t key_width, size_t value_width, const void *q,
                          size_t q_stride, const void *k, size_t k_stride, const void *v,
                          size_t v_stride, const void *decay, size_t decay_stride,
                          size_t decay_step, const void *beta, size_t beta_stride, double scale,
                          void *state, void *out, size_t out_stride);
  // Its gradients from a given initial state (null: zeros); dq, dk, dv, d_decay, d_beta accumulate and
  // lie as q, k, v, decay, beta do. scratch: (tokens + 2)*key_width*value_width +
  // (tokens + 2)*value_width elements.
  void (*gated_attention_backward)(size_t tokens, size_t key_width, size_t value_width,
                                   const void *q, size_t q_stride, const void *k, size_t k_stride,
                                   const void *v, size_t v_stride, const void *decay,
                                   size_t decay_stride, size_t decay_step, const void *beta,
                                   size_t beta_stride, double scale, const void *initial,
                                   const void *dout, size_t dout_stride, void *dq, void *dk,
                                   void *dv, void *d_decay, void *d_beta, void *scratch);

  // -- Losses. For each row: log p(target) in nats, computed with f64 sums.
  void (*log_probability)(size_t rows, size_t vocabulary, const void *logits, size_t row_stride,
                          const int32_t *targets, double *log_probabilities);
  // d_logits += weight[row]·(onehot - softmax) : the gradient of weight·log p(target).
  void (*log_probability_backward)(size_t rows, size_t vocabulary, const void *logits,
                                   size_t row_stride, const int32_t *targets, const double *weights,
                                   void *d_logits);
  // Where each row's target stands: the index of the greatest logit (of equal ones the first), how many are
  // higher than the target's, and the target's minus the greatest of the others (-inf where there is none).
  void (*standing)(size_t rows, size_t vocabulary, const void *logits, size_t row_stride,
                   const int32_t *targets, int32_t *best, int32_t *higher, double *lead);

  // -- Sums in f64 along n elements (16 strided partial sums, then the tree).
  double (*dot)(size_t n, const void *x, const void *y);

  // -- Optimisers, in place over n elements.
  // momentum = mu·momentum + (g + decay·w); w -= rate·momentum   (momentum may be null when mu is 0).
  void (*sgd)(size_t n, double rate, double mu, double weight_decay, const void *gradient,
              void *momentum, void *weights);
  // PyTorch's AdamW: w *= 1 - rate·decay; m, v moments; w -= rate·(m/c1)/(sqrt(v/c2) + epsilon),
  // with c1 = 1 - beta1^step, c2 = 1 - beta2^step given by the caller.
  void (*adamw)(size_t n, double rate, double beta1, double beta2, double epsilon,
                double weight_decay, double c1, double c2, const void *gradient, void *m, void *v,
                void *weights);

  // -- Elementary functions over n elements, as the kernels above use them. Error in f32: exp and erf
  // below 1.1 ulp, tanh 1.5, the logistic function 2.5; in f64 as below.
  void (*function)(size_t n, ck_function function, const void *x, void *out);

  // -- Yardsticks for benchmarks: fused multiply-adds that wait for nothing (returns their number,
  // a multiplication and an addition each counted), and one pass over n elements in memory.
  double (*yardstick_arithmetic)(size_t rounds);
  void (*yardstick_reading)(size_t n, const void *x);
} ck_kernels;

bool ck_isa_available(ck_isa isa);
ck_isa ck_best_isa(void);
// Null where the instruction set is not compiled in or not available on this CPU.
const ck_kernels *ck_f32(ck_isa isa);
const ck_kernels *ck_f64(void);
// The f64 table compiled without fused multiply-add instructions: slow, the same bits.
const ck_kernels *ck_f64_portable(void);

// MARK: bf16 products, where the CPU has the instruction

bool ck_bf16_available(void);
// Packs b(k, n) rounded to bf16 into panels [panel_begin, panel_end) of `packed`
// ([ceil(columns/32)][ceil(depth/2)][32][2]), zeros beyond.
void ck_pack_bf16(size_t depth, size_t columns, const void *source, ck_dtype dtype,
                  ptrdiff_t k_stride, ptrdiff_t n_stride, size_t panel_begin, size_t panel_end,
                  uint16_t *packed);
// out[m, n] = Σ_k bf16(a[m, k])·b(k, n) in f32, one chain over pairs of k, + bias[n] when not null.
void ck_product_bf16(size_t rows, size_t depth, size_t columns, const float *a, ptrdiff_t a_row,
                     const uint16_t *panels, size_t panel_begin, size_t panel_end,
                     const float *bias, float *out, size_t out_row);

// MARK: Moving and widening (exact, the same everywhere)

// Packs b(k, n) = source[k*k_stride + n*n_stride] (elements of `dtype`) into panels
// [panel_begin, panel_end) of `packed` ([ceil(columns/32)][depth][32], the same dtype), zeros beyond.
void ck_pack(size_t depth, size_t columns, const void *source, ck_dtype dtype, ptrdiff_t k_stride,
             ptrdiff_t n_stride, size_t panel_begin, size_t panel_end, void *packed);
// Converts n elements; narrowing rounds to nearest, ties to even.
void ck_convert(size_t n, const void *source, ck_dtype from, void *target, ck_dtype to);
size_t ck_dtype_size(ck_dtype dtype);

// MARK: Elementary functions in f64, ours (libm's differ between CPUs), error bounds beside each in the .c

double ck_exp(double x);
double ck_log(double x);
double ck_sin(double x);
double ck_cos(double x);
double ck_tanh(double x);
double ck_erf(double x);
double ck_pow(double x, double y);
double ck_lgamma(double x);

// The same, compiled without fused multiply-add instructions: slow, the same bits.
typedef struct {
  double (*exp)(double);
  double (*log)(double);
  double (*sin)(double);
  double (*cos)(double);
  double (*tanh)(double);
  double (*erf)(double);
  double (*pow)(double, double);
  double (*lgamma)(double);
} ck_math;
const ck_math *ck_math_portable(void);

// MARK: Threads: a pool whose workers spin briefly, then sleep

typedef struct ck_pool ck_pool;
ck_pool *ck_pool_create(size_t threads);  // threads >= 1 counts the caller; null when it cannot
void ck_pool_destroy(ck_pool *pool);
// Calls body(context, i) for i in 0 ..< count, each once, on the pool's threads and the caller's;
// returns when all are done. Calls from several threads at once are safe (they take turns);
// a nested call from inside a body runs inline.
void ck_pool_run(ck_pool *pool, size_t count, void (*body)(void *context, size_t index),
                 void *context);

// MARK: Memory

// Tells the allocator to keep freed memory for the next pass. Changes no result; safe to call again.
void ck_keep_freed_memory(void);
// Asks for large pages where a large block lies. Changes no result.
void ck_prefer_large_pages(void *memory, size_t bytes);
// Memory at a multiple of 64 bytes, for what comes and goes, in large pages where it is large; NULL if there is none.
void *ck_allocate(size_t bytes);
void ck_deallocate(void *memory);
// Zeroed pages straight from the system, for what stays; NULL if there is no memory.
void *ck_map_pages(size_t bytes);
void ck_unmap_pages(void *memory, size_t bytes);
// Gives the whole pages of a range back to the system; they are zeros when they are read again.
void ck_forget_pages(void *memory, size_t bytes);

// Notes a file that is mapped, for ck_watch_mappings; returns what ck_release_guard takes, or -1 when there are too many.
int ck_guard_mapping(const void *base, size_t count, const char *name);
// To be called before the file is unmapped.
void ck_release_guard(int slot);
// From now on a noted file that loses pages (SIGBUS) ends the process with a sentence and this status.
void ck_watch_mappings(int status);

// MARK: Digests

typedef struct {
  uint32_t state[8];
  uint64_t length;
  uint8_t block[64];
} ck_sha256;
void ck_sha256_init(ck_sha256 *h);
void ck_sha256_update(ck_sha256 *h, const void *bytes, size_t count);  // SHA-NI where the CPU has it
void ck_sha256_final(ck_sha256 *h, uint8_t digest[32]);
// What update does with whole blocks where the CPU has no SHA instructions.
void ck_sha256_blocks_plain(uint32_t state[8], const uint8_t *blocks, size_t count);
uint32_t ck_crc32(uint32_t crc, const void *bytes, size_t count);  // zlib's polynomial; start with 0

#endif
