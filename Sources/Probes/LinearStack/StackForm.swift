// StackForm: what of a stack is trained. The weights that an optimiser moves are not always the merged matrices that the
// stack computes with; a form says how the ones make the others, and sends gradients back.

import TensorCore

/// How trained weights make a stack.
package enum StackForm: Sendable, Equatable {
  /// `query_key` and `value`, each `[H, D, D]`: Q_h and V_h themselves.
  case merged
  /// `query`, `key` and `value` `[H, D, D]`: Q_h = W_Qᵀ W_K.
  case separate
  /// `query`, `key`, `value` and `output` `[H, D, D]`: Q_h = W_Qᵀ W_K, V_h = W_O W_V.
  case factored
  /// `rate` and, with curvature correction, `correction`, numbers: gradient descent on in-context least squares with W₀ = 0,
  /// Q = diag(I, 0), V = diag(−γ I, −η) (von Oswald et al. 2023, arXiv:2212.07677, proposition 1 and §3.2).
  case gradientDescent(corrected: Bool)
  /// `a`, `b`, `c`, numbers, and `position` `[T, T]`: V = diag(a I, b I), Q = diag(c I, 0), tokens of 2d numbers (Dong et
  /// al. 2026, arXiv:2506.09048, as released).
  case triplets

  /// The names of what is trained in one layer, with shapes.
  package func tensors(_ shape: StackShape) -> [(name: String, shape: [Int])] {
    let square = [shape.heads, shape.width, shape.width]
    return switch self {
    case .merged: [("query_key", square), ("value", square)]
    case .separate: [("query", square), ("key", square), ("value", square)]
    case .factored: [("query", square), ("key", square), ("value", square), ("output", square)]
    case .gradientDescent(let corrected):
      [("rate", [1])] + (corrected ? [("correction", [1])] : [])
    case .triplets:
      [("a", [1]), ("b", [1]), ("c", [1])]
        + (shape.positions.map { [("position", [$0, $0])] } ?? [])
    }
  }

  /// The merged matrices of one layer.
  package func layer(_ tensors: [String: [Double]], _ shape: StackShape) -> LinearStack.Layer {
    let width = shape.width
    func own(_ name: String) -> [Double] {
      guard let values = tensors[name] else { preconditionFailure("a layer without \(name)") }
      return values
    }
    func diagonal(_ value: (Int) -> Double) -> [Double] {
      (0..<width * width).map { $0 / width == $0 % width ? value($0 % width) : 0 }
    }
    func product(_ left: String, _ right: String, transposed: Bool) -> [Double] {
      Self.products(
        own(left), own(right), shape, leftTransposed: transposed, rightTransposed: false)
    }
    switch self {
    case .merged: return .init(queryKey: own("query_key"), value: own("value"))
    case .separate:
      return .init(queryKey: product("query", "key", transposed: true), value: own("value"))
    case .factored:
      return .init(
        queryKey: product("query", "key", transposed: true),
        value: product("output", "value", transposed: false))
    case .gradientDescent(let corrected):
      let (rate, correction) = (own("rate")[0], corrected ? own("correction")[0] : 0)
      return .init(
        queryKey: diagonal { $0 < width - 1 ? 1 : 0 },
        value: diagonal { $0 < width - 1 ? -correction : -rate })
    case .triplets:
      let (a, b, c) = (own("a")[0], own("b")[0], own("c")[0])
      return .init(
        queryKey: diagonal { $0 < width / 2 ? c : 0 }, value: diagonal { $0 < width / 2 ? a : b },
        position: tensors["position"])
    }
  }

  /// The gradient of what is trained, from that of the merged matrices.
  package func gradient(
    _ merged: LinearStack.Layer, at tensors: [String: [Double]], _ shape: StackShape
  ) -> [String: [Double]] {
    let width = shape.width
    func own(_ name: String) -> [Double] { tensors[name] ?? [] }
    func trace(_ matrix: [Double], _ range: Range<Int>) -> Double {
      range.reduce(0) { $0 + matrix[$1 * width + $1] }
    }
    func product(_ left: [Double], _ right: [Double], left lt: Bool, right rt: Bool) -> [Double] {
      Self.products(left, right, shape, leftTransposed: lt, rightTransposed: rt)
    }
    switch self {
    case .merged: return ["query_key": merged.queryKey, "value": merged.value]
    case .separate, .factored:
      // Q = W_Qᵀ W_K: dW_Q = W_K dQᵀ, dW_K = W_Q dQ.
      var found = [
        "query": product(own("key"), merged.queryKey, left: false, right: true),
        "key": product(own("query"), merged.queryKey, left: false, right: false),
        "value": merged.value,
      ]
      if self == .factored {
        found["value"] = product(own("output"), merged.value, left: true, right: false)
        found["output"] = product(merged.value, own("value"), left: false, right: true)
      }
      return found
    case .gradientDescent(let corrected):
      var found = ["rate": [-merged.value[width * width - 1]]]
      if corrected { found["correction"] = [-trace(merged.value, 0..<width - 1)] }
      return found
    case .triplets:
      var found = [
        "a": [trace(merged.value, 0..<width / 2)], "b": [trace(merged.value, width / 2..<width)],
        "c": [trace(merged.queryKey, 0..<width / 2)],
      ]
      found["position"] = merged.position
      return found
    }
  }

  /// Head by head the product of two matrices `[D, D]`, either of them transposed first.
  private static func products(
    _ left: [Double], _ right: [Double], _ shape: StackShape, leftTransposed: Bool,
    rightTransposed: Bool
  ) -> [Double] {
    let width = shape.width
    var result = Array(repeating: 0.0, count: left.count)
    for head in 0..<shape.heads {
      let at = head * width * width
      for row in 0..<width {
        for column in 0..<width {
          var sum = 0.0
          for inner in 0..<width {
            sum +=
              left[at + (leftTransposed ? inner * width + row : row * width + inner)]
              * right[at + (rightTransposed ? column * width + inner : inner * width + column)]
          }
          result[at + row * width + column] = sum
        }
      }
    }
    return result
  }
}

/// The weights of a stack that is being trained, by name: `layers.1.value`, or `value` where all layers share them.
package struct StackWeights: Sendable, Equatable {
  package let form: StackForm
  package let shape: StackShape
  /// Whether all layers have the same weights.
  package let isShared: Bool
  package var tensors: [String: Tensor<Double>]

  /// All weights N(0, deviation²), or what `value` says for a name.
  package init(
    _ form: StackForm, _ shape: StackShape, isShared: Bool = false, deviation: Double,
    generator: inout SeededGenerator
  ) {
    self.form = form
    self.shape = shape
    self.isShared = isShared
    tensors = [:]
    for layer in 0..<(isShared ? 1 : shape.layers) {
      for (name, own) in form.tensors(shape) {
        tensors[isShared ? name : "layers.\(layer).\(name)"] = Tensor(
          shape: own, values: (0..<own.reduce(1, *)).map { _ in deviation * generator.normal() })
      }
    }
  }

  private func name(_ name: String, _ layer: Int) -> String {
    isShared ? name : "layers.\(layer).\(name)"
  }

  private func own(_ layer: Int) -> [String: [Double]] {
    form.tensors(shape).reduce(into: [:]) { found, one in
      found[one.name] = tensors[name(one.name, layer)]?.values
    }
  }

  package var stack: LinearStack {
    LinearStack(
      shape: shape, layers: (0..<shape.layers).map { form.layer(own($0), shape) })
  }

  /// The gradients of what is trained, of weights whose names `trained` picks.
  package func gradients(_ merged: [LinearStack.Layer], trained: (String) -> Bool)
    -> [String: Tensor<Double>]
  {
    var sums: [String: [Double]] = [:]
    for (layer, gradient) in merged.enumerated() {
      for (short, values) in form.gradient(gradient, at: own(layer), shape) {
        let name = name(short, layer)
        guard trained(name) else { continue }
        sums[name] = sums[name].map { zip($0, values).map { $0 + $1 } } ?? values
      }
    }
    return sums.reduce(into: [:]) { found, one in
      found[one.key] = Tensor(shape: tensors[one.key]?.shape ?? [], values: one.value)
    }
  }
}
