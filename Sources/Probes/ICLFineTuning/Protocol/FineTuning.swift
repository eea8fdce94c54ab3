// FineTuning: plain gradient descent on the demonstrations, one step each, in the order of the prompt. What is not
// trained keeps its bits.

import HookPoints
import HookedModels
import TensorCore

/// How a model is fine-tuned on demonstrations.
package struct FineTuning: Sendable, Equatable {
  /// Which parameters move and by which gradient.
  package enum Method: String, Sendable, CaseIterable {
    /// Weights and biases of `k_proj` and `v_proj`: Dai et al. 2023, §3.2.
    case keysAndValues = "keys_and_values"
    /// Those of `v_proj` alone.
    case values
    /// Every parameter.
    case all
    /// `k_proj` and `v_proj`, each layer by the loss of its own output through the final norm and the unembedding; no
    /// gradient crosses layers: Deutch et al. 2024, arXiv:2311.07772, §5.
    case layerCausal = "layer_causal"

    package func trains(_ parameter: String) -> Bool {
      switch self {
      case .all: true
      case .values: parameter.contains("v_proj")
      case .keysAndValues, .layerCausal:
        parameter.contains("k_proj") || parameter.contains("v_proj")
      }
    }
  }

  /// Which tokens the loss is over.
  package enum Loss: String, Sendable, CaseIterable {
    /// All tokens of the demonstration that have one before them: Dai et al.
    case allTokens = "all_tokens"
    /// The answer's: Shen et al. 2024.
    case answer
  }

  package var method: Method
  package var loss: Loss
  package var rate: Double
  package var epochs: Int

  package init(
    method: Method = .keysAndValues, loss: Loss = .allTokens, rate: Double, epochs: Int = 1
  ) {
    self.method = method
    self.loss = loss
    self.rate = rate
    self.epochs = epochs
  }
}

/// A fine-tuned model.
package struct FineTuned: Sendable {
  package let model: Transformer<Float>
  /// For each layer, the features of the queries of the demonstrations' tokens, `[N][H · d]`, in the last epoch, each
  /// under the weights that its step began with; empty where nobody asked, and in layers without scores.
  package let queries: [[[Float]]]
  /// The mean loss of each step, nats a token.
  package let losses: [Double]
}

extension Transformer<Float> {
  /// Fine-tunes on demonstrations.
  ///
  /// - Parameter recording: whether `queries` are wanted.
  /// - Source: Dai et al. 2023, arXiv:2212.10559, §4.1; LMOps understand_icl `trainer.py`: SGD without momentum or
  ///   decay, batch size 1, no shuffling, the loss summed over tokens and divided by their number.
  package func fineTuned(
    on demonstrations: Demonstrations, by tuning: FineTuning, recording: Bool = false,
    fires: inout FireCounts
  ) throws -> FineTuned {
    var model = self
    var optimiser = Optimiser<Float>(.sgd(momentum: 0))
    var tensors: [String: Tensor<Float>] = [:]
    for parameter in parameters where tuning.method.trains(parameter.name) {
      tensors[parameter.name] = parameter.tensor()
    }
    let features = scoreFeatures
    var queries: [[[Float]]] = features.map { _ in [] }
    var losses: [Double] = []
    for epoch in 0..<tuning.epochs {
      let reads =
        recording && epoch == tuning.epochs - 1
        ? features.compactMap { $0.map { Read(hook: .name($0.query)) } } : []
      for (item, answers) in zip(demonstrations.items, demonstrations.answerCounts) {
        let tokens = demonstrations.beginning + item
        let first = tuning.loss == .answer ? tokens.count - answers : 1
        // A lone token has nothing before it that could predict it.
        guard first < tokens.count else { continue }
        let targets = (first..<tokens.count).map { place in
          Target(
            at: BatchPosition(sequence: 0, position: place - 1), token: tokens[place],
            weight: 1 / Double(tokens.count - first))
        }
        let step = try model.step(tokens, targets, tuning.method, reads: reads)
        fires.add(step.fires)
        losses.append(step.loss)
        if !reads.isEmpty {
          for (layer, feature) in features.enumerated() {
            guard let feature else { continue }
            let all = try step.cache.tensor(feature.query)
            let rows = all.reshaped([tokens.count, all.count / tokens.count])
            queries[layer] += (demonstrations.beginning.count..<tokens.count).map { rows.row($0) }
          }
        }
        optimiser.step(&tensors, gradients: step.gradients, rate: tuning.rate, on: context)
        model = model.replacing(tensors)
      }
    }
    return FineTuned(model: model, queries: recording ? queries : [], losses: losses)
  }

  private func step(
    _ tokens: [Int], _ targets: [Target], _ method: FineTuning.Method, reads: [Read]
  )
    throws -> (
      loss: Double, gradients: [String: Tensor<Float>], cache: ActivationCache<Float>,
      fires: FireCounts
    )
  {
    let sequence = BatchSequence<Float>(tokens: tokens)
    guard method == .layerCausal else {
      let found = try gradients(
        [sequence], plan: HookPlan(reads: reads), targets: targets, parameters: method.trains)
      return (found.loss, found.parameters, found.cache, found.fireCounts)
    }
    let layers = 0..<architecture.layers
    let inputs = try capture(
      [sequence],
      plan: HookPlan(reads: layers.map { Read(Site<Residual>.residPre($0)) } + reads))
    var (loss, all) = (0.0, [String: Tensor<Float>]())
    for layer in layers {
      let stream = try inputs.cache.tensor(.block(layer, .residPre))
      let found = try block(layer).gradients(
        [BatchSequence(.residual(stream, layer: 0))], targets: targets, parameters: method.trains)
      loss += found.loss
      all.merge(found.parameters) { $1 }
    }
    return (loss, all, inputs.cache, inputs.fireCounts)
  }
}
