// DualForm: the weight changes that attention to demonstrations amounts to, compared as matrices. For linear attention
// the identity with the attention output is exact; for softmax it is a relaxation, and its residual is what is measured.

/// A matrix `[rows, columns]` in f64, row-major: keys' features by values.
package struct WeightUpdate: Sendable, Equatable {
  package let rows, columns: Int
  package var values: [Double]

  package init(rows: Int, columns: Int) {
    (self.rows, self.columns) = (rows, columns)
    values = Array(repeating: 0, count: rows * columns)
  }

  /// Adds weight · key ⊗ value.
  package mutating func add(
    _ key: some Collection<Float>, _ value: some Collection<Float>, weight: Double
  ) {
    var place = 0
    for k in key {
      let factor = weight * Double(k)
      for v in value {
        values[place] += factor * Double(v)
        place += 1
      }
    }
    precondition(place == values.count, "\(key.count) × \(value.count) for \(rows) × \(columns)")
  }

  package static func + (left: Self, right: Self) -> Self { combined(left, right) { $0 + $1 } }
  package static func - (left: Self, right: Self) -> Self { combined(left, right) { $0 - $1 } }

  private static func combined(_ left: Self, _ right: Self, _ sum: (Double, Double) -> Double)
    -> Self
  {
    precondition((left.rows, left.columns) == (right.rows, right.columns), "two shapes")
    var result = left
    for index in result.values.indices {
      result.values[index] = sum(left.values[index], right.values[index])
    }
    return result
  }

  package func scaled(by factor: Double) -> Self {
    var result = self
    for index in result.values.indices { result.values[index] *= factor }
    return result
  }

  /// Of the matrices' elements as one vector.
  package func cosine(_ other: WeightUpdate) -> Double? { Statistics.cosine(values, other.values) }

  /// Frobenius.
  package var norm: Double { Statistics.norm(values) }

  /// queryᵀ · matrix: what a query reads.
  package func read(by query: some Collection<Float>) -> [Double] {
    var out = Array(repeating: 0.0, count: columns)
    for (row, q) in query.enumerated() {
      for column in 0..<columns { out[column] += Double(q) * values[row * columns + column] }
    }
    return out
  }

  /// The cosines of the principal angles between the subspaces of query directions that two updates act on most:
  /// those of their `rank` greatest singular values. Greatest cosine (least angle) first; `nil` where either matrix has
  /// a smaller rank.
  package func principalCosines(_ other: WeightUpdate, rank: Int) -> [Double]? {
    guard let own = leadingDirections(rank), let others = other.leadingDirections(rank) else {
      return nil
    }
    let products = own.map { one in others.map { Statistics.dot(one, $0) } }
    return Self.singular(products).map { min(1, $0.value) }.sorted(by: >)
  }

  /// The left singular vectors `[rows]` of the greatest singular values, greatest first.
  private func leadingDirections(_ rank: Int) -> [[Double]]? {
    let lines = (0..<columns).map { column in
      (0..<rows).map { values[$0 * columns + column] }
    }
    let found = Self.singular(lines).enumerated().sorted {
      ($1.element.value, $0.offset) < ($0.element.value, $1.offset)
    }
    guard rank > 0, found.count >= rank, let first = found.first, first.element.value > 0,
      found[rank - 1].element.value > 1e-9 * first.element.value
    else { return nil }
    return found.prefix(rank).map(\.element.right)
  }

  /// Singular values and right singular vectors of a matrix given by its rows, by Hestenes's one-sided Jacobi rotations.
  ///
  /// - Source: Golub and Van Loan, "Matrix Computations", 4th ed., §8.6.3.
  package static func singular(_ matrix: [[Double]]) -> [(value: Double, right: [Double])] {
    let (height, width) = (matrix.count, matrix.first?.count ?? 0)
    // Each column of the matrix, and below it the column of the rotations so far.
    let stride = height + width
    var all = Array(repeating: 0.0, count: width * stride)
    for column in 0..<width {
      for row in 0..<height { all[column * stride + row] = matrix[row][column] }
      all[column * stride + height + column] = 1
    }
    all.withUnsafeMutableBufferPointer { all in
      var rotated = true
      var sweeps = 0
      while rotated, sweeps < 60 {
        rotated = false
        sweeps += 1
        for p in 0..<width {
          for q in p + 1..<max(p + 1, width) {
            let (x, y) = (p * stride, q * stride)
            var (a, b, c) = (0.0, 0.0, 0.0)
            for row in 0..<height {
              a += all[x + row] * all[x + row]
              b += all[y + row] * all[y + row]
              c += all[x + row] * all[y + row]
            }
            guard c != 0, abs(c) > 1e-15 * (a * b).squareRoot() else { continue }
            rotated = true
            let zeta = (b - a) / (2 * c)
            let tangent = (zeta >= 0 ? 1.0 : -1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
            let cosine = 1 / (1 + tangent * tangent).squareRoot()
            let sine = cosine * tangent
            for row in 0..<stride {
              let (one, other) = (all[x + row], all[y + row])
              all[x + row] = cosine * one - sine * other
              all[y + row] = sine * one + cosine * other
            }
          }
        }
      }
    }
    return (0..<width).map { column in
      let own = all[column * stride..<(column + 1) * stride]
      return (Statistics.norm(Array(own.prefix(height))), Array(own.suffix(width)))
    }
  }
}
