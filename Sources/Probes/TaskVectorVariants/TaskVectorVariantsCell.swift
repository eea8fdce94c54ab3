// TaskVectorVariantsCell: one model on one task under every variant.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

struct TaskVectorVariantsCell {
  var cell: StudyCell
  let task: ReadyTask
  let spec: TaskVectorVariantsSpec

  init(_ model: ProbeModel, _ task: ReadyTask, _ spec: TaskVectorVariantsSpec) {
    cell = StudyCell(model, spec.prompting)
    self.task = task
    self.spec = spec
  }

  /// The sets of both splits with θ and its relatives, `[set][layer]`.
  struct Sources {
    let sets: [DemonstrationSet]
    let theta, average, momentum, hidden: [[[Float]]]

    /// For each set the mean of θ over the other sets that its query is not in.
    func meanContext(_ index: Int) -> [[Float]] {
      let others = sets.donors(for: index)
      return theta[index].indices.map { layer in
        ActivationVector<Residual>(
          meanOf: others.map { ActivationVector(theta[$0][layer]) }
        ).values
      }
    }
  }

  mutating func run() throws {
    var sources: [DatasetSplit: Sources] = [:]
    for split in [DatasetSplit.development, .test] {
      sources[split] = try self.sources(cell.sets(split, of: task))
    }
    let (zeroShot, icl) = try cell.addBaselines(task, extra: [.empty])
    for variant in spec.variants {
      let before = sources
      switch variant {
      case .replace:
        try curve(.taskVector, zeroShot, before) { $0.theta[$1] }
      case .meanContext:
        try curve(.taskVectorMeanContext, zeroShot, before) { $0.meanContext($1) }
      case .stateAverage:
        try curve(.stateVectorAverage, zeroShot, before) { $0.average[$1] }
      case .stateMomentum:
        try curve(
          .stateVectorMomentum, zeroShot, before, setting: "momentum=\(spec.momentum)"
        ) { $0.momentum[$1] }
      case .add, .meanHidden:
        let isTheta = variant == .add
        for (scale, everywhere) in spec.scales.flatMap({ scale in
          spec.addEverywhere.map { (scale, $0) }
        }) {
          try curve(
            isTheta ? .taskVectorAdded : .meanHiddenAdded, zeroShot, before,
            setting: "scale=\(scale)", scale: scale, everywhere: everywhere
          ) { isTheta ? $0.theta[$1] : $0.hidden[$1] }
        }
      case .inContext, .everyArrow:
        try arrows(variant == .everyArrow, icl, before)
      case .positions:
        try positions(zeroShot, before)
      case .state:
        try states(icl, before)
      }
    }
    try counts(zeroShot)
  }

  /// A vector for each set put in at the last token of its zero-shot prompt, or at every token of it, by layer.
  private mutating func curve(
    _ condition: Condition, _ reference: [StudyCell.Verdict],
    _ sources: [DatasetSplit: Sources], setting: String? = nil, scale: Double? = nil,
    everywhere: Bool = false, _ vectors: (Sources, Int) -> [[Float]]
  ) throws {
    var made: [DatasetSplit: [[[Float]]]] = [:]
    for (split, own) in sources { made[split] = own.sets.indices.map { vectors(own, $0) } }
    var place = StudyCell.Place(
      condition: condition, hook: "hook_resid_post", position: everywhere ? "all" : "last")
    place.extra = [.optional(setting)]
    let (task, encoder) = (task, cell.model.encoder)
    try cell.addCurve(task, place, against: reference) { split, layer in
      guard let own = sources[split], let vectors = made[split] else { return [] }
      return try own.sets.enumerated().map { index, set in
        let prompt = task.dataset.zeroShotPrompt(set, task.template)
        let tokens = try prompt.tokenized(by: encoder)
        let last = tokens.tokens.count - 1
        let values = HookValues(vectors[index][layer])
        return StudyCell.Question(
          pair: set.query, prompt: prompt,
          edits: [
            PromptEdit(
              hook: .block(layer, .residPost),
              positions: Array((everywhere ? tokens.contextLength : last)...last),
              action: scale.map { .add(values, scaled: $0) } ?? .replace(values))
          ])
      }
    }
  }

  /// θ put in at the arrows of the in-context prompt: of other sets, so that demonstrations and vectors are two things.
  private mutating func arrows(
    _ everyArrow: Bool, _ reference: [StudyCell.Verdict], _ sources: [DatasetSplit: Sources]
  ) throws {
    var place = StudyCell.Place(
      condition: everyArrow ? .taskVectorEveryArrow : .taskVectorInContext,
      hook: "hook_resid_post", position: everyArrow ? "arrow" : "last")
    place.extra = [.empty]
    let (task, encoder) = (task, cell.model.encoder)
    try cell.addCurve(task, place, against: reference) { split, layer in
      guard let own = sources[split] else { return [] }
      return try own.sets.enumerated().map { index, set in
        let prompt = task.dataset.inContextPrompt(set, task.template)
        let tokens = try prompt.tokenized(by: encoder)
        let last = tokens.tokens.count - 1
        let positions = (everyArrow ? tokens.roles["arrow"] ?? [] : []) + [last]
        let vectors = own.sets.donors(for: index, count: positions.count).map {
          own.theta[$0][layer]
        }
        return StudyCell.Question(
          pair: set.query, prompt: prompt,
          edits: [.replace(.block(layer, .residPost), at: positions, with: vectors)])
      }
    }
  }

  /// The residuals of a dummy query at places counted from the end, put in at the same places of the zero-shot prompt: at
  /// each place alone, and at all from it to the end.
  private mutating func positions(
    _ reference: [StudyCell.Verdict], _ sources: [DatasetSplit: Sources]
  ) throws {
    let (task, encoder) = (task, cell.model.encoder)
    let own = task.dataset
    /// By place from the end, the last first.
    var made: [DatasetSplit: [[[[Float]]]]] = [:]
    for back in 1...spec.positionCount {
      for (split, source) in sources {
        let dummies = try source.sets.map {
          try own.dummyPrompts($0, task.template)[0].tokenized(by: encoder)
        }
        let asked = try source.sets.map {
          try own.zeroShotPrompt($0, task.template).tokenized(by: encoder)
        }
        // Only as far back as every query and every dummy reaches.
        guard (asked + dummies).allSatisfy({ $0.tokens.count - $0.contextLength >= back }) else {
          return
        }
        made[split, default: []].append(
          try residuals(dummies) { rows in rows[rows.count - back] })
      }
      for places in back == 1 ? [1...1] : [back...back, 1...back] {
        var place = StudyCell.Place(
          condition: .taskVector, hook: "hook_resid_post",
          position: places.count == 1 ? "\(-back)" : "\(-back)..-1")
        place.extra = [.text("dummies=1")]
        try cell.addCurve(task, place, against: reference) { split, layer in
          guard let source = sources[split], let own = made[split] else { return [] }
          return try source.sets.enumerated().map { index, set in
            let prompt = task.dataset.zeroShotPrompt(set, task.template)
            let count = try prompt.tokenized(by: encoder).tokens.count
            return StudyCell.Question(
              pair: set.query, prompt: prompt,
              edits: [
                .replace(
                  .block(layer, .residPost), at: places.reversed().map { count - $0 },
                  with: places.reversed().map { own[$0 - 1][index][layer] })
              ])
          }
        }
      }
    }
  }

  /// Other numbers of demonstrations and dummies, and other orders of the same demonstrations.
  private mutating func counts(_ reference: [StudyCell.Verdict]) throws {
    func dataset(shots: Int, dummies: Int) throws -> TaskDataset {
      try TaskDataset(
        task: task.answerable.task, shots: shots, dummies: dummies, seed: spec.seed,
        holdout: spec.holdout, queries: spec.queries, demonstrations: spec.demonstrations)
    }
    for shots in spec.shotCounts {
      try vary(
        reference, shots: shots, setting: nil, try dataset(shots: shots, dummies: spec.dummies))
    }
    for dummies in spec.dummyCounts {
      try vary(
        reference, shots: spec.shots, setting: "dummies=\(dummies)",
        try dataset(shots: spec.shots, dummies: dummies))
    }
    for order in 0..<spec.orders {
      let seed = spec.seed
      try vary(reference, shots: spec.shots, setting: "order=\(order)", task.dataset) { set in
        var generator = SeededGenerator(
          key: "order\u{0}\(order)\u{0}\(set.split.rawValue)\u{0}\(set.index)", seed: seed)
        return DemonstrationSet(
          split: set.split, index: set.index,
          demonstrations: generator.shuffled(set.demonstrations), query: set.query,
          dummies: set.dummies)
      }
    }
  }

  private mutating func vary(
    _ reference: [StudyCell.Verdict], shots: Int, setting: String?, _ dataset: TaskDataset,
    _ change: (DemonstrationSet) -> DemonstrationSet = { $0 }
  ) throws {
    let changed = ReadyTask(answerable: task.answerable, dataset: dataset)
    var place = StudyCell.Place(
      condition: .taskVector, hook: "hook_resid_post", position: "last", shots: shots)
    place.extra = [.optional(setting)]
    var made: [DatasetSplit: (sets: [DemonstrationSet], theta: [[[Float]]])] = [:]
    for split in [DatasetSplit.development, .test] {
      let sets = cell.sets(split, of: changed).map(change)
      made[split] = (sets, try cell.thetas(sets, of: changed))
    }
    let icl = (made[.test]?.sets ?? []).map {
      StudyCell.Question(pair: $0.query, prompt: dataset.inContextPrompt($0, changed.template))
    }
    var asked = place
    (asked.condition, asked.split, asked.hook, asked.position) = (.icl, .test, nil, nil)
    cell.addAccuracy(task.name, asked, try cell.ask(icl, of: changed))
    let encoder = cell.model.encoder
    try cell.addCurve(changed, place, against: reference) { split, layer in
      guard let own = made[split] else { return [] }
      return try own.sets.enumerated().map { index, set in
        let prompt = dataset.zeroShotPrompt(set, changed.template)
        let last = try prompt.tokenized(by: encoder).tokens.count - 1
        return StudyCell.Question(
          pair: set.query, prompt: prompt,
          edits: [.replace(.block(layer, .residPost), at: [last], with: [own.theta[index][layer]])])
      }
    }
  }
}
