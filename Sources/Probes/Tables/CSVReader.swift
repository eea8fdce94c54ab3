// CSV bytes back into rows, accepting exactly what CSVEncoder writes and nothing else, so that reading and
// writing again gives the same bytes. For `diff`, `replay`, `merge` and the tests; users' data sets, which
// come in every dialect, have a reader of their own in ICLTasks.

import CheckpointIO

/// Reads the CSV files that a run writes.
public enum CSVReader {
  /// The table in the file at `path`.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - schema: the columns that the file must have, in this order.
  /// - Throws: `RunError.invalidTable` with the line; `CheckpointError` where the file cannot be read.
  public static func table(at path: String, _ schema: TableSchema) throws -> Table {
    try table(try FileReading.readFile(path), schema, file: path)
  }

  /// The table in `bytes`.
  ///
  /// - Parameters:
  ///   - bytes: the file's.
  ///   - schema: the columns that it must have, in this order.
  ///   - file: what messages call it.
  ///   - hasHeader: whether the first line names the columns, as in every file.
  public static func table(
    _ bytes: [UInt8], _ schema: TableSchema, file: String, hasHeader: Bool = true
  ) throws -> Table {
    var scanner = CSVScanner(bytes: bytes, file: file)
    let names = schema.columns.map(\.name)
    if hasHeader {
      let header = try scanner.nextLine(fieldCount: nil)
      let expected = names.joined(separator: ",")
      guard header.map({ $0 ?? "" }) == names else {
        let found = header.map { $0 ?? "" }.joined(separator: ",")
        throw RunError.invalidTable(
          file: file, line: 1,
          fact: "the header is \(quoted(found, limit: 300)), expected '\(expected)'")
      }
    }
    var rows: [[TableValue]] = []
    var lines: [Int] = []
    while !scanner.isAtEnd {
      let line = scanner.line
      let fields = try scanner.nextLine(fieldCount: names.count)
      rows.append(
        try zip(schema.columns, fields).map { column, field in
          try value(field, column, file: file, line: line)
        })
      lines.append(line)
    }
    return Table(schema, file: file, rows: rows, lines: lines)
  }

  private static func value(
    _ field: String?, _ column: Column, file: String, line: Int
  ) throws -> TableValue {
    func wrong(_ expected: String) -> RunError {
      .invalidTable(
        file: file, line: line,
        fact:
          "column '\(column.name)' is \(field.map { quoted($0) } ?? "empty"), expected \(expected)")
    }
    guard let field else {
      guard column.whenEmpty != nil else { throw wrong("a value") }
      return .empty
    }
    switch column.kind {
    case .text:
      return .text(field)
    case .integer:
      guard let integer = Int(field), String(integer) == field else { throw wrong("an integer") }
      return .integer(integer)
    case .truth:
      guard field == "0" || field == "1" else { throw wrong("0 or 1") }
      return .integer(field == "1" ? 1 : 0)
    case .real:
      guard let number = Double(field), number.isFinite, number.description == field else {
        throw wrong("a number in its shortest form, such as 0.5 or 1e-05")
      }
      return .number(number)
    }
  }

  static func quoted(_ text: String, limit: Int = 80) -> String {
    Excerpt.quoted(text, limit: limit)
  }
}

/// Splits CSV bytes into lines of fields. A field is `nil` where there is nothing between the commas.
struct CSVScanner {
  private let bytes: [UInt8]
  private let file: String
  /// The next byte.
  private(set) var place = 0
  /// The current line, counted from 1.
  private(set) var line = 1

  init(bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
  }

  var isAtEnd: Bool { place == bytes.count }

  /// The fields of the next line, which may span several where a quoted field does.
  mutating func nextLine(fieldCount: Int?) throws -> [String?] {
    let first = line
    var fields: [String?] = []
    if let fieldCount { fields.reserveCapacity(fieldCount) }
    while true {
      fields.append(try nextField())
      guard place < bytes.count else {
        throw wrong("the file ends within a line; it was cut off")
      }
      place += 1
      if bytes[place - 1] == 0x0A { break }
    }
    line += 1
    if let fieldCount, fields.count != fieldCount {
      throw RunError.invalidTable(
        file: file, line: first, fact: "there are \(fields.count) fields, expected \(fieldCount)")
    }
    return fields
  }

  /// The next field; stops before the comma or newline that ends it.
  private mutating func nextField() throws -> String? {
    guard place < bytes.count, bytes[place] == UInt8(ascii: "\"") else {
      let start = place
      while place < bytes.count, bytes[place] != UInt8(ascii: ","), bytes[place] != 0x0A {
        guard bytes[place] != UInt8(ascii: "\"") else {
          throw wrong("there is a quote within a field that is not quoted")
        }
        guard bytes[place] != 0x0D else {
          throw wrong("a carriage return is not quoted; lines end in \\n alone")
        }
        place += 1
      }
      return start == place ? nil : try text(bytes[start..<place])
    }
    place += 1
    var content: [UInt8] = []
    while true {
      guard place < bytes.count else { throw wrong("a quoted field does not end") }
      let byte = bytes[place]
      place += 1
      if byte == UInt8(ascii: "\"") {
        guard place < bytes.count, bytes[place] == byte else { break }
        place += 1
      } else if byte == 0x0A {
        line += 1
      }
      content.append(byte)
    }
    guard place == bytes.count || bytes[place] == UInt8(ascii: ",") || bytes[place] == 0x0A else {
      throw wrong("something follows the closing quote of a field")
    }
    guard content.isEmpty || content.contains(where: CSVEncoder.mustBeQuoted) else {
      throw wrong("a field is quoted without need")
    }
    return try text(content[...])
  }

  private func text(_ content: ArraySlice<UInt8>) throws -> String {
    guard let text = String(validating: content, as: UTF8.self) else {
      throw wrong("a field is not UTF-8")
    }
    return text
  }

  private func wrong(_ fact: String) -> RunError {
    .invalidTable(file: file, line: line, fact: fact)
  }
}
