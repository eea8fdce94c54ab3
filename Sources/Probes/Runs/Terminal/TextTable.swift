// A table for the terminal: columns as wide as they must be, words left and numbers right.

import Foundation

/// Rows of texts under headers.
public struct TextTable: Sendable, Equatable {
  /// One for each column.
  public let headers: [String]
  /// One text for each header.
  public private(set) var rows: [[String]] = []

  /// How many columns in front say what a row is, where those are more than words and whole numbers.
  private let keys: Int?

  public init(headers: [String], keys: Int? = nil) {
    self.headers = headers
    self.keys = keys
  }

  /// Adds a row: one text for each header.
  public mutating func append(_ row: [String]) {
    precondition(row.count == headers.count, "\(row.count) texts under \(headers.count) headers")
    rows.append(row)
  }

  /// A number with a fixed count of decimals; nothing where it is undefined.
  public static func number(_ value: Double?, decimals: Int = 2) -> String {
    guard let value, value.isFinite, abs(value) < 1e12 else { return "" }
    return ProgressLine.decimal(value, decimals)
  }

  /// A small number with two digits, such as 3.1e-07.
  public static func scientific(_ value: Double) -> String {
    value == 0 ? "0" : String(format: "%.1e", value)
  }

  /// The lines, at most as wide as the screen, with every text whole: words give way first, the widest before others, and go
  /// on in the next line; those of the first column, which people copy, last and a little only; then columns move into blocks below, each
  /// beginning with the columns that say what a row is.
  public func lines(on screen: Screen = .plain) -> [String] {
    let table = ([headers] + rows).map { $0.map(screen.text) }
    let columns = headers.indices
    let isNumber = columns.map { column in
      rows.contains { !$0[column].isEmpty }
        && rows.allSatisfy { $0[column].isEmpty || Double($0[column]) != nil }
    }
    let natural = columns.map { column in table.map { $0[column].count }.max() ?? 0 }
    var widths = natural
    func width(_ columns: some Collection<Int>) -> Int {
      columns.reduce(2 * (columns.count - 1)) { $0 + widths[$1] }
    }
    /// Makes columns of words narrower until all given fit.
    func narrow(_ given: [Int], beside room: Int = 0, from first: Int, least: Int) {
      while width(given) + room > screen.width,
        let widest = given.filter({ $0 >= first && !isNumber[$0] && widths[$0] > least })
          .max(by: { widths[$0] < widths[$1] })
      {
        widths[widest] -= 1
      }
    }
    narrow(Array(columns), from: 1, least: Self.leastWidth)
    narrow(
      [0], beside: 2 + width(columns.dropFirst()), from: 0,
      least: max(Self.leastWidth, natural[0] * 3 / 4))
    var blocks = [Array(columns)]
    if width(columns) > screen.width {
      widths = natural
      // Words and whole numbers, such as a layer, which stand in front; of words alone the first.
      let front = columns.prefix { column in
        !isNumber[column] || rows.allSatisfy { Int($0[column]) != nil }
      }
      let keys = Array(
        0..<min(keys ?? (front.count == columns.count ? 1 : front.count), columns.count))
      let room =
        2 + (columns.dropFirst(keys.count).map { isNumber[$0] ? widths[$0] : 8 }.max() ?? 0)
      for first in [1, 0] { narrow(keys, beside: room, from: first, least: 4) }
      blocks = [keys]
      for column in columns.dropFirst(keys.count) {
        if !isNumber[column] {
          widths[column] = min(widths[column], max(8, screen.width - width(keys) - 2))
        }
        let block = blocks[blocks.count - 1]
        if block.count > keys.count, width(block + [column]) > screen.width { blocks.append(keys) }
        blocks[blocks.count - 1].append(column)
      }
    }
    return blocks.enumerated().flatMap { index, block in
      (index == 0 ? [] : [""])
        + table.flatMap { row in
          let cells = block.map { row[$0].pieces(atMost: widths[$0]) }
          return (0..<(cells.map(\.count).max() ?? 0)).map { line in
            let text = zip(block, cells).map { column, pieces in
              let text = line < pieces.count ? pieces[line] : ""
              let space = String(repeating: " ", count: max(0, widths[column] - text.count))
              return isNumber[column] ? space + text : text + space
            }.joined(separator: "  ").trimmed
            return String(text.prefix(screen.width))
          }
        }
    }
  }

  /// What a column of words is not made narrower than, in order to have all columns in one block.
  private static let leastWidth = 16
}

extension String {
  /// The text in pieces of at most `count` characters, broken behind a blank or a mark where there is one.
  fileprivate func pieces(atMost count: Int) -> [String] {
    var pieces: [String] = []
    var rest = self[...]
    while count > 0, rest.count > count {
      let line = rest.prefix(count + 1)
      let end =
        line.lastIndex(of: " ")
        ?? line.dropLast().lastIndex { "_./-,:".contains($0) }.map { rest.index(after: $0) }
        ?? rest.index(rest.startIndex, offsetBy: count)
      pieces.append(String(rest[..<end]).trimmed)
      rest = rest[end...].drop { $0 == " " }
    }
    return pieces + [String(rest)]
  }
}
