// The whole protocol against transformers and torch.optim.SGD: every metric of every layer and query.

import CKernels
import CheckpointIO
import HookPoints
import HookedModels
import Probes
import TensorCore
import TestSupport
import Testing

@Suite struct ICLFineTuningProtocolTests {
  /// f32 runs against float64, through four steps of gradient descent and a difference of near activations.
  private static let tolerance = 1e-4

  @Test func theFixtureIsThere() { #expect(ICLFineTuningCase.all.count == 10) }

  @Test(arguments: ICLFineTuningCase.all) func everyMetric(_ reference: ICLFineTuningCase) throws {
    let runs = try reference.runs()
    for (setting, found) in [
      ("zero_shot", runs.zeroShot), ("icl", runs.icl), ("fine_tuned", runs.tuned),
    ] {
      let expected = reference.json["answers"]?[setting]?.arrayValue?.map {
        $0.arrayValue?.compactMap(\.doubleValue) ?? []
      }
      let difference = Difference(found.flatMap(\.answers), (expected ?? []).flatMap { $0 })
      #expect(difference.largest < Self.tolerance, "\(setting): \(difference)")
    }
    for row in reference.json["rows"]?.arrayValue ?? [] {
      let layer = try #require(row["layer"]?.intValue)
      let query = try #require(row["query"]?.intValue)
      let (icl, tuned, zero) = (
        runs.icl[query].layers[layer], runs.tuned[query].layers[layer],
        runs.zeroShot[query].layers[layer]
      )
      var found: [String: Double] = [:]
      let measured = runs.comparison.similarities(icl: icl, tuned: tuned, zeroShot: zero)
        .merging(
          runs.comparison.attention(
            icl: icl.trainingScores,
            other: Comparison.attention(of: tuned.query, to: runs.training.queries[layer]))
        ) { $1 }
      for (metric, value) in measured { found[metric.rawValue] = value }
      found["sim_am_after"] = found.removeValue(forKey: "sim_am")
      found["sim_am_before"] = UpdateSimilarity.ofMaps(
        icl.map, zero.map, heads: icl.heads)
      let names = try #require(row.objectValue).keys.filter { $0 != "layer" && $0 != "query" }
      #expect(names.count == 10)
      for name in names {
        let (value, expected) = (found[name], row[name]?.doubleValue)
        guard let value, let expected else {
          #expect(
            value == nil && expected == nil,
            "\(name), layer \(layer), query \(query): \(value.debugDescription), expected \(expected.debugDescription)"
          )
          continue
        }
        #expect(
          abs(value - expected) < Self.tolerance,
          "\(name), layer \(layer), query \(query): \(value), expected \(expected)")
      }
    }
  }

  /// The dual form of every head, and what outputs have in common, against the same reference.
  @Test(arguments: ICLFineTuningCase.all) func dualFormAndOutputs(
    _ reference: ICLFineTuningCase
  ) throws {
    let runs = try reference.runs(dual: true)
    let features = try reference.model.scoreFeatures
    func compare(_ found: Measurements, _ expected: JSON?, _ place: String) throws {
      for (name, value) in try #require(expected?.objectValue) {
        let metric = try #require(Metric(rawValue: name))
        guard let expected = value.doubleValue else {
          #expect(found[metric] == nil, "\(name), \(place)")
          continue
        }
        let value = try #require(found[metric], "\(name), \(place)")
        #expect(
          abs(value - expected) < Self.tolerance * max(1, abs(expected)),
          "\(name), \(place): \(value), expected \(expected)")
      }
    }
    let rows = try #require(reference.json["dual"]?.arrayValue)
    #expect(rows.count == features.count * runs.icl[0].layers[0].heads)
    for row in rows {
      let layer = try #require(row["layer"]?.intValue)
      let head = try #require(row["head"]?.intValue)
      let (icl, tuned, zero) = (
        runs.icl[0].layers[layer].dual[head], runs.tuned[0].layers[layer].dual[head],
        runs.zeroShot[0].layers[layer].dual[head]
      )
      let place = "layer \(layer), head \(head)"
      try compare(
        runs.comparison.dualForm(
          icl: icl, zeroShot: zero, scale: features[layer]?.readoutScale ?? .nan), row["icl"], place
      )
      try compare(
        runs.comparison.dualForm(icl: icl, tuned: tuned, zeroShot: zero), row["fine_tuned"], place)
    }
    let model = try reference.model
    for (index, expected) in (reference.json["outputs"]?.arrayValue ?? []).enumerated() {
      let (icl, tuned) = try (#require(runs.icl[index].top), #require(runs.tuned[index].top))
      var found = Measurements()
      found[.tokenOverlap] = icl.overlap(tuned)
      found[.overlapCosine] = icl.overlapCosine(tuned)
      var orders = OrderSensitivity(vocabulary: model.architecture.vocabulary)
      for order in reference.lists(reference.json["orders"]) {
        let tokens = reference.demonstrations.reordered(order).context
        let logits = try model.run([
          BatchSequence(tokens: tokens + reference.questions[index].tokens)
        ]).logits.row(0)
        let powers = logits.map { ck_exp(Double($0)) }
        let total = powers.reduce(0, +)
        orders.add(powers.map { $0 / total })
      }
      found[.orderSensitivity] = orders.value
      try compare(found, expected, "query \(index)")
    }
  }

  /// Parameters outside the method keep their bits, those inside change.
  @Test(arguments: ICLFineTuningCase.all) func frozenBits(_ reference: ICLFineTuningCase) throws {
    let model = try reference.model
    var fires = FireCounts()
    let tuned = try model.fineTuned(
      on: reference.demonstrations, by: reference.tuning, fires: &fires)
    #expect(tuned.losses.count == 4 * reference.tuning.epochs)
    for (before, after) in zip(model.parameters, tuned.model.parameters) {
      let isSame = bitDifference(after.tensor(), before.tensor()) == nil
      let trains = reference.tuning.method.trains(before.name)
      // Softmax does not see a shift of all keys: a key's bias has no gradient but rounding.
      if trains, before.name.hasSuffix("k_proj.bias") { continue }
      #expect(isSame == !trains, "\(before.name)")
    }
  }

  /// Batching and the shared context change no bit.
  @Test func queriesAlone() throws {
    let reference = ICLFineTuningCase.all[3]
    let (model, shown) = (try reference.model, reference.demonstrations)
    let reading = QueryReading(trainingPlaces: shown.places)
    var fires = FireCounts()
    let context = try model.queryContext(shown.context, reading: reading, fires: &fires)
    let together = try model.queryRuns(
      reference.questions, after: context, beginning: 1, reading: reading, fires: &fires)
    for (index, question) in reference.questions.enumerated() {
      let alone = try model.queryRuns(
        [question], after: context, beginning: 1, reading: reading, fires: &fires)[0]
      #expect(alone.answers == together[index].answers)
      for (one, other) in zip(alone.layers, together[index].layers) {
        #expect(one.output == other.output && one.map == other.map)
        #expect(one.trainingScores == other.trainingScores)
      }
    }
  }

  /// Scores made of single activations are those of the hook, of both kinds of attention.
  @Test(
    arguments: [
      "gpt2-tiny", "llama-gqa", "neox-tiny", "mistral-window", "gemma2-tiny", "gemma3-tiny",
      "linear-decay", "linear-fla", "retnet-tiny",
    ])
  func scoresAreTheHooks(_ family: String) throws {
    let model: Transformer<Float> = try ModelFolder(path: fixture("families/\(family)")).model(
      on: ComputeContext(threads: 2))
    // Windows of 4 and 5 tokens hide the first places, or some of the query.
    let (before, query) = ([4, 9, 30, 7, 22], [11, 40, 8, 35, 17])
    var fires = FireCounts()
    let reading = QueryReading(trainingPlaces: [1, 2, 4])
    let run = try model.queryRuns(
      [Question(tokens: query, answers: [[3]], right: 0)],
      after: model.queryContext(before, reading: reading, fires: &fires), beginning: 0,
      reading: reading, fires: &fires)[0]
    for layer in 0..<model.architecture.layers {
      let hook = HookName.block(layer, .attnScores)
      let whole = try model.run(
        [BatchSequence(tokens: before + query)],
        plan: HookPlan(reads: [Read(hook: .name(hook), positions: .last)]))
      let scores = try whole.cache.tensor(hook)  // [H, 1, 10]
      let rows = (0..<model.architecture.heads).map { scores.row($0) }
      let map = Difference(
        run.layers[layer].map, rows.flatMap { $0.suffix(query.count).filter(\.isFinite) })
      #expect(map.largest < 1e-5, "layer \(layer): \(map)")
      for (place, found) in zip([1, 2, 4], run.layers[layer].trainingScores) {
        let expected = rows.reduce(0.0) { $0 + Double($1[place]) }
        #expect(
          found == expected || abs(found - expected) < 1e-5,
          "layer \(layer), place \(place): \(found), expected \(expected)")
      }
    }
  }

  /// A model whose fine-tuning does what its demonstrations do has every similarity 1.
  @Test func theSameRunIsOne() throws {
    let runs = try ICLFineTuningCase.all[0].runs()
    for (icl, zero) in zip(runs.icl, runs.zeroShot) {
      for (one, origin) in zip(icl.layers, zero.layers) {
        let found = runs.comparison.similarities(icl: one, tuned: one, zeroShot: origin)
        #expect(found[.simAOU] == 1 && found[.simAOUUnnormalised] == 1)
        #expect(found[.simAM].map { abs($0 - 1) < 1e-12 } == true)
        let ranks = runs.comparison.attention(icl: one.trainingScores, other: one.trainingScores)
        #expect(ranks[.kendallTau] == 1 && ranks[.recallAtK] == 1)
      }
    }
  }

  /// Of linear attention the dual form is the model's own numerator, to rounding; of softmax it is not.
  @Test(arguments: ["linear-decay", "linear-fla", "llama-gqa"])
  func dualForm(_ family: String) throws {
    let model: Transformer<Float> = try ModelFolder(path: fixture("families/\(family)")).model(
      on: ComputeContext(threads: 2))
    let features = model.scoreFeatures
    let shown = Demonstrations(
      beginning: [1], items: [[4, 9, 30], [7, 22, 15, 6]], separator: [2], answerCounts: [1, 1])
    let question = Question(tokens: [11, 40, 8], answers: [[3]], right: 0)
    let reading = QueryReading(dual: true)
    var fires = FireCounts()
    func look(_ tokens: [Int]) throws -> QueryRun {
      try model.queryRuns(
        [question], after: model.queryContext(tokens, reading: reading, fires: &fires),
        beginning: 1, reading: reading, fires: &fires)[0]
    }
    let (icl, zero) = (try look(shown.context), try look(shown.beginning))
    let comparison = Comparison(
      counts: [3, 4], topTokens: 1, topDemonstrations: 1, rank: 1)
    for layer in 0..<model.architecture.layers {
      for (one, origin) in zip(icl.layers[layer].dual, zero.layers[layer].dual) {
        let feature = try #require(features[layer])
        let isLinear = feature.isLinear
        let found = comparison.dualForm(
          icl: one, zeroShot: origin, scale: feature.readoutScale)
        let residual = try #require(found[.dualResidual])
        #expect(isLinear ? residual < 1e-5 : residual > 0.1, "layer \(layer): \(residual)")
        // Against itself fine-tuning is in the direction of everything.
        let same = comparison.dualForm(icl: one, tuned: one, zeroShot: origin)
        #expect(same[.dualCosineQuery].map { abs($0 - 1) < 1e-12 } ?? (found[.dualNormQuery] == 0))
      }
    }
  }
}
