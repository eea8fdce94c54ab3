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
  /// The same in a sentence for each model that cannot be asked some task.
  let notices: [String]

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
    var lost: [String: [(task: String, why: String)]] = [:]
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
          let why = "\(answerable.explained(error))"
          dropped.append(Dropped("task \(task.name) for \(model.name)", count: 1, why: why))
          lost[model.name, default: []].append((task.name, why))
        }
      }
    }
    // A probe may have other prompts than those of tasks; it judges itself whether none is an error.
    guard !ready.isEmpty || tasks.isEmpty else {
      throw RunError.invalidInput(
        subject: file,
        fact: "no task is left for any model: "
          + (models.compactMap { lost[$0.name]?.first?.why }.first ?? "none was asked for"))
    }
    self.spec = spec
    self.tasks = tasks
    self.models = models
    self.ready = ready
    self.dropped = dropped
    notices = models.compactMap { model in
      lost[model.name].map { own in
        "\(model.name) cannot be asked \(own.count) of \(tasks.count) tasks, which its means leave out: "
          + own.map(\.task).joined(separator: ", ")
          + "; run.json says why, of the first that \(own[0].why)"
      }
    }
  }

  /// The tasks that a model can be asked, in the order of the probe file.
  func tasks(of model: ProbeModel) -> [ReadyTask] {
    tasks.compactMap { ready[model.name]?[$0.name] }
  }

  /// A run whose cells are one model on one task.
  func prepared(
    _ probe: String, _ resolved: ResolvedSpec, tables: [TableSchema] = [.results, .samples],
    dropped: [Dropped] = [],
    work: @escaping (ProbeModel, ReadyTask) throws -> CellOutput,
    conclude: @escaping (FinishedCells) throws -> CellOutput = { _ in CellOutput() },
    summary: @escaping ([ResultRow], Screen) -> String
  ) throws -> PreparedProbe {
    try prepared(
      probe, resolved, tables: tables,
      places: models.flatMap { model in
        tasks(of: model).map { ("\(model.name)/\($0.name)", model, $0) }
      }, dropped: dropped, work: work, conclude: conclude, summary: summary)
  }

  /// A run whose cells are one model with all its tasks; without tasks, every model.
  func prepared(
    _ probe: String, _ resolved: ResolvedSpec, tables: [TableSchema] = [.results, .samples],
    dropped: [Dropped] = [],
    work: @escaping (ProbeModel) throws -> CellOutput,
    summary: @escaping ([ResultRow], Screen) -> String
  ) throws -> PreparedProbe {
    try prepared(
      probe, resolved, tables: tables,
      places: models.filter { tasks.isEmpty || ready[$0.name] != nil }.map { ($0.name, $0, ()) },
      dropped: dropped, work: { model, _ in try work(model) }, summary: summary)
  }

  /// A run whose cells are one model at one place, whatever that is to the probe: a pair of tasks, for one.
  func prepared<Place>(
    _ probe: String, _ resolved: ResolvedSpec, tables: [TableSchema] = [.results, .samples],
    places: [(key: String, model: ProbeModel, place: Place)], dropped: [Dropped] = [],
    work: @escaping (ProbeModel, Place) throws -> CellOutput,
    conclude: @escaping (FinishedCells) throws -> CellOutput = { _ in CellOutput() },
    summary: @escaping ([ResultRow], Screen) -> String
  ) throws -> PreparedProbe {
    let byKey = Dictionary(uniqueKeysWithValues: places.map { ($0.key, ($0.model, $0.place)) })
    return try prepared(
      probe, resolved, tables: tables, cells: places.map { cell($0.key, $0.model) },
      dropped: dropped,
      work: { cell in
        guard let (model, place) = byKey[cell.key] else {
          preconditionFailure("a cell of another plan: \(cell.key)")
        }
        return try work(model, place)
      }, conclude: conclude, summary: summary)
  }

  /// All that decides the numbers.
  func inputs(_ probe: String, _ resolved: ResolvedSpec) throws -> RunInputs {
    let data = tasks.map { InputFile(.data, named: "task \($0.name)", contents: $0.digestBytes) }
    return try RunInputs(
      probe: probe, spec: resolved, files: models.flatMap(\.files) + data,
      precision: models[0].model.context.precision.rawValue)
  }

  private func cell(_ key: String, _ model: ProbeModel) -> Cell {
    Cell(key: key, cost: Double(model.model.architecture.parameterCount))
  }

  /// A run of cells of the probe's own.
  ///
  /// - Parameter seeds: what run.json names; the spec's seed by default.
  func prepared(
    _ probe: String, _ resolved: ResolvedSpec, seeds: [Int]? = nil, tables: [TableSchema],
    cells: [Cell], dropped: [Dropped] = [],
    work: @escaping (Cell) throws -> CellOutput,
    conclude: @escaping (FinishedCells) throws -> CellOutput,
    summary: @escaping ([ResultRow], Screen) -> String
  ) throws -> PreparedProbe {
    return PreparedProbe(
      inputs: try inputs(probe, resolved),
      plan: RunPlan(
        cells: cells, tables: tables,
        details: RunDetails(
          seeds: seeds ?? [Int(spec.seed)],
          models: JSONObject(models.map { ($0.name, $0.details) }),
          dropped: self.dropped + dropped, notices: notices)),
      work: work, conclude: conclude, summary: summary)
  }
}
