// What the terminal shows of numbers by layer: a line for each model, task, condition and hook.

/// A number by layer: the greatest of the rows there, such as those of several positions or heads.
func layerTable(_ rows: [ResultRow], title: String, on screen: Screen) -> [String] {
  var order: [[String]] = []
  var values: [[String]: [Int: Double]] = [:]
  for row in rows {
    guard let layer = row.layer else { continue }
    let key = [row.model, row.task ?? "", row.condition.rawValue, row.hook ?? ""]
    if values[key] == nil { order.append(key) }
    let before = values[key]?[layer]
    values[key, default: [:]][layer] = [before, row.estimate.value].compactMap { $0 }.max()
  }
  let layers = (rows.compactMap(\.layer).max() ?? 0) + 1
  var table = TextTable(
    headers: ["model", "task", "condition", "hook"] + (0..<layers).map { "\($0)" })
  for key in order {
    table.append(key + (0..<layers).map { TextTable.number(values[key]?[$0]) })
  }
  return [title] + table.lines(on: screen)
}
