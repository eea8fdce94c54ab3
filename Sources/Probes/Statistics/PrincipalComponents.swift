// Principal components of a set of vectors: where the points lie along the directions that vary most.

/// The scores of centred points on their first principal components.
///
/// A component's sign is chosen so that the score of greatest magnitude (the first of equals) is positive. The
/// eigenvectors are those of whichever is smaller, the covariance or the inner products of the centred points.
///
/// - Source: K. Pearson, Philosophical Magazine 2, 1901; scikit-learn `PCA`.
public struct PrincipalComponents: Sendable, Equatable {
  /// `[point][component]`.
  public let scores: [[Double]]
  /// The share of the total variance along each component; `nil` where all points are the same.
  public let varianceShares: [Double]?

  /// - Parameters:
  ///   - points: of one width, at least one.
  ///   - count: how many components; those beyond the rank are 0.
  public init(_ points: [[Double]], count: Int) {
    precondition(!points.isEmpty && count > 0, "\(count) components of \(points.count) points")
    let (n, width) = (points.count, points[0].count)
    let means = (0..<width).map { column in
      points.reduce(0.0) { $0 + $1[column] } / Double(n)
    }
    let centred = points.map { point in zip(point, means).map { $0 - $1 } }
    let isWide = n < width
    let vectors = isWide ? centred : (0..<width).map { column in centred.map { $0[column] } }
    let eigen = SymmetricEigenvectors(
      vectors.map { a in vectors.map { b in Statistics.dot(a, b) } })
    let found = (0..<count).map { component -> [Double] in
      guard component < eigen.values.count else { return Array(repeating: 0, count: n) }
      let vector = eigen.vectors[component]
      let scores =
        isWide
        ? vector.map { $0 * max(0, eigen.values[component]).squareRoot() }
        : centred.map { Statistics.dot($0, vector) }
      let largest = scores.indices.max { (abs(scores[$0]), $1) < (abs(scores[$1]), $0) }
      let sign = largest.map { scores[$0] < 0 ? -1.0 : 1.0 } ?? 1
      return scores.map { sign * $0 }
    }
    scores = (0..<n).map { point in found.map { $0[point] } }
    let total = centred.reduce(0.0) { $0 + Statistics.dot($1, $1) }
    varianceShares =
      total > 0
      ? (0..<count).map { $0 < eigen.values.count ? max(0, eigen.values[$0]) / total : 0 } : nil
  }
}
