// RegressionTraining: SGD on regression prompts, several variants side by side on the same draws, so that they differ
// in nothing but loss and trained weights.

import TensorCore

/// Which weights change, and on which loss.
struct RegressionVariant: Sendable, Equatable {
  let condition: Condition
  let trainsQueryKey: Bool
  let trainsValue: Bool
  /// The weight of the query-only loss.
  let zeroShot: Double
  /// The weight of the loss on whole prompts at the first step, and whether it falls linearly to 0 at the last.
  let fewShot: Double
  let isAnnealed: Bool

  static let pretraining = RegressionVariant(
    condition: .pretrained, trainsQueryKey: true, trainsValue: true, zeroShot: 0, fewShot: 1,
    isAnnealed: false)

  /// The paper's six: all, query-key and value weights, without and with the annealed few-shot loss.
  static let fineTunings: [RegressionVariant] = [
    (.fineTunedAll, true, true, 0), (.fineTunedQueryKey, true, false, 0),
    (.fineTunedValue, false, true, 0), (.fineTunedAllAuxiliary, true, true, 1),
    (.fineTunedQueryKeyAuxiliary, true, false, 1), (.fineTunedValueAuxiliary, false, true, 1),
  ].map { (condition: Condition, queryKey: Bool, value: Bool, fewShot: Double) in
    RegressionVariant(
      condition: condition, trainsQueryKey: queryKey, trainsValue: value, zeroShot: 1,
      fewShot: fewShot, isAnnealed: true)
  }

  func fewShotWeight(step: Int, of steps: Int) -> Double {
    isAnnealed ? fewShot * Double(steps - 1 - step) / Double(steps - 1) : fewShot
  }
}

/// Trains by the paper's recipe: SGD with momentum, the joint gradient norm clipped.
struct RegressionTraining {
  let spec: LinearFineTuningSpec
  let context: ComputeContext
  /// Names the stream of random numbers.
  let key: String
  let seed: Int

  /// Prompts of one stream of draws: no number depends on how many threads there are.
  static let chunk = 200

  /// Each variant's model after `spec.iterations` steps.
  func trained(_ start: MomentModel, _ variants: [RegressionVariant], on source: RegressionSource)
    -> [MomentModel]
  {
    let width = start.width
    let count = (spec.batch + Self.chunk - 1) / Self.chunk
    let workers = (0..<count).map { _ in Worker(spec: spec, variants: variants) }
    let table = NormalTable()
    var models = variants.map { _ in start }
    var tensors = variants.map { variant -> [String: Tensor<Double>] in
      var own: [String: Tensor<Double>] = [:]
      if variant.trainsQueryKey {
        own["query_key"] = Tensor(shape: [width, width], values: start.queryKey)
      }
      if variant.trainsValue { own["value"] = Tensor(shape: [width], values: start.value) }
      return own
    }
    var optimisers = variants.map { _ in Optimiser<Double>(.sgd(momentum: spec.momentum)) }
    for step in 0..<spec.iterations {
      let weights = variants.map { $0.fewShotWeight(step: step, of: spec.iterations) }
      let now = models
      context.parallel(count) { chunk in
        var generator = SeededGenerator(key: "\(key)/\(step)/\(chunk)", seed: UInt64(seed))
        workers[chunk].run(
          chunk, source: source, models: now, fewShot: weights, table: table, &generator)
      }
      for (index, variant) in variants.enumerated() {
        var queryKey = Array(repeating: 0.0, count: width * width)
        var value = Array(repeating: 0.0, count: width)
        for worker in workers {
          worker.gradients[index].addSums(queryKey: &queryKey, value: &value)
        }
        var gradients: [String: Tensor<Double>] = [:]
        if variant.trainsQueryKey {
          gradients["query_key"] = Tensor(shape: [width, width], values: queryKey)
        }
        if variant.trainsValue { gradients["value"] = Tensor(shape: [width], values: value) }
        clip(&gradients, toNorm: spec.clip, on: context)
        optimisers[index].step(
          &tensors[index], gradients: gradients, rate: spec.rate, on: context)
        if let matrix = tensors[index]["query_key"] { models[index].queryKey = matrix.values }
        if let row = tensors[index]["value"] { models[index].value = row.values }
      }
    }
    return models
  }

  /// A chunk's memory.
  private final class Worker {
    let gradients: [MomentGradient]
    private let prompts: RegressionPrompts
    private let variants: [RegressionVariant]
    private let batch: Int

    init(spec: LinearFineTuningSpec, variants: [RegressionVariant]) {
      self.variants = variants
      batch = spec.batch
      prompts = RegressionPrompts(spec.setting, shots: spec.shots)
      gradients = variants.map {
        MomentGradient(
          width: spec.setting.width, queryKey: $0.trainsQueryKey, value: $0.trainsValue)
      }
    }

    func run(
      _ chunk: Int, source: RegressionSource, models: [MomentModel], fewShot: [Double],
      table: NormalTable, _ generator: inout SeededGenerator
    ) {
      for gradient in gradients { gradient.clear() }
      let needsMoments = fewShot.contains { $0 != 0 }
      let end = min(batch, (chunk + 1) * RegressionTraining.chunk)
      for first in stride(
        from: chunk * RegressionTraining.chunk, to: end, by: RegressionPrompts.lanes)
      {
        prompts.draw(source, first: first, table: table, &generator)
        // Lanes beyond the batch count nothing.
        var share = Lanes()
        for lane in 0..<min(RegressionPrompts.lanes, end - first) {
          share[lane] = 1 / Double(batch)
        }
        if needsMoments {
          prompts.clearMoments()
          for token in 0..<prompts.shots { prompts.addDemonstration(token) }
          prompts.closeMoments(demonstrations: prompts.shots)
        }
        for (index, variant) in variants.enumerated() {
          gradients[index].add(
            prompts, models[index],
            zeroShot: variant.zeroShot == 0 ? nil : share * variant.zeroShot,
            fewShot: fewShot[index] == 0 ? nil : share * fewShot[index])
        }
      }
    }
  }
}
