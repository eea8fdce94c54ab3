// Mean, standard deviation and quantiles of a list of numbers.

extension Statistics {
  /// The arithmetic mean, from a compensated sum in the order given; `nil` of nothing.
  public static func mean(_ values: some Sequence<Double>) -> Double? {
    var sum = CompensatedSum()
    var count = 0
    for value in values {
      sum.add(value)
      count += 1
    }
    return count == 0 ? nil : sum.value / Double(count)
  }

  /// The sample standard deviation, with n − 1 in the denominator; `nil` of fewer than two values.
  public static func standardDeviation(_ values: [Double]) -> Double? {
    guard values.count >= 2, let mean = mean(values) else { return nil }
    var squares = CompensatedSum()
    for value in values { squares.add((value - mean) * (value - mean)) }
    return (squares.value / Double(values.count - 1)).squareRoot()
  }

  /// The standard error of the mean, s/√n; `nil` of fewer than two values.
  public static func standardError(_ values: [Double]) -> Double? {
    standardDeviation(values).map { $0 / Double(values.count).squareRoot() }
  }

  /// A quantile by linear interpolation between order statistics (NumPy's default, Hyndman and Fan's
  /// type 7); `nil` of nothing or where a value is NaN.
  ///
  /// - Parameters:
  ///   - probability: from 0 (the least value) to 1 (the greatest).
  ///   - values: in any order.
  public static func quantile(_ probability: Double, of values: [Double]) -> Double? {
    var values = values
    return values.withUnsafeMutableBufferPointer { quantile(probability, reordering: $0) }
  }

  /// The same, reordering `values` instead of sorting a copy.
  static func quantile(
    _ probability: Double, reordering values: UnsafeMutableBufferPointer<Double>
  ) -> Double? {
    precondition(0 <= probability && probability <= 1, "a quantile at \(probability)")
    guard !values.isEmpty, !values.contains(where: \.isNaN) else { return nil }
    let place = probability * Double(values.count - 1)
    let index = min(Int(place), values.count - 1)
    let fraction = place - Double(index)
    let lower = select(index, from: values)
    guard fraction > 0 else { return lower }
    // After selection everything behind `index` is at least `lower`, so the next one is their least.
    var upper = values[index + 1]
    for later in (index + 2)..<max(index + 2, values.count) { upper = min(upper, values[later]) }
    guard upper != lower else { return lower }
    // NumPy's interpolation, which is symmetric in its two ends.
    let step = upper - lower
    return fraction < 0.5 ? lower + step * fraction : upper - step * (1 - fraction)
  }

  /// The value that would stand at `index` if `values` were sorted; nothing before it is greater and
  /// nothing behind it is less afterwards. Hoare's selection with the median of three as pivot.
  private static func select(
    _ index: Int, from values: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    var low = 0
    var high = values.count - 1
    while low < high {
      let (a, b, c) = (values[low], values[low + (high - low) / 2], values[high])
      let pivot = max(min(a, b), min(max(a, b), c))
      var left = low
      var right = high
      while left <= right {
        while values[left] < pivot { left += 1 }
        while values[right] > pivot { right -= 1 }
        if left <= right {
          values.swapAt(left, right)
          left += 1
          right -= 1
        }
      }
      if index <= right {
        high = right
      } else if index >= left {
        low = left
      } else {
        break
      }
    }
    return values[index]
  }
}
