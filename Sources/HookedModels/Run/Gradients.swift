// Gradients of a run: the same forward pass with a tape.

import HookPoints
import TensorCore

/// A token that a position should predict, and how much it counts.
public struct Target: Sendable, Equatable {
  public let place: BatchPosition
  public let token: Int
  public let weight: Double

  public init(at place: BatchPosition, token: Int, weight: Double) {
    self.place = place
    self.token = token
    self.weight = weight
  }
}

/// A loss and its gradients.
public struct LossGradients<Scalar: TensorScalar>: Sendable {
  /// Σ −weight · log p(target), nats.
  public let loss: Double
  /// log p of each target, nats, in their order.
  public let logProbabilities: [Double]
  /// By parameter name, of the parameter's shape.
  public let parameters: [String: Tensor<Scalar>]
  /// By hook, of the activation's shape, rows in the caller's order.
  public let hooks: [HookName: Tensor<Scalar>]
}

extension Transformer {
  /// The cross entropy of targets, and its gradients.
  ///
  /// - Parameters:
  ///   - batch: prefixes count as constants; training gives none.
  ///   - targets: tokens to predict; the loss is Σ −weight · log p.
  ///   - parameters: whose gradients are wanted, by canonical name (`layers.3.attn.k_proj.weight`).
  ///   - hooks: activations whose gradients are wanted; those with one row a token.
  public func gradients(
    _ batch: [BatchSequence<Scalar>], plan: HookPlan = .empty, targets: [Target],
    parameters wanted: (String) -> Bool, hooks: [HookName] = []
  ) throws -> LossGradients<Scalar> {
    let tape = Tape<Scalar>()
    let watched = parameters.filter { wanted($0.name) }
    for parameter in watched { tape.watch(parameter) }
    let (pass, logits, _, _) = try forward(
      batch, plan: plan, stopAt: nil, logitsAt: .at(targets.map(\.place)), tape: tape,
      gradientsAt: hooks)
    try pass.hooks.verify()
    guard let logits else { throw ModelError.emptyBatch(model: name) }
    let tokens = targets.map { Int32($0.token) }
    let (loss, variable) = pass.ops.crossEntropy(
      logits, targets: tokens, weights: targets.map(\.weight))
    let found = tape.gradients(from: [(variable, Tensor(shape: [], values: [1]))])
    var byName: [String: Tensor<Scalar>] = [:]
    for parameter in watched { byName[parameter.name] = found[parameter] }
    var byHook: [HookName: Tensor<Scalar>] = [:]
    for (hook, value) in pass.hooks.variables {
      byHook[hook] =
        found[value].map { pass.ops.rows(pass.order.rowOf, of: Variable($0)).tensor }
        ?? Tensor(repeating: 0, shape: value.shape)
    }
    return LossGradients(
      loss: loss, logProbabilities: pass.ops.logProbabilities(logits.tensor, targets: tokens),
      parameters: byName, hooks: byHook)
  }
}
