// Comparison: one query's in-context run against what stands in for fine-tuning, layer by layer, as numbers.

import TensorCore

/// Values of metrics; one that is undefined is absent.
package typealias Measurements = [Metric: Double]

/// What a comparison needs to know beside the runs.
package struct Comparison: Sendable {
  /// Tokens of each demonstration.
  package let counts: [Int]
  package let topTokens: Int
  package let topDemonstrations: Int
  /// How many singular directions principal angles are between.
  package let rank: Int

  package init(counts: [Int], topTokens: Int, topDemonstrations: Int, rank: Int) {
    self.counts = counts
    self.topTokens = topTokens
    self.topDemonstrations = topDemonstrations
    self.rank = rank
  }

  /// Similarities of outputs and maps.
  ///
  /// - Parameter tuned: the run that stands in for fine-tuning.
  package func similarities(icl: LayerReading, tuned: LayerReading, zeroShot: LayerReading)
    -> Measurements
  {
    var found = similarities(icl: icl, output: tuned.output, zeroShot: zeroShot)
    found[.simAM] = UpdateSimilarity.ofMaps(icl.map, tuned.map, heads: icl.heads)
    found[.simAMDelta] = UpdateSimilarity.ofMapUpdates(
      icl.map, tuned.map, from: zeroShot.map, heads: icl.heads)
    return found
  }

  /// Similarities of outputs alone.
  package func similarities(icl: LayerReading, output: [Float], zeroShot: LayerReading)
    -> Measurements
  {
    var found = Measurements()
    found[.simAOU] = UpdateSimilarity.normalised(
      icl: icl.output, tuned: output, zeroShot: zeroShot.output)
    found[.simAOUUnnormalised] = UpdateSimilarity.ofUpdates(
      icl.output, output, from: zeroShot.output)
    found[.simAOUNull] = UpdateSimilarity.null(
      icl: icl.output, tuned: output, zeroShot: zeroShot.output)
    return found
  }

  /// Two rankings of the training tokens; those that a window hides come last.
  package func attention(icl: [Double], other: [Double]) -> Measurements {
    guard icl.count == other.count, icl.contains(where: \.isFinite),
      other.contains(where: \.isFinite)
    else { return [:] }
    let (first, second) = (
      TrainingAttention.perDemonstration(icl, counts: counts),
      TrainingAttention.perDemonstration(other, counts: counts)
    )
    var found = Measurements()
    found[.kendallTau] = Statistics.kendallTauB(icl, other)
    found[.kendallTauExamples] = Statistics.kendallTauB(first, second)
    found[.recallAtK] = TrainingAttention.recall(icl, other, top: topTokens)
    found[.recallAtKExamples] = TrainingAttention.recall(first, second, top: topDemonstrations)
    return found
  }

  /// Σ over heads of the inner products of the training tokens' queries with the last token's: of the vectors of all
  /// heads side by side.
  package static func attention(of query: [Float], to training: [[Float]]) -> [Double] {
    training.map { Statistics.dot($0, query) }
  }

  /// The dual form of one head in context: what stands in rows of `icl`.
  ///
  /// - Parameter scale: of linear attention that of its readout, 1 for the relaxed form of softmax.
  package func dualForm(icl: HeadReading, zeroShot: HeadReading, scale: Double) -> Measurements {
    let query = icl.own - zeroShot.own
    let whole = zeroShot.own + icl.context + query
    let read = whole.read(by: icl.query)
    let difference = zip(icl.output, read).map { $0 - scale * $1 }
    var found = Measurements()
    found[.dualNorm] = icl.context.norm
    found[.dualNormQuery] = query.norm
    found[.dualCosineICLQuery] = icl.context.cosine(query)
    let norm = Statistics.norm(icl.output)
    if norm > 0 { found[.dualResidual] = Statistics.norm(difference) / norm }
    return found
  }

  /// The dual form of one head against that of fine-tuning.
  package func dualForm(icl: HeadReading, tuned: HeadReading, zeroShot: HeadReading) -> Measurements
  {
    let query = icl.own - zeroShot.own
    let update = tuned.own - zeroShot.own
    var found = Measurements()
    found[.dualNorm] = update.norm
    found[.dualCosine] = icl.context.cosine(update)
    found[.dualCosineQuery] = query.cosine(update)
    if let cosines = icl.context.principalCosines(update, rank: rank) {
      found[.dualPrincipalFirst] = cosines.first
      found[.dualPrincipalLast] = cosines.last
    }
    if let cosines = query.principalCosines(update, rank: rank) {
      found[.dualPrincipalQueryFirst] = cosines.first
      found[.dualPrincipalQueryLast] = cosines.last
    }
    return found
  }
}
