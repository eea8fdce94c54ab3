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
      }, summary: { accuracyTable($0, on: $1) })
  }
}

/// The headline accuracies by model, condition and what sets a row apart within it, mean over tasks; and for each model the
/// curves over layers of the conditions that reach highest.
func accuracyTable(_ rows: [ResultRow], on screen: Screen) -> String {
  let own = rows.filter { $0.metric == .accuracy && $0.split == .test }
  var order: [[String]] = []
  var values: [[String]: [Double]] = [:]
  for row in own where row.layer == nil {
    let key = [row.model] + setting(row)
    if values[key] == nil { order.append(key) }
    if let value = row.estimate.value { values[key, default: []].append(value) }
  }
  let headers = ["model", "condition", "hook", "position", "setting", "shots", "tasks"]
  let words = order.map { $0 + ["\(values[$0]?.count ?? 0)"] }
  let shown = headers.indices.filter { $0 < 2 || isTelling($0, words) }
  var table = TextTable(headers: shown.map { headers[$0] } + ["accuracy"], keys: shown.count)
  for (key, words) in zip(order, words) {
    table.append(shown.map { words[$0] } + [TextTable.number(Statistics.mean(values[key] ?? []))])
  }
  let models = order.reduce(into: [String]()) { if !$0.contains($1[0]) { $0.append($1[0]) } }
  return
    (["accuracy on the test sets, mean over tasks; choices made on the development sets"]
    + table.lines(on: screen)
    + models.flatMap { model in accuracyCurve(model, own.filter { $0.model == model }, on: screen) })
    .joined(separator: "\n")
}

/// What sets a row apart within its model.
private func setting(_ row: ResultRow) -> [String] {
  let extra = row.extra.compactMap { value -> String? in
    switch value {
    case .text(let text): text
    case .number(let number): "\(number)"
    default: nil
    }
  }
  return [
    row.condition.rawValue, row.hook ?? "", row.position ?? "", extra.joined(separator: ", "),
    "\(row.shots ?? 0)",
  ]
}

/// Whether the rows have more than one word at a place; what all share says nothing.
private func isTelling(_ place: Int, _ rows: [[String]]) -> Bool {
  Set(rows.map { $0[place] }.filter { !$0.isEmpty }).count > 1
}

/// The curves of a model, at most six; none where no row has a layer.
private func accuracyCurve(_ model: String, _ rows: [ResultRow], on screen: Screen) -> [String] {
  let layers = 1 + (rows.compactMap(\.layer).max() ?? 0)
  var order: [[String]] = []
  var values: [[String]: [[Double]]] = [:]
  for row in rows {
    guard let layer = row.layer, let value = row.estimate.value else { continue }
    let key = setting(row)
    if values[key] == nil { order.append(key) }
    values[key, default: Array(repeating: [], count: layers)][layer].append(value)
  }
  let telling = (0..<5).filter { $0 == 0 || isTelling($0, order) }
  let series = order.map { key in
    LayerCurve.Series(
      telling.map { key[$0] }.filter { !$0.isEmpty }.joined(separator: " "),
      (values[key] ?? []).map { Statistics.mean($0) })
  }
  let highest = series.enumerated().sorted { left, right in
    let (a, b) = (left.element.highest, right.element.highest)
    return a == b ? left.offset < right.offset : a > b
  }.prefix(6).map(\.element)
  guard !highest.isEmpty else { return [] }
  let more = series.count > highest.count ? ", the \(highest.count) highest of \(series.count)" : ""
  return [""]
    + LayerCurve(title: "\(model): accuracy by layer, mean over tasks\(more)", series: highest)
    .lines(on: screen)
}

extension LayerCurve.Series {
  fileprivate var highest: Double { values.compactMap { $0 }.max() ?? -.infinity }
}
