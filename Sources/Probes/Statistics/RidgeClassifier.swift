// A linear classifier with a closed form, cross-validated: how well a straight line tells groups of vectors apart.

import TensorCore

/// Ridge regression onto ±1 for each class, with an intercept; the class of the greatest value is predicted.
///
/// Everything is computed from the inner products of the points, so that width costs nothing.
///
/// - Source: A. E. Hoerl and R. W. Kennard, Technometrics 12, 1970; scikit-learn `RidgeClassifier`.
public enum RidgeClassifier {
  /// The class predicted for each point by a fit on all points of other folds.
  ///
  /// - Parameters:
  ///   - products: inner products of all points, `[n, n]` flat.
  ///   - labels: the class of each point, counted from 0.
  ///   - folds: the fold of each point, counted from 0; at least two.
  ///   - ridge: what is added to the squared norm of the weights' penalty, above 0.
  public static func crossValidated(
    products: [Double], labels: [Int], folds: [Int], ridge: Double
  ) -> [Int] {
    let n = labels.count
    precondition(
      products.count == n * n && folds.count == n && ridge > 0,
      "\(products.count) products of \(n) points, \(folds.count) folds, ridge \(ridge)")
    let classes = (labels.max() ?? 0) + 1
    var predicted = labels
    for fold in Set(folds).sorted() {
      let train = (0..<n).filter { folds[$0] != fold }
      let test = (0..<n).filter { folds[$0] == fold }
      let size = Double(train.count)
      // Centred on the mean of the training points.
      let means = (0..<n).map { point in
        train.reduce(0.0) { $0 + products[point * n + $1] } / size
      }
      let mean = train.reduce(0.0) { $0 + means[$1] } / size
      func centred(_ a: Int, _ b: Int) -> Double {
        products[a * n + b] - means[a] - means[b] + mean
      }
      let factor = Cholesky(
        train.enumerated().map { row, a in
          train[...row].map { b in centred(a, b) + (a == b ? ridge : 0) }
        })
      let fits = (0..<classes).map { own -> (weights: [Double], intercept: Double) in
        let targets = train.map { labels[$0] == own ? 1.0 : -1.0 }
        let intercept = targets.reduce(0, +) / size
        return (factor.solution(targets.map { $0 - intercept }), intercept)
      }
      for point in test {
        let row = train.map { centred(point, $0) }
        let values = fits.map { Statistics.dot($0.weights, row) + $0.intercept }
        predicted[point] = values.argmax
      }
    }
    return predicted
  }
}

/// A positive definite matrix as L Lᵀ.
private struct Cholesky {
  private let rows: [[Double]]

  /// - Parameter lower: row i has elements 0 … i.
  init(_ lower: [[Double]]) {
    var rows = lower
    for i in rows.indices {
      var own = rows[i]
      for j in 0...i {
        let other = j == i ? own : rows[j]
        var sum = own[j]
        for k in 0..<j { sum -= own[k] * other[k] }
        own[j] = j == i ? max(sum, Double.leastNormalMagnitude).squareRoot() : sum / other[j]
      }
      rows[i] = own
    }
    self.rows = rows
  }

  /// x of L Lᵀ x = y.
  func solution(_ y: [Double]) -> [Double] {
    var x = y
    for i in rows.indices {
      for k in 0..<i { x[i] -= rows[i][k] * x[k] }
      x[i] /= rows[i][i]
    }
    for i in rows.indices.reversed() {
      x[i] /= rows[i][i]
      for k in 0..<i { x[k] -= rows[i][k] * x[i] }
    }
    return x
  }
}
