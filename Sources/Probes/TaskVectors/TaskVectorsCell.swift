// TaskVectorsCell: one model on one task: what each demonstration set gives under each condition, and the rows that
// say so.

import CheckpointIO
import HookPoints
import HookedModels
import ICLTasks
import TensorCore

struct TaskVectorsCell {
  let model: ProbeModel
  let task: ReadyTask
  let spec: TaskVectorsSpec
  private(set) var output = CellOutput()

  init(model: ProbeModel, task: ReadyTask, spec: TaskVectorsSpec) {
    self.model = model
    self.task = task
    self.spec = spec
  }

  /// Patches beside θ itself.
  enum ExtraPatches {
    case random(layer: Int)
    /// One vector for each set.
    case otherTask(layer: Int, vectors: [[Float]])
  }

  /// What was done to the model for one prediction.
  enum Arm: Hashable {
    case zeroShot, icl, shuffledLabels, randomVector, otherTask
    case taskVector(Int)
  }

  /// One demonstration set under every condition.
  struct Outcome {
    let set: DemonstrationSet
    let pair: ICLTask.Pair
    let prompts: [Arm: String]
    var verdicts: [Arm: StudyCell.Verdict]
    let vectors: [[Float]]

    func isRight(_ arm: Arm) -> Bool { verdicts[arm]?.isRight ?? false }
  }

  // MARK: Running

  /// θ of each set at every layer.
  mutating func vectors(
    of other: ReadyTask, _ sets: [DemonstrationSet], on model: Transformer<Float>
  ) throws -> [[[Float]]] {
    var fires = FireCounts()
    let prompts = try sets.map { set in
      DemonstrationPrompts(
        query: nil,
        dummies: try other.dataset.dummyPrompts(set, other.answerable.template).map {
          try $0.tokenized(by: self.model.encoder)
        })
    }
    let runs = try model.inContextRuns(prompts, fires: &fires)
    output.notes.add(fires)
    return runs.map(\.vectors)
  }

  /// Every condition on every set.
  mutating func run(
    _ sets: [DemonstrationSet], on model: Transformer<Float>, extra: [ExtraPatches] = [],
    shuffledLabels: Bool = false
  ) throws -> [Outcome] {
    let (dataset, template, encoder) = (
      task.dataset, task.answerable.template, self.model.encoder
    )
    let judge = StudyCell(self.model, spec.prompting)
    let answers = sets.map { judge.answers(to: $0.query, of: task) }
    let asked = sets.map { dataset.inContextPrompt($0, template) }
    let bare = sets.map { dataset.zeroShotPrompt($0, template) }
    var fires = FireCounts()
    let runs = try model.inContextRuns(
      try sets.indices.map { index in
        DemonstrationPrompts(
          query: (try asked[index].tokenized(by: encoder), answers[index]),
          dummies: try dataset.dummyPrompts(sets[index], template).map {
            try $0.tokenized(by: encoder)
          })
      }, fires: &fires)

    let layers = model.architecture.layers
    var arms: [Arm] = (0..<layers).map { .taskVector($0) }
    for patch in extra {
      switch patch {
      case .random: arms.append(.randomVector)
      case .otherTask: arms.append(.otherTask)
      }
    }
    let swept = try model.sweep(
      try sets.indices.map { index in
        var patches = runs[index].vectors.enumerated().map {
          (layer: $0.offset, vector: $0.element)
        }
        for patch in extra {
          switch patch {
          case .random(let layer):
            patches.append((layer, random(like: runs[index].vectors[layer], sets[index], layer)))
          case .otherTask(let layer, let vectors): patches.append((layer, vectors[index]))
          }
        }
        return PatchedQuery(
          tokens: try bare[index].tokenized(by: encoder).tokens, answers: answers[index],
          patches: patches)
      }, notes: &output.notes)

    var shuffled: [(text: String, observed: [Observation])] = []
    if shuffledLabels {
      let prompts = sets.map { dataset.shuffledLabelsPrompt($0, template) }
      let observed = try model.inContextRuns(
        try sets.indices.map { index in
          DemonstrationPrompts(
            query: (try prompts[index].tokenized(by: encoder), answers[index]), dummies: [])
        }, fires: &fires)
      shuffled = zip(prompts, observed).map { ($0.text, $1.query) }
    }
    output.notes.add(fires)

    return sets.indices.map { index in
      var observed: [Arm: [Observation]] = [
        .zeroShot: swept[index].zeroShot, .icl: runs[index].query,
      ]
      for (arm, own) in zip(arms, swept[index].patched) { observed[arm] = own }
      var prompts: [Arm: String] = [.icl: asked[index].text]
      if shuffledLabels {
        observed[.shuffledLabels] = shuffled[index].observed
        prompts[.shuffledLabels] = shuffled[index].text
      }
      return Outcome(
        set: sets[index], pair: dataset.task.pairs[sets[index].query],
        prompts: prompts.merging([.zeroShot: bare[index].text]) { own, _ in own },
        verdicts: observed.mapValues {
          judge.verdict(on: sets[index].query, of: task, $0, answers[index])
        }, vectors: runs[index].vectors)
    }
  }

  private func random(like vector: [Float], _ set: DemonstrationSet, _ layer: Int) -> [Float] {
    randomVector(
      like: vector,
      key: "\(task.dataset.task.name)\u{0}\(set.split.rawValue)\u{0}\(set.index)\u{0}\(layer)",
      seed: spec.seed)
  }

  // MARK: Rows

  mutating func add(
    _ outcomes: [Outcome], _ split: Split, chosen: Int, source: String?
  ) {
    let layers = model.model.architecture.layers
    for arm in [Arm.zeroShot, .icl, .shuffledLabels] {
      addAccuracy(outcomes, arm, split)
    }
    for layer in 0..<layers { addAccuracy(outcomes, .taskVector(layer), split, layer: layer) }
    if split == .test {
      addAccuracy(outcomes, .taskVector(chosen), split)
      addAccuracy(outcomes, .randomVector, split, layer: chosen)
      addAccuracy(outcomes, .otherTask, split, layer: chosen, source: source)
      addComparison(outcomes, chosen: chosen)
    } else {
      output.results.append(
        row(
          .taskVector(chosen), split, .chosenLayer,
          Estimate(value: Double(chosen), interval: nil, count: outcomes.count)))
    }
    for outcome in outcomes {
      for arm in [Arm.zeroShot, .icl, .shuffledLabels, .randomVector, .otherTask] {
        addSample(
          outcome, arm, split, layer: arm == .randomVector || arm == .otherTask ? chosen : nil)
      }
      addSample(outcome, .taskVector(chosen), split, layer: chosen)
    }
    saveVectors(outcomes, split, chosen: chosen)
  }

  /// θ against the zero-shot prompts.
  private mutating func addComparison(_ outcomes: [Outcome], chosen: Int) {
    let comparison = CurveComparison(
      curve: (0..<model.model.architecture.layers).map { layer in
        outcomes.map { $0.isRight(.taskVector(layer)) }
      }, reference: outcomes.map { $0.isRight(.zeroShot) }, chosen: chosen,
      queries: outcomes.map(\.pair.input))
    let key = "task-vectors\u{0}\(model.name)\u{0}\(task.name)"
    for (layer, metric, estimate) in comparison.estimates(key: key, seed: spec.seed) {
      output.results.append(row(.taskVector(chosen), .test, metric, estimate, layer: layer))
    }
  }

  mutating func addUntrained(_ outcomes: [Outcome], layer: Int) {
    let right = outcomes.map { $0.isRight(.taskVector(layer)) }
    output.results.append(
      row(
        .untrained, .test, .accuracy, Statistics.proportion(right), layer: layer,
        hook: "hook_resid_post"))
    output.results.append(
      row(.untrainedICL, .test, .accuracy, Statistics.proportion(outcomes.map { $0.isRight(.icl) }))
    )
  }

  private mutating func addAccuracy(
    _ outcomes: [Outcome], _ arm: Arm, _ split: Split, layer: Int? = nil,
    source: String? = nil
  ) {
    guard outcomes.contains(where: { $0.verdicts[arm] != nil }) else { return }
    var accuracy = row(
      arm, split, .accuracy, Statistics.proportion(outcomes.map { $0.isRight(arm) }), layer: layer)
    accuracy.sourceTask = source
    output.results.append(accuracy)
  }

  private func row(
    _ arm: Arm, _ split: Split, _ metric: Metric, _ estimate: Estimate, layer: Int? = nil
  ) -> ResultRow {
    row(
      arm.condition, split, metric, estimate, layer: layer,
      hook: arm.isPatched ? "hook_resid_post" : nil)
  }

  private func row(
    _ condition: Condition, _ split: Split, _ metric: Metric, _ estimate: Estimate,
    layer: Int? = nil, hook: String? = nil
  ) -> ResultRow {
    ResultRow(
      model: model.name, attention: model.attention, task: task.dataset.task.name,
      condition: condition, split: split, shots: spec.shots, hook: hook, layer: layer,
      position: hook == nil ? nil : "last", seed: Int(spec.seed), metric: metric,
      estimate: estimate)
  }

  private mutating func addSample(
    _ outcome: Outcome, _ arm: Arm, _ split: Split, layer: Int?
  ) {
    guard let verdict = outcome.verdicts[arm],
      let prompt = outcome.prompts[arm] ?? outcome.prompts[.zeroShot]
    else { return }
    output.samples.append(
      SampleRow(
        model: model.name, attention: model.attention, task: task.dataset.task.name,
        condition: arm.condition, split: split, shots: spec.shots,
        hook: arm.isPatched ? "hook_resid_post" : nil, layer: layer,
        position: arm.isPatched ? "last" : nil, seed: Int(spec.seed), example: outcome.set.index,
        query: outcome.pair.input, target: outcome.pair.output,
        prediction: verdict.text, correct: verdict.isRight,
        targetRank: verdict.observation.targetRank,
        targetLogProbability: verdict.observation.targetLogProbability,
        logitDifference: verdict.observation.logitDifference,
        promptSHA256: SHA256.digest(ofPrompt: prompt)))
  }

  private mutating func saveVectors(_ outcomes: [Outcome], _ split: Split, chosen: Int) {
    let layers: [Int] =
      switch spec.vectors {
      case .none: []
      case .chosen: [chosen]
      case .all: Array(0..<model.model.architecture.layers)
      }
    for layer in layers {
      output.vectors.append(
        RunVector(
          thetas: outcomes.map { $0.vectors[layer] }, of: task, layer: layer, split: split,
          prefix: model.name, model: model, spec.prompting))
    }
  }
}

extension TaskVectorsCell.Arm {
  var condition: Condition {
    switch self {
    case .zeroShot: .zeroShot
    case .icl: .icl
    case .shuffledLabels: .iclShuffledLabels
    case .taskVector: .taskVector
    case .randomVector: .taskVectorRandom
    case .otherTask: .taskVectorOtherTask
    }
  }

  var isPatched: Bool {
    switch self {
    case .zeroShot, .icl, .shuffledLabels: false
    case .taskVector, .randomVector, .otherTask: true
    }
  }
}
