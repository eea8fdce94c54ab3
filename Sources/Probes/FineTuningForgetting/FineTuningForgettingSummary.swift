// FineTuningForgettingSummary: rows over runs, a run being one target and seed, each beside the same model before
// fine-tuning; and the table in the terminal.

struct FineTuningForgettingSummary {
  let spec: FineTuningForgettingSpec

  /// A way to fine-tune (or not) on one model, some queries and a number of demonstrations.
  private struct Key: Hashable {
    let model: String
    var condition: Condition
    let queries: TableValue
    var weight: TableValue
    var rank: TableValue
    let shots: Int

    init(_ row: ResultRow) {
      model = row.model
      condition = row.condition
      (queries, weight, rank) = (row.extra[0], row.extra[1], row.extra[2])
      shots = row.shots ?? 0
    }

    var pretrained: Key {
      var key = self
      key.condition = .pretrained
      (key.weight, key.rank) = (.empty, .empty)
      return key
    }
  }

  /// Of each way its mean over runs, and the change from the model before; `rows` are those of the cells.
  func rows(_ rows: [ResultRow]) -> [ResultRow] {
    var byRun: [Key: [String: Double]] = [:]
    var firsts: [ResultRow] = []
    for row in rows where row.split != .development && isOfGroup(row) {
      let key = Key(row)
      if byRun[key] == nil { firsts.append(row) }
      byRun[key, default: [:]]["\(row.sourceTask ?? "")/\(row.seed ?? 0)"] = row.estimate.value
    }
    let names = spec.targets.flatMap { target in spec.seeds.map { "\(target)/\($0)" } }
    return firsts.flatMap { first -> [ResultRow] in
      let key = Key(first)
      let runs = PairedRuns(names: names, key: "finetuning-forgetting\u{0}\(key)")
      let values = names.map { byRun[key]?[$0] }
      func made(_ metric: Metric, _ estimate: Estimate) -> ResultRow {
        var row = first
        (row.task, row.sourceTask, row.seed) = ("mean", nil, nil)
        (row.metric, row.estimate) = (metric, estimate)
        row.extra = Array(row.extra.prefix(3)) + [.empty, .empty]
        return row
      }
      let mean = made(.accuracy, runs.mean(values))
      guard first.condition != .pretrained else { return [mean] }
      let change = runs.change(values, from: names.map { byRun[key.pretrained]?[$0] })
      return [mean, made(.accuracyChange, change.mean), made(.permutationP, change.p)]
    }
  }

  /// Whether a row of a cell speaks for all of its queries: the target's own, or the mean over other tasks.
  private func isOfGroup(_ row: ResultRow) -> Bool {
    row.metric == .accuracy && (row.task == row.sourceTask || row.task == "mean")
  }

  // MARK: The terminal

  func text(_ rows: [ResultRow], on screen: Screen) -> String {
    let most = spec.testShots.max() ?? 0
    let least = spec.testShots.min() ?? 0
    var table = TextTable(
      headers: [
        "model", "fine-tuned", "λ", "rank", "tuned \(least)", "new \(least)", "new \(most)",
        "same inputs \(most)", "others \(most)",
      ], keys: 4)
    let over = rows.filter { $0.seed == nil && $0.metric == .accuracy }
    var seen: Set<[TableValue]> = []
    for row in over {
      let way: [TableValue] = [.text(row.model), .text(row.condition.rawValue)] + row.extra[1...2]
      guard seen.insert(way).inserted else { continue }
      func value(_ queries: ForgettingQueries, _ shots: Int) -> String {
        TextTable.number(
          over.first {
            $0.model == row.model && $0.condition == row.condition && $0.shots == shots
              && $0.extra[0] == .text(queries.rawValue) && $0.extra[1...2] == row.extra[1...2]
          }?.estimate.value)
      }
      func number(_ value: TableValue) -> String {
        switch value {
        case .number(let number): TextTable.number(number)
        case .integer(let number): "\(number)"
        default: ""
        }
      }
      table.append([
        row.model, row.condition.rawValue, number(row.extra[1]), number(row.extra[2]),
        value(.fineTuned, least), value(.heldOut, least), value(.heldOut, most),
        value(.sameInputs, most), value(.others, most),
      ])
    }
    let runs = spec.targets.count * spec.seeds.count
    return
      (table.lines(on: screen) + [
        "",
        "accuracy after \(least) and \(most) demonstrations: pairs fine-tuned on, new pairs of the same task, other tasks "
          + "on the same inputs, the rest; mean over \(runs) run\(runs == 1 ? "" : "s") (target × seed)",
      ]).joined(separator: "\n")
  }
}
