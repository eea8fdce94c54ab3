// The probe `task-geometry`: how θ of many demonstration sets of many tasks lie to each other, layer by layer, and what θ of
// each task does in prompts of every other. One cell is the geometry of a model, or one task's vectors put in everywhere.
//
// Source: Hendel et al. 2023, arXiv:2310.15916, §4; their `task_vectors_robustness.py`.

import HookPoints
import ICLTasks
import TensorCore

/// A prepared `task-geometry` run.
struct TaskGeometryProbe {
  let spec: TaskGeometrySpec
  let study: TaskStudy

  static let promptTask = Column(
    "prompt_task", .text,
    "The task that the zero-shot queries come from; the answers that count are those of `task`. In rows of "
      + "the mean `own` (queries of that task) or `others` (of others that it can be asked too).",
    whenEmpty: "nothing was asked")

  private enum Place {
    case geometry
    case injection(ReadyTask)
  }

  init(_ spec: TaskGeometrySpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    study = try TaskStudy(spec.prompting, file: file, on: context)
    for model in study.models {
      let tasks = study.tasks(of: model)
      let vectors = tasks.count * spec.testSets
      guard tasks.count >= 2, Double(vectors) > spec.perplexity else {
        throw RunError.invalidInput(
          subject: file,
          fact:
            "\(model.name) gives \(vectors) vectors of \(tasks.count) tasks; the geometry needs two "
            + "tasks, and t-SNE more vectors than its perplexity of \(spec.perplexity)")
      }
    }
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    let untrained = UntrainedModels(seed: spec.seed)
    let identity = try study.inputs("task-geometry", resolved).identity
    return try study.prepared(
      "task-geometry", resolved,
      tables: [TableSchema.results, .samples].map { $0.adding([Self.promptTask]) }
        + [.coordinates, .cosines],
      places: study.models.flatMap { model -> [(key: String, model: ProbeModel, place: Place)] in
        let own = study.tasks(of: model)
        return [("\(model.name)/geometry", model, .geometry)]
          + (spec.injection ? own : []).map {
            ("\(model.name)/\($0.name)", model, .injection($0))
          }
      },
      work: { model, place in
        let tasks = study.tasks(of: model)
        switch place {
        case .geometry:
          var cell = TaskGeometryCell(model, tasks, spec, identity)
          try cell.run(untrained: { untrained.model(like: model) })
          return cell.cell.output
        case .injection(let task):
          var cell = TaskInjectionCell(model, task, spec.prompting)
          try cell.run(into: tasks)
          return cell.cell.output
        }
      },
      conclude: { cells in
        var output = CellOutput()
        output.results = TaskGeometrySummary(spec: spec, study: study).rows(
          try cells.results(), try cells.samples())
        return output
      }, summary: { TaskGeometrySummary(spec: spec, study: study).text($0, on: $1) })
  }
}
