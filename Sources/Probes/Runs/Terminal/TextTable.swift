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

  /// The lines, at most `width` characters each: the widest column of words gives way first, and what
  /// does not fit is cut off.
  /// - Parameters:
  ///   - width: characters.
  ///   - ascii: marks shortened words with `~`, not with an ellipsis.
  public func lines(width: Int = 80, ascii: Bool = false) -> [String] {
    var widths = headers.indices.map { column in
      rows.map { $0[column].count }.reduce(headers[column].count, max)
    }
    let isNumber = headers.indices.map { column in
      rows.contains { !$0[column].isEmpty }
        && rows.allSatisfy { $0[column].isEmpty || Double($0[column]) != nil }
    }
    let gaps = 2 * max(0, headers.count - 1)
    let excess = widths.reduce(gaps, +) - width
    if excess > 0,
      let widest = widths.indices.filter({ !isNumber[$0] }).max(by: { widths[$0] < widths[$1] })
    {
      widths[widest] = max(4, widths[widest] - excess)
    }
    return ([headers] + rows).map { row in
      var line = row.indices.map { column in
        let text = row[column].shortened(to: widths[column], ascii: ascii)
        let space = String(repeating: " ", count: widths[column] - text.count)
        return isNumber[column] ? space + text : text + space
      }.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return String(line.prefix(width))
    }
  }
}

extension String {
  /// At most `count` characters, the last of them an ellipsis (or `~`) where some are missing.
  func shortened(to count: Int, ascii: Bool) -> String {
    guard self.count > count else { return self }
    return count <= 0 ? "" : String(prefix(count - 1)) + (ascii ? "~" : "…")
  }
}
