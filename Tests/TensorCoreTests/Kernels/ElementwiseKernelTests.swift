// Elementwise arithmetic, activations with their derivatives, and optimiser steps.

import CKernels
import Testing

struct ElementwiseKernelTests {
  static let counts = [0, 1, 15, 16, 17, 100]

  @Test func arithmetic() {
    for n in Self.counts {
      var draws = Draws(n)
      let x: [Float] = draws.values(n)
      let y: [Float] = draws.values(n)
      var out = y
      KernelTable.best.add?(n, x, y, &out)
      expectSameBits(out, zip(x, y).map { $0 + $1 }, "add")
      KernelTable.best.multiply?(n, x, y, &out)
      expectSameBits(out, zip(x, y).map { $0 * $1 }, "multiply")
      out = x
      KernelTable.best.multiply_add?(n, x, y, &out)
      expectSameBits(out, zip(x, y).map { $0.addingProduct($0, $1) }, "multiply_add")
      KernelTable.best.scale?(n, 0.1, x, &out)
      expectSameBits(out, x.map { $0 * 0.1 }, "scale")
      out = y
      KernelTable.best.add_scaled?(n, 0.1, x, &out)
      expectSameBits(out, zip(x, y).map { $1.addingProduct($0, 0.1) }, "add_scaled")
    }
  }

  @Test func dotIsExactToDouble() {
    for n in Self.counts + [1000] {
      var draws = Draws(n)
      let x: [Float] = draws.values(n)
      let y: [Float] = draws.values(n)
      let expected = zip(x, y).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
      let found = KernelTable.best.dot?(n, x, y) ?? .nan
      #expect(abs(found - expected) <= 1e-13 * Double(max(1, n)))
    }
  }

  static func expected(_ kind: ck_activation, _ x: Double) -> Double {
    switch kind {
    case CK_RELU: max(0, x)
    case CK_GELU: x / 2 * (1 + ck_erf(x / 2.0.squareRoot()))
    case CK_GELU_TANH:
      x / 2 * (1 + ck_tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
    case CK_SILU: x / (1 + ck_exp(-x))
    case CK_ELU_PLUS_ONE: x > 0 ? x + 1 : ck_exp(x)
    case CK_LOGISTIC: 1 / (1 + ck_exp(-x))
    default: x
    }
  }

  @Test func activationsAreWhatTheySay() {
    let x = (-400...400).map { Float($0) / 20 }
    for kind in KernelRuns<Float>.activations {
      var y = x
      KernelTable.best.activation?(x.count, kind, x, &y)
      expectClose(y, x.map { Self.expected(kind, Double($0)) }, 1e-6, "\(kind)")
    }
    // hand-computed: torch.nn.functional.gelu(torch.tensor([1.0])) and its tanh form, silu(1)
    var one: [Float] = [1]
    KernelTable.best.activation?(1, CK_GELU, [Float(1)], &one)
    #expect(abs(one[0] - 0.841345) < 1e-6)
    KernelTable.best.activation?(1, CK_GELU_TANH, [Float(1)], &one)
    #expect(abs(one[0] - 0.841192) < 1e-6)
    KernelTable.best.activation?(1, CK_SILU, [Float(1)], &one)
    #expect(abs(one[0] - 0.731059) < 1e-6)
  }

  @Test func derivativesAreThoseOfTheActivations() {
    let x = (-160...160).map { Double($0) / 20 + 0.013 }
    let step = 1e-5
    for kind in KernelRuns<Double>.activations {
      var dx = [Double](repeating: 0.5, count: x.count)
      KernelTable.f64.activation_backward?(x.count, kind, x, x.map { _ in 2.0 }, &dx)
      let expected = x.map {
        0.5 + 2 * (Self.expected(kind, $0 + step) - Self.expected(kind, $0 - step)) / (2 * step)
      }
      expectClose(dx, expected, 1e-8, "\(kind)")
      var single = [Float](repeating: 0.5, count: x.count)
      KernelTable.best.activation_backward?(
        x.count, kind, x.map { Float($0) }, x.map { _ in Float(2) }, &single)
      expectClose(single, dx, 2e-6, "\(kind) in f32")
    }
  }

  @Test func derivativesAtTheExtremesAreFinite() {
    let x: [Float] = [1e30, -1e30, 3e38, -3e38, 1e20, -1e20, 500, -500]
    for kind in KernelRuns<Float>.activations {
      var dx = [Float](repeating: 0, count: x.count)
      KernelTable.best.activation_backward?(
        x.count, kind, x, [Float](repeating: 1, count: x.count), &dx)
      for (value, slope) in zip(x, dx) {
        let isFlat = kind == CK_LOGISTIC || (value < 0 && kind != CK_IDENTITY)
        #expect(slope == (isFlat ? 0 : 1), "\(kind) at \(value)")
      }
    }
  }

  @Test func notANumberIsNotLost() {
    let x = [Float](repeating: .nan, count: 19)
    for kind in KernelRuns<Float>.activations {
      var y = [Float](repeating: 0, count: 19)
      KernelTable.best.activation?(19, kind, x, &y)
      #expect(y.allSatisfy { $0.isNaN }, "\(kind)")
    }
  }

  /// torch.optim.AdamW and SGD, the formulas in f64.
  @Test func optimiserSteps() {
    let n = 37
    var draws = Draws(3)
    let g: [Double] = draws.values(n)
    let w: [Double] = draws.values(n)
    let m: [Double] = draws.values(n)
    let v: [Double] = draws.values(n).map { abs($0) }
    var (w2, m2, v2) = (w, m, v)
    KernelTable.f64.adamw?(n, 0.01, 0.9, 0.99, 1e-8, 0.1, 0.271, 0.0297, g, &m2, &v2, &w2)
    let m3 = zip(m, g).map { 0.9 * $0 + 0.1 * $1 }
    let v3 = zip(v, g).map { 0.99 * $0 + 0.01 * $1 * $1 }
    expectClose(m2, m3, 1e-14, "first moment")
    expectClose(v2, v3, 1e-14, "second moment")
    let adam = (0..<n).map { i -> Double in
      let denominator = (v3[i] / 0.0297).squareRoot() + 1e-8
      return w[i] * (1 - 0.001) - 0.01 * (m3[i] / 0.271) / denominator
    }
    expectClose(w2, adam, 1e-14, "AdamW")
    (w2, m2) = (w, m)
    KernelTable.f64.sgd?(n, 0.01, 0.9, 0.1, g, &m2, &w2)
    let step = (0..<n).map { i -> Double in 0.9 * m[i] + (g[i] + 0.1 * w[i]) }
    expectClose(m2, step, 1e-14, "momentum")
    let moved = (0..<n).map { i -> Double in w[i] - 0.01 * step[i] }
    expectClose(w2, moved, 1e-14, "SGD")
    w2 = w
    KernelTable.f64.sgd?(n, 0.01, 0, 0.1, g, nil, &w2)
    let plain = (0..<n).map { i -> Double in w[i] - 0.01 * (g[i] + 0.1 * w[i]) }
    expectClose(w2, plain, 1e-14, "plain SGD")
  }
}
