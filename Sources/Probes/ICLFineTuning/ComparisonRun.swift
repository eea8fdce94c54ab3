// ComparisonRun: every arm on every example. Contexts are run once; examples go through in chunks, in all settings one
// after the other, and only numbers are kept of them.

import HookPoints
import HookedModels
import TensorCore

/// One base model, one draw of demonstrations, and the models fine-tuned on them.
struct ComparisonRun {
  let base: Transformer<Float>
  let demonstrations: Demonstrations
  let tuned: [(arm: Arm, result: FineTuned)]
  let spec: ICLFineTuningSpec
  /// Names the stream of what is drawn.
  let key: String
  let seed: UInt64
  /// Whether the controls that stand in for the first fine-tuning apply.
  let hasControls: Bool

  private var comparison: Comparison {
    Comparison(
      counts: demonstrations.items.map(\.count),
      topTokens: spec.topTokens, topDemonstrations: spec.topDemonstrations, rank: spec.dualRank)
  }

  /// The arms' outcomes, by example.
  func outcomes(_ examples: [TokenizedData.Example], fires: inout FireCounts) throws
    -> [Arm: [Outcome]]
  {
    let places = demonstrations.places
    let (attended, dual) = (
      min(spec.attentionExamples, examples.count), min(spec.dualExamples, examples.count)
    )
    let most = QueryReading(trainingPlaces: attended > 0 ? places : [], dual: dual > 0)
    let beginning = QueryReading(dual: dual > 0)
    let icl = try base.queryContext(demonstrations.context, reading: most, fires: &fires)
    let zero = try base.queryContext(
      demonstrations.beginning, reading: beginning, fires: &fires)
    let others = try tuned.map {
      try $0.result.model.queryContext(
        demonstrations.beginning, reading: beginning, fires: &fires)
    }
    var reordered: (context: QueryContext, places: [Int])?
    if hasControls, spec.controls.contains(.otherOrder), demonstrations.items.count > 1 {
      let order = Self.otherOrder(of: demonstrations.items.count, key: key, seed: seed)
      let other = demonstrations.reordered(order)
      let placed = other.itemPlaces
      let own = demonstrations.items.indices.flatMap { item in
        order.firstIndex(of: item).map { placed[$0] } ?? []
      }
      reordered = (
        try base.queryContext(
          other.context,
          reading: QueryReading(trainingPlaces: attended > 0 ? own : []), fires: &fires),
        own
      )
    }
    var found: [Arm: [Outcome]] = [:]
    for range in chunks(examples, bounds: [dual, attended]) {
      let chunk = Array(examples[range])
      let questions = chunk.map(\.question)
      let isAttended = range.upperBound <= attended
      let isDual = range.upperBound <= dual
      let reading = QueryReading(trainingPlaces: isAttended ? places : [], dual: isDual)
      let plain = QueryReading(dual: isDual)
      func look(_ model: Transformer<Float>, _ context: QueryContext, _ reading: QueryReading)
        throws -> [QueryRun]
      {
        try model.queryRuns(
          questions, after: context, beginning: demonstrations.beginning.count, reading: reading,
          fires: &fires)
      }
      let chunkRun = ChunkRun(
        run: self, comparison: comparison, features: base.scoreFeatures, first: range.lowerBound,
        examples: chunk, icl: try look(base, icl, reading), zero: try look(base, zero, plain))
      for (arm, outcomes) in chunkRun.plainArms { found[arm, default: []] += outcomes }
      for (index, one) in tuned.enumerated() {
        let runs = try look(one.result.model, others[index], plain)
        found[one.arm, default: []] += chunkRun.tuned(runs, queries: one.result.queries)
        guard index == 0, hasControls else { continue }
        for (arm, outcomes) in chunkRun.drawnArms(runs, queries: one.result.queries) {
          found[arm, default: []] += outcomes
        }
      }
      if let reordered {
        let runs = try look(
          base, reordered.context,
          QueryReading(trainingPlaces: isAttended ? reordered.places : [], dual: false))
        found[Arm(condition: .iclOtherOrder), default: []] += chunkRun.otherOrder(runs)
      }
    }
    return found
  }

  /// A random order of two or more demonstrations that is not theirs.
  static func otherOrder(of count: Int, key: String, seed: UInt64) -> [Int] {
    var generator = SeededGenerator(key: "other order\u{0}\(key)", seed: seed)
    let given = Array(0..<count)
    var order = given
    while order == given { order = generator.permutation(count) }
    return order
  }

  /// Runs of examples that end at the bounds, a few thousand tokens and 64 million logits at a time.
  private func chunks(_ examples: [TokenizedData.Example], bounds: [Int]) -> [Range<Int>] {
    let answers = examples.first?.question.answers.count ?? 1
    let rows = base.logitRows(
      atMost: max(1, (64 << 20) / (base.architecture.vocabulary * max(1, answers))))
    let most = base.tokens(atMost: 4096)
    var chunks: [Range<Int>] = []
    var (start, tokens) = (0, 0)
    for (index, example) in examples.enumerated() {
      let own = example.question.tokens.count
      if index > start, bounds.contains(index) || tokens + own > most || index - start >= rows {
        chunks.append(start..<index)
        (start, tokens) = (index, 0)
      }
      tokens += own
    }
    return start < examples.count ? chunks + [start..<examples.count] : chunks
  }
}

/// One chunk of examples in context and zero-shot, against which arms are measured.
private struct ChunkRun {
  let run: ComparisonRun
  let comparison: Comparison
  let features: [ScoreFeatures?]
  /// The number of the first example.
  let first: Int
  let examples: [TokenizedData.Example]
  let icl, zero: [QueryRun]

  private var layers: Range<Int> { features.indices }

  /// In context, with its dual form, and zero-shot, with the maps before fine-tuning.
  var plainArms: [(Arm, [Outcome])] {
    let inContext = examples.indices.map { index in
      var outcome = Outcome(answer: Outcome.Answer(icl[index], examples[index]))
      outcome.layers = layers.map { _ in [:] }
      outcome.heads = layers.map { layer in
        zip(icl[index].layers[layer].dual, zero[index].layers[layer].dual).map {
          comparison.dualForm(
            icl: $0, zeroShot: $1, scale: features[layer]?.readoutScale ?? 1)
        }
      }
      return outcome
    }
    let bare = examples.indices.map { index in
      var outcome = Outcome(answer: Outcome.Answer(zero[index], examples[index]))
      outcome.layers = layers.map { layer in
        let (one, other) = (icl[index].layers[layer].map, zero[index].layers[layer].map)
        return [.simAM: UpdateSimilarity.ofMaps(one, other, heads: icl[index].layers[layer].heads)]
          .compactMapValues { $0 }
      }
      outcome.whole = overlap(zero[index], index)
      return outcome
    }
    return [(.icl, inContext), (.zeroShot, bare)]
  }

  /// Fine-tuned.
  func tuned(_ runs: [QueryRun], queries: [[[Float]]]) -> [Outcome] {
    examples.indices.map { index in
      var outcome = Outcome(answer: Outcome.Answer(runs[index], examples[index]))
      outcome.whole = overlap(runs[index], index)
      outcome.layers = layers.map { layer in
        let (one, other) = (icl[index].layers[layer], runs[index].layers[layer])
        var found = comparison.similarities(
          icl: one, tuned: other, zeroShot: zero[index].layers[layer])
        if !one.trainingScores.isEmpty, !queries.isEmpty {
          let scores = Comparison.attention(of: other.query, to: queries[layer])
          found.merge(comparison.attention(icl: one.trainingScores, other: scores)) { $1 }
        }
        return found
      }
      outcome.heads = layers.map { layer in
        let dual = (
          icl[index].layers[layer].dual, runs[index].layers[layer].dual,
          zero[index].layers[layer].dual
        )
        return dual.0.indices.map {
          comparison.dualForm(icl: dual.0[$0], tuned: dual.1[$0], zeroShot: dual.2[$0])
        }
      }
      return outcome
    }
  }

  /// With the demonstrations in another order.
  func otherOrder(_ runs: [QueryRun]) -> [Outcome] {
    examples.indices.map { index in
      var outcome = Outcome(answer: Outcome.Answer(runs[index], examples[index]))
      outcome.whole = overlap(runs[index], index)
      outcome.layers = layers.map { layer in
        let (one, other) = (icl[index].layers[layer], runs[index].layers[layer])
        return comparison.similarities(icl: one, tuned: other, zeroShot: zero[index].layers[layer])
          .merging(comparison.attention(icl: one.trainingScores, other: other.trainingScores)) {
            $1
          }
      }
      return outcome
    }
  }

  /// Updates that are drawn, or another example's, instead of the fine-tuning update.
  func drawnArms(_ runs: [QueryRun], queries: [[[Float]]]) -> [(Arm, [Outcome])] {
    var arms: [(Arm, [Outcome])] = []
    func add(
      _ control: ICLFineTuningSpec.Control, _ condition: Condition,
      _ measure: (Int, Int) -> Measurements?
    ) {
      guard run.spec.controls.contains(control) else { return }
      let outcomes = examples.indices.map { index in
        Outcome(layers: layers.map { measure(index, $0) ?? [:] })
      }
      arms.append((Arm(condition: condition), outcomes))
    }
    func readings(_ index: Int, _ layer: Int) -> (icl: LayerReading, zero: LayerReading) {
      (icl[index].layers[layer], zero[index].layers[layer])
    }
    add(.uniform, .updateUniform) { index, layer in
      let (one, origin) = readings(index, layer)
      var generator = generator("uniform", index, layer)
      let update = one.output.map { _ in generator.uniform() }
      var found = comparison.attention(
        icl: one.trainingScores, other: one.trainingScores.map { _ in generator.uniform() })
      found[.simAOU] = UpdateSimilarity.normalised(
        icl: one.output, update: update, zeroShot: origin.output)
      found[.simAOUUnnormalised] = Statistics.cosine(
        zip(one.output, origin.output).map { Double($0) - Double($1) }, update)
      return found
    }
    add(.gaussian, .updateGaussian) { index, layer in
      let (one, origin) = readings(index, layer)
      var generator = generator("gaussian", index, layer)
      let update = zip(runs[index].layers[layer].output, origin.output).map {
        Double($0) - Double($1)
      }
      let draws = update.map { _ in generator.normal() }
      let factor = Statistics.norm(update) / Statistics.norm(draws)
      return comparison.similarities(
        icl: one, output: zip(origin.output, draws).map { Float(Double($0) + factor * $1) },
        zeroShot: origin)
    }
    add(.otherExample, .updateOtherExample) { index, layer in
      let other = (index + 1) % examples.count
      guard other != index else { return nil }
      let (one, origin) = readings(index, layer)
      let (tuned, from) = (runs[other].layers[layer].output, zero[other].layers[layer].output)
      let output = origin.output.indices.map { origin.output[$0] + (tuned[$0] - from[$0]) }
      return comparison.similarities(icl: one, output: output, zeroShot: origin)
    }
    return arms
  }

  private func overlap(_ other: QueryRun, _ index: Int) -> Measurements {
    guard let own = icl[index].top, let top = other.top else { return [:] }
    return [.tokenOverlap: own.overlap(top), .overlapCosine: own.overlapCosine(top)]
      .compactMapValues { $0 }
  }

  private func generator(_ name: String, _ index: Int, _ layer: Int) -> SeededGenerator {
    SeededGenerator(
      key: "\(name) update\u{0}\(run.key)\u{0}\(first + index)\u{0}\(layer)", seed: run.seed)
  }
}
