// Gated linear attention against its definition in plain loops, and the laws that tie it to the ungated form.

import TensorCore
import TestSupport
import Testing

@Suite struct GatedAttentionTests {
  static var ops: Operations<Double> { Operations(ComputeContext(threads: 2)) }

  struct Inputs {
    let q, k, v, decays, betas: Tensor<Double>

    /// Two heads of queries and values, decays of each key element in (0, 1).
    init(tokens: Int, keyWidth: Int = 5, valueWidth: Int = 3) {
      var generator = SeededGenerator(seed: UInt64(tokens))
      func draw(_ shape: Int..., by change: (Double) -> Double = { $0 }) -> Tensor<Double> {
        let count = shape.reduce(1, *)
        return Tensor(shape: shape, values: (0..<count).map { _ in change(generator.normal()) })
      }
      q = draw(tokens, 2, keyWidth)
      k = draw(tokens, 2, keyWidth)
      v = draw(tokens, 2, valueWidth)
      decays = draw(tokens, 2, keyWidth) { 1 / (1 + $0 * $0) }
      betas = draw(tokens, 2) { 1 / (1 + $0 * $0) }
    }
  }

  static func run(_ x: Inputs, delta: Bool, segments: [RecurrentSegment<Double>])
    -> (out: Tensor<Double>, states: [Tensor<Double>])
  {
    let (out, states) = ops.gatedAttention(
      q: Variable(x.q), k: Variable(x.k), v: Variable(x.v), decays: Variable(x.decays),
      betas: delta ? Variable(x.betas) : nil, segments: segments, scale: 0.5)
    return (out.tensor, states)
  }

  @Test(arguments: [false, true]) func equalsItsDefinition(delta: Bool) {
    let x = Inputs(tokens: 7)
    let whole = RecurrentSegment<Double>(start: 0, count: 7, initial: nil)
    let found = Self.run(x, delta: delta, segments: [whole])
    var expected = Array(repeating: 0.0, count: 7 * 2 * 3)
    for head in 0..<2 {
      var state = Array(repeating: Array(repeating: 0.0, count: 3), count: 5)
      for t in 0..<7 {
        func key(_ x: Tensor<Double>, _ a: Int) -> Double { x.values[(t * 2 + head) * 5 + a] }
        for a in 0..<5 { state[a] = state[a].map { $0 * key(x.decays, a) } }
        for c in 0..<3 {
          var write = x.v.values[(t * 2 + head) * 3 + c]
          if delta {
            write -= (0..<5).reduce(0) { $0 + key(x.k, $1) * state[$1][c] }
            write *= x.betas.values[t * 2 + head]
          }
          for a in 0..<5 { state[a][c] += key(x.k, a) * write }
          expected[(t * 2 + head) * 3 + c] =
            0.5 * (0..<5).reduce(0) { $0 + key(x.q, $1) * state[$1][c] }
        }
      }
    }
    #expect(Difference(found.out.values, expected).largest < 1e-14)
  }

  @Test(arguments: [false, true]) func aSequenceMayBeCutAnywhere(delta: Bool) {
    let x = Inputs(tokens: 6, keyWidth: 17, valueWidth: 35)
    let whole = Self.run(
      x, delta: delta, segments: [RecurrentSegment(start: 0, count: 6, initial: nil)])
    for cut in 1..<6 {
      let first = Self.run(
        x, delta: delta, segments: [RecurrentSegment(start: 0, count: cut, initial: nil)])
      let state = RecurrentState(matrix: first.states[0], keySum: nil)
      let second = Self.run(
        x, delta: delta, segments: [RecurrentSegment(start: cut, count: 6 - cut, initial: state)])
      #expect(second.states[0].values == whole.states[0].values)
      let row = 2 * 35
      #expect(
        Array(second.out.values[(cut * row)...]) == Array(whole.out.values[(cut * row)...]))
    }
  }

  /// Mixing values by the effective weights gives what the recurrence gives.
  @Test(arguments: [false, true]) func theWeightsMixTheValues(delta: Bool) {
    let x = Inputs(tokens: 6)
    let whole = RecurrentSegment<Double>(start: 0, count: 6, initial: nil)
    let out = Self.run(x, delta: delta, segments: [whole]).out
    let scores = Self.ops.gatedScores(
      q: x.q, k: x.k, decays: x.decays, betas: delta ? x.betas : nil, segments: [whole],
      scale: 0.5)
    var mixed = Array(repeating: 0.0, count: out.count)
    for head in 0..<2 {
      for i in 0..<6 {
        for j in 0..<6 {
          let weight = scores.values[(head * 6 + i) * 6 + j]
          #expect(j <= i || weight == 0)
          for c in 0..<3 {
            mixed[(i * 2 + head) * 3 + c] += weight * x.v.values[(j * 2 + head) * 3 + c]
          }
        }
      }
    }
    #expect(Difference(out.values, mixed).largest < 1e-14)
  }

  @Test func constantDecaysGiveTheBitsOfLinearAttention() {
    let ops = Operations<Float>(ComputeContext(threads: 1))
    let x = Inputs(tokens: 9, keyWidth: 21, valueWidth: 40)
    let (q, k, v): (Tensor<Float>, Tensor<Float>, Tensor<Float>) = (
      x.q.converted(), x.k.converted(), x.v.converted()
    )
    let segments = [RecurrentSegment<Float>(start: 0, count: 9, initial: nil)]
    let plain = ops.linearAttention(
      q: Variable(q), k: Variable(k), v: Variable(v), segments: segments, decays: [0.9, 0.75],
      scale: 0.3)
    let decays = Tensor<Float>(shape: [9, 2, 1], values: (0..<18).map { $0 % 2 == 0 ? 0.9 : 0.75 })
    let gated = ops.gatedAttention(
      q: Variable(q), k: Variable(k), v: Variable(v), decays: Variable(decays), betas: nil,
      segments: segments, scale: 0.3)
    #expect(bitDifference(plain.out.tensor, gated.out.tensor) == nil)
    #expect(bitDifference(plain.states[0], gated.states[0]) == nil)
  }
}
