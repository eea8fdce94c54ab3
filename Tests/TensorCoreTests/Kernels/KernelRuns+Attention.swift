// The attention kernels among KernelRuns: softmax and linear, forward and backward.

import CKernels

/// One head's queries, keys and values, the keys in spans of `cuts` rows.
struct AttentionInput<R: KernelElement> {
  let queries: Int
  let past: Int
  let keyWidth: Int
  let valueWidth: Int
  var q: [R]
  var k: [R]
  var v: [R]

  var total: Int { past + queries }

  init(queries: Int, past: Int, keyWidth: Int, valueWidth: Int, draws: inout Draws) {
    (self.queries, self.past) = (queries, past)
    (self.keyWidth, self.valueWidth) = (keyWidth, valueWidth)
    q = draws.values(queries * keyWidth)
    k = draws.values((past + queries) * keyWidth)
    v = draws.values((past + queries) * valueWidth)
  }

  /// Spans of the keys and values, the first `cuts` of them of that many rows.
  func withSpans<T>(_ cuts: [Int], _ body: ([ck_span]) -> T) -> T {
    k.withUnsafeBufferPointer { k in
      v.withUnsafeBufferPointer { v in
        var spans: [ck_span] = []
        var start = 0
        for count in cuts + [total - cuts.reduce(0, +)] {
          spans.append(
            ck_span(
              keys: k.baseAddress.map { UnsafeRawPointer($0 + start * keyWidth) },
              values: v.baseAddress.map { UnsafeRawPointer($0 + start * valueWidth) },
              count: count, key_stride: keyWidth, value_stride: valueWidth))
          start += count
        }
        return body(spans)
      }
    }
  }

  struct Output {
    var scores: [R]
    var pattern: [R]
    var mixed: [R]
    var fused: [R]
  }

  func run(_ t: ck_kernels, cuts: [Int] = [], scale: Double = 0.3, cap: Double = 0, window: Int = 0)
    -> Output
  {
    let zeros = [R](repeating: 0, count: queries * total)
    let none = [R](repeating: .nan, count: queries * valueWidth)
    var out = Output(scores: zeros, pattern: zeros, mixed: none, fused: none)
    var scratch = [R](repeating: .nan, count: 4 * (total + 64))
    withSpans(cuts) { spans in
      t.attention_scores?(
        queries, past, total, spans, spans.count, keyWidth, q, keyWidth, scale, window, &out.scores,
        total)
      if cap != 0 { t.soft_cap?(queries * total, cap, out.scores, &out.scores) }
      t.attention_softmax?(queries, past, total, out.scores, &out.pattern, total)
      t.attention_mix?(
        queries, past, total, spans, spans.count, valueWidth, out.pattern, total, &out.mixed,
        valueWidth)
      t.attention?(
        queries, past, total, spans, spans.count, keyWidth, valueWidth, q, keyWidth, scale,
        cap, window, &out.fused, valueWidth, &scratch)
    }
    return out
  }
}

extension KernelRuns {
  @Sendable static func attention(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let input = AttentionInput<R>(
      queries: 1 + n % 13, past: n * 3 % 23, keyWidth: 1 + n % 70, valueWidth: 1 + n * 5 % 130,
      draws: &draws)
    let out = input.run(t, cuts: [input.past / 2, input.past - input.past / 2])
    let near = input.run(t, cuts: [input.past / 2], cap: 0.7, window: 1 + n % 9)
    return out.scores + out.pattern + out.mixed + out.fused + near.scores + near.fused
  }

  @Sendable static func attentionBackward(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let input = AttentionInput<R>(
      queries: 1 + n % 13, past: n * 3 % 23, keyWidth: 1 + n % 70, valueWidth: 1 + n * 5 % 130,
      draws: &draws)
    let (total, queries, past) = (input.total, input.queries, input.past)
    let pattern = input.run(t).pattern
    let dout: [R] = draws.values(queries * input.valueWidth)
    var d: [R] = draws.values(queries * total)
    var dv: [R] = draws.values(queries * input.valueWidth)
    var dq: [R] = draws.values(queries * input.keyWidth)
    var dk: [R] = draws.values(queries * input.keyWidth)
    input.withSpans([past]) { spans in
      t.attention_mix_backward?(
        queries, past, total, spans, 2, input.valueWidth, pattern, total, dout, input.valueWidth,
        &d, &dv, input.valueWidth)
      let dPattern = d
      t.attention_softmax_backward?(queries, past, total, pattern, dPattern, &d, total)
      t.attention_scores_backward?(
        queries, past, total, spans, 2, input.keyWidth, input.q, input.keyWidth, 0.3, d, total,
        &dq, input.keyWidth, &dk, input.keyWidth)
    }
    return d + dv + dq + dk
  }

  @Sendable static func linearAttention(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let (tokens, kw, vw) = (1 + n % 17, 1 + n % 37, 1 + n * 7 % 140)
    let q: [R] = draws.values(tokens * kw)
    let k: [R] = draws.values(tokens * kw)
    let v: [R] = draws.values(tokens * vw)
    var state: [R] = draws.values(kw * vw)
    var z: [R] = draws.values(kw)
    var out = v
    var normaliser = [R](repeating: 0, count: tokens)
    var scores = [R](repeating: .nan, count: tokens * tokens)
    t.linear_attention?(tokens, kw, vw, q, kw, k, kw, v, vw, 0.9, 0.7, &state, &out, vw)
    t.linear_normaliser?(tokens, kw, q, kw, k, kw, 0.9, 0.7, &z, &normaliser, 1)
    t.linear_scores?(tokens, kw, q, kw, k, kw, 0.9, 0.7, &scores, tokens)
    return out + state + z + normaliser + scores
  }

  @Sendable static func linearAttentionBackward(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let (tokens, kw, vw) = (1 + n % 17, 1 + n % 37, 1 + n * 7 % 140)
    let q: [R] = draws.values(tokens * kw)
    let k: [R] = draws.values(tokens * kw)
    let v: [R] = draws.values(tokens * vw)
    let dout: [R] = draws.values(tokens * vw)
    let initial: [R] = draws.values(kw * vw)
    var (dq, dk, dv, dInitial) = (q, k, v, initial)
    var scratch = [R](repeating: .nan, count: (tokens + 1) * kw * vw)
    t.linear_attention_backward?(
      tokens, kw, vw, q, kw, k, kw, v, vw, 0.9, 0.7, initial, dout, vw, &dq, kw, &dk, kw, &dv, vw,
      &dInitial, &scratch)
    t.linear_normaliser_backward?(
      tokens, kw, q, kw, k, kw, 0.9, 0.7, dout, vw, &dq, kw, &dk, kw, &scratch)
    return dq + dk + dv + dInitial
  }

  /// Gates of each key element and of the head, with and without the delta rule, forward and backward.
  @Sendable static func gatedAttention(_ t: ck_kernels, _ n: Int) -> [R] {
    var draws = Draws(n)
    let (tokens, kw, vw) = (1 + n % 17, 1 + n % 37, 1 + n * 7 % 140)
    let q: [R] = draws.values(tokens * kw)
    let k: [R] = draws.values(tokens * kw)
    let v: [R] = draws.values(tokens * vw)
    let decay: [R] = draws.values(tokens * kw)
    let beta: [R]? = n % 3 == 0 ? nil : draws.values(tokens)
    let dout: [R] = draws.values(tokens * vw)
    let initial: [R] = draws.values(kw * vw)
    let step = n % 2
    let stride = step == 0 ? 1 : kw
    var (state, out) = (initial, v)
    var (dq, dk, dv, dDecay, dBeta) = (q, k, v, decay, v)
    var scratch = [R](repeating: .nan, count: (tokens + 2) * (kw + 1) * vw)
    func run(_ beta: UnsafePointer<R>?) {
      t.gated_attention?(
        tokens, kw, vw, q, kw, k, kw, v, vw, decay, stride, step, beta, 1, 0.7, &state, &out, vw)
      t.gated_attention_backward?(
        tokens, kw, vw, q, kw, k, kw, v, vw, decay, stride, step, beta, 1, 0.7, initial, dout, vw,
        &dq, &dk, &dv, &dDecay, &dBeta, &scratch)
    }
    if let beta { run(beta) } else { run(nil) }
    return out + state + dq + dk + dv + dDecay + dBeta
  }
}
