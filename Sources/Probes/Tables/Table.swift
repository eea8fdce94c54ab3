// A table in memory: columns and rows. Big tables are not held like this; they are written as they come.

/// Rows under documented columns.
public struct Table: Sendable, Equatable {
  /// The columns.
  public let schema: TableSchema
  /// Where the table was read from; the schema's file where it was not read.
  public let file: String
  /// In their order; each fits the columns.
  public private(set) var rows: [[TableValue]]
  /// The line on which each row began, for tables that were read.
  private let lines: [Int]?
  /// The place of each column, by name.
  let places: [String: Int]

  /// A table without rows.
  public init(_ schema: TableSchema) { self.init(schema, file: schema.file, rows: [], lines: nil) }

  /// Stops the program unless every row fits the columns.
  public init(_ schema: TableSchema, rows: [[TableValue]]) {
    for row in rows { schema.check(row) }
    self.init(schema, file: schema.file, rows: rows, lines: nil)
  }

  init(_ schema: TableSchema, file: String, rows: [[TableValue]], lines: [Int]?) {
    self.schema = schema
    self.file = file
    self.rows = rows
    self.lines = lines
    var places: [String: Int] = [:]
    for (place, column) in schema.columns.enumerated() { places[column.name] = place }
    self.places = places
  }

  /// Adds a row; stops the program unless it fits the columns.
  public mutating func append(_ row: [TableValue]) {
    precondition(lines == nil, "\(file): a table that was read is not added to")
    schema.check(row)
    rows.append(row)
  }

  /// The rows with their places.
  public var records: [TableRecord] {
    rows.indices.map { index in
      TableRecord(values: rows[index], line: lines?[index] ?? index + 2, table: self)
    }
  }

  /// The rows as a type.
  public func rows<Row: TableRow>(as type: Row.Type) throws -> [Row] {
    try records.map { try Row($0) }
  }

  /// The table as CSV, with its header.
  public var csv: [UInt8] { csv(spreadsheetSafe: false) }

  /// - Parameter spreadsheetSafe: as `CSVEncoder` has it.
  public func csv(spreadsheetSafe: Bool) -> [UInt8] {
    var encoder = CSVEncoder(spreadsheetSafe: spreadsheetSafe)
    encoder.appendHeader(schema)
    for row in rows { encoder.append(row, schema) }
    return encoder.bytes
  }

  /// The same columns and rows; where it was read from does not matter.
  public static func == (left: Table, right: Table) -> Bool {
    left.schema == right.schema && left.rows == right.rows
  }
}
