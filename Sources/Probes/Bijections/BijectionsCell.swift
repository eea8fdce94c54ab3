// BijectionsCell: one model on one task and its inverse: in-context learning and θ on demonstrations of one direction, of
// the other, and mixed.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

struct BijectionsCell {
  var cell: StudyCell
  private let name: String
  private let facts: BijectionDataset
  /// All pairs of both directions.
  private let task: ReadyTask

  /// f by its name, its facts, and the task of both directions.
  typealias Place = (name: String, facts: BijectionDataset, task: ReadyTask)

  init(_ model: ProbeModel, _ place: Place, _ spec: PromptingSpec) {
    cell = StudyCell(model, spec)
    (name, facts, task) = place
  }

  /// What θ lost against in-context learning on the same examples.
  private struct Comparison {
    let arm: BijectionDataset.Arm
    let queries: [String]
    let icl, patched: [Bool]
  }

  mutating func run(untrained: Transformer<Float>?) throws {
    cell.output.notes.facts = ["facts": .integer(facts.factCount)]
    var comparisons: [Comparison] = []
    for arm in BijectionDataset.Arm.allCases {
      let test = facts.sets(.test, count: cell.spec.testSets, arm)
      let zeroShot = questions(test, task.dataset.zeroShotPrompt)
      let asked = questions(test, task.dataset.inContextPrompt)
      _ = try report(.zeroShot, arm, zeroShot)
      let icl = try report(.icl, arm, asked)
      for dummies in arm == .mixed ? BijectionDataset.Dummies.allCases : [.both] {
        let (layer, patched, thetas) = try curve(arm, dummies, against: icl)
        guard dummies == .both else { continue }
        comparisons.append(
          Comparison(
            arm: arm, queries: test.map { task.dataset.task.pairs[$0.query].input },
            icl: icl.map(\.isRight), patched: patched.map(\.isRight)))
        try random(arm, zeroShot, thetas, layer: layer)
        cell.output.vectors.append(
          RunVector(
            thetas: thetas, of: task, layer: layer, split: .test,
            prefix: "\(cell.model.name)/\(arm.rawValue)", model: cell.model, cell.spec))
        if let untrained {
          let anew = try cell.thetas(test, of: task, on: untrained).map { $0[layer] }
          _ = try report(.untrainedICL, arm, asked, on: untrained)
          _ = try report(
            .untrained, arm, try edited(zeroShot, anew, layer: layer), .both, layer: layer,
            on: untrained)
        }
      }
      if arm == .mixed { try everyArrow(against: icl) }
    }
    drops(comparisons)
  }

  // MARK: Questions

  private func questions(
    _ sets: [DemonstrationSet], _ prompt: (DemonstrationSet, PromptTemplate) -> Prompt
  ) -> [StudyCell.Question] {
    sets.map { StudyCell.Question(pair: $0.query, prompt: prompt($0, task.template)) }
  }

  private func edited(_ questions: [StudyCell.Question], _ vectors: [[Float]], layer: Int) throws
    -> [StudyCell.Question]
  {
    try zip(questions, vectors).map { question, vector in
      var question = question
      question.edits = [
        try .taskVector(vector, layer: layer, into: question.prompt, cell.model.encoder)
      ]
      return question
    }
  }

  /// θ by layer in the zero-shot prompts; the layer is chosen on the development sets.
  private mutating func curve(
    _ arm: BijectionDataset.Arm, _ dummies: BijectionDataset.Dummies,
    against icl: [StudyCell.Verdict]
  ) throws -> (layer: Int, verdicts: [StudyCell.Verdict], thetas: [[Float]]) {
    var made: [DatasetSplit: (questions: [StudyCell.Question], thetas: [[[Float]]])] = [:]
    for (split, count) in [
      (DatasetSplit.development, cell.spec.developmentSets), (.test, cell.spec.testSets),
    ] {
      let sets = facts.sets(split, count: count, arm, dummies: dummies)
      made[split] = (
        questions(sets, task.dataset.zeroShotPrompt), try cell.thetas(sets, of: task)
      )
    }
    let this = self
    let (layer, verdicts) = try cell.addCurve(
      task, place(.taskVector, arm, dummies), against: icl, named: name
    ) { split, layer in
      guard let own = made[split] else { return [] }
      return try this.edited(own.questions, own.thetas.map { $0[layer] }, layer: layer)
    }
    addDirections(
      place(.taskVector, arm, dummies), made[.test]?.questions.map(\.pair) ?? [], verdicts)
    return (layer, verdicts, (made[.test]?.thetas ?? []).map { $0[layer] })
  }

  private mutating func random(
    _ arm: BijectionDataset.Arm, _ zeroShot: [StudyCell.Question], _ thetas: [[Float]], layer: Int
  ) throws {
    let seed = cell.spec.seed
    let vectors = thetas.enumerated().map { index, theta in
      randomVector(
        like: theta, key: "bijection\u{0}\(name)\u{0}\(arm.rawValue)\u{0}\(index)", seed: seed)
    }
    _ = try report(
      .taskVectorRandom, arm, try edited(zeroShot, vectors, layer: layer), .both, layer: layer)
  }

  /// TaskV-M: θ of other sets at all arrows of the mixed prompt.
  private mutating func everyArrow(against icl: [StudyCell.Verdict]) throws {
    var made: [DatasetSplit: (sets: [DemonstrationSet], thetas: [[[Float]]])] = [:]
    for (split, count) in [
      (DatasetSplit.development, cell.spec.developmentSets), (.test, cell.spec.testSets),
    ] {
      let sets = facts.sets(split, count: count, .mixed)
      made[split] = (sets, try cell.thetas(sets, of: task))
    }
    let (facts, task, encoder) = (facts, task, cell.model.encoder)
    let place = place(.taskVectorEveryArrow, .mixed, .both)
    let (_, verdicts) = try cell.addCurve(task, place, against: icl, named: name) { split, layer in
      guard let own = made[split] else { return [] }
      return try own.sets.enumerated().map { index, set in
        let prompt = task.dataset.inContextPrompt(set, task.template)
        let tokens = try prompt.tokenized(by: encoder)
        let arrows = (tokens.roles["arrow"] ?? []) + [tokens.tokens.count - 1]
        let both = Set(facts.fact(of: set.query))
        let donors = own.sets.donors(for: index, count: arrows.count) {
          !both.isDisjoint(with: $0.demonstrations + $0.dummies)
        }
        return StudyCell.Question(
          pair: set.query, prompt: prompt,
          edits: [
            .replace(
              .block(layer, .residPost), at: arrows, with: donors.map { own.thetas[$0][layer] })
          ])
      }
    }
    addDirections(place, (made[.test]?.sets ?? []).map(\.query), verdicts)
  }

  // MARK: Rows

  private func place(
    _ condition: Condition, _ arm: BijectionDataset.Arm, _ dummies: BijectionDataset.Dummies? = nil,
    queries: String? = nil
  ) -> StudyCell.Place {
    let isPatched = dummies != nil
    var place = StudyCell.Place(
      condition: condition, split: .test, hook: isPatched ? BlockPoint.residPost.rawValue : nil,
      position: isPatched ? (condition == .taskVectorEveryArrow ? "arrow" : "last") : nil)
    place.extra = [
      .text(arm.rawValue), .text(queries ?? (arm == .mixed ? "both" : arm.rawValue)),
      .optional(arm == .mixed ? dummies?.rawValue : nil),
    ]
    return place
  }

  private mutating func report(
    _ condition: Condition, _ arm: BijectionDataset.Arm, _ questions: [StudyCell.Question],
    _ dummies: BijectionDataset.Dummies? = nil, layer: Int? = nil,
    on other: Transformer<Float>? = nil
  ) throws -> [StudyCell.Verdict] {
    let verdicts = try cell.ask(questions, of: task, on: other)
    var place = place(condition, arm, dummies)
    cell.addAccuracy(name, place, verdicts)
    addDirections(place, questions.map(\.pair), verdicts)
    place.layer = layer
    cell.addSamples(task, place, questions, verdicts, named: name)
    return verdicts
  }

  /// Of mixed demonstrations the accuracy on the queries of each direction.
  private mutating func addDirections(
    _ place: StudyCell.Place, _ pairs: [Int], _ verdicts: [StudyCell.Verdict]
  ) {
    guard place.extra[1] == .text("both") else { return }
    for (direction, isForward) in [("forward", true), ("inverse", false)] {
      var own = place
      own.split = .test
      own.extra[1] = .text(direction)
      let some = zip(pairs, verdicts).filter { facts.isForward($0.0) == isForward }.map(\.1)
      cell.addAccuracy(name, own, some)
    }
  }

  /// What θ loses against in-context learning in each arm, and how much more it loses where directions are mixed.
  private mutating func drops(_ comparisons: [Comparison]) {
    let strata = comparisons.flatMap { own in own.queries.map { _ in own.arm.rawValue } }
    var sample = ClusteredSample(clusters: comparisons.flatMap(\.queries), strata: strata)
    func series(_ arm: BijectionDataset.Arm, _ values: (Comparison) -> [Bool]) -> BootstrapStatistic
    {
      .mean(
        sample.add(
          comparisons.flatMap { own in
            values(own).map { own.arm == arm ? ($0 ? 1.0 : 0) : nil }
          }))
    }
    let drops = BijectionDataset.Arm.allCases.map { arm in
      BootstrapStatistic.difference(series(arm, \.icl), series(arm, \.patched))
    }
    let excess = BootstrapStatistic.difference(drops[2], .half(drops[0], drops[1]))
    let estimates = Bootstrap(
      key: "\(cell.model.name)\u{0}bijection\u{0}\(name)", seed: cell.spec.seed
    )
    .estimates(of: drops + [excess], over: sample)
    for (arm, estimate) in zip(BijectionDataset.Arm.allCases, estimates) {
      cell.add(name, place(.taskVector, arm, .both), .accuracyDrop, estimate)
    }
    cell.add(name, place(.taskVector, .mixed, .both), .accuracyDropExcess, estimates[3])
  }
}
