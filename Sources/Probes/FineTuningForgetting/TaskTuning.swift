// TaskTuning: fine-tuning on one task without demonstrations: a part of the weights, or low-rank adapters on them, by the loss
// of the answers to bare queries, perhaps with that of answers after demonstrations added, which fades out.
//
// Source: Lee, Sohn and Lee 2026, arXiv:2602.23197; the weight of the added loss falls linearly from its first value to 0.

import HookedModels
import TensorCore

/// One way to fine-tune.
public struct TaskTuning: Sendable, Equatable {
  /// Which weights change.
  public enum Part: String, Sendable, CaseIterable {
    case all
    case queryKey = "query_key"
    case value

    /// - Parameters:
    ///   - parameter: a canonical name.
    ///   - adapters: what would stand for it: then `all` is every matrix within the blocks, or those they name.
    func trains(_ parameter: String, adapters: Adapters?) -> Bool {
      switch self {
      case .all: adapters.map { $0.stand(for: parameter) } ?? true
      case .queryKey: parameter.contains("q_proj") || parameter.contains("k_proj")
      case .value: parameter.contains("v_proj")
      }
    }
  }

  /// Low-rank adapters: an update is α / r · B A.
  ///
  /// - Source: Hu et al. 2021, arXiv:2106.09685, §4.1.
  public struct Adapters: Sendable, Equatable {
    /// r.
    public var rank: Int
    /// α.
    public var alpha: Double
    /// The matrices that get one, by their names within a block, such as `q_proj`; nil for all.
    public var targetModules: [String]?

    /// The name within a block of the matrix that a parameter is.
    static func module(of parameter: String) -> String? {
      let parts = parameter.split(separator: ".")
      guard parts.count > 2, parts[0] == "layers", parts.last == "weight" else { return nil }
      return String(parts[parts.count - 2])
    }

    fileprivate func stand(for parameter: String) -> Bool {
      guard let module = Self.module(of: parameter) else { return false }
      return targetModules?.contains(module) ?? module.hasSuffix("_proj")
    }
  }

  /// Whether a parameter, by its canonical name, changes or has an adapter that does.
  func trains(_ parameter: String) -> Bool { part.trains(parameter, adapters: adapters) }

  /// Which weights change.
  public var part: Part
  /// λ₀.
  public var auxiliaryWeight: Double
  /// Nil: the weights themselves change.
  public var adapters: Adapters?

  public init(part: Part, auxiliaryWeight: Double, adapters: Adapters? = nil) {
    self.part = part
    self.auxiliaryWeight = auxiliaryWeight
    self.adapters = adapters
  }

  /// The weight of the added loss in a step of `total`, counted from 0.
  package func auxiliaryWeight(at step: Int, of total: Int) -> Double {
    total > 1 ? auxiliaryWeight * Double(total - 1 - step) / Double(total - 1) : auxiliaryWeight
  }

  var condition: Condition {
    switch (part, auxiliaryWeight > 0) {
    case (.all, false): .fineTunedAll
    case (.all, true): .fineTunedAllAuxiliary
    case (.queryKey, false): .fineTunedQueryKey
    case (.queryKey, true): .fineTunedQueryKeyAuxiliary
    case (.value, false): .fineTunedValue
    case (.value, true): .fineTunedValueAuxiliary
    }
  }
}

/// A prompt and the tokens of its answer, at least one.
package struct TuningExample: Sendable, Equatable {
  package let prompt: [Int]
  package let answer: [Int]

  package init(prompt: [Int], answer: [Int]) {
    self.prompt = prompt
    self.answer = answer
  }
}

/// What one step is taken on.
package struct TuningBatch: Sendable {
  package let zeroShot: [TuningExample]
  /// Of no weight where the added loss has none.
  package let fewShot: [TuningExample]

  package init(zeroShot: [TuningExample], fewShot: [TuningExample]) {
    self.zeroShot = zeroShot
    self.fewShot = fewShot
  }

  /// The mean over examples of each kind's loss, an example's loss being that of its answer's tokens.
  package func batch(auxiliaryWeight: Double) -> TrainingBatch<Float> {
    var batch = TrainingBatch<Float>(sequences: [], targets: [])
    for (examples, weight) in [(zeroShot, 1), (fewShot, auxiliaryWeight)] where weight > 0 {
      for example in examples {
        let place = batch.sequences.count
        batch.sequences.append(BatchSequence(tokens: example.prompt + example.answer.dropLast()))
        batch.targets += example.answer.enumerated().map { index, token in
          Target(
            at: BatchPosition(sequence: place, position: example.prompt.count - 1 + index),
            token: token, weight: weight / Double(examples.count))
        }
      }
    }
    return batch
  }
}

extension TaskTuning {
  /// Fine-tunes a model with AdamW (β 0.9 and 0.999, no weight decay, a constant rate, the joint gradient norm clipped to 1).
  ///
  /// - Parameters:
  ///   - seed: of the adapters' first values.
  ///   - total: the steps over which the added loss fades.
  ///   - batches: the examples of a step, counted from 0.
  ///   - stops: numbers of steps, ascending, at most `total`.
  ///   - at: called with the model after each number of steps in `stops`, and the loss of each step so far.
  package func fineTune(
    _ model: Transformer<Float>, rate: Double, seed: UInt64, total: Int, stops: [Int],
    batches: (Int) throws -> TuningBatch, at: (Int, Trainer<Float>, [Double]) throws -> Void
  ) throws {
    var trainer = trainer(of: model, rate: rate, seed: seed)
    var losses: [Double] = []
    for step in 0..<(stops.last ?? 0) {
      let batch = try batches(step).batch(auxiliaryWeight: auxiliaryWeight(at: step, of: total))
      losses.append(try trainer.step(batch).loss)
      if stops.contains(step + 1) { try at(step + 1, trainer, losses) }
    }
  }

  private func trainer(of model: Transformer<Float>, rate: Double, seed: UInt64) -> Trainer<Float> {
    let optimiser = Optimiser<Float>(.adamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8))
    let schedule = Schedule(peak: rate, warmup: 0, total: 1, decay: .constant)
    guard let adapters else {
      return Trainer(
        model, trained: trains, optimiser: optimiser, schedule: schedule, clipNorm: 1)
    }
    return Trainer(
      model,
      adapters: LowRankAdapters(
        to: model, rank: adapters.rank, alpha: adapters.alpha, seed: seed, adapted: trains),
      optimiser: optimiser, schedule: schedule, clipNorm: 1)
  }
}
