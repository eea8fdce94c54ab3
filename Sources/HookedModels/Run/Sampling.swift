// Sampling: a token drawn from logits. The same seed draws the same tokens on every machine.

import CKernels
import TensorCore

extension Tensor<Float> {
  /// A token drawn with probability softmax(logits / temperature), in f64.
  ///
  /// - Parameters:
  ///   - row: the row of logits.
  ///   - temperature: above 0; 1 draws from the model's own distribution.
  ///   - generator: one draw is taken from it.
  public func sample(row: Int, temperature: Double, using generator: inout SeededGenerator) -> Int {
    precondition(temperature > 0, "a temperature of \(temperature)")
    let logits = self.row(row)
    let highest = Double(logits[argmax(row: row)])
    let weights = logits.map { ck_exp((Double($0) - highest) / temperature) }
    var rest = generator.uniform() * weights.reduce(0, +)
    for (token, weight) in weights.enumerated() {
      rest -= weight
      if rest < 0 { return token }
    }
    return argmax(row: row)
  }
}
