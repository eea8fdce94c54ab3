// Corrections of p-values for having looked at many layers or heads at once.

extension Statistics {
  /// Holm's adjusted p-values, which control the chance of any false positive; in the order given.
  ///
  /// - Source: S. Holm, Scandinavian Journal of Statistics 6, 1979; statsmodels
  ///   `multipletests(method="holm")`.
  public static func holmAdjusted(_ pValues: [Double]) -> [Double] {
    var adjusted = pValues
    var largest = 0.0
    for (rank, index) in ascending(pValues).enumerated() {
      largest = max(largest, min(1, Double(pValues.count - rank) * pValues[index]))
      adjusted[index] = largest
    }
    return adjusted
  }

  /// Benjamini and Hochberg's adjusted p-values, which control the expected share of false positives;
  /// in the order given.
  ///
  /// - Source: Y. Benjamini and Y. Hochberg, JRSS B 57, 1995; statsmodels
  ///   `multipletests(method="fdr_bh")`.
  public static func benjaminiHochbergAdjusted(_ pValues: [Double]) -> [Double] {
    var adjusted = pValues
    var least = 1.0
    for (rank, index) in ascending(pValues).enumerated().reversed() {
      least = min(least, Double(pValues.count) / Double(rank + 1) * pValues[index])
      adjusted[index] = least
    }
    return adjusted
  }

  private static func ascending(_ pValues: [Double]) -> [Int] {
    precondition(
      pValues.allSatisfy { 0 <= $0 && $0 <= 1 }, "a p-value lies outside 0…1: \(pValues)")
    return pValues.indices.sorted { (pValues[$0], $0) < (pValues[$1], $1) }
  }
}
