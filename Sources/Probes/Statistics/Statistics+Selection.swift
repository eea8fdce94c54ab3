// What a chosen layer (or head, or scale) is worth when it was chosen on the very examples that judge it.

import TensorCore

extension Statistics {
  /// The value of each example under a choice that did not see it.
  ///
  /// For each cluster the alternative with the greatest mean over all other clusters is chosen, the first of equals,
  /// and the cluster's examples are scored under it: leave-one-out cross-validation of the choice itself. The mean of
  /// the result is an unbiased estimate of "choose the best, then use it" on one cluster less; the maximum over
  /// alternatives of their means is biased upwards.
  ///
  /// - Parameters:
  ///   - values: `[alternative][example]`.
  ///   - clusters: the cluster of each example, by name.
  /// - Returns: one value for each example; `nil` with fewer than two clusters, or without alternatives.
  /// - Source: M. Stone, JRSS B 36, 1974 (cross-validatory choice and assessment).
  public static func crossFittedChoice(_ values: [[Double]], clusters: [String]) -> [Double]? {
    let names = Set(clusters).sorted()
    guard names.count >= 2, !values.isEmpty else { return nil }
    let totals = values.map { series -> Double in
      precondition(
        series.count == clusters.count, "\(series.count) values, \(clusters.count) clusters")
      return series.reduce(0, +)
    }
    var result = [Double](repeating: 0, count: clusters.count)
    for name in names {
      let rows = clusters.indices.filter { clusters[$0] == name }
      // All alternatives have the same rows left, so sums compare as means do.
      let rest = zip(values, totals).map { series, total in
        rows.reduce(total) { $0 - series[$1] }
      }
      let chosen = rest.argmax
      for row in rows { result[row] = values[chosen][row] }
    }
    return result
  }
}
