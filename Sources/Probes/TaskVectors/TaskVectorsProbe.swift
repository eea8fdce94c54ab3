// The probe `task-vectors`: θ(S) extracted from demonstrations, patched into zero-shot prompts at every layer, with the
// layer chosen on the development sets and reported on the test sets. One cell is one model on one task.
//
// Source: Hendel, Geva and Globerson 2023, arXiv:2310.15916, §3; their protocol in every default.

import CheckpointIO
import Foundation
import HookPoints
import HookedModels
import ICLTasks
import TensorCore

/// A prepared `task-vectors` run.
struct TaskVectorsProbe {
  let spec: TaskVectorsSpec
  let models: [ProbeModel]
  let tasks: [ICLTask]
  private let library: TaskLibrary
  private let file: String
  /// What can be asked of each model, by model and task; those that cannot are in `dropped`.
  private let ready: [String: [String: ReadyTask]]
  private let dropped: [Dropped]

  /// A task as one model can be asked it.
  struct ReadyTask: Sendable {
    let answerable: AnswerableTask
    let dataset: TaskDataset
  }

  /// - Throws: errors of models and tasks; `RunError.invalidInput` when no task is left for any model.
  init(_ spec: TaskVectorsSpec, file: String, on context: ComputeContext) throws {
    let library = try TaskLibrary(folder: spec.tasksFolder)
    let tasks = try spec.tasks.map { try library.task(named: $0) }
    let models = try spec.models.map {
      try ProbeModel(path: $0, bos: spec.bos, library: library, on: context)
    }
    guard Set(models.map(\.name)).count == models.count else {
      throw RunError.invalidInput(
        subject: file, fact: "two models have the same folder name; rename one of the folders")
    }
    var ready: [String: [String: ReadyTask]] = [:]
    var dropped: [Dropped] = []
    for model in models {
      for task in tasks {
        let answerable = try AnswerableTask(
          task, template: spec.template, tokenizer: model.encoder, policy: spec.answer,
          leadingSpace: spec.leadingSpace)
        for (reason, count) in answerable.droppedCounts {
          dropped.append(
            Dropped("pairs of \(task.name) for \(model.name)", count: count, why: reason.rawValue))
        }
        do {
          let dataset = try TaskDataset(
            task: answerable.task, shots: spec.shots, dummies: spec.dummies, seed: spec.seed,
            holdout: spec.holdout, queries: spec.queries, demonstrations: spec.demonstrations)
          ready[model.name, default: [:]][task.name] = ReadyTask(
            answerable: answerable, dataset: dataset)
        } catch let error as TaskError {
          guard case .tooFewPairs = error else { throw error }
          dropped.append(Dropped("task \(task.name) for \(model.name)", count: 1, why: "\(error)"))
        }
      }
    }
    guard !ready.isEmpty else {
      throw RunError.invalidInput(
        subject: file,
        fact: "no task is left for any model: "
          + (dropped.first { $0.what.hasPrefix("task ") }?.why ?? "none was asked for"))
    }
    self.spec = spec
    self.file = file
    self.library = library
    self.tasks = tasks
    self.models = models
    self.ready = ready
    self.dropped = dropped
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    let data = tasks.map {
      InputFile(.data, named: "task \($0.name)", contents: $0.digestBytes)
    }
    let inputs = try RunInputs(
      probe: "task-vectors", spec: resolved, files: models.flatMap(\.files) + data,
      precision: models[0].model.context.precision.rawValue)
    var places: [String: (model: ProbeModel, task: String)] = [:]
    var cells: [Cell] = []
    for model in models {
      for task in tasks where ready[model.name]?[task.name] != nil {
        let cell = Cell(
          key: "\(model.name)/\(task.name)", cost: Double(model.model.architecture.parameterCount))
        cells.append(cell)
        places[cell.key] = (model, task.name)
      }
    }
    let plan = RunPlan(
      cells: cells, tables: [.results, .samples],
      details: RunDetails(
        seeds: [Int(spec.seed)],
        models: JSONObject(models.map { ($0.name, $0.details) }), dropped: dropped))
    let untrained = UntrainedModels(seed: spec.seed)
    return PreparedProbe(
      inputs: inputs, plan: plan,
      work: { cell in
        guard let (model, task) = places[cell.key] else {
          preconditionFailure("a cell of another plan: \(cell.key)")
        }
        return try run(model, task, untrained)
      },
      conclude: { cells in
        var output = CellOutput()
        output.results = try TaskVectorsSummary(spec: spec).rows(
          over: cells, models: models, tasks: tasks)
        return output
      }, summary: { TaskVectorsSummary(spec: spec).text($0, models: models) })
  }

  // MARK: A cell

  private func run(_ model: ProbeModel, _ name: String, _ untrained: UntrainedModels) throws
    -> CellOutput
  {
    guard let own = ready[model.name]?[name] else { preconditionFailure("no task \(name)") }
    var cell = TaskVectorsCell(model: model, task: own, spec: spec)
    let development = own.dataset.demonstrationSets(.development, count: spec.developmentSets)
    let test = own.dataset.demonstrationSets(.test, count: spec.testSets)

    // The layer is chosen on the development sets…
    let chosenOn = try cell.run(development, on: model.model)
    let layers = model.model.architecture.layers
    let curve = (0..<layers).map { layer in chosenOn.count { $0.isRight(.taskVector(layer)) } }
    let chosen = curve.indices.reduce(0) { curve[$1] > curve[$0] ? $1 : $0 }
    // …and used on the test sets.
    var extra: [TaskVectorsCell.ExtraPatches] = []
    if spec.controls.contains(.randomVector) {
      extra.append(.random(layer: chosen))
    }
    var source: String?
    if spec.controls.contains(.otherTask), let others = ready[model.name] {
      source = otherTask(than: name, among: others.keys.sorted(), index: 0, seed: spec.seed)
      if let source, let other = others[source] {
        let sets = other.dataset.demonstrationSets(.test, count: spec.testSets)
        let vectors = try cell.vectors(of: other, sets, on: model.model).map { $0[chosen] }
        extra.append(.otherTask(layer: chosen, vectors: vectors))
      }
    }
    let reported = try cell.run(
      test, on: model.model, extra: extra,
      shuffledLabels: spec.controls.contains(.shuffledLabels))
    cell.add(chosenOn, .development, chosen: chosen, source: source)
    cell.add(reported, .test, chosen: chosen, source: source)
    if spec.controls.contains(.untrained) {
      let random = untrained.model(like: model)
      cell.addUntrained(try cell.run(test, on: random), layer: chosen)
    }
    return cell.output
  }
}

/// Random models, made once each.
private final class UntrainedModels {
  private let seed: UInt64
  private var made: [String: Transformer<Float>] = [:]

  init(seed: UInt64) { self.seed = seed }

  func model(like model: ProbeModel) -> Transformer<Float> {
    if let model = made[model.name] { return model }
    // One at a time: cells come model by model.
    made = [model.name: model.untrained(seed: seed)]
    return made[model.name] ?? model.model
  }
}
