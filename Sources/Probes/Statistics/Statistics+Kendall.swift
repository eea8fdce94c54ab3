// Kendall's rank correlation with ties (τ-b), in O(n log n).

extension Statistics {
  /// Kendall's τ-b of two lists of equal length, from −1 to 1.
  ///
  /// τ-b = (concordant − discordant pairs) / √((pairs − ties in x)(pairs − ties in y)). Pair counts are
  /// exact integers; only the last division rounds.
  ///
  /// - Returns: `nil` where it is undefined: fewer than two values, all equal on one side, or a NaN.
  /// - Source: W. R. Knight, "A computer method for calculating Kendall's tau with ungrouped data",
  ///   JASA 61, 1966; SciPy `stats.kendalltau(variant="b")`.
  public static func kendallTauB(_ x: [Double], _ y: [Double]) -> Double? {
    precondition(x.count == y.count, "a rank correlation of \(x.count) and \(y.count) values")
    guard x.count >= 2, !x.contains(where: \.isNaN), !y.contains(where: \.isNaN) else {
      return nil
    }
    let order = x.indices.sorted { (x[$0], y[$0]) < (x[$1], y[$1]) }
    let tiedInX = tiedPairs(order) { x[$0] == x[$1] }
    let tiedInBoth = tiedPairs(order) { x[$0] == x[$1] && y[$0] == y[$1] }
    var ranked = order.map { y[$0] }
    // Sorting by y from the order of x takes one exchange for each discordant pair.
    let discordant = exchangesWhileSorting(&ranked)
    let tiedInY = tiedPairs(ranked) { $0 == $1 }
    let pairs = x.count * (x.count - 1) / 2
    guard tiedInX < pairs, tiedInY < pairs else { return nil }
    let difference = pairs - tiedInX - tiedInY + tiedInBoth - 2 * discordant
    // One root of the product, so that the same order gives exactly 1.
    let tau = Double(difference) / (Double(pairs - tiedInX) * Double(pairs - tiedInY)).squareRoot()
    return max(-1, min(1, tau))
  }

  /// The number of pairs within the runs of equal neighbours.
  private static func tiedPairs<Element>(
    _ sorted: [Element], _ areEqual: (Element, Element) -> Bool
  ) -> Int {
    var pairs = 0
    var run = 0
    for index in sorted.indices.dropFirst() {
      run = areEqual(sorted[index - 1], sorted[index]) ? run + 1 : 0
      pairs += run
    }
    return pairs
  }

  /// Sorts by merging and counts the pairs that stood in strictly descending order.
  private static func exchangesWhileSorting(_ values: inout [Double]) -> Int {
    var exchanges = 0
    var merged = values
    var width = 1
    while width < values.count {
      for start in stride(from: 0, to: values.count, by: 2 * width) {
        let middle = min(start + width, values.count)
        let end = min(start + 2 * width, values.count)
        var (left, right) = (start, middle)
        for target in start..<end {
          if left < middle, right == end || values[left] <= values[right] {
            merged[target] = values[left]
            left += 1
          } else {
            merged[target] = values[right]
            right += 1
            exchanges += middle - left
          }
        }
      }
      swap(&values, &merged)
      width *= 2
    }
    return exchanges
  }
}
