// Training steps: they lower the loss, leave frozen parameters to the bit, and can be continued exactly.

import HookPoints
import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct TrainerTests {
  static func batch(_ model: Transformer<Float>, seed: UInt64) -> TrainingBatch<Float> {
    let sequences = (0..<4).map {
      BatchSequence<Float>(tokens: model.tokens(3 + $0, seed: seed * 10 + UInt64($0)))
    }
    let targets = sequences.indices.map {
      Target(
        at: BatchPosition(sequence: $0, position: sequences[$0].count - 1), token: $0 + 3,
        weight: 0.25)
    }
    return TrainingBatch(
      sequences: sequences,
      plan: HookPlan(interventions: [
        .mean(
          .residPost(0), of: RowSelector(sequences: .index(0), positions: .index(1)), at: .last,
          in: .index(2))
      ]), targets: targets)
  }

  static func trainer(
    _ model: Transformer<Float>, optimiser: Optimiser<Float>? = nil,
    trained: @escaping (String) -> Bool = { _ in true }
  ) -> Trainer<Float> {
    Trainer(
      model, trained: trained,
      optimiser: optimiser
        ?? Optimiser(.adamW(beta1: 0.9, beta2: 0.95, epsilon: 1e-8), weightDecay: 0.01),
      schedule: Schedule(peak: 0.01, warmup: 2, total: 20, decay: .cosine), clipNorm: 1)
  }

  @Test(arguments: [SmallModel.gpt2, .groupedQuery, .linearDecay, .linearNormalised])
  func theLossFalls(_ kind: SmallModel) throws {
    let model = kind.float
    var trainer = Self.trainer(model)
    let steps = try (0..<20).map { _ in try trainer.step(Self.batch(model, seed: 1)) }
    #expect(steps[19].loss < 0.5 * steps[0].loss)
    #expect(steps[0].rate == 0.005 && steps[1].rate == 0.01 && steps[19].rate < 0.001)
    #expect(steps.allSatisfy { $0.logProbabilities.count == 4 && $0.gradientNorm ?? 0 > 0 })
    let sum = -steps[3].logProbabilities.reduce(0, +) / 4
    #expect(abs(sum - steps[3].loss) < 1e-12)
  }

  @Test(arguments: [SmallModel.groupedQuery, .linearDecay])
  func frozenParametersKeepTheirBits(_ kind: SmallModel) throws {
    let model = kind.float
    func isTrained(_ name: String) -> Bool { name.contains("k_proj") || name.contains("v_proj") }
    var trainer = Self.trainer(model, trained: isTrained)
    for step in 0..<3 { _ = try trainer.step(Self.batch(model, seed: UInt64(step))) }
    #expect(trainer.trained.count == 6)
    for (before, after) in zip(model.parameters, trainer.model.parameters) {
      let isSame = bitDifference(after.tensor(), before.tensor()) == nil
      #expect(isSame == !isTrained(before.name), "\(before.name)")
    }
  }

  /// Continuing from what a trainer holds is not having stopped, on any number of threads.
  @Test func continuing() throws {
    let model = SmallModel.linearDecay.float
    var whole = Self.trainer(model)
    for step in 0..<5 { _ = try whole.step(Self.batch(model, seed: UInt64(step))) }
    var first = Self.trainer(model)
    for step in 0..<2 { _ = try first.step(Self.batch(model, seed: UInt64(step))) }
    var second = Self.trainer(
      first.model.on(ComputeContext(threads: 1)), optimiser: first.optimiser)
    for step in 2..<5 { _ = try second.step(Self.batch(model, seed: UInt64(step))) }
    for (one, other) in zip(whole.model.parameters, second.model.parameters) {
      #expect(bitDifference(one.tensor(), other.tensor()) == nil, "\(one.name)")
    }
  }
}
