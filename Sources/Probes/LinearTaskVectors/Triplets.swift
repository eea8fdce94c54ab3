// Triplets: in-context regression of vectors as triplets (x, →, y), the arrow a zero token: what a linear transformer
// must first put together. Legend: d width of x and y, n demonstrations, T = 3n + 3 tokens of 2d numbers.

import TensorCore

/// y = W x with W_ij ~ N(0, 1), x ~ N(0, I); the query's y is 0.
///
/// - Source: Dong et al. 2026, arXiv:2506.09048, §3; their released `icl_regression.py`.
package struct Triplets: Sendable, Equatable {
  package var dimension: Int
  package var shots: Int

  package init(dimension: Int, shots: Int) {
    self.dimension = dimension
    self.shots = shots
  }

  package var width: Int { 2 * dimension }
  package var tokens: Int { 3 * shots + 3 }
  /// The query's arrow.
  package var arrow: Int { tokens - 2 }

  /// The stack whose sums over tokens are divided by n.
  package func shape(layers: Int) -> StackShape {
    StackShape(
      width: width, layers: layers, reach: .demonstrations, scale: 1 / Double(shots),
      positions: tokens)
  }

  /// Draws eight prompts of eight tasks into a pass.
  ///
  /// - Returns: W `[d][d]` and the targets W x `[d]`.
  func draw(into pass: StackPass, table: NormalTable, _ generator: inout SeededGenerator) -> (
    tasks: [Lanes], targets: [Lanes]
  ) {
    let d = dimension
    let count = d * d + (shots + 1) * d
    let draws = StackSlope(width: count)
    draws.base.withMemoryRebound(to: Double.self, capacity: count * RegressionPrompts.lanes) {
      table.fill($0, count: count * RegressionPrompts.lanes, from: &generator)
    }
    let tasks = (0..<d * d).map { draws.base[$0] }
    pass.input.update(repeating: Lanes(), count: tokens * width)
    var targets: [Lanes] = []
    for demonstration in 0...shots {
      let x = draws.base + d * d + demonstration * d
      let token = pass.input + 3 * demonstration * width
      for column in 0..<d { token[column] = x[column] }
      let y = Self.product(tasks, (0..<d).map { x[$0] })
      if demonstration == shots {
        targets = y
      } else {
        for column in 0..<d { token[2 * width + d + column] = y[column] }
      }
    }
    return (tasks, targets)
  }

  static func product(_ matrix: [Lanes], _ x: [Lanes]) -> [Lanes] {
    x.indices.map { row in
      x.indices.reduce(Lanes()) { $0 + matrix[row * x.count + $1] * x[$1] }
    }
  }

  // MARK: What theory says

  /// The expected squared error of each coordinate at the best scale of ŷ ∝ Σ_i y_i (x_i·x), one step of gradient descent
  /// on m demonstrations: d (d + 1) / (m + d + 1). Injecting a task vector leaves m = 1.
  package func errorOfOneStep(demonstrations: Int) -> Double {
    Double(dimension * (dimension + 1)) / Double(demonstrations + dimension + 1)
  }

  /// The expected squared error of each coordinate of answering 0.
  package var errorOfNothing: Double { Double(dimension) }
}

extension LinearStack {
  /// The same weights on the last `count` positions: a query alone stands where it stood.
  package func last(_ count: Int) -> LinearStack {
    guard let places = shape.positions else { return self }
    var own = shape
    own.positions = count
    let kept = places - count..<places
    return LinearStack(
      shape: own,
      layers: layers.map { layer in
        Layer(
          queryKey: layer.queryKey, value: layer.value,
          position: layer.position.map { position in
            kept.flatMap { row in kept.map { position[row * places + $0] } }
          })
      })
  }
}
