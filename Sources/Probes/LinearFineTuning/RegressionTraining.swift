// RegressionTraining: SGD on regression prompts. Variants whose prompts have as many demonstrations see the same draws, so
// that they differ in nothing but what is trained.

import TensorCore

/// Which weights change, and on which loss.
package struct RegressionVariant: Sendable, Equatable {
  package let condition: Condition
  let trainsQuery: Bool
  let trainsKey: Bool
  let trainsValue: Bool
  /// The weight of the query-only loss.
  let zeroShot: Double
  /// The weight of the loss on whole prompts at the first step, and whether it falls linearly to 0 at the last.
  let fewShot: Double
  let isAnnealed: Bool

  package static let pretraining = RegressionVariant(
    condition: .pretrained, trainsQuery: true, trainsKey: true, trainsValue: true, zeroShot: 0,
    fewShot: 1, isAnnealed: false)

  /// The paper's six: all, query-key and value weights, without and with the annealed few-shot loss.
  package static let fineTunings: [RegressionVariant] = [
    (.fineTunedAll, true, true, 0), (.fineTunedQueryKey, true, false, 0),
    (.fineTunedValue, false, true, 0), (.fineTunedAllAuxiliary, true, true, 1),
    (.fineTunedQueryKeyAuxiliary, true, false, 1), (.fineTunedValueAuxiliary, false, true, 1),
  ].map { RegressionVariant($0, query: $1, key: $1, value: $2, fewShot: $3) }

  /// With separate matrices: queries alone, keys alone.
  package static let halves: [RegressionVariant] = [
    (.fineTunedQuery, true, 0), (.fineTunedKey, false, 0), (.fineTunedQueryAuxiliary, true, 1),
    (.fineTunedKeyAuxiliary, false, 1),
  ].map { RegressionVariant($0, query: $1, key: !$1, value: false, fewShot: $2) }

  private init(_ condition: Condition, query: Bool, key: Bool, value: Bool, fewShot: Double) {
    self.init(
      condition: condition, trainsQuery: query, trainsKey: key, trainsValue: value, zeroShot: 1,
      fewShot: fewShot, isAnnealed: true)
  }

  private init(
    condition: Condition, trainsQuery: Bool, trainsKey: Bool, trainsValue: Bool, zeroShot: Double,
    fewShot: Double, isAnnealed: Bool
  ) {
    self.condition = condition
    self.trainsQuery = trainsQuery
    self.trainsKey = trainsKey
    self.trainsValue = trainsValue
    self.zeroShot = zeroShot
    self.fewShot = fewShot
    self.isAnnealed = isAnnealed
  }

  /// Whether a stack's weight of this name changes.
  func trains(_ name: String) -> Bool {
    switch name.split(separator: ".").last {
    case "value": trainsValue
    case "query": trainsQuery
    case "key": trainsKey
    default: trainsQuery && trainsKey
    }
  }

  /// The demonstrations of its prompts: none where no loss asks for any.
  func shots(_ spec: LinearFineTuningSpec) -> Int { fewShot == 0 ? 0 : spec.shots }

  func fewShotWeight(step: Int, of steps: Int) -> Double {
    isAnnealed ? fewShot * Double(steps - 1 - step) / Double(steps - 1) : fewShot
  }
}

/// Trains by the paper's recipe: SGD with momentum, the joint gradient norm clipped.
package struct RegressionTraining {
  package let spec: LinearFineTuningSpec
  let context: ComputeContext
  /// Names the stream of random numbers.
  let key: String
  let seed: Int

  package init(spec: LinearFineTuningSpec, context: ComputeContext, key: String, seed: Int) {
    self.spec = spec
    self.context = context
    self.key = key
    self.seed = seed
  }

  /// Prompts of one stream of draws: no number depends on how many threads there are.
  static let chunk = 200

  /// The model after `spec.iterations` steps.
  package func trained(
    _ start: MomentModel, _ variant: RegressionVariant, on source: RegressionSource
  ) -> MomentModel {
    let width = start.width
    let count = (spec.batch + Self.chunk - 1) / Self.chunk
    let workers = (0..<count).map { _ in Worker(spec: spec, variant: variant) }
    let table = NormalTable()
    let trainsQueryKey = variant.trainsQuery && variant.trainsKey
    var model = start
    var tensors: [String: Tensor<Double>] = [:]
    if trainsQueryKey {
      tensors["query_key"] = Tensor(shape: [width, width], values: start.queryKey)
    }
    if variant.trainsValue { tensors["value"] = Tensor(shape: [width], values: start.value) }
    var optimiser = Optimiser<Double>(.sgd(momentum: spec.momentum))
    for step in 0..<spec.iterations {
      let fewShot = variant.fewShotWeight(step: step, of: spec.iterations)
      let now = model
      context.parallel(count) { chunk in
        var generator = SeededGenerator(key: "\(key)/\(step)/\(chunk)", seed: UInt64(seed))
        workers[chunk].run(
          chunk, step: step, source: source, model: now, fewShot: fewShot, table: table, &generator)
      }
      context.meter?.count(RegressionWork.step(spec, variant, fewShot: fewShot))
      var queryKey = Array(repeating: 0.0, count: width * width)
      var value = Array(repeating: 0.0, count: width)
      for worker in workers { worker.gradient.addSums(queryKey: &queryKey, value: &value) }
      var gradients: [String: Tensor<Double>] = [:]
      if trainsQueryKey {
        gradients["query_key"] = Tensor(shape: [width, width], values: queryKey)
      }
      if variant.trainsValue { gradients["value"] = Tensor(shape: [width], values: value) }
      clip(&gradients, toNorm: spec.clip, on: context)
      optimiser.step(&tensors, gradients: gradients, rate: spec.rate, on: context)
      if let matrix = tensors["query_key"] { model.queryKey = matrix.values }
      if let row = tensors["value"] { model.value = row.values }
    }
    return model
  }

  /// The same for any stack.
  package func trained(
    _ start: StackWeights, _ variant: RegressionVariant, on source: RegressionSource
  ) -> StackWeights {
    let training = StackTraining(
      batch: spec.batch, steps: spec.iterations,
      schedule: Schedule(peak: spec.rate, warmup: 0, total: spec.iterations, decay: .constant),
      optimiser: .sgd(momentum: spec.momentum), clip: spec.clip, key: key, seed: seed,
      context: context)
    let table = NormalTable()
    let (width, shots) = (start.shape.width, variant.shots(spec))
    return training.trained(
      start, trained: variant.trains, tokens: shots + 1,
      prompts: { (RegressionPrompts(spec.setting, shots: shots), StackSlope(width: width)) },
      run: { turn, own, generator in
        let (prompts, slope) = own
        prompts.draw(
          source, first: turn.step * spec.batch + turn.first, table: table, &generator)
        let fewShot = variant.fewShotWeight(step: turn.step, of: spec.iterations)
        for (weight, demonstrations) in [(variant.zeroShot, 0), (fewShot, shots)] where weight != 0
        {
          turn.pass.load(prompts, demonstrations: demonstrations)
          turn.pass.forward(turn.stack, tokens: demonstrations + 1)
          slope.base[width - 1] =
            2 * weight * turn.share * (turn.pass.output[width - 1] - prompts.targets)
          turn.pass.backward(turn.stack, slope: slope.base, into: turn.gradient)
        }
      })
  }

  /// A chunk's memory.
  private final class Worker {
    let gradient: MomentGradient
    private let prompts: RegressionPrompts
    private let variant: RegressionVariant
    private let batch: Int

    init(spec: LinearFineTuningSpec, variant: RegressionVariant) {
      self.variant = variant
      batch = spec.batch
      prompts = RegressionPrompts(spec.setting, shots: variant.shots(spec))
      gradient = MomentGradient(
        width: spec.setting.width, queryKey: variant.trainsQuery && variant.trainsKey,
        value: variant.trainsValue)
    }

    func run(
      _ chunk: Int, step: Int, source: RegressionSource, model: MomentModel, fewShot: Double,
      table: NormalTable, _ generator: inout SeededGenerator
    ) {
      gradient.clear()
      let end = min(batch, (chunk + 1) * RegressionTraining.chunk)
      for first in stride(
        from: chunk * RegressionTraining.chunk, to: end, by: RegressionPrompts.lanes)
      {
        prompts.draw(source, first: step * batch + first, table: table, &generator)
        // Lanes beyond the batch count nothing.
        var share = Lanes()
        for lane in 0..<min(RegressionPrompts.lanes, end - first) {
          share[lane] = 1 / Double(batch)
        }
        if fewShot != 0 {
          prompts.clearMoments()
          for token in 0..<prompts.shots { prompts.addDemonstration(token) }
          prompts.closeMoments(demonstrations: prompts.shots)
        }
        gradient.add(
          prompts, model, zeroShot: variant.zeroShot == 0 ? nil : share * variant.zeroShot,
          fewShot: fewShot == 0 ? nil : share * fewShot)
      }
    }
  }
}
