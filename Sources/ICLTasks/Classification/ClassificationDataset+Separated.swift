// Labelled texts from CSV and TSV files with a header, in the dialects that spreadsheets and published data sets use.

import CheckpointIO

extension ClassificationDataset {
  /// Reads lines of separated fields: a header that names `sentence`, or `premise` and `hypothesis` (or `sentence_1`
  /// and `sentence_2`), `label`, and perhaps `split`; further columns are refused as in `.jsonl`, but for `idx`.
  ///
  /// CSV fields may be quoted as in RFC 4180. In TSV a quote is a character like others. Lines end in \n or \r\n.
  static func separated(_ bytes: [UInt8], by separator: UInt8, file: String) throws -> [Example] {
    let lines = try fields(of: bytes, separator, quotes: separator != UInt8(ascii: "\t"), file)
    guard let header = lines.first else { throw TaskError.emptyText(file: file, place: "the file") }
    guard Set(header.fields.map { Array($0.utf8) }).count == header.fields.count else {
      throw TaskError.wrongValue(
        file: file, place: "line \(header.number)", found: "a column that is named twice",
        expected: "a header of different names")
    }
    return try lines.dropFirst().map { number, fields in
      let place = TaskPlace(file: file, place: "line \(number)")
      guard fields.count == header.fields.count else {
        throw TaskError.wrongValue(
          file: file, place: place.place, found: "\(fields.count) fields",
          expected: "\(header.fields.count) as in the header")
      }
      return try example(
        .object(JSONObject(zip(header.fields, fields).map { ($0, .string($1)) })), place)
    }
  }

  private static func fields(
    of bytes: [UInt8], _ separator: UInt8, quotes: Bool, _ file: String
  ) throws -> [(number: Int, fields: [String])] {
    let quote = UInt8(ascii: "\"")
    var lines: [(number: Int, fields: [String])] = []
    var (fields, field) = ([String](), [UInt8]())
    var (number, start, isQuoted) = (1, 1, false)
    func text() throws -> String {
      guard let text = String(validating: field, as: UTF8.self) else {
        throw TaskError.wrongValue(
          file: file, place: "line \(number)", found: "bytes that are not UTF-8", expected: "UTF-8")
      }
      return text
    }
    func endLine() throws {
      if field.last == 0x0D { field.removeLast() }
      fields.append(try text())
      // A line of nothing ends a file now and then; it is no example.
      if fields != [""] { lines.append((start, fields)) }
      (fields, field, start) = ([], [], number + 1)
    }
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if isQuoted {
        if byte != quote {
          field.append(byte)
        } else if index + 1 < bytes.count, bytes[index + 1] == quote {
          field.append(quote)
          index += 1
        } else {
          isQuoted = false
        }
      } else if quotes, byte == quote, field.isEmpty {
        isQuoted = true
      } else if byte == separator {
        fields.append(try text())
        field = []
      } else if byte == 0x0A {
        try endLine()
      } else {
        field.append(byte)
      }
      if byte == 0x0A { number += 1 }
      index += 1
    }
    guard !isQuoted else {
      throw TaskError.wrongValue(
        file: file, place: "line \(start)", found: "a quoted field that does not end",
        expected: "a closing quote")
    }
    if !field.isEmpty || !fields.isEmpty { try endLine() }
    return lines
  }
}
