// How close vectors of one group are, and how far from those of others: cosines within and between groups, silhouettes,
// with intervals from one bootstrap over vectors.

import TensorCore

/// Vectors that belong to groups, by all their pairs.
///
/// A statistic of pairs is not a mean over independent examples, so vectors are resampled and the statistic is computed
/// anew: pairs of copies of one vector never count.
public struct GroupGeometry: Sendable {
  /// Vectors of group g are those at `groups[g]`.
  public let groups: [Range<Int>]
  /// 1 − cosine, `[n, n]` flat, 0 on the diagonal; the cosine of a zero vector with any other is taken as 0.
  public let angular: [Double]
  /// `[n, n]` flat.
  public let euclidean: [Double]

  /// What is said of the groups, once for the data and once for every resample; NaN where it is undefined.
  public struct Summary: Sendable, Equatable {
    /// By group: the mean cosine of its pairs.
    public let within: [Double]
    /// By pair of groups, `[g, g]` flat: the mean cosine of pairs across; the diagonal is undefined.
    public let between: [Double]
    /// By group: the mean silhouette of its vectors under 1 − cosine.
    public let angularSilhouettes: [Double]
    /// The same under the Euclidean distance.
    public let euclideanSilhouettes: [Double]
  }

  /// - Parameter vectors: by group.
  public init(_ vectors: [[[Float]]]) {
    var ranges: [Range<Int>] = []
    for group in vectors {
      let start = ranges.last?.upperBound ?? 0
      ranges.append(start..<start + group.count)
    }
    let all = vectors.flatMap { $0 }
    let n = all.count
    var angular = [Double](repeating: 0, count: n * n)
    var euclidean = angular
    for i in 0..<n {
      for j in 0..<i {
        let angle = 1 - (Statistics.cosine(all[i], all[j]) ?? 0)
        let distance = Statistics.norm(zip(all[i], all[j]).map { Double($0) - Double($1) })
        (angular[i * n + j], angular[j * n + i]) = (angle, angle)
        (euclidean[i * n + j], euclidean[j * n + i]) = (distance, distance)
      }
    }
    groups = ranges
    self.angular = angular
    self.euclidean = euclidean
  }

  public var count: Int { groups.last?.upperBound ?? 0 }

  /// The group of each vector.
  public var labels: [Int] { groups.enumerated().flatMap { [Int](repeating: $0, count: $1.count) } }

  /// The statistics with every vector taken `weights` times.
  public func summary(weights: [Double]? = nil) -> Summary {
    let weights = weights ?? [Double](repeating: 1, count: count)
    let sizes = groups.map { range in weights[range].reduce(0, +) }
    let angles = sums(angular, weights)
    var within = [Double](repeating: .nan, count: groups.count)
    var between = [Double](repeating: .nan, count: groups.count * groups.count)
    for (g, range) in groups.enumerated() {
      for h in groups.indices {
        let total = range.reduce(0.0) { $0 + weights[$1] * angles[h * count + $1] }
        if g == h {
          let copies = range.reduce(0.0) { $0 + weights[$1] * weights[$1] }
          let pairs = sizes[g] * sizes[g] - copies
          if pairs > 0 { within[g] = 1 - total / pairs }
        } else {
          between[g * groups.count + h] = 1 - total / (sizes[g] * sizes[h])
        }
      }
    }
    return Summary(
      within: within, between: between,
      angularSilhouettes: silhouettes(angles, weights, sizes),
      euclideanSilhouettes: silhouettes(sums(euclidean, weights), weights, sizes))
  }

  /// For each group h and vector i the weighted sum over j of h of `matrix[i, j]`, `[h, i]` flat.
  private func sums(_ matrix: [Double], _ weights: [Double]) -> [Double] {
    let n = count
    var result = [Double](repeating: 0, count: groups.count * n)
    result.withUnsafeMutableBufferPointer { result in
      matrix.withUnsafeBufferPointer { matrix in
        for (g, range) in groups.enumerated() {
          for j in range where weights[j] > 0 {
            let weight = weights[j]
            // The matrix is symmetric: its row j is its column j.
            for i in 0..<n { result[g * n + i] += weight * matrix[j * n + i] }
          }
        }
      }
    }
    return result
  }

  /// By group the mean over its vectors of (b − a) / max(a, b); 0 for a vector alone in its group.
  ///
  /// - Source: P. J. Rousseeuw, J. Comput. Appl. Math. 20, 1987; scikit-learn `silhouette_samples`.
  private func silhouettes(_ sums: [Double], _ weights: [Double], _ sizes: [Double]) -> [Double] {
    guard groups.count > 1 else { return [.nan] }
    return groups.enumerated().map { g, range in
      var total = 0.0
      for i in range where weights[i] > 0 && sizes[g] > weights[i] {
        let own = sums[g * count + i] / (sizes[g] - weights[i])
        var nearest = Double.infinity
        for h in groups.indices where h != g {
          nearest = min(nearest, sums[h * count + i] / sizes[h])
        }
        if max(own, nearest) > 0 { total += weights[i] * (nearest - own) / max(own, nearest) }
      }
      return total / sizes[g]
    }
  }
}

extension GroupGeometry {
  /// The data's value of some statistics of a summary, each with its 95 % percentile interval over resamples of the
  /// vectors within groups.
  ///
  /// - Parameter statistics: numbers made of a summary, always as many; NaN where one is undefined.
  public func estimates(
    key: String, seed: UInt64, resamples: Int = 10_000, _ statistics: (Summary) -> [Double]
  ) -> [Estimate] {
    let values = statistics(summary())
    let resamples = Resampling.count(resamples)
    var drawn = values.map { _ in [Double]() }
    if groups.allSatisfy({ $0.count > 1 }) {
      var draws = ClusterDraws(strata: groups, generator: SeededGenerator(key: key, seed: seed))
      var weights = [Double](repeating: 0, count: count)
      for _ in 0..<resamples {
        draws.advance()
        for i in weights.indices { weights[i] = 0 }
        for index in draws.indices { weights[Int(index)] += 1 }
        for (place, value) in statistics(summary(weights: weights)).enumerated()
        where value.isFinite {
          drawn[place].append(value)
        }
      }
    }
    return zip(values, drawn).map { value, drawn in
      let enough = Double(drawn.count) >= Bootstrap.leastDefined * Double(resamples)
      let tail = (1 - Bootstrap.confidence) / 2
      var interval: Interval?
      if enough, value.isFinite, let low = Statistics.quantile(tail, of: drawn),
        let high = Statistics.quantile(1 - tail, of: drawn)
      {
        interval = Interval(low: low, high: high)
      }
      return Estimate(
        value: value.isFinite ? value : nil, interval: interval, count: count)
    }
  }
}
