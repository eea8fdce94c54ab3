// What a typed row can do: become the values of a line, and be read back from one.

/// A row of a table with a type of its own.
public protocol TableRow: Sendable, Equatable {
  /// The table's columns, without those that a probe adds.
  static var schema: TableSchema { get }

  /// The values in the order of the columns, with the probe's own at the end.
  func values(of run: RunIdentity) -> [TableValue]

  /// - Throws: `RunError.invalidTable` where a value is not one that this type holds.
  init(_ record: TableRecord) throws
}

/// A row that was read, with its place for messages.
public struct TableRecord: Sendable {
  /// In the order of the table's columns.
  public let values: [TableValue]
  /// Where it begins, counted from 1 with the header.
  public let line: Int
  private let table: Table

  init(values: [TableValue], line: Int, table: Table) {
    self.values = values
    self.line = line
    self.table = table
  }

  /// The value of a column; stops the program where the table has none of that name.
  public subscript(column: String) -> TableValue {
    guard let place = table.places[column] else {
      preconditionFailure("\(table.schema.file) has no column '\(column)'")
    }
    return values[place]
  }

  /// The text in a column; nil where it is empty.
  ///
  /// - Throws: `RunError.invalidTable` for another kind of value. The table must have the column.
  public func text(_ column: String) throws -> String? {
    switch self[column] {
    case .empty: nil
    case .text(let text): text
    default: throw wrong(column, expected: "a text")
    }
  }

  /// The integer in a column; nil where it is empty.
  ///
  /// - Throws: `RunError.invalidTable` for another kind of value. The table must have the column.
  public func integer(_ column: String) throws -> Int? {
    switch self[column] {
    case .empty: nil
    case .integer(let integer): integer
    default: throw wrong(column, expected: "an integer")
    }
  }

  /// The number in a column; nil where it is empty.
  ///
  /// - Throws: `RunError.invalidTable` for another kind of value. The table must have the column.
  public func real(_ column: String) throws -> Double? {
    switch self[column] {
    case .empty: nil
    case .number(let number): number
    default: throw wrong(column, expected: "a number")
    }
  }

  /// The text in a column that is never empty.
  ///
  /// - Throws: `RunError.invalidTable`, also for an empty cell.
  public func required(_ column: String) throws -> String {
    guard let text = try text(column) else { throw wrong(column, expected: "a text") }
    return text
  }

  /// The integer in a column that is never empty.
  ///
  /// - Throws: `RunError.invalidTable`, also for an empty cell.
  public func required(_ column: String) throws -> Int {
    guard let integer = try integer(column) else { throw wrong(column, expected: "an integer") }
    return integer
  }

  /// The case of a vocabulary that the column names.
  public func name<Name: RawRepresentable & CaseIterable>(_ column: String) throws -> Name
  where Name.RawValue == String {
    guard let name: Name = try optionalName(column) else { throw wrong(column, expected: "a name") }
    return name
  }

  /// The case of a vocabulary that the column names; `nil` where it is empty.
  public func optionalName<Name: RawRepresentable & CaseIterable>(
    _ column: String
  ) throws -> Name? where Name.RawValue == String {
    guard let text = try text(column) else { return nil }
    guard let name = Name(rawValue: text) else {
      throw wrong(
        column, expected: "one of " + Name.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return name
  }

  /// The values behind the columns that every table of this kind has.
  func values(behind schema: TableSchema) -> [TableValue] {
    Array(values.dropFirst(schema.columns.count))
  }

  /// The error that says that a column's value is not what was expected.
  func wrong(_ column: String, expected: String) -> RunError {
    let found: String =
      switch self[column] {
      case .empty: "empty"
      case .text(let text): CSVReader.quoted(text)
      case .integer(let integer): "\(integer)"
      case .number(let number): "\(number)"
      }
    return .invalidTable(
      file: table.file, line: line, fact: "column '\(column)' is \(found), expected \(expected)")
  }
}
