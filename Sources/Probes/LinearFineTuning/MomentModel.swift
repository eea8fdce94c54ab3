// MomentModel: one head of one layer of linear self-attention as the theory writes it, and its gradient from second
// moments. It is the house's Transformer of the same weights, to rounding, at a hundredth of the cost; tests compare
// predictions and gradients.

import TensorCore

/// ŷ = z_qᵀ Q G v with G the mean of z zᵀ over the prompt, the query included. Q `[D, D]`, v `[D]`.
///
/// Q = W_Qᵀ W_K and v the last row of W_O W_V; the other rows do not reach the prediction.
/// - Source: Lee, Sohn and Lee 2026, arXiv:2602.23197, §3.
package struct MomentModel: Sendable, Equatable {
  /// Row-major.
  package var queryKey: [Double]
  package var value: [Double]

  package var width: Int { value.count }

  /// All weights N(0, deviation²).
  package init(width: Int, deviation: Double, generator: inout SeededGenerator) {
    queryKey = (0..<width * width).map { _ in deviation * generator.normal() }
    value = (0..<width).map { _ in deviation * generator.normal() }
  }

  package init(queryKey: [Double], value: [Double]) {
    precondition(
      queryKey.count == value.count * value.count, "Q of \(queryKey.count), v of \(value.count)")
    self.queryKey = queryKey
    self.value = value
  }

  /// z_qᵀ Q of eight prompts, `[D]`.
  package func keys(_ prompts: RegressionPrompts, into keys: UnsafeMutablePointer<Lanes>) {
    let (width, z) = (width, prompts.query)
    queryKey.withUnsafeBufferPointer { matrix in
      for column in 0..<width {
        var sum = Lanes()
        // The query's y is 0.
        for row in 0..<width - 1 { sum += z[row] * matrix[row * width + column] }
        keys[column] = sum
      }
    }
  }

  /// ŷ of eight prompts, whose moments are closed.
  package func predictions(_ prompts: RegressionPrompts, scratch: UnsafeMutablePointer<Lanes>)
    -> Lanes
  {
    keys(prompts, into: scratch)
    var prediction = Lanes()
    for row in 0..<width {
      var sum = Lanes()
      for column in 0..<width { sum += prompts.moments[row * width + column] * value[column] }
      prediction += scratch[row] * sum
    }
    return prediction
  }
}

/// The gradient of a mean squared error, summed over prompts lane by lane.
package final class MomentGradient {
  private let width: Int
  private let wantsQueryKey: Bool
  private let wantsValue: Bool
  /// `[D, D]` and `[D]`.
  private let queryKey: UnsafeMutablePointer<Lanes>
  private let value: UnsafeMutablePointer<Lanes>
  private let keys: UnsafeMutablePointer<Lanes>
  private let mixed: UnsafeMutablePointer<Lanes>
  private let memory: UnsafeMutablePointer<Lanes>

  package init(width: Int, queryKey: Bool, value: Bool) {
    self.width = width
    wantsQueryKey = queryKey
    wantsValue = value
    memory = .allocate(capacity: width * (width + 3))
    memory.initialize(repeating: Lanes(), count: width * (width + 3))
    self.queryKey = memory
    self.value = memory + width * width
    keys = memory + width * (width + 1)
    mixed = memory + width * (width + 2)
  }

  deinit { memory.deallocate() }

  package func clear() { memory.update(repeating: Lanes(), count: width * (width + 1)) }

  /// Adds the gradient of `zeroShot` · (ŷ(query alone) − y)² + `fewShot` · (ŷ(prompt) − y)², lane by lane.
  package func add(
    _ prompts: RegressionPrompts, _ model: MomentModel, zeroShot: Lanes?, fewShot: Lanes?
  ) {
    let z = prompts.query
    model.keys(prompts, into: keys)
    model.value.withUnsafeBufferPointer { weights in
      if let zeroShot {
        var (own, score) = (Lanes(), Lanes())
        for index in 0..<width {
          own += z[index] * weights[index]
          score += keys[index] * z[index]
        }
        let slope = 2 * zeroShot * (score * own - prompts.targets)
        if wantsQueryKey {
          for index in 0..<width { mixed[index] = z[index] * own }
          addOuter(slope)
        }
        if wantsValue {
          let factor = slope * score
          for index in 0..<width { value[index] += factor * z[index] }
        }
      }
      if let fewShot {
        var prediction = Lanes()
        for row in 0..<width {
          var sum = Lanes()
          for column in 0..<width { sum += prompts.moments[row * width + column] * weights[column] }
          mixed[row] = sum
          prediction += keys[row] * sum
        }
        let slope = 2 * fewShot * (prediction - prompts.targets)
        if wantsQueryKey { addOuter(slope) }
        if wantsValue {
          for column in 0..<width {
            var sum = Lanes()
            for row in 0..<width { sum += keys[row] * prompts.moments[row * width + column] }
            value[column] += slope * sum
          }
        }
      }
    }

    /// slope · z_q ⊗ mixed; the query's y is 0.
    func addOuter(_ slope: Lanes) {
      for row in 0..<width - 1 {
        let factor = slope * z[row]
        let target = queryKey + row * width
        for column in 0..<width { target[column] += factor * mixed[column] }
      }
    }
  }

  /// Adds the sums over lanes, in their order.
  package func addSums(queryKey: inout [Double], value: inout [Double]) {
    func sum(_ lanes: Lanes) -> Double { lanes.indices.reduce(0) { $0 + lanes[$1] } }
    if wantsQueryKey {
      for index in 0..<width * width { queryKey[index] += sum(self.queryKey[index]) }
    }
    if wantsValue {
      for index in 0..<width { value[index] += sum(self.value[index]) }
    }
  }
}
