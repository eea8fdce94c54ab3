// EffectiveAttention: linear attention as a matrix of tokens by tokens, for those who read or edit it.

import HookPoints
import TensorCore

/// Linear attention as weights of tokens on tokens: scores are the weights in the numerator, the pattern is what they
/// are after the normaliser. Both are derived from the recurrence, so an edit acts as the difference that it makes.
final class EffectiveAttention<Scalar: TensorScalar> {
  private let hooks: HookRun<Scalar>
  private let ops: Operations<Scalar>
  private let layer: Int
  private let v: Tensor<Scalar>
  private let layout: AttentionLayout<Scalar>
  private var weights: Tensor<Scalar>

  /// Nil where nobody looks.
  ///
  /// - Throws: `ModelError.scoresAfterPrefix` where someone looks at a sequence behind a prefix, which holds no keys.
  init?(
    _ pass: ForwardPass<Scalar>, _ layer: Int, _ recurrence: Recurrence<Scalar>,
    _ segments: [RecurrentSegment<Scalar>]
  ) throws {
    let names = [BlockPoint.attnScores, .pattern].map { HookName.block(layer, $0) }
    guard names.contains(where: { pass.hooks.wants($0) }) else { return nil }
    for name in names where pass.hooks.differentiates(name) {
      throw ModelError.gradientThroughEdit(
        model: pass.model.name, hook: name, instead: "edit hook_phi_q, hook_phi_k or hook_z")
    }
    let looked = names.reduce(into: Set()) { $0.formUnion(pass.hooks.rows($1)) }
    let isAfterPrefix = segments.contains { segment in
      segment.initial != nil
        && (segment.start..<segment.start + segment.count).contains(where: looked.contains)
    }
    guard !isAfterPrefix else {
      throw ModelError.scoresAfterPrefix(model: pass.model.name, layer: layer)
    }
    hooks = pass.hooks
    ops = Operations(pass.ops.context)
    self.layer = layer
    v = recurrence.v.tensor
    layout = AttentionLayout(
      sequences: segments.map { .init(start: $0.start, count: $0.count, past: []) },
      heads: recurrence.q.shape[1], keyValueHeads: recurrence.v.shape[1])
    weights = recurrence.weights(segments)
  }

  /// Passes the weights through a hook point and adds to the output what an edit changes.
  ///
  /// - Parameter divisor: the normaliser `[T, H]` that the weights are divided by first, and what is added to it.
  func addEdits(
    of point: BlockPoint, to out: Variable<Scalar>,
    dividedBy divisor: (value: Variable<Scalar>, epsilon: Double)?
  ) -> Variable<Scalar> {
    if let divisor { divide(by: divisor.value.tensor, epsilon: Scalar(divisor.epsilon)) }
    let edited = hooks.point(
      .block(layer, point), Variable(weights), blocks: hooks.scoreBlocks(layout)
    ).tensor
    guard edited != weights else { return out }
    let difference = ops.add(Variable(edited), ops.scale(Variable(weights), by: -1))
    weights = edited
    let change = ops.attentionMix(
      pattern: difference, v: Variable(v), layout: layout, everyKey: true)
    // On the tape's operations, so that gradients go on through `out`.
    return hooks.ops.add(out, change)
  }

  private func divide(by divisor: Tensor<Scalar>, epsilon: Scalar) {
    let heads = layout.heads
    divisor.withUnsafeBufferPointer { divisor in
      weights.withUnsafeMutableBufferPointer { weights in
        for (index, sequence) in layout.sequences.enumerated() {
          for head in 0..<heads {
            for query in 0..<sequence.count {
              let n = divisor[(sequence.start + query) * heads + head] + epsilon
              let start =
                layout.scoreOffsets[index] + (head * sequence.count + query) * sequence.total
              for key in 0..<sequence.total { weights[start + key] /= n }
            }
          }
        }
      }
    }
  }
}
