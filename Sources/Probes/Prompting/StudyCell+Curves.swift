// Accuracy by layer, the way every probe reports it: the layer is chosen on the development sets, the headline is of the
// test sets, and what choosing or looking at all layers costs stands beside.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

extension StudyCell {
  /// θ_l(S) of each set at every layer, `[set][layer]`: the residual after block l at the last token, mean over the
  /// dummy queries.
  mutating func thetas(
    _ sets: [DemonstrationSet], of task: ReadyTask, on other: Transformer<Float>? = nil
  ) throws -> [[[Float]]] {
    var fires = FireCounts()
    let prompts = try sets.map { set in
      DemonstrationPrompts(
        query: nil,
        dummies: try task.dataset.dummyPrompts(set, task.template).map {
          try $0.tokenized(by: model.encoder)
        })
    }
    let runs = try (other ?? model.model).inContextRuns(prompts, fires: &fires)
    output.notes.add(fires)
    return runs.map(\.vectors)
  }

  /// θ put at the last token of a prompt.
  func patch(_ vector: [Float], layer: Int, into prompt: Prompt) throws -> PromptEdit {
    let last = try prompt.tokenized(by: model.encoder).tokens.count - 1
    return .replace(.block(layer, .residPost), at: [last], with: [vector])
  }

  /// The zero-shot and in-context prompts of sets, asked, with their rows.
  mutating func addBaselines(
    _ task: ReadyTask, _ sets: [DemonstrationSet], extra: [TableValue] = []
  ) throws -> (zeroShot: [Verdict], icl: [Verdict]) {
    let zero = sets.map {
      Question(pair: $0.query, prompt: task.dataset.zeroShotPrompt($0, task.template))
    }
    let icl = sets.map {
      Question(pair: $0.query, prompt: task.dataset.inContextPrompt($0, task.template))
    }
    let verdicts = (try ask(zero, of: task), try ask(icl, of: task))
    for (condition, questions, own) in [
      (Condition.zeroShot, zero, verdicts.0), (.icl, icl, verdicts.1),
    ] {
      var place = Place(condition: condition, split: .test)
      place.extra = extra
      addAccuracy(task.name, place, own)
      addSamples(task, place, questions, own)
    }
    return verdicts
  }

  /// Adds accuracies by layer of one way to edit, on both splits, and the headline.
  ///
  /// - Parameters:
  ///   - place: condition, hook and position; split and layer are filled in.
  ///   - reference: the test examples' verdicts that the curve is tested against.
  ///   - questions: the questions of a split with the edit at a layer.
  /// - Returns: the layer chosen on the development sets, and the test verdicts there.
  @discardableResult
  mutating func addCurve(
    _ task: ReadyTask, _ place: Place, against reference: [Verdict], samples: Bool = true,
    _ questions: (DatasetSplit, Int) throws -> [Question]
  ) throws -> (layer: Int, verdicts: [Verdict]) {
    var curves: [DatasetSplit: [[Verdict]]] = [:]
    var asked: [[Question]] = []
    for split in [DatasetSplit.development, .test] {
      // All layers at once: one growing batch.
      let byLayer = try (0..<layers).map { try questions(split, $0) }
      let verdicts = try ask(byLayer.flatMap { $0 }, of: task)
      curves[split] = byLayer.indices.map { layer in
        let start = byLayer[..<layer].reduce(0) { $0 + $1.count }
        return Array(verdicts[start..<start + byLayer[layer].count])
      }
      asked = byLayer
    }
    guard let development = curves[.development], let test = curves[.test] else {
      preconditionFailure("a split without a curve")
    }
    let right = development.map { $0.count { $0.isRight } }
    let chosen = right.indices.reduce(0) { right[$1] > right[$0] ? $1 : $0 }
    var place = place
    place.split = .development
    add(
      task.name, place, .chosenLayer,
      Estimate(value: Double(chosen), interval: nil, count: development[chosen].count))
    place.split = .test
    let pValues = test.map { curve in
      Statistics.mcNemarExact(curve.map(\.isRight), reference.map(\.isRight))
    }
    let (holm, hochberg) = (
      Statistics.holmAdjusted(pValues), Statistics.benjaminiHochbergAdjusted(pValues)
    )
    for layer in 0..<layers {
      var own = place
      own.layer = layer
      addAccuracy(task.name, own, test[layer])
      for (metric, value) in [
        (Metric.mcNemarP, pValues[layer]), (.holmP, holm[layer]),
        (.benjaminiHochbergP, hochberg[layer]),
      ] {
        add(task.name, own, metric, Estimate(value: value, interval: nil, count: test[layer].count))
      }
    }
    addAccuracy(task.name, place, test[chosen])
    let queries = asked[chosen].map { task.dataset.task.pairs[$0.pair].input }
    let outcomes = test.map { $0.map { $0.isRight ? 1.0 : 0.0 } }
    let fitted = Statistics.crossFittedChoice(outcomes, clusters: queries)
    add(
      task.name, place, .crossFittedAccuracy,
      fitted.map { mean($0, queries, key: "\(task.name)\u{0}\(place)") }
        ?? Estimate(value: nil, interval: nil, count: queries.count))
    let differences = outcomes.map { curve in
      zip(curve, reference).map { $0 - ($1.isRight ? 1 : 0) }
    }
    let tested = PairedPermutation(key: "\(model.name)\u{0}\(task.name)", seed: spec.seed)
      .pValues(of: differences, clusters: queries)
    for (metric, value) in [
      (Metric.permutationP, tested.each[chosen]),
      (.permutationPCorrected, tested.corrected[chosen]),
    ] {
      add(task.name, place, metric, Estimate(value: value, interval: nil, count: queries.count))
    }
    if samples {
      var own = place
      own.layer = chosen
      addSamples(task, own, asked[chosen], test[chosen])
    }
    return (chosen, test[chosen])
  }
}
