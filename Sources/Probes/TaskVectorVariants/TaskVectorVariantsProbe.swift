// The probe `task-vector-variants`: other ways to make a task vector and other ways to use it, each by layer under the
// protocol of `task-vectors`. One cell is one model on one task.
//
// Sources: Hendel et al. 2023, arXiv:2310.15916; Dong et al. 2026, arXiv:2506.09048 (every arrow); Li et al. 2024,
// arXiv:2404.11225 (state vectors); Todd et al. 2023, arXiv:2310.15213 (added means).

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

/// A prepared `task-vector-variants` run.
struct TaskVectorVariantsProbe {
  let spec: TaskVectorVariantsSpec
  let study: TaskStudy

  static let setting = Column(
    "setting", .text,
    "What sets the row apart within its condition: `scale=2`, `dummies=4`, `order=1`, `rank=2`.",
    whenEmpty: "the condition says it all")

  init(_ spec: TaskVectorVariantsSpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    study = try TaskStudy(spec.prompting, file: file, on: context)
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    try study.prepared(
      "task-vector-variants", resolved,
      tables: [TableSchema.results, .samples].map { $0.adding([Self.setting]) },
      work: { model, task in
        var cell = TaskVectorVariantsCell(model, task, spec)
        try cell.run()
        return cell.cell.output
      }, summary: { accuracyTable($0) })
  }
}

/// The headline accuracies by model, condition and what sets a row apart within it, mean over tasks.
func accuracyTable(_ rows: [ResultRow]) -> String {
  var order: [[String]] = []
  var values: [[String]: [Double]] = [:]
  for row in rows where row.metric == .accuracy && row.layer == nil && row.split == .test {
    let setting = row.extra.compactMap { value -> String? in
      switch value {
      case .text(let text): text
      case .number(let number): "\(number)"
      default: nil
      }
    }
    let key = [
      row.model, row.condition.rawValue, row.hook ?? "", row.position ?? "",
      setting.joined(separator: ", "), "\(row.shots ?? 0)",
    ]
    if values[key] == nil { order.append(key) }
    if let value = row.estimate.value { values[key, default: []].append(value) }
  }
  var table = TextTable(
    headers: ["model", "condition", "hook", "position", "setting", "shots", "tasks", "accuracy"])
  for key in order {
    let own = values[key] ?? []
    table.append(key + ["\(own.count)", TextTable.number(Statistics.mean(own))])
  }
  return
    (["accuracy on the test sets, mean over tasks; choices made on the development sets"]
    + table.lines(width: 130)).joined(separator: "\n")
}
