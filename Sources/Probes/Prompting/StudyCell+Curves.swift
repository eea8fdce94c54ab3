// Accuracy by layer, the way every probe reports it: the layer is chosen on the development sets, the headline is of the
// test sets, and what choosing or looking at all layers costs stands beside.

import CheckpointIO
import HookPoints
import HookedModels
import ICLTasks
import TensorCore

extension StudyCell {
  /// θ_l(S) of each set at every layer, `[set][layer]`: the residual after block l at the last token, mean over the
  /// dummy queries.
  ///
  /// - Parameter shuffledLabels: whether the demonstrations' outputs are permuted among them.
  mutating func thetas(
    _ sets: [DemonstrationSet], of task: ReadyTask, shuffledLabels: Bool = false,
    on other: Transformer<Float>? = nil
  ) throws -> [[[Float]]] {
    var fires = FireCounts()
    let prompts = try sets.map { set in
      DemonstrationPrompts(
        query: nil,
        dummies: try task.dataset.dummyPrompts(
          set, task.template, shuffledLabels: shuffledLabels
        ).map { try $0.tokenized(by: model.encoder) })
    }
    let runs = try (other ?? model.model).inContextRuns(prompts, fires: &fires)
    output.notes.add(fires)
    return runs.map(\.vectors)
  }

  /// The demonstration sets of a split, as many as the spec asks for.
  func sets(_ split: DatasetSplit, of task: ReadyTask) -> [DemonstrationSet] {
    task.dataset.demonstrationSets(
      split, count: split == .test ? spec.testSets : spec.developmentSets)
  }

  /// The zero-shot and in-context prompts of the test sets, asked, with their rows: how every probe over tasks begins.
  mutating func addBaselines(_ task: ReadyTask, extra: [TableValue]) throws -> (
    zeroShot: [Verdict], icl: [Verdict]
  ) {
    let sets = sets(.test, of: task)
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

  /// The layer at which a way to edit answers most of the development questions, the first of equals, with its row.
  mutating func chooseLayer(
    _ task: ReadyTask, _ place: Place, named name: String? = nil,
    _ questions: (Int) throws -> [Question]
  ) throws -> Int {
    let curve = try verdicts(task, questions)
    let right = curve.map { $0.count { $0.isRight } }
    let chosen = right.argmax
    var place = place
    place.split = .development
    add(
      name ?? task.name, place, .chosenLayer,
      Estimate(value: Double(chosen), interval: nil, count: curve[chosen].count))
    return chosen
  }

  /// Verdicts by layer, all layers in one growing batch.
  private mutating func verdicts(_ task: ReadyTask, _ questions: (Int) throws -> [Question]) throws
    -> [[Verdict]]
  {
    let byLayer = try (0..<layers).map(questions)
    var verdicts = try ask(byLayer.flatMap { $0 }, of: task)[...]
    return byLayer.map { own in
      defer { verdicts = verdicts.dropFirst(own.count) }
      return Array(verdicts.prefix(own.count))
    }
  }

  /// Adds accuracies by layer of one way to edit, and the headline: the layer is chosen on the development questions.
  ///
  /// - Parameters:
  ///   - place: condition, hook and position; split and layer are filled in.
  ///   - reference: the test examples' verdicts that the curve is tested against.
  ///   - name: what the rows call the task, where that is not its own name.
  ///   - samples: whether the examples at the chosen layer become rows of samples.csv.
  ///   - questions: the questions of a split with the edit at a layer.
  /// - Returns: the layer chosen on the development sets, and the test verdicts there.
  @discardableResult
  mutating func addCurve(
    _ task: ReadyTask, _ place: Place, against reference: [Verdict],
    named name: String? = nil, samples: Bool = true,
    _ questions: (DatasetSplit, Int) throws -> [Question]
  ) throws -> (layer: Int, verdicts: [Verdict]) {
    let chosen = try chooseLayer(task, place, named: name) { try questions(.development, $0) }
    let verdicts = try addTestCurve(
      task, place, chosen: chosen, against: reference, named: name, samples: samples
    ) { try questions(.test, $0) }
    return (chosen, verdicts)
  }

  /// The same for an edit of the residual after a block at the last token of each set's prompt.
  @discardableResult
  mutating func addLastTokenCurve(
    _ task: ReadyTask, _ condition: Condition, extra: [TableValue], against reference: [Verdict],
    samples: Bool = true, prompt: (DemonstrationSet) -> Prompt,
    _ action: (DatasetSplit, _ set: Int, _ layer: Int) -> InterventionAction
  ) throws -> (layer: Int, verdicts: [Verdict]) {
    var place = Place(
      condition: condition, hook: BlockPoint.residPost.rawValue, position: "last")
    place.extra = extra
    let cell = self
    return try addCurve(task, place, against: reference, samples: samples) { split, layer in
      try cell.sets(split, of: task).enumerated().map { index, set in
        let prompt = prompt(set)
        let last = try prompt.tokenized(by: cell.model.encoder).tokens.count - 1
        return Question(
          pair: set.query, prompt: prompt,
          edits: [
            PromptEdit(
              hook: .block(layer, .residPost), positions: [last],
              action: action(split, index, layer))
          ])
      }
    }
  }

  /// The same where the layer is chosen already.
  @discardableResult
  mutating func addTestCurve(
    _ task: ReadyTask, _ place: Place, chosen: Int, against reference: [Verdict],
    named name: String? = nil, samples: Bool = true, _ questions: (Int) throws -> [Question]
  ) throws -> [Verdict] {
    let name = name ?? task.name
    let test = try verdicts(task, questions)
    let asked = try questions(chosen)
    var place = place
    place.split = .test
    for layer in test.indices {
      var own = place
      own.layer = layer
      addAccuracy(name, own, test[layer])
    }
    addAccuracy(name, place, test[chosen])
    let comparison = CurveComparison(
      curve: test.map { $0.map(\.isRight) }, reference: reference.map(\.isRight), chosen: chosen,
      queries: asked.map { task.dataset.task.pairs[$0.pair].input })
    for (layer, metric, estimate) in comparison.estimates(
      key: "\(model.name)\u{0}\(name)\u{0}\(place)", seed: spec.seed)
    {
      var own = place
      own.layer = layer
      add(name, own, metric, estimate)
    }
    place.layer = chosen
    if samples { addSamples(task, place, asked, test[chosen], named: name) }
    return test[chosen]
  }
}

extension StudyCell {
  static func mcNemar(_ verdicts: [Verdict], _ reference: [Verdict]) -> Double {
    Statistics.mcNemarExact(verdicts.map(\.isRight), reference.map(\.isRight))
  }

  mutating func addMcNemar(
    _ task: String, _ place: Place, _ verdicts: [Verdict], against reference: [Verdict]
  ) {
    add(
      task, place, .mcNemarP,
      Estimate(value: Self.mcNemar(verdicts, reference), interval: nil, count: verdicts.count))
  }
}

extension PromptEdit {
  /// θ in place of the residual after a block, at the last token of a prompt.
  static func taskVector(
    _ vector: [Float], layer: Int, into prompt: Prompt, _ encoder: PromptEncoder
  ) throws -> PromptEdit {
    let last = try prompt.tokenized(by: encoder).tokens.count - 1
    return .replace(.block(layer, .residPost), at: [last], with: [vector])
  }
}

extension RunVector {
  /// θ of demonstration sets at a layer, one a row, for vectors.safetensors.
  init(
    thetas: [[Float]], of task: ReadyTask, layer: Int, split: Split, prefix: String,
    model: ProbeModel, _ spec: PromptingSpec
  ) {
    let hook = HookName.block(layer, .residPost).description
    self.init(
      StoredTensor(
        name: "\(prefix)/\(task.name)/\(split.rawValue)/\(hook)",
        shape: [thetas.count, model.model.architecture.modelWidth], floats: thetas.flatMap { $0 }),
      metadata: [
        "model": model.name, "task": task.name, "split": split.rawValue, "hook": hook,
        "layer": "\(layer)", "position": "last", "shots": "\(spec.shots)",
        "dummies": "\(spec.dummies)", "seed": "\(spec.seed)",
        "template": task.template.demonstration,
      ])
  }
}

/// A Gaussian vector of the same norm, drawn by what it stands beside.
func randomVector(like vector: [Float], key: String, seed: UInt64) -> [Float] {
  var generator = SeededGenerator(key: "random vector\u{0}\(key)", seed: seed)
  let draws = vector.map { _ in Float(generator.normal()) }
  let factor = Statistics.norm(vector) / Statistics.norm(draws)
  return draws.map { Float(Double($0) * factor) }
}
