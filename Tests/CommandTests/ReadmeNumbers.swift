// What the numbers of the README and the articles are checked against: Tests/Fixtures/readme/numbers.txt says, for each line
// with numbers, from which rows of which runs they come; data/results holds those rows. The grammar is at the head of
// numbers.txt.

import CheckpointIO
import Foundation
import Probes
import TestSupport

/// A CSV file whose cells are taken as texts; or a probe file as one row, its top keys as columns.
struct CellTable {
  let table: Table
  let names: [String]

  init(path: String) throws {
    let bytes = try FileReading.readFile(path)
    func schema(_ names: [String]) -> TableSchema {
      TableSchema(
        file: "x.csv", meaning: "A row.",
        columns: names.map { Column($0, .text, "A cell.", whenEmpty: "it is") })
    }
    guard !path.hasSuffix(".yaml") else {
      let keys = String(decoding: bytes, as: UTF8.self).matches(of: /(?m)^(\w+): *([^#\n]+)/)
      names = keys.map { String($0.output.1) }
      table = Table(
        schema(names), rows: [keys.map { .text($0.output.2.trimmingCharacters(in: .whitespaces)) }])
      return
    }
    let header = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
    names = header.split(separator: ",").map(String.init)
    table = try CSVReader.table(bytes, schema(names), file: path)
  }

  func cell(_ row: Int, _ column: String) throws -> String {
    guard let place = names.firstIndex(of: column) else {
      throw ReadmeNumbers.Problem("\(table.file) has no column '\(column)'")
    }
    guard case .text(let text) = table.rows[row][place] else { return "" }
    return text
  }

  /// The rows in which every column of `keys` is what it says.
  func rows(_ keys: [String: String]) throws -> [Int] {
    try table.rows.indices.filter { row in
      try keys.allSatisfy { try cell(row, $0) == $1 }
    }
  }

  func csv(of rows: Set<Int>) -> [UInt8] {
    Table(table.schema, rows: rows.sorted().map { table.rows[$0] }).csv
  }
}

struct ReadmeNumbers {
  struct Problem: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  /// A line that the README must have, with the rows that its numbers come from.
  struct Template {
    let line: Int
    let run: String
    let keys: [String: String]
    let text: String
  }

  /// Runs by name: the arguments of `thetascope run`, or nil for a file that is kept elsewhere.
  private(set) var runs: [(name: String, arguments: String)] = []
  private(set) var files: [String: String] = [:]
  private(set) var templates: [Template] = []
  /// Rows that are kept beside those that are named, by run.
  private(set) var kept: [String: [String: String]] = [:]
  /// Texts with numbers that no run gives: settings, sizes, citations.
  private(set) var given: [String] = []

  init(_ text: String) throws {
    var (run, keys) = ("", [String: String]())
    var repeats: [[String: String]] = [[:]]
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      guard !line.isEmpty, !line.hasPrefix("#") else { continue }
      guard let space = line.firstIndex(of: " ") else {
        throw Problem("numbers.txt:\(index + 1): '\(line)' is one word")
      }
      let rest = String(line[line.index(after: space)...])
      let words = Self.words(rest)
      switch line[..<space] {
      case "run":
        let arguments = rest.drop { $0 != " " }.trimmingCharacters(in: .whitespaces)
        runs.append((name: words[0], arguments: arguments))
      case "file": files[words[0]] = words[1]
      case "keep": kept[words[0], default: [:]].merge(Self.keys(words.dropFirst())) { $1 }
      case "use": (run, keys, repeats) = (words[0], Self.keys(words.dropFirst()), [[:]])
      case "for":
        let lists = Self.keys(words[...]).mapValues {
          $0.split(separator: "|", omittingEmptySubsequences: false)
        }
        guard let count = lists.first?.value.count, lists.allSatisfy({ $1.count == count }) else {
          throw Problem("numbers.txt:\(index + 1): lists of different lengths")
        }
        repeats = (0..<count).map { place in lists.mapValues { String($0[place]) } }
      case ">":
        for own in repeats {
          var text = rest
          for (name, value) in own.sorted(by: { $0.key.count > $1.key.count }) {
            text = text.replacing("$\(name)", with: value)
          }
          templates.append(
            Template(
              line: index + 1, run: run,
              keys: keys.merging(own.filter { $0.key.count > 1 }) { $1 },
              text: text))
        }
      case "=": given.append(rest)
      default: throw Problem("numbers.txt:\(index + 1): '\(line[..<space])' is no keyword")
      }
    }
  }

  /// Blank-separated words; a blank in a value is written `~`.
  private static func words(_ text: String) -> [String] {
    text.split(separator: " ").map { String($0.replacing("~", with: " ")) }
  }

  private static func keys(_ words: ArraySlice<String>) -> [String: String] {
    var keys: [String: String] = [:]
    for word in words {
      if let sign = word.firstIndex(of: "=") {
        keys[String(word[..<sign])] = String(word[word.index(after: sign)...])
      }
    }
    return keys
  }

  /// A template's text with the numbers of the rows in place of its braces.
  ///
  /// - Parameter used: told of each row that a number comes from.
  func text(of template: Template, _ table: CellTable, used: (Int) -> Void) throws -> String {
    var result = ""
    var rest = template.text[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      result += rest[..<open]
      let words = Self.words(String(rest[rest.index(after: open)..<close]))
      rest = rest[rest.index(after: close)...]
      do {
        result += try number(words, template.keys, table, used)
      } catch let problem as Problem {
        throw Problem("numbers.txt:\(template.line): {\(words.joined(separator: " "))}: \(problem)")
      }
    }
    return result + rest
  }

  private static let forms: Set = ["ci", "range", "pm", "mean", "min", "max", "e", "ms", "pct"]

  private func number(
    _ words: [String], _ keys: [String: String], _ table: CellTable, _ used: (Int) -> Void
  ) throws -> String {
    var keys = keys.merging(Self.keys(words[...])) { $1 }
    var (column, digits, forms) = ("value", 2, Set<String>())
    for word in words where !word.contains("=") {
      if word.hasPrefix("@") {
        column = String(word.dropFirst())
      } else if word.hasPrefix("."), let count = Int(word.dropFirst()) {
        digits = count
      } else if Self.forms.contains(word) {
        forms.insert(word)
      } else {
        keys["metric"] = word
      }
    }
    let rows = try table.rows(keys)
    guard
      rows.count == 1 || (!rows.isEmpty && !forms.isDisjoint(with: ["pm", "mean", "min", "max"]))
    else {
      throw Problem(
        "\(rows.count) rows of \(table.table.file) have \(keys.sorted { $0.key < $1.key })")
    }
    for row in rows { used(row) }
    func values(_ column: String) throws -> [Double] {
      try rows.map { row in
        let text = try table.cell(row, column)
        guard let value = Double(text) else { throw Problem("'\(text)' is no number") }
        return value
      }
    }
    func shown(_ value: Double) -> String {
      if forms.contains("e") {
        return String(format: "%.0e", value).replacing("e-0", with: "e-")
      }
      if forms.contains("pct") { return String(format: "%.0f %%", 100 * value) }
      if forms.contains("ms") { return String(format: "%.0f", 1000 * value) }
      if digits == 0, abs(value) >= 1000 {
        return String(format: "%d,%03d", Int(value.rounded()) / 1000, Int(value.rounded()) % 1000)
      }
      let text = String(format: "%.\(digits)f", value)
      // A zero has no sign.
      return Double(text) == 0
        ? text.replacing("-", with: "") : text.replacing("-", with: "−")
    }
    func interval(_ middle: String) throws -> String {
      try shown(values("ci_low")[0]) + middle + shown(values("ci_high")[0])
    }
    let all = try values(column)
    let mean = all.reduce(0, +) / Double(all.count)
    if forms.contains("min") { return shown(all.min() ?? .nan) }
    if forms.contains("max") { return shown(all.max() ?? .nan) }
    if forms.contains("range") { return try interval(" … ") }
    if forms.contains("ci") { return try shown(mean) + " [" + interval(", ") + "]" }
    if forms.contains("pm") {
      // Half of the 95 % interval of a mean of independent accuracies.
      let variance = zip(all, try values("n")).reduce(0) { $0 + $1.0 * (1 - $1.0) / $1.1 }
      return "\(shown(mean)) ± \(shown(1.96 * variance.squareRoot() / Double(all.count)))"
    }
    return shown(mean)
  }
}
