// TaskStudy: models and tasks of a probe, opened and checked, and the cells over them. What a probe adds is what it
// does in a cell.

import CheckpointIO
import HookedModels
import ICLTasks
import TensorCore

/// A task as one model can be asked it.
struct ReadyTask: Sendable {
  let answerable: AnswerableTask
  let dataset: TaskDataset

  var name: String { dataset.task.name }
  var template: PromptTemplate { answerable.template }
}

/// The models and tasks of a probe.
struct TaskStudy {
  let spec: PromptingSpec
  let models: [ProbeModel]
  let tasks: [ICLTask]
  /// What can be asked of each model, by model and task; those that cannot are in `dropped`.
  let ready: [String: [String: ReadyTask]]
  let dropped: [Dropped]

  /// - Parameter extra: tasks that are in no library, such as the inverse of one that is.
  /// - Throws: errors of models and tasks; `RunError.invalidInput` when no task is left for any model.
  init(
    _ spec: PromptingSpec, file: String, on context: ComputeContext,
    extra: (TaskLibrary) throws -> [ICLTask] = { _ in [] }
  ) throws {
    let library = try TaskLibrary(folder: spec.tasksFolder)
    let tasks = try spec.tasks.map { try library.task(named: $0) } + extra(library)
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
    // A probe may have other prompts than those of tasks; it judges itself whether none is an error.
    guard !ready.isEmpty || tasks.isEmpty else {
      throw RunError.invalidInput(
        subject: file,
        fact: "no task is left for any model: "
          + (dropped.first { $0.what.hasPrefix("task ") }?.why ?? "none was asked for"))
    }
    self.spec = spec
    self.tasks = tasks
    self.models = models
    self.ready = ready
    self.dropped = dropped
  }

  /// The tasks that a model can be asked, in the order of the probe file.
  func tasks(of model: ProbeModel) -> [ReadyTask] {
    tasks.compactMap { ready[model.name]?[$0.name] }
  }

  /// A run whose cells are one model on one task.
  func prepared(
    _ probe: String, _ resolved: ResolvedSpec, tables: [TableSchema] = [.results, .samples],
    work: @escaping (ProbeModel, ReadyTask) throws -> CellOutput,
    conclude: @escaping (FinishedCells) throws -> CellOutput = { _ in CellOutput() },
    summary: @escaping ([ResultRow]) -> String
  ) throws -> PreparedProbe {
    var places: [String: (ProbeModel, ReadyTask)] = [:]
    for model in models {
      for task in tasks(of: model) { places["\(model.name)/\(task.name)"] = (model, task) }
    }
    let cells = models.flatMap { model in
      tasks(of: model).map { cell("\(model.name)/\($0.name)", model) }
    }
    return try prepared(
      probe, resolved, tables: tables, cells: cells,
      work: { cell in
        guard let (model, task) = places[cell.key] else {
          preconditionFailure("a cell of another plan: \(cell.key)")
        }
        return try work(model, task)
      }, conclude: conclude, summary: summary)
  }

  /// A run whose cells are one model with all its tasks.
  func prepared(
    _ probe: String, _ resolved: ResolvedSpec, tables: [TableSchema] = [.results, .samples],
    work: @escaping (ProbeModel) throws -> CellOutput,
    summary: @escaping ([ResultRow]) -> String
  ) throws -> PreparedProbe {
    let able = models.filter { ready[$0.name] != nil }
    return try prepared(
      probe, resolved, tables: tables, cells: able.map { cell($0.name, $0) },
      work: { cell in
        guard let model = able.first(where: { $0.name == cell.key }) else {
          preconditionFailure("a cell of another plan: \(cell.key)")
        }
        return try work(model)
      }, conclude: { _ in CellOutput() }, summary: summary)
  }

  private func cell(_ key: String, _ model: ProbeModel) -> Cell {
    Cell(key: key, cost: Double(model.model.architecture.parameterCount))
  }

  private func prepared(
    _ probe: String, _ resolved: ResolvedSpec, tables: [TableSchema], cells: [Cell],
    work: @escaping (Cell) throws -> CellOutput,
    conclude: @escaping (FinishedCells) throws -> CellOutput,
    summary: @escaping ([ResultRow]) -> String
  ) throws -> PreparedProbe {
    let data = tasks.map {
      InputFile(.data, named: "task \($0.name)", contents: $0.digestBytes)
    }
    return PreparedProbe(
      inputs: try RunInputs(
        probe: probe, spec: resolved, files: models.flatMap(\.files) + data,
        precision: models[0].model.context.precision.rawValue),
      plan: RunPlan(
        cells: cells, tables: tables,
        details: RunDetails(
          seeds: [Int(spec.seed)], models: JSONObject(models.map { ($0.name, $0.details) }),
          dropped: dropped)),
      work: work, conclude: conclude, summary: summary)
  }
}
