// OutputComparison: how alike two distributions over the next token are, and how much one depends on the order of the
// demonstrations.

/// The most probable tokens of a distribution, most probable first.
package struct TopTokens: Sendable, Equatable {
  package let tokens: [Int]
  package let probabilities: [Double]

  package init(tokens: [Int], probabilities: [Double]) {
    self.tokens = tokens
    self.probabilities = probabilities
  }

  /// |T₁ ∩ T₂| / K.
  ///
  /// - Source: Shen, Mishra and Khashabi 2024, arXiv:2310.08540, §5.
  package func overlap(_ other: TopTokens) -> Double? {
    guard !tokens.isEmpty else { return nil }
    return Double(Set(tokens).intersection(other.tokens).count) / Double(tokens.count)
  }

  /// Σ p₁p₂ / √(Σ p₁² · Σ p₂² · (K − |O|)) over the shared tokens O; `nil` where O is empty or all of the K.
  package func overlapCosine(_ other: TopTokens) -> Double? {
    let places = tokens.indices.compactMap { index in
      other.tokens.firstIndex(of: tokens[index]).map { (index, $0) }
    }
    guard !places.isEmpty, places.count < tokens.count else { return nil }
    let own = places.map { probabilities[$0.0] }
    let others = places.map { other.probabilities[$0.1] }
    let norms = Statistics.dot(own, own) * Statistics.dot(others, others)
    let divisor = (norms * Double(tokens.count - places.count)).squareRoot()
    return divisor > 0 ? Statistics.dot(own, others) / divisor : nil
  }
}

/// Σ_v of the standard deviation of p_v over several distributions, which arrive one at a time.
package struct OrderSensitivity: Sendable {
  private var sums: [Double]
  private var squares: [Double]
  private var count = 0

  package init(vocabulary: Int) {
    sums = Array(repeating: 0, count: vocabulary)
    squares = sums
  }

  package mutating func add(_ probabilities: [Double]) {
    precondition(probabilities.count == sums.count, "\(probabilities.count) of \(sums.count)")
    for (token, probability) in probabilities.enumerated() {
      sums[token] += probability
      squares[token] += probability * probability
    }
    count += 1
  }

  /// The deviation is that of the population (n in the denominator); `nil` of fewer than two distributions.
  ///
  /// - Source: Shen, Mishra and Khashabi 2024, arXiv:2310.08540, §4.
  package var value: Double? {
    guard count > 1 else { return nil }
    let n = Double(count)
    return zip(sums, squares).reduce(0) { total, pair in
      total + max(0, pair.1 / n - pair.0 / n * (pair.0 / n)).squareRoot()
    }
  }
}
