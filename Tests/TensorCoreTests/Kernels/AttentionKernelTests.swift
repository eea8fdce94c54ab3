// Softmax attention: the value, the fused kernel's bits, spans, visibility, and rows without any score.

import CKernels
import Testing

struct AttentionKernelTests {
  static let shapes = [
    (1, 0, 8, 8), (5, 0, 16, 16), (4, 3, 64, 64), (9, 17, 80, 80), (7, 2, 100, 100),
    (12, 40, 128, 128), (3, 1, 256, 256), (6, 5, 1, 3), (33, 0, 20, 70),
  ]

  func input<R: KernelElement>(_ shape: (Int, Int, Int, Int), _: R.Type) -> AttentionInput<R> {
    var draws = Draws(shape.0 * 100 + shape.2)
    return AttentionInput(
      queries: shape.0, past: shape.1, keyWidth: shape.2, valueWidth: shape.3, draws: &draws)
  }

  /// Scores, pattern and output in plain loops, in f64.
  func expected<R: KernelElement>(_ c: AttentionInput<R>, scale: Double) -> (
    scores: [Double], pattern: [Double], out: [Double]
  ) {
    var (scores, pattern, out): ([Double], [Double], [Double]) = ([], [], [])
    for i in 0..<c.queries {
      let row = (0..<c.total).map { j -> Double in
        guard j <= c.past + i else { return -.infinity }
        return scale
          * (0..<c.keyWidth).reduce(0.0) {
            $0 + Double(c.q[i * c.keyWidth + $1]) * Double(c.k[j * c.keyWidth + $1])
          }
      }
      let greatest = row.max() ?? 0
      let weights = row.map { ck_exp($0 - greatest) }
      let sum = weights.reduce(0, +)
      let shares = weights.map { $0 / sum }
      scores += row
      pattern += shares
      out += (0..<c.valueWidth).map { column in
        (0..<c.total).reduce(0.0) { $0 + shares[$1] * Double(c.v[$1 * c.valueWidth + column]) }
      }
    }
    return (scores, pattern, out)
  }

  func check<R: KernelElement>(_: R.Type, _ t: ck_kernels, tolerance: Double) {
    for shape in Self.shapes {
      let c = input(shape, R.self)
      let expected = expected(c, scale: 0.3)
      let found = c.run(t, cuts: [c.past])
      expectClose(found.scores, expected.scores, tolerance, "scores \(shape)")
      expectClose(found.pattern, expected.pattern, tolerance, "pattern \(shape)")
      expectClose(found.mixed, expected.out, tolerance, "mixed \(shape)")
      expectSameBits(found.fused, found.mixed, "fused \(shape)")
    }
  }

  @Test(arguments: KernelTable.f32) func equalsPlainLoops(_ table: KernelTable) {
    check(Float.self, table.kernels, tolerance: 1e-5)
  }

  @Test func equalsPlainLoopsInDouble() {
    check(Double.self, KernelTable.f64, tolerance: 1e-14)
  }

  @Test(arguments: KernelTable.f32)
  func spansMayBeCutAnywhere(_ table: KernelTable) {
    for shape in Self.shapes {
      let c = input(shape, Float.self)
      let whole = c.run(table.kernels)
      for cuts in [
        [0], [1], [c.total], [c.total / 2, 0, c.total / 4], Array(repeating: 1, count: c.total),
      ] {
        let found = c.run(table.kernels, cuts: cuts)
        expectSameBits(found.scores, whole.scores, "scores, cuts \(cuts)")
        expectSameBits(found.fused, whole.fused, "fused, cuts \(cuts)")
      }
    }
  }

  /// A query's results do not depend on which others are computed with it: the law behind prefixes.
  @Test(arguments: KernelTable.f32)
  func aQueryMayComeAloneOrInABlock(_ table: KernelTable) {
    for shape in Self.shapes {
      let c = input(shape, Float.self)
      let whole = c.run(table.kernels).fused
      for i in 0..<c.queries {
        var alone = AttentionInput<Float>(
          queries: 1, past: c.past + i, keyWidth: c.keyWidth, valueWidth: c.valueWidth, q: c, at: i)
        alone.k = c.k
        alone.v = c.v
        expectSameBits(
          alone.run(table.kernels).fused,
          Array(whole[i * c.valueWidth..<(i + 1) * c.valueWidth]), "query \(i) of \(shape)")
      }
    }
  }

  /// With a window and a cap too, what is fused has the bits of the parts, and keys before the window weigh nothing.
  @Test(arguments: KernelTable.f32)
  func windowsAndCaps(_ table: KernelTable) {
    for shape in Self.shapes {
      let c = input(shape, Float.self)
      for window in [1, 2, 5, 16, 17, 40] {
        let found = c.run(table.kernels, cuts: [c.total / 2], cap: 1.5, window: window)
        expectSameBits(found.fused, found.mixed, "window \(window) of \(shape)")
        for query in 0..<c.queries {
          for key in 0..<c.total {
            let isSeen = key <= c.past + query && key > c.past + query - window
            let score = found.scores[query * c.total + key]
            #expect(isSeen ? abs(score) < 1.5 : score == -.infinity)
            #expect(isSeen || found.pattern[query * c.total + key] == 0)
          }
        }
      }
    }
  }

  @Test(arguments: KernelTable.f32)
  func infinitelyLowScores(_ table: KernelTable) {
    let low = -Float.infinity
    let scores: [Float] = [low, low, low, low, 0, low, low, 0, 1, .nan, low, low]
    var pattern = [Float](repeating: 9, count: 12)
    table.kernels.attention_softmax?(4, 0, 3, scores, &pattern, 3)
    // query i sees i + 1 of 3 scores
    expectSameBits(Array(pattern[0..<3]), [0, 0, 0], "nothing but -inf")
    expectSameBits(Array(pattern[3..<6]), [0, 1, 0], "one score")
    #expect(abs(pattern[7] - 1 / (1 + 2.7182817)) < 1e-6 && pattern[6] == 0)
    #expect(pattern[9].isNaN)
    let wide = [Float](repeating: low, count: 41)
    var row = wide
    table.kernels.attention_softmax?(1, 40, 41, wide, &row, 41)
    #expect(row.allSatisfy { $0 == 0 })
  }

  @Test func softmaxDoesNotNoticeAShiftByAPowerOfTwo() {
    var draws = Draws(5)
    let scores: [Float] = (0..<50).map { _ in Float(draws.integer(-64...64)) / 16 }
    var (a, b) = (scores, scores)
    KernelTable.best.attention_softmax?(1, 49, 50, scores, &a, 50)
    KernelTable.best.attention_softmax?(1, 49, 50, scores.map { $0 + 1024 }, &b, 50)
    expectSameBits(a, b, "shift")
    #expect(abs(a.reduce(0, +) - 1) < 1e-6)
  }
}

extension AttentionInput {
  /// Query `i` of another input alone.
  init(queries: Int, past: Int, keyWidth: Int, valueWidth: Int, q other: Self, at i: Int) {
    var draws = Draws(0)
    self.init(
      queries: queries, past: past, keyWidth: keyWidth, valueWidth: valueWidth, draws: &draws)
    q = Array(other.q[i * keyWidth..<(i + 1) * keyWidth])
  }
}
