// What a pass is said to take against what its products do: for every kind of model, passes with prefixes, joins, stops
// and gradients, the one told by a miniature, the other counted in the products themselves.

import HookPoints
import HookedModels
import TensorCore
import Testing

@Suite struct WorkTests {
  /// A kind of pass.
  enum Pass: CaseIterable {
    case lastLogits, allLogits, prefix, afterPrefix, join, capture, headResults
    case everyGradient, keysAndValues, valuesAlone, hookGradient, blockGradient
  }

  private func run(_ pass: Pass, _ model: Transformer<Float>) throws {
    let (layers, width) = (model.architecture.layers, model.architecture.modelWidth)
    let batch = [5, 2, 9].map { BatchSequence<Float>(tokens: model.tokens($0, seed: 1)) }
    func rows(_ count: Int) -> Tensor<Float> {
      Tensor(repeating: 0.5, shape: [count, width])
    }
    func gradients(_ hooks: [HookName] = [], of parameters: (String) -> Bool) throws {
      _ = try model.gradients(
        batch,
        targets: [
          Target(at: BatchPosition(sequence: 0, position: 3), token: 1, weight: 1),
          Target(at: BatchPosition(sequence: 2, position: 8), token: 2, weight: 1),
        ], parameters: parameters, hooks: hooks)
    }
    switch pass {
    case .lastLogits: _ = try model.run(batch)
    case .allLogits: _ = try model.run(batch, logitsAt: .all)
    case .prefix: _ = try model.prefixes(batch)
    case .afterPrefix:
      let prefix = try model.prefix(model.tokens(7, seed: 2))
      _ = try model.run(batch.map { BatchSequence($0.entry, after: prefix) })
    case .join:
      let joining = (1...layers).map { BatchSequence(.residual(rows(3), layer: $0)) }
      _ = try model.run(batch + joining)
    case .capture:
      _ = try model.capture(batch, plan: HookPlan(reads: [Read(Site<Residual>.residPost(0))]))
    case .headResults:
      _ = try model.run(
        batch, plan: HookPlan(reads: [Read(hook: .name(.block(0, .result)), positions: .last)]))
    case .everyGradient: try gradients { _ in true }
    case .keysAndValues: try gradients { $0.contains("k_proj") || $0.contains("v_proj") }
    case .valuesAlone: try gradients { $0.contains("v_proj") }
    case .hookGradient: try gradients([.block(layers - 1, .residPre)]) { _ in false }
    case .blockGradient:
      _ = try model.block(layers - 1).gradients(
        [BatchSequence(.residual(rows(4), layer: 0))],
        targets: [Target(at: BatchPosition(sequence: 0, position: 3), token: 1, weight: 1)],
        parameters: { $0.contains("k_proj") })
    }
  }

  @Test(arguments: SmallModel.allCases) func saidIsCounted(_ kind: SmallModel) throws {
    let counting = WorkMeter(.counting)
    let model: Transformer<Float> = kind.model(on: SmallModel.context.metered(by: counting))
    let rehearsing = WorkMeter(.rehearsing)
    let miniature = Transformer<Float>.random(
      name: kind.rawValue, architecture: model.architecture.miniature, seed: 1,
      context: SmallModel.context.metered(by: rehearsing))
    // Without a causal mask there are no prefixes.
    let isCausal = SmallModel.causal.contains(kind)
    for pass in Pass.allCases where isCausal || ![.prefix, .afterPrefix].contains(pass) {
      for meter in [counting, rehearsing] { meter.reset() }
      try run(pass, model)
      try run(pass, miniature)
      let (said, counted) = (rehearsing.work, counting.work)
      #expect(
        said.floatingPointOperations == counted.floatingPointOperations,
        "\(pass): said over counted \(said.floatingPointOperations / counted.floatingPointOperations)"
      )
      #expect(said.tokens == counted.tokens, "\(pass)")
      #expect(said.bytes > 0, "\(pass)")
    }
  }

  /// Demonstrations are run once for all queries: 872 queries behind 32 of them cost about what they cost alone.
  @Test func manyQueriesShareTheirDemonstrations() throws {
    let gpt2 = Architecture(
      family: "gpt2", layers: 12, modelWidth: 768, heads: 12, keyValueHeads: 12, headWidth: 64,
      valueWidth: 64, mlpWidth: 3072, vocabulary: 50257,
      attention: Array(repeating: .softmax(scale: 0.125), count: 12),
      positions: .learned(count: 1024), norm: .layer(epsilon: 1e-5), mlp: .plain(.geluTanh),
      arrangement: .sequential, biases: [.attentionInputs, .attentionOutput, .mlp],
      tiedEmbeddings: true, maximumPositions: 1024)
    let meter = WorkMeter(.rehearsing)
    let model = Transformer<Float>.random(
      name: "gpt2", architecture: gpt2.miniature, seed: 1,
      context: SmallModel.context.metered(by: meter))
    let query = model.tokens(25, seed: 1)
    func queries(after prefix: Prefix<Float>?) throws -> Double {
      for _ in 0..<8 {
        _ = try model.run((0..<109).map { _ in BatchSequence(tokens: query, after: prefix) })
      }
      return meter.work.floatingPointOperations
    }
    meter.reset()
    let alone = try queries(after: nil)
    meter.reset()
    let inContext = try queries(after: try model.prefix(model.tokens(32 * 25, seed: 2)))
    #expect(inContext / alone > 1 && inContext / alone < 1.25, "\(inContext / alone)")
    // Without sharing, every query would pay for its demonstrations: 33 times as many tokens.
    #expect(meter.work.tokens == 872 * 25 + 32 * 25)
  }
}
