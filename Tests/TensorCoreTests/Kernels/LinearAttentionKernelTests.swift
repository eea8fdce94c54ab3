// Linear attention: the recurrence against the sum over pairs, and that a sequence may be cut anywhere.

import CKernels
import Testing

struct LinearAttentionKernelTests {
  struct Case {
    let tokens, keyWidth, valueWidth: Int
    let q, k, v, state: [Float]

    init(_ tokens: Int, _ keyWidth: Int, _ valueWidth: Int) {
      var draws = Draws(tokens + keyWidth * 64)
      (self.tokens, self.keyWidth, self.valueWidth) = (tokens, keyWidth, valueWidth)
      q = draws.values(tokens * keyWidth)
      k = draws.values(tokens * keyWidth)
      v = draws.values(tokens * valueWidth)
      state = draws.values(keyWidth * valueWidth)
    }
  }

  static let shapes = [(1, 1, 1), (5, 8, 8), (9, 16, 16), (12, 20, 33), (7, 64, 64), (6, 33, 200)]

  /// out_i = scale (decay^(i+1) q_i S + Σ_j decay^(i-j) (q_i·k_j) v_j), in f64.
  func expected(_ c: Case, decay: Double, scale: Double) -> (out: [Double], scores: [Double]) {
    var (out, scores): ([Double], [Double]) = ([], [])
    for i in 0..<c.tokens {
      let q = (0..<c.keyWidth).map { Double(c.q[i * c.keyWidth + $0]) }
      var row = (0..<c.valueWidth).map { column in
        ck_pow(decay, Double(i + 1)) * scale
          * (0..<c.keyWidth).reduce(0.0) {
            $0 + q[$1] * Double(c.state[$1 * c.valueWidth + column])
          }
      }
      for j in 0..<c.tokens {
        let dot = (0..<c.keyWidth).reduce(0.0) { $0 + q[$1] * Double(c.k[j * c.keyWidth + $1]) }
        let weight = j > i ? 0 : scale * ck_pow(decay, Double(i - j)) * dot
        scores.append(weight)
        for column in 0..<c.valueWidth {
          row[column] += weight * Double(c.v[j * c.valueWidth + column])
        }
      }
      out += row
    }
    return (out, scores)
  }

  @Test(arguments: KernelTable.f32, [(1.0, 1.0), (0.9, 0.25)])
  func equalsTheSumOverPairs(_ table: KernelTable, _ factors: (decay: Double, scale: Double)) {
    for (tokens, kw, vw) in Self.shapes {
      let c = Case(tokens, kw, vw)
      let expected = expected(c, decay: factors.decay, scale: factors.scale)
      var state = c.state
      var out = [Float](repeating: .nan, count: tokens * vw)
      table.kernels.linear_attention?(
        tokens, kw, vw, c.q, kw, c.k, kw, c.v, vw, factors.decay, factors.scale, &state, &out, vw)
      expectClose(out, expected.out, 3e-5, "out \(tokens), \(kw), \(vw)")
      var scores = [Float](repeating: .nan, count: tokens * tokens)
      table.kernels.linear_scores?(
        tokens, kw, c.q, kw, c.k, kw, factors.decay, factors.scale, &scores, tokens)
      expectClose(scores, expected.scores, 1e-5, "scores \(tokens), \(kw), \(vw)")
    }
  }

  @Test(arguments: KernelTable.f32)
  func aSequenceMayBeCutAnywhere(_ table: KernelTable) {
    for (tokens, kw, vw) in Self.shapes {
      let c = Case(tokens, kw, vw)
      func run(_ cut: Int) -> [Float] {
        var (state, z) = (c.state, Array(c.state[0..<kw]))
        var out = [Float](repeating: .nan, count: tokens * vw)
        var sums = [Float](repeating: .nan, count: tokens)
        for (from, to) in [(0, cut), (cut, tokens)] {
          let (q, k) = (Array(c.q[(from * kw)...]), Array(c.k[(from * kw)...]))
          let v = Array(c.v[(from * vw)...])
          var part = [Float](repeating: .nan, count: (to - from) * vw)
          var partSums = [Float](repeating: .nan, count: to - from)
          table.kernels.linear_attention?(
            to - from, kw, vw, q, kw, k, kw, v, vw, 0.9, 0.5, &state, &part, vw)
          table.kernels.linear_normaliser?(to - from, kw, q, kw, k, kw, 0.9, 0.5, &z, &partSums, 1)
          out.replaceSubrange(from * vw..<to * vw, with: part)
          sums.replaceSubrange(from..<to, with: partSums)
        }
        return out + sums + state + z
      }
      let whole = run(0)
      for cut in 1...tokens { expectSameBits(run(cut), whole, "cut \(cut) of \(tokens)") }
    }
  }

  @Test func theNormaliserIsTheSumOfScores() {
    let c = Case(11, 24, 1)
    var z = [Float](repeating: 0, count: 24)
    var sums = [Float](repeating: .nan, count: 11)
    KernelTable.best.linear_normaliser?(11, 24, c.q, 24, c.k, 24, 0.8, 0.5, &z, &sums, 1)
    let scores = expected(c, decay: 0.8, scale: 0.5).scores
    expectClose(
      sums, (0..<11).map { i in scores[i * 11..<(i + 1) * 11].reduce(0, +) }, 1e-5, "normaliser")
  }
}
