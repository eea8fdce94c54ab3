// What changed between two runs of one probe, observation by observation, with a paired test where the runs keep the
// examples behind the numbers.

import CheckpointIO

/// The observations of two runs side by side.
///
/// Two rows are the same observation when all columns that say what was observed agree. A column that has one value
/// throughout a run and another throughout the other (two models, two seeds) tells the runs apart and is left out.
public struct RunComparison: Sendable {
  /// One observation.
  public struct Pair: Sendable {
    /// The values of `keyColumns`.
    public let key: [TableValue]
    /// Of the first run; nil where it lacks the observation.
    public let first: Estimate?
    /// Of the second run; nil where it lacks the observation.
    public let second: Estimate?
    /// The two-sided p-value that both runs do equally well on the same examples; `nil` without such examples.
    public fileprivate(set) var p: Double?
    /// `p` after Holm's method over all observations tested.
    public fileprivate(set) var holmP: Double?

    /// Second minus first.
    public var change: Double? {
      guard let first = first?.value, let second = second?.value else { return nil }
      return second - first
    }
    /// Whether one run lacks the observation, or has another number.
    public var isDifferent: Bool { first != second }
  }

  /// The columns that say what was observed.
  public let keyColumns: [Column]
  /// Columns that differ throughout, with both values.
  public let apart: [(column: String, first: TableValue, second: TableValue)]
  /// In the order of the first run, then what only the second has.
  public let pairs: [Pair]

  /// - Throws: `RunError.invalidInput` for runs of two probes, and what reading tables throws.
  public init(_ first: FinishedRun, _ second: FinishedRun) throws {
    let probes = [first, second].map { $0.record["probe"]?.stringValue ?? "" }
    guard probes[0] == probes[1] else {
      throw RunError.invalidInput(
        subject: second.path,
        fact: "this is a run of '\(probes[1])', and \(first.path) one of '\(probes[0])'")
    }
    let tables = try [first, second].map { try $0.table(TableSchema.results.file) }
    let measured = ["run_id", "value", "ci_low", "ci_high", "n"]
    var keyColumns: [Column] = []
    var apart: [(column: String, first: TableValue, second: TableValue)] = []
    for column in tables[0].schema.columns where !measured.contains(column.name) {
      guard tables[1].places[column.name] != nil else { continue }
      if let a = tables[0].constant(column.name), let b = tables[1].constant(column.name), a != b {
        apart.append((column.name, a, b))
      } else {
        keyColumns.append(column)
      }
    }
    self.keyColumns = keyColumns
    self.apart = apart
    let names = keyColumns.map(\.name)
    let own = try Observations(tables[0], names)
    let others = try Observations(tables[1], names)
    var pairs = own.order.map { key in
      Pair(key: key.values, first: own.estimates[key], second: others.estimates[key])
    }
    pairs += others.order.filter { own.estimates[$0] == nil }.map { key in
      Pair(key: key.values, first: nil, second: others.estimates[key])
    }
    if let examples = try PairedExamples(first, second, keyColumns: names) {
      for index in pairs.indices { pairs[index].p = examples.p(of: pairs[index]) }
      let tested = pairs.indices.filter { pairs[$0].p != nil }
      let adjusted = Statistics.holmAdjusted(tested.compactMap { pairs[$0].p })
      for (index, p) in zip(tested, adjusted) { pairs[index].holmP = p }
    }
    self.pairs = pairs
  }

  /// The comparison as a table.
  ///
  /// - Parameter all: also the observations that are the same in both runs.
  public func table(all: Bool) -> Table {
    let difference = TableSchema.difference
    var table = Table(
      TableSchema(
        file: difference.file, meaning: difference.meaning,
        columns: keyColumns + difference.columns))
    for pair in pairs where all || pair.isDifferent {
      table.append(
        pair.key + [
          .real(pair.first?.value), .real(pair.second?.value), .real(pair.change),
          .optional(pair.first?.count), .optional(pair.second?.count), .real(pair.p),
          .real(pair.holmP),
        ])
    }
    return table
  }
}

extension TableSchema {
  /// What `thetascope diff` adds to the columns that say what was observed.
  static let difference = TableSchema(
    file: "diff.csv", meaning: "One row per observation of two runs.",
    columns: [
      Column(
        "first", .real, "The value in the first run.", formula: "value of the first run",
        unit: "the metric's", whenEmpty: "undefined, or not there",
        source: Documentation.thisProject),
      Column(
        "second", .real, "The value in the second run.", formula: "value of the second run",
        unit: "the metric's", whenEmpty: "undefined, or not there",
        source: Documentation.thisProject),
      Column(
        "change", .real, "Second minus first.", formula: "second − first", unit: "the metric's",
        whenEmpty: "either is empty", source: Documentation.thisProject),
      Column(
        "first_n", .integer, "The examples behind the first.", whenEmpty: "it is not there"),
      Column(
        "second_n", .integer, "The examples behind the second.", whenEmpty: "it is not there"),
      Column(
        "p", .real,
        "The two-sided p-value that both are the same on the same examples: McNemar's exact test "
          + "for accuracies, sign-flipping clustered by query for the rest.",
        formula: "that of `mcnemar_p`, or of `permutation_p`", range: "0 … 1",
        whenEmpty: "samples.csv does not hold the same examples in both runs",
        source: "McNemar 1947, Psychometrika 12; Edgington 1980, Randomization Tests, §5"),
      Column(
        "holm_p", .real, "p adjusted by Holm's method over all observations tested.",
        formula: Documentation.holmP.formula, range: "0 … 1", whenEmpty: "p is empty",
        source: Documentation.holmP.source),
    ])
}

/// The values that say what was observed, and which of several equal ones it is.
struct ObservationKey: Hashable {
  let values: [TableValue]
  let occurrence: Int
}

/// The observations of a run by what was observed.
private struct Observations {
  private(set) var order: [ObservationKey] = []
  private(set) var estimates: [ObservationKey: Estimate] = [:]

  init(_ table: Table, _ columns: [String]) throws {
    var seen: [[TableValue]: Int] = [:]
    for record in table.records {
      let values = columns.map { record[$0] }
      let key = ObservationKey(values: values, occurrence: seen[values, default: 0])
      seen[values, default: 0] += 1
      order.append(key)
      estimates[key] = try ResultRow(record).estimate
    }
  }
}

/// The examples that two runs share.
private struct PairedExamples {
  /// What each metric is a mean of.
  private static let sampled: [Metric: String] = [
    .accuracy: "correct", .targetRank: "target_rank", .logitDifference: "logit_diff",
  ]
  private let keyColumns: [String]
  /// The columns of the key that samples have.
  private let places: [Int]
  private let groups: [[[TableValue]: [[TableValue]: [String: Double]]]]
  private let queries: [[TableValue]: String]
  private let ambiguous: Set<[TableValue]>

  /// `nil` unless both runs keep samples.
  init?(_ first: FinishedRun, _ second: FinishedRun, keyColumns: [String]) throws {
    let file = TableSchema.samples.file
    guard first.schemas.contains(where: { $0.file == file }),
      second.schemas.contains(where: { $0.file == file })
    else { return nil }
    let tables = [try first.table(file), try second.table(file)]
    places = keyColumns.indices.filter { place in
      tables.allSatisfy { $0.places[keyColumns[place]] != nil }
    }
    self.keyColumns = keyColumns
    var groups: [[[TableValue]: [[TableValue]: [String: Double]]]] = []
    var queries: [[TableValue]: String] = [:]
    var ambiguous: Set<[TableValue]> = []
    for table in tables {
      var own: [[TableValue]: [[TableValue]: [String: Double]]] = [:]
      for record in table.records {
        let example = ["example", "query", "target"].map { record[$0] }
        var values: [String: Double] = [:]
        for column in Self.sampled.values {
          switch record[column] {
          case .integer(let value): values[column] = Double(value)
          case .number(let value): values[column] = value
          case .empty, .text: break
          }
        }
        // Two rows of one example, of two heads for one: which of them an observation is over cannot be told.
        let key = places.map { record[keyColumns[$0]] }
        if own[key]?[example] != nil { ambiguous.insert(key) }
        own[key, default: [:]][example] = values
        queries[example] = try record.required("query")
      }
      groups.append(own)
    }
    self.groups = groups
    self.queries = queries
    self.ambiguous = ambiguous
  }

  /// The p-value of an observation; `nil` unless both runs show every one of its examples, the same ones, and it is their
  /// mean.
  func p(of pair: RunComparison.Pair) -> Double? {
    guard let place = keyColumns.firstIndex(of: "metric"),
      case .text(let name) = pair.key[place], let metric = Metric(rawValue: name),
      let column = Self.sampled[metric], let first = pair.first, let second = pair.second
    else { return nil }
    let key = places.map { pair.key[$0] }
    guard !ambiguous.contains(key), let own = groups[0][key], let others = groups[1][key],
      own.count == first.count, others.count == second.count, own.count == others.count
    else { return nil }
    var clusters: [String] = []
    var values: [[Double]] = [[], []]
    for (example, measured) in own.sorted(by: { order($0.key, $1.key) }) {
      guard let a = measured[column], let b = others[example]?[column] else { return nil }
      values[0].append(a)
      values[1].append(b)
      clusters.append(queries[example] ?? "")
    }
    // The observation must be the mean of these examples, not another that shares its columns.
    for (values, estimate) in zip(values, [first, second]) {
      guard let mean = Statistics.mean(values), let value = estimate.value,
        abs(mean - value) <= 1e-9 * max(1, abs(value))
      else { return nil }
    }
    if metric == .accuracy {
      return Statistics.mcNemarExact(values[0].map { $0 == 1 }, values[1].map { $0 == 1 })
    }
    let differences = zip(values[1], values[0]).map { $0 - $1 }
    return PairedPermutation(key: "diff\u{0}\(pair.key)", seed: 0)
      .pValues(of: [differences], clusters: clusters).each.first
  }

  /// By the example's number, so that nothing depends on a hash table.
  private func order(_ left: [TableValue], _ right: [TableValue]) -> Bool {
    guard case .integer(let a) = left[0], case .integer(let b) = right[0] else { return false }
    return a < b
  }
}

extension Table {
  /// The value of a column where all rows have the same.
  fileprivate func constant(_ column: String) -> TableValue? {
    guard let place = places[column], let first = rows.first?[place],
      rows.allSatisfy({ $0[place] == first })
    else { return nil }
    return first
  }
}

extension RunComparison {
  /// What the terminal says: what the runs were made of, how many observations changed, and those that changed most.
  public func summary(
    _ first: FinishedRun, _ second: FinishedRun, limit: Int = 12, on screen: Screen = .plain
  ) -> [String] {
    var lines: [String] = []
    let inputs = first.differences(from: second)
    lines += inputs.isEmpty ? ["made of the same inputs"] : ["made of different inputs:"]
    lines += inputs.prefix(limit).map { "  \($0)" }
    if inputs.count > limit { lines.append("  and \(inputs.count - limit) more") }
    let both = pairs.filter { $0.first != nil && $0.second != nil }
    let changed = both.filter(\.isDifferent)
    lines.append(
      "\(both.count) observations in both runs, \(changed.count) of them changed; "
        + "\(pairs.count { $0.second == nil }) only in \(first.path), "
        + "\(pairs.count { $0.first == nil }) only in \(second.path)")
    // Choices and p-values are on scales of their own, and stand behind what was measured.
    let metric = keyColumns.firstIndex { $0.name == "metric" }
    func rank(_ pair: Pair) -> Int {
      switch metric.flatMap({ Metric(rawValue: pair.key[$0].shown) }) {
      case .mcNemarP, .permutationP, .permutationPCorrected, .holmP, .benjaminiHochbergP: 2
      case .chosenLayer, .chosenScale, .headRank: 1
      default: 0
      }
    }
    let ranked = changed.enumerated().map { (rank($1), -abs($1.change ?? 0), $0, $1) }
      .sorted { ($0.0, $0.1, $0.2) < ($1.0, $1.1, $1.2) }.prefix(limit).map(\.3)
    guard !ranked.isEmpty else { return lines }
    // Columns that are the same in all rows shown say nothing; the attention is the model's.
    let telling = keyColumns.indices.filter { place in
      let values = Set(ranked.map { $0.key[place] })
      return keyColumns[place].name != "attention"
        && (values.count > 1 || place == metric || (ranked.count == 1 && values != [.empty]))
    }
    let early = ["model", "task", "condition", "layer", "position", "head"].compactMap { name in
      telling.first { keyColumns[$0].name == name }
    }
    let shown = early + telling.filter { !early.contains($0) }
    let folders = [first, second].map { $0.path.split(separator: "/").last.map(String.init) ?? "" }
    let isShort = folders[0] != folders[1] && folders.allSatisfy { (1...16).contains($0.count) }
    var table = TextTable(
      headers: shown.map { keyColumns[$0].name } + (isShort ? folders : ["first", "second"])
        + ["change", "p (Holm)"], keys: shown.count)
    for pair in ranked {
      table.append(
        shown.map { pair.key[$0].shown }
          + [pair.first?.value, pair.second?.value, pair.change, pair.holmP].map {
            TextTable.number($0, decimals: 3)
          })
    }
    return lines + [""] + table.lines(on: screen)
  }
}

extension TableValue {
  /// As it stands in a CSV, without quotes.
  var shown: String {
    switch self {
    case .empty: ""
    case .text(let text): text
    case .integer(let integer): "\(integer)"
    case .number(let number): "\(number)"
    }
  }
}
