// How a metric or a condition is documented, in one place: beside its name, or, of metrics, in Metrics/.

/// What columns.json says of a metric or a condition.
public struct Documentation: Sendable, Equatable {
  /// One sentence or two.
  public let meaning: String
  /// In Unicode, on one line.
  public let formula: String?
  /// Such as "nats"; nil where there is none.
  public let unit: String?
  /// Which values occur.
  public let range: String?
  /// When the value is empty; `nil` where it never is.
  public let whenEmpty: String?
  /// The paper and section, or that it is this project's own. Of columns, `nil` where a name, a place or a count needs none.
  public let source: String?

  /// What has no paper behind it.
  static let thisProject = "this project"

  public init(
    _ meaning: String, formula: String? = nil, unit: String? = nil, range: String? = nil,
    whenEmpty: String? = nil, source: String?
  ) {
    self.meaning = meaning
    self.formula = formula
    self.unit = unit
    self.range = range
    self.whenEmpty = whenEmpty
    self.source = source
  }
}
