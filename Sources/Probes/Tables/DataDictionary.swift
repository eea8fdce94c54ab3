// Every name that can stand in a table, with what it means: what `explain` looks names up in, and what data/dictionary.md
// and the README's list of tables are made of. It collects what is documented beside each case and column; it documents nothing itself.

import HookPoints

/// The names of all tables: metrics, conditions, columns.
public enum DataDictionary {
  /// What a name is.
  public struct Entry: Sendable, Equatable {
    /// `metric`, `condition`, `taskKind`, or `column of results.csv`.
    public let kind: String
    static let taskKind = "value of the column task"
    /// As it stands in the tables.
    public let name: String
    /// What it means.
    public let documentation: Documentation
  }

  /// Every value of the column `metric`.
  public static let metrics = Metric.allCases.map {
    Entry(kind: "metric", name: $0.rawValue, documentation: $0.documentation)
  }

  /// Every value of the column `condition`.
  public static let conditions = Condition.allCases.map {
    Entry(kind: "condition", name: $0.rawValue, documentation: $0.documentation)
  }

  /// Every table: those of all runs, then what single probes add, then those of other commands.
  package static let tables: [(owner: String?, tables: [TableSchema])] =
    [(nil, [.results, .samples, .tokens])] + ProbeRegistry.tables.map { ($0.probe, $0.tables) }
    + TableSchema.ofCommands.map { ($0.owner, $0.tables) }

  /// The columns of every table, each once. A column that stands in several tables and means the same in all is named by
  /// the first.
  public static let columns: [Entry] = {
    var entries: [Entry] = []
    for (owner, tables) in tables {
      for table in tables {
        let kind = "column of \(table.file)" + (owner.map { " (\($0))" } ?? "")
        entries += table.columns.filter { column in
          !entries.contains { $0.name == column.name && $0.documentation == column.documentation }
        }.map { Entry(kind: kind, name: $0.name, documentation: $0.documentation) }
      }
    }
    return entries
  }()

  /// What stands in the column `task` beside the names of tasks.
  public static let tasks: [Entry] = [
    (
      "mean", "All tasks of the run, each counting the same: the row's value is a mean over them."
    ),
    (
      "mean_<category>",
      "The tasks of one category, such as mean_knowledge, each counting the same."
    ),
    (
      "theta_0",
      "Linear regression with the parameters θ₀ that the model is fine-tuned on, in `linear-finetuning`."
    ),
    (
      "minus_theta_0",
      "Linear regression with −θ₀, the farthest from what the model is fine-tuned on, in `linear-finetuning`."
    ),
    (
      "random",
      "Linear regression with parameters drawn at random, in `linear-finetuning`."
    ),
    ("text", "The held-out text of `momentum-attention`, which is no task of demonstrations."),
  ].map {
    Entry(
      kind: Entry.taskKind, name: $0.0,
      documentation: Documentation($0.1, source: Documentation.thisProject))
  }

  /// Metrics, conditions, values of `task`, and columns.
  public static var all: [Entry] { metrics + conditions + tasks + columns }

  /// Everything that has this name; where nothing does, what has it but for case and underscores, as papers write names, or
  /// as a mean over a category.
  ///
  /// - Throws: `RunError.unknownName` with the nearest name.
  public static func entries(named name: String) throws -> [Entry] {
    func plain(_ name: String) -> String { name.lowercased().filter { !"_- ".contains($0) } }
    let found = all.filter { $0.name == name }
    guard found.isEmpty else { return found }
    let alike = all.filter {
      plain($0.name) == plain(name)
        || ($0.name == "mean_<category>" && name.hasPrefix("mean_") && name.count > 5)
    }
    guard alike.isEmpty else { return alike }
    throw RunError.unknownName(
      name, near: nearName(to: name, among: all.map(\.name)),
      kind: "metric, condition or column")
  }
}

extension Column {
  var documentation: Documentation {
    Documentation(
      meaning, formula: formula, unit: unit, range: range ?? (kind == .truth ? "0 or 1" : nil),
      whenEmpty: whenEmpty, source: source)
  }
}

extension DataDictionary.Entry {
  /// The entry as lines for the terminal, at most `width` characters where words allow.
  public func text(width: Int = 80) -> String {
    var lines = ["\(name): \(kind)"]
    let facts: [(label: String?, text: String?)] = [
      (nil, documentation.meaning), ("formula", documentation.formula),
      ("unit", documentation.unit), ("range", documentation.range),
      ("empty", documentation.whenEmpty.map { "when \($0)" } ?? "never"),
      ("source", documentation.source),
    ]
    let isName = kind == "condition" || kind == Self.taskKind
    for case (let label, let text?) in facts where !(isName && label == "empty") {
      let head = label.map { "  \($0): " } ?? "  "
      lines += (head + text).wrapped(to: width, indent: 4)
    }
    return lines.joined(separator: "\n")
  }

  /// The entry as a row of a Markdown table: name, meaning, formula, unit and range, empty, source; of a condition, which
  /// is no number, name, meaning, formula, source.
  var markdown: String {
    let numeric = [
      [documentation.unit, documentation.range].compactMap { $0 }.joined(separator: "; "),
      documentation.whenEmpty ?? "never",
    ]
    let cells =
      ["`\(name)`", documentation.meaning, documentation.formula ?? ""]
      + (kind == "condition" ? [] : numeric) + [documentation.source ?? ""]
    return "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
  }
}

extension DataDictionary {
  /// The columns of a table as a probe writes it; nil for a table that nothing is known of.
  public static func columnNames(of file: String, by probe: String) -> [String]? {
    let own = tables.first { $0.owner == probe }?.tables.first { $0.file == file }
    return (own ?? tables[0].tables.first { $0.file == file })?.columns.map(\.name)
  }

  /// Every file with what a row is and its columns, as a Markdown table.
  public static var tableList: String {
    var rows: [(file: String, meaning: String, columns: [String])] = []
    for (owner, tables) in tables {
      for table in tables {
        let names = table.columns.map { "`\($0.name)`" }
        let place = rows.firstIndex { $0.file == table.file && $0.columns[0].hasPrefix(names[0]) }
        if let place, let owner {
          let known = Set(rows[place].columns.joined(separator: " ").split { " ,".contains($0) })
          let added = names.filter { !known.contains($0[...]) }
          if !added.isEmpty {
            rows[place].columns.append("\(owner) adds " + added.joined(separator: ", "))
          }
        } else {
          rows.append((table.file, table.meaning, [names.joined(separator: ", ")]))
          if let owner { rows[rows.count - 1].meaning += " (\(owner))" }
        }
      }
    }
    let lines = rows.map {
      "| `\($0.file)` | \($0.meaning) | \($0.columns.joined(separator: "; ")) |"
    }
    return (["| file | a row | columns |", "|---|---|---|"] + lines).joined(separator: "\n") + "\n"
  }

  /// The whole dictionary in Markdown.
  public static var markdown: String {
    let head =
      "| name | meaning | formula | unit, range | empty when | source |\n|---|---|---|---|---|---|"
    var parts = ["# Data dictionary\n\n" + introduction]
    parts.append("## Metrics\n\n" + ([head] + metrics.map(\.markdown)).joined(separator: "\n"))
    parts.append(
      "## Conditions\n\n| name | meaning | formula | source |\n|---|---|---|---|\n"
        + conditions.map(\.markdown).joined(separator: "\n"))
    parts.append(
      "## Values of the column task\n\nBeside the names of tasks:\n\n| name | meaning |\n|---|---|\n"
        + tasks.map { "| `\($0.name)` | \($0.documentation.meaning) |" }.joined(separator: "\n"))
    var kinds: [String] = []
    for entry in columns where !kinds.contains(entry.kind) { kinds.append(entry.kind) }
    for kind in kinds {
      let title = kind.replacing("column of ", with: "Columns of ")
      parts.append(
        "## \(title)\n\n"
          + ([head] + columns.filter { $0.kind == kind }.map(\.markdown)).joined(separator: "\n"))
    }
    return parts.joined(separator: "\n\n") + "\n"
  }

  private static let introduction = """
    What stands in Thetascope's tables. `thetascope explain --markdown` prints this page, from what is documented beside \
    each metric, condition and column in the code; `thetascope explain NAME` prints one entry, and a run's `columns.json` \
    has those of its own tables. Numbers without a unit have none; names, places and counts have no formula and no source. \
    A column is listed under the first table that has it.
    """
}

extension String {
  /// The text in lines of at most `width` characters, those after the first indented; longer words stay whole.
  func wrapped(to width: Int, indent: Int) -> [String] {
    var lines = [String(prefix { $0 == " " })]
    var isFresh = true
    for word in split(separator: " ") {
      if !isFresh, lines[lines.count - 1].count + 1 + word.count > width {
        lines.append(String(repeating: " ", count: indent))
        isFresh = true
      }
      lines[lines.count - 1] += (isFresh ? "" : " ") + word
      isFresh = false
    }
    return lines
  }
}
