// The whole protocol against transformers and torch.optim.SGD: every metric of every layer and query.

import HookPoints
import HookedModels
import Probes
import TensorCore
import TestSupport
import Testing

@Suite struct ICLFineTuningProtocolTests {
  /// f32 runs against float64, through four steps of gradient descent and a difference of near activations.
  private static let tolerance = 1e-4

  @Test func theFixtureIsThere() { #expect(ICLFineTuningCase.all.count == 6) }

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
  @Test(arguments: ["gpt2-tiny", "llama-gqa", "linear-decay", "linear-fla"])
  func scoresAreTheHooks(_ family: String) throws {
    let model: Transformer<Float> = try ModelFolder(path: fixture("families/\(family)")).model(
      on: ComputeContext(threads: 2))
    let (before, query) = ([4, 9, 30, 7, 22], [11, 40, 8])
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
      let scores = try whole.cache.tensor(hook)  // [H, 1, 8]
      let rows = (0..<model.architecture.heads).map { scores.row($0) }
      let map = Difference(run.layers[layer].map, rows.flatMap { $0.suffix(3) })
      #expect(map.largest < 1e-5, "layer \(layer): \(map)")
      let training = [1, 2, 4].map { place in rows.reduce(0.0) { $0 + Double($1[place]) } }
      let difference = Difference(run.layers[layer].trainingScores, training)
      #expect(difference.largest < 1e-5, "layer \(layer): \(difference)")
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
        let isLinear = features[layer].isLinear
        let found = comparison.dualForm(
          icl: one, zeroShot: origin, scale: isLinear ? features[layer].scale : 1)
        let residual = try #require(found[.dualResidual])
        #expect(isLinear ? residual < 1e-5 : residual > 0.1, "layer \(layer): \(residual)")
        // Against itself fine-tuning is in the direction of everything.
        let same = comparison.dualForm(icl: one, tuned: one, zeroShot: origin)
        #expect(same[.dualCosineQuery].map { abs($0 - 1) < 1e-12 } ?? (found[.dualNormQuery] == 0))
      }
    }
  }
}
