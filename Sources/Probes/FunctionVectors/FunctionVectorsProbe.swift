// The probe `function-vectors`: which heads carry a task, and what the vector that they write does to prompts without the
// task. Heads are ranked by their effect over all tasks of the run, so a cell (one model on one task) needs the effects of
// all. Those of one model on one task are a stage: kept by the run's journal, computed by each shard that needs them and does
// not find them in a folder that the shards share.
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
    let stages = Stages()
    // Of one model at a time: cells come model by model.
    var measured: (model: String, tasks: [MeasuredHeads])?
    var prepared = try study.prepared(
      "function-vectors", resolved,
      tables: [TableSchema.results, .samples].map { $0.adding(Self.columns) },
      work: { model, task in
        let tasks = study.tasks(of: model)
        if measured?.model != model.name {
          measured = (model.name, try heads(model, tasks, stages))
        }
        var cell = FunctionVectorsCell(model, task, spec)
        try cell.run(
          measured?.tasks ?? [], place: tasks.firstIndex { $0.name == task.name } ?? 0)
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
    prepared.stages = stages
    return prepared
  }

  /// The heads of a model on each task, from the journal where it has them.
  private func heads(_ model: ProbeModel, _ tasks: [ReadyTask], _ stages: Stages) throws
    -> [MeasuredHeads]
  {
    let names = tasks.map { "\(model.name)/\($0.name)/heads" }
    let found = try stages.results(names) {
      try FunctionVectorsCell(model, tasks[$0], spec).measured().json
    }
    return try zip(names, found).map { name, json in
      guard let measured = MeasuredHeads(json) else {
        throw RunError.damagedJournal(
          file: name,
          fact: "the stage is not one that this version reads; use --force to start anew")
      }
      return measured
    }
  }
}
