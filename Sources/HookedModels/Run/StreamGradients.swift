// Gradients of any loss on the residual stream: for models that are read there and not through an unembedding.

import HookPoints
import TensorCore

extension Transformer {
  /// The gradients of a loss on the residual stream after the last block.
  ///
  /// - Parameters:
  ///   - batch: prefixes count as constants.
  ///   - wanted: the parameters whose gradients are wanted, by canonical name.
  ///   - slope: from the stream `[T, D]`, rows in memory order (the caller's, where all sequences enter alike), the
  ///     gradient of the loss there, of the same shape.
  /// - Returns: by parameter name, of the parameter's shape.
  /// - Throws: what `run` throws.
  public func gradients(
    _ batch: [BatchSequence<Scalar>], parameters wanted: (String) -> Bool,
    slope: (Tensor<Scalar>) -> Tensor<Scalar>
  ) throws -> [String: Tensor<Scalar>] {
    let tape = Tape<Scalar>()
    let watched = parameters.filter { wanted($0.name) }
    for parameter in watched { tape.watch(parameter) }
    let (pass, _, stream, _) = try forward(
      batch, plan: .empty, stopAt: architecture.layers, logitsAt: .none, tape: tape)
    try pass.hooks.verify()
    let found = tape.gradients(from: [(stream, slope(stream.tensor))], on: self.context)
    return Dictionary(
      uniqueKeysWithValues: watched.compactMap { parameter in
        found[parameter].map { (parameter.name, $0) }
      })
  }
}
