// The eigenvectors of a symmetric matrix by Jacobi's rotations: slow for large matrices, exact to the last bits for
// those of a few hundred rows that probes have, and the same bits everywhere.

/// The eigenvalues of a real symmetric matrix, greatest first, with orthonormal eigenvectors.
///
/// The sign of a vector is chosen so that its element of greatest magnitude (the first of equals) is positive.
///
/// - Source: G. H. Golub and C. F. Van Loan, "Matrix Computations", 4th ed., §8.5 (cyclic Jacobi).
public struct SymmetricEigenvectors: Sendable, Equatable {
  /// The eigenvalues, greatest first.
  public let values: [Double]
  /// One for each value.
  public let vectors: [[Double]]

  /// - Parameter matrix: rows; only finite numbers, symmetric.
  public init(_ matrix: [[Double]]) {
    let n = matrix.count
    precondition(matrix.allSatisfy { $0.count == n }, "a matrix of \(n) rows that is not square")
    var a = matrix.flatMap { $0 }
    var v = [Double](repeating: 0, count: n * n)
    for index in 0..<n { v[index * n + index] = 1 }
    let size = a.reduce(0) { $0 + $1 * $1 }.squareRoot()
    a.withUnsafeMutableBufferPointer { a in
      v.withUnsafeMutableBufferPointer { v in
        for _ in 0..<60 {
          var off = 0.0
          for row in 0..<n {
            for column in 0..<row { off += 2 * a[row * n + column] * a[row * n + column] }
          }
          if off.squareRoot() <= 1e-15 * size { break }
          for p in 0..<n {
            for q in (p + 1)..<max(n, p + 1) { Self.rotate(a, v, n, p, q) }
          }
        }
      }
    }
    let order = (0..<n).sorted { (a[$1 * n + $1], $0) < (a[$0 * n + $0], $1) }
    values = order.map { a[$0 * n + $0] }
    vectors = order.map { column in
      // Rows of v are eigenvectors: rotations act on rows, which lie together.
      let vector = (0..<n).map { v[column * n + $0] }
      let largest = vector.indices.max { (abs(vector[$0]), $1) < (abs(vector[$1]), $0) }
      let sign = largest.map { vector[$0] < 0 ? -1.0 : 1.0 } ?? 1
      return vector.map { sign * $0 }
    }
  }

  /// Makes the elements (p, q) and (q, p) zero.
  private static func rotate(
    _ a: UnsafeMutableBufferPointer<Double>, _ v: UnsafeMutableBufferPointer<Double>, _ n: Int,
    _ p: Int, _ q: Int
  ) {
    let apq = a[p * n + q]
    guard abs(apq) > 1e-300 else { return }
    let tau = (a[q * n + q] - a[p * n + p]) / (2 * apq)
    let t =
      tau >= 0
      ? 1 / (tau + (1 + tau * tau).squareRoot()) : -1 / (-tau + (1 + tau * tau).squareRoot())
    let c = 1 / (1 + t * t).squareRoot()
    let s = t * c
    for k in 0..<n {
      let (x, y) = (a[k * n + p], a[k * n + q])
      a[k * n + p] = c * x - s * y
      a[k * n + q] = s * x + c * y
    }
    for k in 0..<n {
      let (x, y) = (a[p * n + k], a[q * n + k])
      a[p * n + k] = c * x - s * y
      a[q * n + k] = s * x + c * y
      let (z, w) = (v[p * n + k], v[q * n + k])
      v[p * n + k] = c * z - s * w
      v[q * n + k] = s * z + c * w
    }
  }
}
