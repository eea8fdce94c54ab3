// What a statistic says of a population: a value, its 95 % interval, and how many examples it is over.
// The three travel together so that no value reaches a CSV without its n.

/// A closed interval of real numbers.
public struct Interval: Sendable, Equatable {
  /// The lower end, which belongs to it.
  public let low: Double
  /// The upper end, which belongs to it.
  public let high: Double

  /// - Precondition: `low` is not above `high`, and neither is NaN.
  public init(low: Double, high: Double) {
    precondition(low <= high, "an interval from \(low) to \(high) is reversed or undefined")
    self.low = low
    self.high = high
  }
}

/// A value with its 95 % confidence interval and the number of examples behind it.
public struct Estimate: Sendable, Equatable {
  /// `nil` where the statistic is undefined (a mean over nothing, a ratio to zero).
  public let value: Double?
  /// `nil` where the value is undefined, or where the data cannot say how uncertain it is.
  public let interval: Interval?
  /// The number of examples that the value is over; for a compound statistic that of its smallest part.
  public let count: Int

  public init(value: Double?, interval: Interval?, count: Int) {
    precondition(count >= 0, "an estimate over \(count) examples")
    self.value = value
    self.interval = interval
    self.count = count
  }
}
