// Every backward kernel against central differences of its forward kernel, in f64.

import CKernels
import Testing

struct KernelGradientTests {
  /// Σ weights·f(x), differentiated numerically at every element of x.
  func differences(_ x: [Double], weights: [Double], _ f: ([Double]) -> [Double]) -> [Double] {
    let step = 1e-5
    return x.indices.map { i in
      var (up, down) = (x, x)
      up[i] += step
      down[i] -= step
      let change = zip(f(up), f(down)).map { ($0 - $1) / (2 * step) }
      return zip(change, weights).reduce(0) { $0 + $1.0 * $1.1 }
    }
  }

  /// What a kernel adds to a gradient that starts at 1.
  func added(_ gradient: [Double]) -> [Double] { gradient.map { $0 - 1 } }

  let t = KernelTable.f64

  @Test(arguments: [false, true]) func norms(_ centre: Bool) {
    let (rows, width) = (2, 21)
    var draws = Draws(1)
    let x: [Double] = draws.values(rows * width)
    let dn: [Double] = draws.values(rows * width)
    var scale = [Double](repeating: 0, count: rows)
    func forward(_ x: [Double]) -> [Double] {
      var out = x
      t.norm?(rows, width, x, centre, 1e-3, &scale, &out)
      return out
    }
    let expected = differences(x, weights: dn, forward)
    let normalized = forward(x)
    var dx = [Double](repeating: 1, count: x.count)
    t.norm_backward?(rows, width, normalized, scale, centre, dn, &dx)
    expectClose(added(dx), expected, 1e-8, "norm")
  }

  @Test func gainAndBias() {
    let (rows, width) = (3, 18)
    var draws = Draws(2)
    let x: [Double] = draws.values(rows * width)
    let gain: [Double] = draws.values(width)
    let bias: [Double] = draws.values(width)
    let dy: [Double] = draws.values(rows * width)
    func forward(_ x: [Double], _ gain: [Double], _ bias: [Double]) -> [Double] {
      var out = x
      t.affine?(rows, width, x, gain, bias, &out)
      return out
    }
    var dx = [Double](repeating: 1, count: x.count)
    var dgain = [Double](repeating: 1, count: width)
    var dbias = dgain
    t.affine_backward?(rows, width, x, gain, dy, &dx, &dgain, &dbias, 0, width)
    expectClose(added(dx), differences(x, weights: dy) { forward($0, gain, bias) }, 1e-8, "dx")
    expectClose(added(dgain), differences(gain, weights: dy) { forward(x, $0, bias) }, 1e-8, "dg")
    expectClose(added(dbias), differences(bias, weights: dy) { forward(x, gain, $0) }, 1e-8, "db")
  }

  @Test(arguments: [(6, 0, 20, 9), (5, 4, 3, 17), (9, 7, 8, 70)])
  func attention(_ shape: (queries: Int, past: Int, keyWidth: Int, valueWidth: Int)) {
    var draws = Draws(shape.queries)
    let (kw, vw) = (shape.keyWidth, shape.valueWidth)
    let input = AttentionInput<Double>(
      queries: shape.queries, past: shape.past, keyWidth: kw, valueWidth: vw, draws: &draws)
    let (queries, past, total) = (input.queries, input.past, input.total)
    let dout: [Double] = draws.values(queries * vw)
    func forward(_ change: (inout AttentionInput<Double>) -> Void) -> [Double] {
      var changed = input
      change(&changed)
      return changed.run(t).fused
    }
    let pattern = input.run(t).pattern
    var d = [Double](repeating: .nan, count: queries * total)
    var dq = [Double](repeating: 1, count: queries * kw)
    var dk = [Double](repeating: 1, count: queries * kw)
    var dv = [Double](repeating: 1, count: queries * vw)
    input.withSpans([past / 2, past - past / 2]) { spans in
      t.attention_mix_backward?(
        queries, past, total, spans, 3, vw, pattern, total, dout, vw, &d, &dv, vw)
      d.withUnsafeMutableBytes { d in  // in place
        t.attention_softmax_backward?(
          queries, past, total, pattern, d.baseAddress, d.baseAddress, total)
      }
      t.attention_scores_backward?(
        queries, past, total, spans, 3, kw, input.q, kw, 0.3, d, total, &dq, kw, &dk, kw)
    }
    expectClose(
      added(dq), differences(input.q, weights: dout) { q in forward { $0.q = q } }, 1e-8, "dq")
    let allKeys = differences(input.k, weights: dout) { k in forward { $0.k = k } }
    expectClose(added(dk), Array(allKeys[(past * kw)...]), 1e-8, "dk")
    let allValues = differences(input.v, weights: dout) { v in forward { $0.v = v } }
    expectClose(added(dv), Array(allValues[(past * vw)...]), 1e-8, "dv")
    for i in 0..<queries {
      for j in past + i + 1..<max(total, past + i + 1) { #expect(d[i * total + j] == 0) }
    }
  }

  @Test(arguments: [(5, 3, 4), (6, 18, 20), (4, 20, 80)])
  func linearAttention(_ shape: (tokens: Int, keyWidth: Int, valueWidth: Int)) {
    let (tokens, kw, vw) = shape
    var draws = Draws(kw)
    let q: [Double] = draws.values(tokens * kw)
    let k: [Double] = draws.values(tokens * kw)
    let v: [Double] = draws.values(tokens * vw)
    let initial: [Double] = draws.values(kw * vw)
    let dout: [Double] = draws.values(tokens * vw)
    func forward(_ q: [Double], _ k: [Double], _ v: [Double], _ s: [Double]) -> [Double] {
      var (state, out) = (s, dout)
      t.linear_attention?(tokens, kw, vw, q, kw, k, kw, v, vw, 0.8, 0.6, &state, &out, vw)
      return out
    }
    var dq = [Double](repeating: 1, count: q.count)
    var dk = dq
    var dv = [Double](repeating: 1, count: v.count)
    var dInitial = [Double](repeating: 1, count: initial.count)
    var scratch = [Double](repeating: .nan, count: (tokens + 1) * kw * vw)
    t.linear_attention_backward?(
      tokens, kw, vw, q, kw, k, kw, v, vw, 0.8, 0.6, initial, dout, vw, &dq, kw, &dk, kw, &dv, vw,
      &dInitial, &scratch)
    expectClose(
      added(dq), differences(q, weights: dout) { forward($0, k, v, initial) }, 1e-8, "dq")
    expectClose(
      added(dk), differences(k, weights: dout) { forward(q, $0, v, initial) }, 1e-8, "dk")
    expectClose(
      added(dv), differences(v, weights: dout) { forward(q, k, $0, initial) }, 1e-8, "dv")
    expectClose(
      added(dInitial), differences(initial, weights: dout) { forward(q, k, v, $0) }, 1e-8, "dS")
    // no initial state: zeros
    let zeros = [Double](repeating: 0, count: initial.count)
    var (first, second) = (dq, dq)
    var (unused1, unused2) = (dk, dv)
    for (start, gradient) in [(nil, 0), (zeros, 1)] as [([Double]?, Int)] {
      var target = dq
      t.linear_attention_backward?(
        tokens, kw, vw, q, kw, k, kw, v, vw, 0.8, 0.6, start, dout, vw, &target, kw, &unused1, kw,
        &unused2, vw, nil, &scratch)
      if gradient == 0 { first = target } else { second = target }
    }
    expectSameBits(first, second, "null means zeros")
    #expect(first != dq)
  }

  @Test func linearNormaliser() {
    let (tokens, kw) = (7, 19)
    var draws = Draws(9)
    let q: [Double] = draws.values(tokens * kw)
    let k: [Double] = draws.values(tokens * kw)
    let dout: [Double] = draws.values(tokens)
    func forward(_ q: [Double], _ k: [Double]) -> [Double] {
      var z = [Double](repeating: 0, count: kw)
      var out = dout
      t.linear_normaliser?(tokens, kw, q, kw, k, kw, 0.8, 0.6, &z, &out, 1)
      return out
    }
    var dq = [Double](repeating: 1, count: q.count)
    var dk = dq
    var scratch = [Double](repeating: .nan, count: (tokens + 1) * kw)
    t.linear_normaliser_backward?(
      tokens, kw, q, kw, k, kw, 0.8, 0.6, dout, 1, &dq, kw, &dk, kw, &scratch)
    expectClose(added(dq), differences(q, weights: dout) { forward($0, k) }, 1e-8, "dq")
    expectClose(added(dk), differences(k, weights: dout) { forward(q, $0) }, 1e-8, "dk")
  }

  @Test func logProbability() {
    let (rows, vocabulary) = (3, 21)
    var draws = Draws(4)
    let x: [Double] = draws.values(rows * vocabulary, 3)
    let targets: [Int32] = [0, 20, 7]
    let weights = [1.0, -0.5, 2.0]
    func forward(_ x: [Double]) -> [Double] {
      var p = [Double](repeating: .nan, count: rows)
      t.log_probability?(rows, vocabulary, x, vocabulary, targets, &p)
      return p
    }
    var dx = [Double](repeating: 1, count: x.count)
    t.log_probability_backward?(rows, vocabulary, x, vocabulary, targets, weights, &dx)
    expectClose(added(dx), differences(x, weights: weights, forward), 1e-8, "logits")
  }
}
