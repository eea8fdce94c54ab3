// FunctionVectorsCell: one model on one task: what its heads do, and the vector's accuracy by layer with its baselines.

import CheckpointIO
import HookPoints
import HookedModels
import ICLTasks
import TensorCore

struct FunctionVectorsCell {
  var cell: StudyCell
  let task: ReadyTask
  let spec: FunctionVectorsSpec
  private var model: Transformer<Float> { cell.model.model }

  init(_ model: ProbeModel, _ task: ReadyTask, _ spec: FunctionVectorsSpec) {
    cell = StudyCell(model, spec.prompting)
    self.task = task
    self.spec = spec
  }

  // MARK: Heads

  /// Everything on development sets: means over the first ones, effects on those after them.
  func measured() throws -> MeasuredHeads {
    var notes = CellNotes()
    let (dataset, encoder) = (task.dataset, cell.model.encoder)
    let shown = (0..<spec.meanSets).map { dataset.demonstrationSet(.development, $0) }
    // What a miniature answers says nothing of the model that it stands for.
    let countsAll = model.context.rehearsal != nil
    let means = try model.headMeans(
      try shown.map {
        try dataset.inContextPrompt($0, task.template).tokenized(by: encoder).tokens
      }, notes: &notes
    ) { index, logits in
      let best = logits.argmax
      return countsAll
        || task.answerable.isCorrect(
          token: best, text: encoder.tokenizer.decode([best]), pair: shown[index].query,
          rule: spec.rule)
    }
    let asked = (spec.meanSets..<spec.meanSets + spec.effectSets).map {
      dataset.demonstrationSet(.development, $0)
    }
    var effects: [[Double]] = []
    if means.right > 0 {
      effects = try model.headEffects(
        try asked.map { set in
          (
            try dataset.shuffledLabelsPrompt(set, task.template).tokenized(by: encoder).tokens,
            task.answerable.answers[set.query].token
          )
        }, means: means.headOutputs, notes: &notes)
    } else {
      notes.dropped.append(
        Dropped(
          "heads of \(task.name) for \(cell.model.name)", count: 1,
          why: "no prompt was answered rightly, so there is no mean"))
    }
    return MeasuredHeads(
      task: task.name, means: means, effects: effects,
      queries: asked.map { dataset.task.pairs[$0.query].input }, notes: notes)
  }

  private func headPlace(_ head: Head) -> StudyCell.Place {
    var place = StudyCell.Place(
      condition: .headMean, split: .development, hook: BlockPoint.z.rawValue, layer: head.layer,
      head: head.head, position: "last")
    place.extra = [.empty, .empty]
    return place
  }

  /// Effects over tasks, every task counting the same, and the heads of the greatest.
  private mutating func chosen(_ all: [MeasuredHeads], isFirst: Bool) -> [Head] {
    let heads = model.allHeads
    let queries = all.flatMap { own in own.effects.indices.map { own.queries[$0] } }
    let tasks = all.flatMap { own in own.effects.map { _ in own.task } }
    let weights = all.flatMap { own in own.effects.map { _ in 1 / Double(own.effects.count) } }
    guard !queries.isEmpty else { return [] }
    var sample = ClusteredSample(clusters: queries, strata: tasks)
    let series = heads.indices.map { head in
      BootstrapStatistic.mean(
        sample.add(all.flatMap { $0.effects.map { $0[head] } }, weights: weights))
    }
    let estimates = Bootstrap(key: "heads\u{0}\(cell.model.name)", seed: spec.seed)
      .estimates(of: series, over: sample)
    let order = heads.indices.sorted {
      (estimates[$1].value ?? 0, $0) < (estimates[$0].value ?? 0, $1)
    }
    if isFirst {
      for (head, estimate) in zip(heads, estimates) {
        cell.add("mean", headPlace(head), .averageIndirectEffect, estimate)
      }
      // Are effects other than 0? The heads of a model are one family of tests.
      let p = PairedPermutation(key: "heads\u{0}\(cell.model.name)", seed: spec.seed).pValues(
        of: heads.indices.map { head in
          zip(all.flatMap { $0.effects.map { $0[head] } }, weights).map { $0 * $1 }
        }, clusters: zip(tasks, queries).map { "\($0)\u{0}\($1)" })
      for (metric, values) in [
        (Metric.permutationP, p.each), (.permutationPCorrected, p.corrected),
        (.holmP, Statistics.holmAdjusted(p.each)),
        (.benjaminiHochbergP, Statistics.benjaminiHochbergAdjusted(p.each)),
      ] {
        for (head, value) in zip(heads, values) {
          cell.add(
            "mean", headPlace(head), metric,
            Estimate(value: value, interval: nil, count: queries.count))
        }
      }
      for (rank, index) in order.prefix(spec.heads).enumerated() {
        cell.add(
          "mean", headPlace(heads[index]), .headRank,
          Estimate(value: Double(rank), interval: nil, count: queries.count))
      }
    }
    return order.prefix(spec.heads).map { heads[$0] }
  }

  // MARK: The cell

  /// - Parameters:
  ///   - all: the heads on every task.
  ///   - place: which of them is this task's.
  mutating func run(_ all: [MeasuredHeads], place: Int) throws {
    let own = all[place]
    cell.output.notes = own.notes
    cell.output.notes.facts = [
      "prompts_answered_rightly": .integer(own.means.right),
      "prompts_asked": .integer(own.means.asked),
    ]
    cell.addMeans(
      task.name,
      model.allHeads.enumerated().map { index, head in
        StudyCell.MeanRow(
          headPlace(head), .causalIndirectEffect, own.effects.map { $0[index] })
      }, queries: own.effects.indices.map { own.queries[$0] }, key: "effects")
    let heads = chosen(all, isFirst: place == 0)
    let (zeroShot, _) = try cell.addBaselines(task, extra: [.empty, .empty])
    guard own.means.right > 0, !heads.isEmpty else { return }
    let means = own.means.headOutputs
    let vector = model.functionVector(heads, means: means)
    var theta: [DatasetSplit: [[[Float]]]] = [:]
    for split in [DatasetSplit.development, .test] {
      theta[split] = try cell.thetas(cell.sets(split, of: task), of: task)
    }
    for receiver in spec.receivers {
      let reference = receiver == .zeroShot ? zeroShot : try shuffled(cell.sets(.test, of: task))
      let layer = try curve(.functionVector, receiver, reference) { _, _, _ in
        .add(HookValues(vector), scaled: 1)
      }
      if receiver == .zeroShot { save(vector, layer: layer, heads: heads) }
      for draw in 0..<spec.randomDraws {
        var generator = SeededGenerator(
          key: "random heads\u{0}\(cell.model.name)\u{0}\(draw)", seed: spec.seed)
        let others = model.allHeads.filter { !heads.contains($0) }
        let drawn = model.functionVector(
          generator.sample(min(heads.count, others.count), from: others), means: means)
        try curve(.functionVectorRandomHeads, receiver, reference, setting: "draw=\(draw)") {
          _, _, _ in .add(HookValues(drawn), scaled: 1)
        }
      }
      let averages = own.means.layerAverages
      try curve(.layerAverage, receiver, reference) { _, _, layer in
        .add(HookValues(averages[layer]), scaled: 1)
      }
      try curve(.taskVector, receiver, reference) { split, set, layer in
        .replace(HookValues(theta[split]?[set][layer] ?? []))
      }
    }
  }

  /// The prompts of shuffled labels without a vector.
  private mutating func shuffled(_ sets: [DemonstrationSet]) throws -> [StudyCell.Verdict] {
    let questions = sets.map {
      StudyCell.Question(
        pair: $0.query, prompt: task.dataset.shuffledLabelsPrompt($0, task.template))
    }
    let verdicts = try cell.ask(questions, of: task)
    var place = StudyCell.Place(condition: .iclShuffledLabels, split: .test)
    place.extra = [.empty, .empty]
    cell.addAccuracy(task.name, place, verdicts)
    cell.addSamples(task, place, questions, verdicts)
    return verdicts
  }

  /// Accuracy by layer of an edit of the residual at the last token.
  @discardableResult
  private mutating func curve(
    _ condition: Condition, _ receiver: FunctionVectorsSpec.Receiver,
    _ reference: [StudyCell.Verdict], setting: String? = nil,
    _ action: (DatasetSplit, _ set: Int, _ layer: Int) -> InterventionAction
  ) throws -> Int {
    let task = task
    return try cell.addLastTokenCurve(
      task, condition, extra: [.text(receiver.rawValue), .optional(setting)], against: reference,
      samples: condition == .functionVector,
      prompt: {
        receiver == .zeroShot
          ? task.dataset.zeroShotPrompt($0, task.template)
          : task.dataset.shuffledLabelsPrompt($0, task.template)
      }, action
    ).layer
  }

  private mutating func save(_ vector: [Float], layer: Int, heads: [Head]) {
    let hook = HookName.block(layer, .residPost)
    cell.output.vectors.append(
      RunVector(
        StoredTensor(
          name: "\(cell.model.name)/\(task.name)/function_vector", shape: [1, vector.count],
          floats: vector),
        metadata: [
          "model": cell.model.name, "task": task.name, "hook": "\(hook)", "layer": "\(layer)",
          "position": "last", "mode": SavedVector.Mode.add.rawValue, "shots": "\(spec.shots)",
          "seed": "\(spec.seed)", "template": task.answerable.template.demonstration,
          "heads": heads.map { "\($0.layer).\($0.head)" }.joined(separator: " "),
        ]))
  }
}
