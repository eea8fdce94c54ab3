// The probe `function-vectors`: which heads carry a task, and what the vector that they write does to prompts without the
// task. Heads are ranked by their effect over all tasks of the run, so a cell (one model on one task) needs the effects of
// all: they are computed once a process and model, and anew by each shard; every number is the same either way.
//
// Source: Todd et al. 2023, arXiv:2310.15213. Their released code calls the whole output projection for each head, which
// counts its bias |A| times where there is one; here it is in no vector.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

/// A prepared `function-vectors` run.
struct FunctionVectorsProbe {
  let spec: FunctionVectorsSpec
  let study: TaskStudy

  static let columns = [
    Column(
      "prompt", .text, "The prompt that the vector is added to.",
      range: FunctionVectorsSpec.Receiver.allCases.map(\.rawValue).joined(separator: ", "),
      whenEmpty: "the row is about heads, or about no vector"),
    Column(
      "setting", .text, "What sets the row apart within its condition: `draw=1`.",
      whenEmpty: "the condition says it all"),
  ]

  init(_ spec: FunctionVectorsSpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    study = try TaskStudy(spec.prompting, file: file, on: context)
    for model in study.models {
      let (architecture, heads) = (model.model.architecture, model.model.allHeads.count)
      guard architecture.arrangement != .sandwich else {
        throw RunError.invalidInput(
          subject: model.name,
          fact:
            "its attention passes a norm before it is added to the stream, so what a head adds is not "
            + "W_O times its output and function vectors are not defined")
      }
      guard heads > spec.heads else {
        throw RunError.invalidInput(
          subject: file,
          fact:
            "'heads' is \(spec.heads), but \(model.name) has only \(heads); choose fewer than all")
      }
    }
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    let measured = MeasuredHeads()
    return try study.prepared(
      "function-vectors", resolved,
      tables: [TableSchema.results, .samples].map { $0.adding(Self.columns) },
      work: { model, task in
        let tasks = study.tasks(of: model)
        let found = try measured.heads(of: model) {
          try tasks.map { try FunctionVectorsCell(model, $0, spec).measured() }
        }
        var cell = FunctionVectorsCell(model, task, spec)
        try cell.run(found, place: tasks.firstIndex { $0.name == task.name } ?? 0)
        return cell.cell.output
      },
      summary: { rows, screen in
        let effects = HeatMap(
          "average indirect effect of each head (what its mean restores of the answer's probability)",
          of: rows.filter { $0.metric == .averageIndirectEffect }, by: .heads)
        return
          ([accuracyTable(rows, on: screen)] + (effects.map { [""] + $0.lines(on: screen) } ?? []))
          .joined(separator: "\n")
      })
  }
}

/// The effects of heads on all tasks, of one model at a time: cells come model by model.
private final class MeasuredHeads {
  private var made: (model: String, tasks: [FunctionVectorsCell.Measured])?

  func heads(of model: ProbeModel, _ compute: () throws -> [FunctionVectorsCell.Measured]) rethrows
    -> [FunctionVectorsCell.Measured]
  {
    if let made, made.model == model.name { return made.tasks }
    let tasks = try compute()
    made = (model.name, tasks)
    return tasks
  }
}
