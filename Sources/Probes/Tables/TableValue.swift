// What stands in one cell of a CSV: nothing, a text, an integer or a real number.

/// The value of one column in one row.
public enum TableValue: Sendable, Hashable {
  /// Undefined or not applicable; the column's documentation says when. Never 0 and never NaN.
  case empty
  case text(String)
  case integer(Int)
  /// Finite: `real(_:)` turns what is not into `empty`.
  case number(Double)

  /// A real number; `empty` for `nil`, NaN and infinities, none of which is a measurement.
  public static func real(_ value: Double?) -> TableValue {
    guard let value, value.isFinite else { return .empty }
    return .number(value)
  }

  /// A text; `empty` for `nil`. An empty text is a value: it is written as `""`.
  public static func optional(_ value: String?) -> TableValue { value.map { .text($0) } ?? .empty }

  /// An integer; `empty` for `nil`.
  public static func optional(_ value: Int?) -> TableValue { value.map { .integer($0) } ?? .empty }

  /// 1 or 0.
  public static func truth(_ value: Bool) -> TableValue { .integer(value ? 1 : 0) }
}
