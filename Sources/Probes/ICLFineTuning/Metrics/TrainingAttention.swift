// TrainingAttention: how alike two rankings of the demonstrations' tokens are: Kendall's τ-b and the recall of the most
// attended, by token and by demonstration.

import CKernels

/// What two settings attend to among the training tokens.
package enum TrainingAttention {
  /// The softmax of scores, summed over the tokens of each demonstration.
  ///
  /// - Parameter counts: tokens of each demonstration, in the order of the scores.
  package static func perDemonstration(_ scores: [Double], counts: [Int]) -> [Double] {
    let highest = scores.max() ?? 0
    let powers = scores.map { ck_exp($0 - highest) }
    let total = powers.reduce(0, +)
    var next = 0
    return counts.map { count in
      defer { next += count }
      return powers[next..<next + count].reduce(0, +) / total
    }
  }

  /// |top_k(x) ∩ top_k(y)| / k; of equal values the earlier counts as the greater. `nil` of fewer than k values.
  package static func recall(_ x: [Double], _ y: [Double], top k: Int) -> Double? {
    precondition(x.count == y.count, "\(x.count) and \(y.count) values")
    guard k > 0, x.count >= k else { return nil }
    return Double(Set(top(k, of: x)).intersection(top(k, of: y)).count) / Double(k)
  }

  package static func top(_ k: Int, of values: [Double]) -> [Int] {
    Array(values.indices.sorted { (values[$1], $0) < (values[$0], $1) }.prefix(k))
  }
}
