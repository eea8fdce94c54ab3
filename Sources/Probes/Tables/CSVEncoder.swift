// Rows into CSV bytes: RFC 4180, but lines end in \n alone; UTF-8 without a byte-order mark.
//
// - A text is quoted when it contains a comma, a quote, \n or \r, and when it is empty: `""` is an empty
//   text, nothing at all is an absent value.
// - A real number takes the shortest form that reads back to the same double: `0.5`, `1.0`, `1e-05`
//   below 0.0001, `1e+16` from 2^53 or so. Every CSV reader takes these; none has a thousands separator.
// - Bytes are not altered for a reader's sake: a token `=1+1` stays what it is, unless `spreadsheetSafe` was asked for.

/// Turns rows into the bytes of a CSV file.
public struct CSVEncoder: Sendable {
  /// What was encoded so far, as UTF-8.
  public private(set) var bytes: [UInt8] = []
  private let isSpreadsheetSafe: Bool

  /// - Parameter spreadsheetSafe: whether texts that a spreadsheet would run get an apostrophe in front.
  public init(spreadsheetSafe: Bool = false) { isSpreadsheetSafe = spreadsheetSafe }

  /// `text`, with an apostrophe in front where a spreadsheet would take it for a formula: it begins with
  /// `=`, `+`, `-`, `@`, a tab or a carriage return.
  ///
  /// - Source: OWASP, "CSV Injection".
  public static func spreadsheetSafe(_ text: String) -> String {
    switch text.utf8.first {
    case UInt8(ascii: "="), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "@"), 0x09, 0x0D:
      "'" + text
    default: text
    }
  }

  /// Adds the line of the columns' names.
  public mutating func appendHeader(_ schema: TableSchema) {
    for (place, column) in schema.columns.enumerated() {
      if place > 0 { bytes.append(UInt8(ascii: ",")) }
      bytes.append(contentsOf: column.name.utf8)
    }
    bytes.append(0x0A)
  }

  /// Adds a row; stops the program unless it fits the columns.
  public mutating func append(_ row: [TableValue], _ schema: TableSchema) {
    schema.check(row)
    for (place, value) in row.enumerated() {
      if place > 0 { bytes.append(UInt8(ascii: ",")) }
      switch value {
      case .empty: break
      case .text(let text): append(isSpreadsheetSafe ? Self.spreadsheetSafe(text) : text)
      case .integer(let integer): bytes.append(contentsOf: String(integer).utf8)
      case .number(let number): bytes.append(contentsOf: number.description.utf8)
      }
    }
    bytes.append(0x0A)
  }

  /// Takes the bytes away, so that a long table can be written piece by piece.
  mutating func take() -> [UInt8] {
    defer { bytes.removeAll(keepingCapacity: true) }
    return bytes
  }

  private mutating func append(_ text: String) {
    guard text.isEmpty || text.utf8.contains(where: Self.mustBeQuoted) else {
      bytes.append(contentsOf: text.utf8)
      return
    }
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }

  /// Whether a text with this byte is quoted.
  static func mustBeQuoted(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == 0x0A || byte == 0x0D
  }
}
