// Gradients of a run: the same forward pass with a tape.

import HookPoints
import TensorCore

/// A token that a position should predict, and how much it counts.
public struct Target: Sendable, Equatable {
  /// The position that predicts.
  public let place: BatchPosition
  /// The id that it should predict.
  public let token: Int
  /// How much its −log p counts in the loss.
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
  /// By hook, of the activation's shape `[T, …]`, rows in the caller's order; zeros where the loss does not depend
  /// on a row, and for sequences that join at a later block.
  public let hooks: [HookName: Tensor<Scalar>]
  /// The activations that the plan reads.
  public let cache: ActivationCache<Scalar>
  /// The rows that were recorded and changed at each hook.
  public let fireCounts: FireCounts
}

extension Transformer {
  /// The cross entropy of targets, and its gradients.
  ///
  /// - Parameters:
  ///   - batch: prefixes count as constants; training gives none.
  ///   - plan: what to read and what to change on the way.
  ///   - targets: tokens to predict; the loss is Σ −weight · log p.
  ///   - wanted: the parameters whose gradients are wanted, by canonical name (`layers.3.attn.k_proj.weight`).
  ///   - hooks: activations whose gradients are wanted, after the plan's edits there; those with one row a token.
  /// - Throws: what `run` throws, and `ModelError` for gradients that cannot be had.
  public func gradients(
    _ batch: [BatchSequence<Scalar>], plan: HookPlan = .empty, targets: [Target],
    parameters wanted: (String) -> Bool, hooks: [HookName] = []
  ) throws -> LossGradients<Scalar> {
    try validate(targets, hooks)
    let tape = Tape<Scalar>()
    let watched = parameters.filter { wanted($0.name) }
    for parameter in watched { tape.watch(parameter) }
    // A block's parameters keep the names of the model that they come from; the architecture has its own.
    let names = Set(
      zip(architecture.parameters, parameters).filter { wanted($1.name) }.map(\.0.name))
    let (pass, logits, _, _) = try forward(
      batch, plan: plan, stopAt: nil, logitsAt: .at(targets.map(\.place)), tape: tape,
      gradientsAt: hooks, of: names)
    try pass.hooks.verify()
    guard let logits else { throw ModelError.noTargets(model: name) }
    let tokens = targets.map { Int32($0.token) }
    let (loss, variable) = pass.ops.crossEntropy(
      logits, targets: tokens, weights: targets.map(\.weight))
    let found = tape.gradients(
      from: [(variable, Tensor(shape: [], values: [1]))], on: self.context)
    var byName: [String: Tensor<Scalar>] = [:]
    for parameter in watched { byName[parameter.name] = found[parameter] }
    var byHook: [HookName: Tensor<Scalar>] = [:]
    for hook in hooks {
      guard let value = pass.hooks.variables[hook] else {
        throw HookError.neverFired(hook: hook, what: "a gradient")
      }
      byHook[hook] = pass.inCallersOrder(found[value], of: hook, shape: value.shape)
    }
    return LossGradients(
      loss: loss, logProbabilities: pass.ops.logProbabilities(logits.tensor, targets: tokens),
      parameters: byName, hooks: byHook, cache: pass.hooks.cache, fireCounts: pass.hooks.counts)
  }

  private func validate(_ targets: [Target], _ hooks: [HookName]) throws {
    guard !targets.isEmpty else { throw ModelError.noTargets(model: name) }
    for target in targets where !(0..<architecture.vocabulary).contains(target.token) {
      throw ModelError.tokenOutOfVocabulary(
        model: name, token: target.token, vocabulary: architecture.vocabulary)
    }
    for hook in hooks {
      let reason: String? =
        switch try (catalog.entry(hook).rowKind, hook.point) {
        case (_, .ssmStateInitial), (_, .ssmWrite), (_, .ssmState):
          "because states are not kept for every token; take it at hook_phi_k and hook_v"
        case (.query, _):
          "because it has a row for every query and key; take it at hook_z, hook_q or hook_k"
        case (.sequence, _): "because it has no row for each token"
        case (.token, _): nil
        }
      if let reason { throw ModelError.noGradientAt(model: name, hook: hook, reason: reason) }
    }
  }
}

extension ForwardPass {
  /// A gradient that arrived at an activation, with the rows of the whole batch in the caller's order.
  fileprivate func inCallersOrder(_ gradient: Tensor<Scalar>?, of hook: HookName, shape: [Int])
    -> Tensor<Scalar>
  {
    var all = Tensor<Scalar>(repeating: 0, shape: [order.rowOf.count] + shape.dropFirst())
    guard let gradient, shape[0] > 0 else { return all }
    let width = gradient.count / shape[0]
    let passing = hooks.passingRows(hook) ?? Array(0..<shape[0])
    all.withUnsafeMutableBufferPointer { target in
      gradient.withUnsafeBufferPointer { source in
        for (place, row) in passing.prefix(shape[0]).enumerated() {
          let to = order.callerRow[row] * width
          for column in 0..<width { target[to + column] = source[place * width + column] }
        }
      }
    }
    return all
  }
}
