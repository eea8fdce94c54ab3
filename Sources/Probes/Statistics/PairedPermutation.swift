// Permutation tests of paired differences: do two conditions differ on the same examples? Several comparisons at once
// (one for each layer or head) can be corrected for having looked at all of them by the distribution of their maximum.

import TensorCore

/// Sign-flipping tests over clusters of examples.
///
/// Under the null the two conditions may be exchanged within a cluster, so the sign of the cluster's summed difference
/// is a fair coin. With at most `exactClusters` clusters every sign is tried and p is exact; with more, `resamples`
/// random signs are drawn and p = (1 + hits) / (1 + resamples), which is never 0.
///
/// - Source: E. S. Edgington, "Randomization Tests", 1980, §5; SciPy `permutation_test(permutation_type="samples")`;
///   the maximum: P. H. Westfall and S. S. Young, "Resampling-Based Multiple Testing", 1993, §2.
public struct PairedPermutation: Sendable {
  /// Names the stream of random numbers.
  public let key: String
  /// With the key it decides every draw.
  public let seed: UInt64
  /// How many sign patterns are drawn where there are too many to try all.
  public let resamples: Int

  static let exactClusters = 12

  public init(key: String, seed: UInt64, resamples: Int = 10_000) {
    precondition(resamples >= 100, "\(resamples) resamples cannot give a p-value")
    self.key = key
    self.seed = seed
    self.resamples = Resampling.count(resamples)
  }

  /// The two-sided p-value of each comparison.
  public struct PValues: Sendable, Equatable {
    /// Of the comparison alone.
    public let each: [Double]
    /// That the greatest difference among all comparisons is at least as great: what is reported for one of them that
    /// was chosen on seeing all.
    public let corrected: [Double]
  }

  /// Tests series of differences over the same examples.
  ///
  /// - Parameters:
  ///   - differences: for each comparison the first condition minus the second, `[comparison][example]`.
  ///   - clusters: the cluster of each example, by name.
  public func pValues(of differences: [[Double]], clusters: [String]) -> PValues {
    let names = Set(clusters).sorted()
    let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
    let sums = differences.map { series -> [Double] in
      precondition(
        series.count == clusters.count, "\(series.count) differences, \(clusters.count) clusters")
      var sums = [Double](repeating: 0, count: names.count)
      for (value, cluster) in zip(series, clusters) {
        if let place = places[cluster] { sums[place] += value }
      }
      return sums
    }
    let observed = sums.map { abs($0.reduce(0, +)) }
    // Sums that differ by rounding only count as equal.
    let thresholds = zip(observed, sums).map { value, own in
      value - 1e-12 * own.reduce(0) { $0 + abs($1) }
    }
    var hits = [Int](repeating: 0, count: sums.count)
    var correctedHits = hits
    func count(_ sign: (Int) -> Double) {
      var greatest = 0.0
      for (index, own) in sums.enumerated() {
        var total = 0.0
        for place in own.indices { total += sign(place) * own[place] }
        if abs(total) >= thresholds[index] { hits[index] += 1 }
        greatest = max(greatest, abs(total))
      }
      for index in sums.indices where greatest >= thresholds[index] { correctedHits[index] += 1 }
    }
    let isExact = names.count <= Self.exactClusters
    if isExact {
      for pattern in 0..<(1 << names.count) { count { pattern >> $0 & 1 == 0 ? 1 : -1 } }
    } else {
      var generator = SeededGenerator(key: "permutation\u{0}\(key)", seed: seed)
      for _ in 0..<resamples {
        let words = (0..<(names.count + 63) / 64).map { _ in generator.next() }
        count { words[$0 / 64] >> UInt64($0 % 64) & 1 == 0 ? 1 : -1 }
      }
    }
    let total = isExact ? 1 << names.count : resamples + 1
    func share(_ hits: Int) -> Double { Double(hits + (isExact ? 0 : 1)) / Double(total) }
    return PValues(each: hits.map(share), corrected: correctedHits.map(share))
  }
}
