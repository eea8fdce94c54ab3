// ForgettingCell: one model fine-tuned in one way on one task, or left as it is, with one seed: learning rate and number of
// steps chosen on the development split, then tested on the task and on all others by the number of demonstrations.

import HookedModels
import ICLTasks
import TensorCore

/// A target's pairs, apart: what fine-tuning sees, and what it does not.
struct ForgettingTarget: Sendable {
  /// Asked about pairs that were fine-tuned on.
  let tuned: ReadyTask
  /// Asked about the others, after demonstrations of pairs that were fine-tuned on.
  let heldOut: ReadyTask
  /// The places of the fine-tuned pairs.
  let pairs: [Int]

  /// - Throws: `TaskError.tooFewPairs`.
  init(_ task: ReadyTask, spec: FineTuningForgettingSpec, seed: Int) throws {
    let own = task.dataset.task
    let pool = spec.holdout?.pairs(of: own, in: spec.queries) ?? Array(own.pairs.indices)
    var generator = SeededGenerator(
      key: "held out of fine-tuning\u{0}\(own.name)", seed: UInt64(seed))
    let order = generator.shuffled(pool)
    let count = Int((spec.heldOut * Double(pool.count)).rounded())
    let (heldOut, tuned) = (Array(order.prefix(count)).sorted(), order.dropFirst(count).sorted())
    func ready(_ asked: [Int]) throws -> ReadyTask {
      ReadyTask(
        answerable: task.answerable,
        dataset: try TaskDataset(
          task: own, shots: spec.shots, dummies: 0, seed: UInt64(seed), asking: asked,
          showing: tuned))
    }
    self.tuned = try ready(tuned)
    self.heldOut = try ready(heldOut)
    pairs = tuned
    guard tuned.count > spec.auxiliaryShots else {
      throw TaskError.tooFewPairs(
        task: own.name, found: tuned.count, needed: spec.auxiliaryShots + 1,
        why: "a prompt of the added loss takes \(spec.auxiliaryShots) demonstrations and a query")
    }
  }
}

/// Which queries a row is about.
enum ForgettingQueries: String, CaseIterable {
  case fineTuned = "fine_tuned"
  case heldOut = "held_out"
  case sameInputs = "other_tasks_same_inputs"
  case others = "other_tasks"
}

struct ForgettingCell {
  let spec: FineTuningForgettingSpec
  let model: ProbeModel
  let target: ForgettingTarget
  /// The model's other tasks.
  let others: [ReadyTask]
  /// Nil: the model as it is.
  let tuning: TaskTuning?
  let seed: Int
  private var study: StudyCell

  init(
    spec: FineTuningForgettingSpec, model: ProbeModel, target: ForgettingTarget,
    others: [ReadyTask], tuning: TaskTuning?, seed: Int
  ) throws {
    self.spec = spec
    self.model = model
    self.target = target
    self.tuning = tuning
    self.seed = seed
    self.others = try others.map { other in
      ReadyTask(
        answerable: other.answerable,
        dataset: try TaskDataset(
          task: other.dataset.task, shots: spec.shots, dummies: 0, seed: UInt64(seed),
          holdout: spec.holdout, queries: spec.queries, demonstrations: spec.demonstrations))
    }
    var prompting = spec.prompting
    prompting.seed = UInt64(seed)
    study = StudyCell(model, prompting)
  }

  /// What one learning rate and number of steps made.
  private struct Candidate {
    let model: Transformer<Float>
    var adapters: LowRankAdapters<Float>?
    var rate: Double?
    var steps: Int?
    var loss: Double?
    let accuracy: Double
  }

  mutating func run() throws -> CellOutput {
    guard let tuning else {
      try test(Candidate(model: model.model, accuracy: try develop(model.model, nil, nil)))
      return study.output
    }
    var best: Candidate?
    for rate in spec.rates {
      // Without the added loss a shorter run is the beginning of a longer one.
      let runs = tuning.auxiliaryWeight > 0 ? spec.steps.map { [$0] } : [spec.steps]
      for stops in runs {
        try tuning.fineTune(
          model.model, rate: rate, seed: UInt64(seed), total: stops.last ?? 0, stops: stops,
          batches: { try batch(step: $0, withDemonstrations: tuning.auxiliaryWeight > 0) },
          at: { steps, trainer, losses in
            let accuracy = try develop(trainer.model, rate, steps)
            let isBetter =
              best.map {
                accuracy > $0.accuracy || (accuracy == $0.accuracy && steps < $0.steps ?? 0)
              } ?? true
            guard isBetter else { return }
            best = Candidate(
              model: trainer.model, adapters: trainer.adapters, rate: rate, steps: steps,
              loss: losses.last, accuracy: accuracy)
          })
      }
    }
    if let best {
      try test(best)
      try best.adapters.map { try save($0, tuning) }
    }
    return study.output
  }

  private func save(_ adapters: LowRankAdapters<Float>, _ tuning: TaskTuning) throws {
    guard let parent = spec.adapters?.save else { return }
    let way = "\(tuning.part.rawValue)-lambda-\(tuning.auxiliaryWeight)-rank-\(adapters.rank)"
    let folder = "\(parent)/\(model.name)-\(target.tuned.name)-\(way)-seed-\(seed)"
    try SystemFile.makeFolder(folder)
    try adapters.save(to: folder, of: model.model)
  }

  // MARK: Training

  private func batch(step: Int, withDemonstrations: Bool) throws -> TuningBatch {
    let (task, answers) = (target.tuned.dataset.task, target.tuned.answerable.answers)
    var generator = SeededGenerator(
      key: "fine-tuning\u{0}\(task.name)\u{0}\(step)", seed: UInt64(seed))
    var (zeroShot, fewShot): ([TuningExample], [TuningExample]) = ([], [])
    for _ in 0..<spec.batch {
      let drawn = generator.sample(spec.auxiliaryShots + 1, from: target.pairs)
      let (query, shown) = (drawn[0], Array(drawn.dropFirst()))
      func example(_ shown: [Int]) throws -> TuningExample {
        let prompt = task.prompt(target.tuned.template, showing: shown, asking: query)
        return TuningExample(
          prompt: try prompt.tokenized(by: model.encoder).tokens, answer: answers[query].accepted[0]
        )
      }
      zeroShot.append(try example([]))
      if withDemonstrations { fewShot.append(try example(shown)) }
    }
    return TuningBatch(zeroShot: zeroShot, fewShot: fewShot)
  }

  // MARK: Asking

  private mutating func ask(
    _ task: ReadyTask, _ split: DatasetSplit, sets: Int, shots: Int, of model: Transformer<Float>
  ) throws -> (questions: [StudyCell.Question], verdicts: [StudyCell.Verdict]) {
    let questions = task.dataset.demonstrationSets(split, count: sets).map { set in
      StudyCell.Question(
        pair: set.query,
        prompt: task.dataset.task.prompt(
          task.template, showing: Array(set.demonstrations.prefix(shots)), asking: set.query))
    }
    return (questions, try study.ask(questions, of: task, on: model))
  }

  private func queries(_ other: ReadyTask) -> ForgettingQueries {
    other.dataset.task.inputDomain == target.tuned.dataset.task.inputDomain ? .sameInputs : .others
  }

  private func place(
    _ queries: ForgettingQueries, _ split: Split, shots: Int, rate: Double?, steps: Int?
  ) -> StudyCell.Place {
    var place = StudyCell.Place(condition: tuning?.condition ?? .pretrained, split: split)
    place.source = target.tuned.name
    place.shots = shots
    place.extra = [
      .text(queries.rawValue), .real(tuning?.auxiliaryWeight),
      .optional(tuning?.adapters?.rank), .real(rate), .optional(steps),
    ]
    return place
  }

  /// The development split under one setting: the target without demonstrations, which settings are chosen by, and with
  /// all; the other tasks with all.
  private mutating func develop(_ model: Transformer<Float>, _ rate: Double?, _ steps: Int?) throws
    -> Double
  {
    var chosenBy = 0.0
    for shots in Set([0, spec.shots]).sorted() {
      let own = try ask(
        target.heldOut, .development, sets: spec.developmentSets, shots: shots, of: model)
      study.addAccuracy(
        target.heldOut.name, place(.heldOut, .development, shots: shots, rate: rate, steps: steps),
        own.verdicts)
      if shots == 0 {
        chosenBy = Statistics.proportion(own.verdicts.map(\.isRight)).value ?? 0
      }
    }
    try testOthers(
      model, .development, shots: [spec.shots], rate: rate, steps: steps, details: false)
    return chosenBy
  }

  private mutating func test(_ chosen: Candidate) throws {
    if let loss = chosen.loss { study.output.notes.facts["last_loss"] = .number(loss) }
    for (queries, task, split) in [
      (ForgettingQueries.fineTuned, target.tuned, Split.train), (.heldOut, target.heldOut, .test),
    ] {
      for shots in spec.testShots {
        let own = try ask(task, .test, sets: spec.testSets, shots: shots, of: chosen.model)
        let place = place(queries, split, shots: shots, rate: chosen.rate, steps: chosen.steps)
        study.addAccuracy(task.name, place, own.verdicts)
        addSamples(task, place, own)
      }
    }
    try testOthers(
      chosen.model, .test, shots: spec.testShots, rate: chosen.rate, steps: chosen.steps,
      details: true)
  }

  /// Accuracies of the other tasks, and their means over those that share the target's inputs and over the rest.
  private mutating func testOthers(
    _ model: Transformer<Float>, _ split: DatasetSplit, shots: [Int], rate: Double?, steps: Int?,
    details: Bool
  ) throws {
    let reported: Split = split == .test ? .test : .development
    for shots in shots {
      var asked: [ForgettingQueries: [(task: String, query: String, isRight: Bool)]] = [:]
      for other in others {
        let kind = queries(other)
        let own = try ask(other, split, sets: spec.otherSets, shots: shots, of: model)
        asked[kind, default: []] += zip(own.questions, own.verdicts).map {
          (other.name, other.dataset.task.pairs[$0.pair].input, $1.isRight)
        }
        guard details else { continue }
        let place = place(kind, reported, shots: shots, rate: rate, steps: steps)
        study.addAccuracy(other.name, place, own.verdicts)
        addSamples(other, place, own)
      }
      for kind in [ForgettingQueries.sameInputs, .others] {
        guard let asked = asked[kind] else { continue }
        var sample = ClusteredSample(clusters: asked.map(\.query), strata: asked.map(\.task))
        let series = sample.add(asked.map(\.isRight))
        let mean = Bootstrap(
          key: "finetuning-forgetting\u{0}\(target.tuned.name)\u{0}\(kind.rawValue)\u{0}\(shots)",
          seed: UInt64(seed)
        ).estimate(of: .mean(series), over: sample)
        study.add(
          "mean", place(kind, reported, shots: shots, rate: rate, steps: steps), .accuracy, mean)
      }
    }
  }

  /// Samples of the fewest and the most demonstrations.
  private mutating func addSamples(
    _ task: ReadyTask, _ place: StudyCell.Place,
    _ asked: (questions: [StudyCell.Question], verdicts: [StudyCell.Verdict])
  ) {
    guard place.shots == spec.testShots.min() || place.shots == spec.testShots.max() else { return }
    study.addSamples(
      task, place, asked.questions, asked.verdicts,
      extra: [.optional(place.source)] + place.extra)
  }
}
