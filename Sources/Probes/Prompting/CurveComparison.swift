// CurveComparison: accuracies by layer against a reference on the same examples: is any layer different, which survive having
// looked at all of them, and what is the chosen one worth?

/// Outcomes of the test examples at every layer, and under the reference.
struct CurveComparison {
  /// `[layer][example]`.
  let curve: [[Bool]]
  let reference: [Bool]
  /// The layer chosen on other examples.
  let chosen: Int
  /// The query of each example: examples of one query are one cluster.
  let queries: [String]

  /// By layer McNemar's p, alone and adjusted over the layers; of the headline (no layer) the permutation test of the
  /// chosen layer, alone and corrected for having seen all, and the accuracy of choosing the best layer on other queries.
  func estimates(key: String, seed: UInt64) -> [(layer: Int?, metric: Metric, estimate: Estimate)] {
    func plain(_ value: Double) -> Estimate {
      Estimate(value: value, interval: nil, count: reference.count)
    }
    let pValues = curve.map { Statistics.mcNemarExact($0, reference) }
    let adjusted: [(Metric, [Double])] = [
      (.mcNemarP, pValues), (.holmP, Statistics.holmAdjusted(pValues)),
      (.benjaminiHochbergP, Statistics.benjaminiHochbergAdjusted(pValues)),
    ]
    let outcomes = curve.map { $0.map { $0 ? 1.0 : 0 } }
    let fitted = Statistics.crossFittedChoice(outcomes, clusters: queries)
    let permuted = PairedPermutation(key: key, seed: seed).pValues(
      of: outcomes.map { zip($0, reference).map { $0 - ($1 ? 1 : 0) } }, clusters: queries)
    return curve.indices.flatMap { layer in
      adjusted.map { (layer, $0.0, plain($0.1[layer])) }
    } + [
      (nil, .mcNemarP, plain(pValues[chosen])),
      (
        nil, .crossFittedAccuracy,
        fitted.map { Bootstrap(key: key, seed: seed).mean($0, clusters: queries) }
          ?? Estimate(value: nil, interval: nil, count: queries.count)
      ),
      (nil, .permutationP, plain(permuted.each[chosen])),
      (nil, .permutationPCorrected, plain(permuted.corrected[chosen])),
    ]
  }
}
