// columns.json: what every column, metric and condition is, generated from the code that writes them.

import CheckpointIO

/// The documentation of a run's tables.
public struct ColumnDictionary: Sendable, Equatable {
  /// The tables of the run, in the order of their files in run.json.
  public let tables: [TableSchema]

  public init(_ tables: [TableSchema]) {
    precondition(
      Set(tables.map(\.file)).count == tables.count,
      "two tables have the same file: \(tables.map(\.file))")
    self.tables = tables
  }

  /// The contents of columns.json: the tables with their columns, then all conditions and metrics.
  public var json: JSON {
    [
      "format": .string(Self.format),
      "tables": .object(
        JSONObject(
          tables.map { table in
            (
              table.file,
              [
                "row": .string(table.meaning),
                "columns": .array(table.columns.map(Self.describe)),
              ]
            )
          })),
      "conditions": .object(
        JSONObject(
          Condition.allCases.map { ($0.rawValue, Self.describe($0.documentation)) })),
      "metrics": .object(
        JSONObject(Metric.allCases.map { ($0.rawValue, Self.describe($0.documentation)) })),
    ]
  }

  private static let format =
    "CSV as in RFC 4180 with lines ending in \\n, UTF-8, a header always. An empty cell is an undefined "
    + "or inapplicable value; an empty text is \"\". Texts such as NA are texts: read with pandas by "
    + "read_csv(file, keep_default_na=False, na_values=['']). Reals are in the shortest form that "
    + "reads back to the same f64."

  private static func describe(_ column: Column) -> JSON {
    var object: JSONObject = [
      "name": .string(column.name), "kind": .string(column.kind.rawValue),
      "meaning": .string(column.meaning),
    ]
    add(column.formula, "formula", to: &object)
    add(column.unit, "unit", to: &object)
    add(column.range, "range", to: &object)
    object["empty"] = .string(column.whenEmpty ?? "never")
    add(column.source, "source", to: &object)
    return .object(object)
  }

  private static func describe(_ documentation: Documentation) -> JSON {
    var object: JSONObject = ["meaning": .string(documentation.meaning)]
    add(documentation.formula, "formula", to: &object)
    add(documentation.unit, "unit", to: &object)
    add(documentation.range, "range", to: &object)
    add(documentation.whenEmpty, "empty", to: &object)
    add(documentation.source, "source", to: &object)
    return .object(object)
  }

  private static func add(_ value: String?, _ key: String, to object: inout JSONObject) {
    if let value { object[key] = .string(value) }
  }
}
