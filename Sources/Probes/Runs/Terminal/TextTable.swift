// A table for the terminal: columns as wide as they must be, words left and numbers right.

/// Rows of texts under headers.
public struct TextTable: Sendable, Equatable {
  /// One for each column.
  public let headers: [String]
  /// One text for each header.
  public private(set) var rows: [[String]] = []

  public init(headers: [String]) { self.headers = headers }

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

  /// The lines, at most as wide as the screen: columns of words give way first, the widest before others; then columns
  /// move into blocks below, each beginning with the columns that say what a row is.
  public func lines(on screen: Screen = .plain) -> [String] {
    let table = ([headers] + rows).map { $0.map(screen.text) }
    let columns = headers.indices
    let isNumber = columns.map { column in
      rows.contains { !$0[column].isEmpty }
        && rows.allSatisfy { $0[column].isEmpty || Double($0[column]) != nil }
    }
    var widths = columns.map { column in table.map { $0[column].count }.max() ?? 0 }
    func width(_ columns: some Collection<Int>) -> Int {
      columns.reduce(2 * (columns.count - 1)) { $0 + widths[$1] }
    }
    while width(columns) > screen.width,
      let widest = columns.filter({ !isNumber[$0] && widths[$0] > Self.leastWidth })
        .max(by: { widths[$0] < widths[$1] })
    {
      widths[widest] -= 1
    }
    var blocks = [Array(columns)]
    if width(columns) > screen.width {
      // Words and whole numbers, such as a layer, which stand in front.
      let keys = columns.prefix { column in
        (!isNumber[column] || rows.allSatisfy { Int($0[column]) != nil })
          && width(0...column) <= screen.width * 2 / 3
      }
      blocks = [Array(keys)]
      for column in columns.dropFirst(keys.count) {
        let block = blocks[blocks.count - 1]
        if block.count > keys.count, width(block + [column]) > screen.width {
          blocks.append(Array(keys))
        }
        blocks[blocks.count - 1].append(column)
      }
    }
    return blocks.enumerated().flatMap { index, block in
      (index == 0 ? [] : [""])
        + table.map { row in
          let line = block.map { column in
            let text = row[column].shortened(to: widths[column], ascii: screen.isASCII)
            let space = String(repeating: " ", count: widths[column] - text.count)
            return isNumber[column] ? space + text : text + space
          }.joined(separator: "  ").trimmed
          return String(line.prefix(screen.width))
        }
    }
  }

  /// What a column of words is not made narrower than, in order to have all columns in one block.
  private static let leastWidth = 16
}
