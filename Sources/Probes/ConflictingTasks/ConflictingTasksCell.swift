// ConflictingTasksCell: one model on one pair of tasks. Every prompt is judged by the answers of both.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

struct ConflictingTasksCell {
  var cell: StudyCell
  /// The task of the prompt, that of the vector, and their sets.
  typealias Tasks = (own: ReadyTask, other: ReadyTask, conflict: TaskConflict)
  private let tasks: Tasks

  init(_ model: ProbeModel, _ tasks: Tasks, _ spec: PromptingSpec) {
    cell = StudyCell(model, spec)
    self.tasks = tasks
  }

  private typealias Draw = TaskConflict.Draw

  mutating func run() throws {
    let (own, other) = (tasks.own, tasks.other)
    let development = tasks.conflict.draws(.development, count: cell.spec.developmentSets)
    let test = tasks.conflict.draws(.test, count: cell.spec.testSets)
    func prompt(_ draw: Draw) -> Prompt { own.dataset.inContextPrompt(draw.prompt, own.template) }
    func bare(_ draw: Draw) -> Prompt { own.dataset.zeroShotPrompt(draw.prompt, own.template) }

    // The layer at which θ of B alone works best, as in the paper.
    let before = try cell.thetas(development.map(\.vector), of: other)
    let thetas = try cell.thetas(test.map(\.vector), of: other)
    let encoder = cell.model.encoder
    func question(
      _ draw: Draw, _ task: ReadyTask, _ text: Prompt, _ vector: [Float]? = nil, layer: Int = 0
    ) throws -> StudyCell.Question {
      StudyCell.Question(
        pair: task.name == own.name ? draw.prompt.query : draw.vector.query, prompt: text,
        edits: try vector.map {
          [try .taskVector($0, layer: layer, into: text, encoder)]
        } ?? [])
    }
    let chosen = try cell.chooseLayer(other, place(.taskVector, source: other)) { layer in
      try development.enumerated().map { index, draw in
        try question(draw, other, bare(draw), before[index][layer], layer: layer)
      }
    }
    let again = try cell.thetas(test.map(\.again), of: own).map { $0[chosen] }
    let seed = cell.spec.seed
    let random = thetas.indices.map { index in
      randomVector(
        like: thetas[index][chosen], key: "conflict\u{0}\(own.name)\u{0}\(other.name)\u{0}\(index)",
        seed: seed)
    }
    for judged in [own, other] {
      func asked(_ text: (Draw) -> Prompt) throws -> [StudyCell.Question] {
        try test.map { try question($0, judged, text($0)) }
      }
      let zeroShot = try report(.zeroShot, judged, try asked(bare))
      let icl = try report(.icl, judged, try asked(prompt))
      try cell.addTestCurve(
        judged, place(.taskVectorOverride, source: other), chosen: chosen, against: icl
      ) { layer in
        try test.enumerated().map { index, draw in
          try question(draw, judged, prompt(draw), thetas[index][layer], layer: layer)
        }
      }
      try cell.addTestCurve(
        judged, place(judged.name == own.name ? .taskVectorOtherTask : .taskVector, source: other),
        chosen: chosen, against: zeroShot
      ) { layer in
        try test.enumerated().map { index, draw in
          try question(draw, judged, bare(draw), thetas[index][layer], layer: layer)
        }
      }
      for (condition, vectors) in [
        (Condition.taskVectorInContext, again), (.overrideRandom, random),
      ] {
        let source = condition == .taskVectorInContext ? own : nil
        _ = try report(
          condition, judged,
          try test.enumerated().map { index, draw in
            try question(draw, judged, prompt(draw), vectors[index], layer: chosen)
          }, source: source, layer: chosen, against: icl)
      }
    }
    cell.output.vectors.append(
      RunVector(
        thetas: thetas.map { $0[chosen] }, of: other, layer: chosen, split: .test,
        prefix: "\(cell.model.name)/\(own.name)", model: cell.model, cell.spec))
  }

  private func place(_ condition: Condition, source: ReadyTask? = nil) -> StudyCell.Place {
    let isPatched = condition != .zeroShot && condition != .icl
    var place = StudyCell.Place(
      condition: condition, hook: isPatched ? BlockPoint.residPost.rawValue : nil,
      position: isPatched ? "last" : nil, source: source?.name)
    place.extra = [.text(tasks.own.name)]
    return place
  }

  /// Asks the test questions, with their rows; edits are at the chosen layer.
  private mutating func report(
    _ condition: Condition, _ task: ReadyTask, _ questions: [StudyCell.Question],
    source: ReadyTask? = nil, layer: Int? = nil, against reference: [StudyCell.Verdict]? = nil
  ) throws -> [StudyCell.Verdict] {
    let verdicts = try cell.ask(questions, of: task)
    var place = place(condition, source: source)
    place.split = .test
    cell.addAccuracy(task.name, place, verdicts)
    if let reference { cell.addMcNemar(task.name, place, verdicts, against: reference) }
    place.layer = layer
    cell.addSamples(task, place, questions, verdicts)
    return verdicts
  }
}
