// A documented column. There is no way to make one without saying what it means, so that columns.json,
// which is generated from these, is never behind the tables.

/// A column of a table, with its documentation.
public struct Column: Sendable, Equatable {
  /// What a column holds.
  public enum Kind: String, Sendable {
    case text, integer, real
    /// 1 or 0.
    case truth
  }

  /// As in the header: lower case, words joined by underscores.
  public let name: String
  /// What its cells hold.
  public let kind: Kind
  /// One sentence or two.
  public let meaning: String
  /// In Unicode, on one line; `nil` where the cell is not computed.
  public let formula: String?
  /// Such as "nats" or "tokens"; `nil` where there is none.
  public let unit: String?
  /// Which values occur; `nil` where the kind says it all.
  public let range: String?
  /// When the cell is empty; `nil` where it never is, which is checked as rows are written.
  public let whenEmpty: String?
  /// The paper and section, or that it is this project's own; `nil` where there is nothing to cite.
  public let source: String?

  public init(
    _ name: String, _ kind: Kind, _ meaning: String, formula: String? = nil, unit: String? = nil,
    range: String? = nil, whenEmpty: String? = nil, source: String? = nil
  ) {
    precondition(
      Self.isName(name) && !meaning.isEmpty,
      "column '\(name)' needs a name of lower-case letters, digits and underscores, and a meaning")
    self.name = name
    self.kind = kind
    self.meaning = meaning
    self.formula = formula
    self.unit = unit
    self.range = range
    self.whenEmpty = whenEmpty
    self.source = source
  }

  /// A column that holds one metric, by its name: its formula, unit, range and source are the metric's.
  init(_ metric: Metric, _ meaning: String, whenEmpty: String) {
    let own = metric.documentation
    self.init(
      metric.rawValue, .real, meaning, formula: own.formula, unit: own.unit, range: own.range,
      whenEmpty: whenEmpty, source: own.source)
  }

  /// Whether a text can be a column's name: lower-case letters, digits and underscores.
  static func isName(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy {
        $0 == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
      }
  }

  /// Whether a row may have this value here.
  func admits(_ value: TableValue) -> Bool {
    switch (kind, value) {
    case (_, .empty): whenEmpty != nil
    case (.text, .text): true
    case (.integer, .integer): true
    case (.real, .number(let number)): number.isFinite
    case (.truth, .integer(let integer)): integer == 0 || integer == 1
    default: false
    }
  }
}
