// UpdateSimilarity: how alike two changes of the same activation are: SimAOU and SimAM in their published forms, and
// what SimAOU is worth when the changes have nothing to do with each other. Pure functions of vectors, in f64.

/// Similarities of what in-context learning and fine-tuning do to an activation.
package enum UpdateSimilarity {
  /// A change smaller than this share of what it changes is rounding of f32, and has no direction. So the scores of
  /// layer 0 of a rotary model, which demonstrations cannot change, have no SimAM of updates.
  package static let rounding = 1e-5

  /// SimAOU of Dai et al.: each output normalised *before* the subtraction.
  ///
  /// - Parameters: attention outputs `[D]` at the last token, in context, fine-tuned and zero-shot.
  /// - Returns: the cosine, or `nil` where an update is nothing but rounding.
  /// - Source: Dai et al. 2023, arXiv:2212.10559, §4.4; LMOps understand_icl `analyze_sim(normalize=True)`.
  package static func normalised(icl: [Float], tuned: [Float], zeroShot: [Float]) -> Double? {
    guard let icl = unit(icl), let tuned = unit(tuned), let zeroShot = unit(zeroShot) else {
      return nil
    }
    return ofUpdates(icl, tuned, from: zeroShot)
  }

  /// SimAOU without normalising, and SimAM of updates: cos(a − o, b − o).
  ///
  /// - Source: Deutch et al. 2024, arXiv:2311.07772, §3.
  package static func ofUpdates(_ first: [Float], _ second: [Float], from origin: [Float])
    -> Double?
  {
    ofUpdates(first.map { Double($0) }, second.map { Double($0) }, from: origin.map { Double($0) })
  }

  /// What normalised SimAOU is when both updates point anywhere: ½ √((1 − c₁)(1 − c₂)), where c₁ and c₂ are the
  /// cosines of the two outputs with the zero-shot output. Where the updates are orthogonal to that output, c = 1/s with
  /// s the growth of the norm, and this is ½ √((1 − 1/s₁)(1 − 1/s₂)).
  package static func null(icl: [Float], tuned: [Float], zeroShot: [Float]) -> Double? {
    guard let first = Statistics.cosine(icl, zeroShot),
      let second = Statistics.cosine(tuned, zeroShot)
    else { return nil }
    return 0.5 * ((1 - first) * (1 - second)).squareRoot()
  }

  /// SimAM: the cosine of two attention maps, mean over heads.
  ///
  /// - Parameters: scores `[H, n]` of the last token to the query's n tokens, before the softmax.
  /// - Returns: the mean over the heads that have a cosine; `nil` if none has.
  package static func ofMaps(_ first: [Float], _ second: [Float], heads: Int) -> Double? {
    Statistics.mean(
      (0..<heads).compactMap {
        Statistics.cosine(head($0, of: heads, first), head($0, of: heads, second))
      })
  }

  /// SimAM of updates, mean over the heads that have one.
  package static func ofMapUpdates(
    _ first: [Float], _ second: [Float], from origin: [Float], heads: Int
  ) -> Double? {
    Statistics.mean(
      (0..<heads).compactMap {
        ofUpdates(
          head($0, of: heads, first), head($0, of: heads, second),
          from: head($0, of: heads, origin))
      })
  }

  /// SimAOU against an update drawn at random, as released: the draw stands for the update, nothing is subtracted.
  package static func normalised(icl: [Float], update: [Double], zeroShot: [Float]) -> Double? {
    guard let icl = unit(icl), let zeroShot = unit(zeroShot) else { return nil }
    return Statistics.cosine(zip(icl, zeroShot).map { $0 - $1 }, update)
  }

  private static func ofUpdates(_ first: [Double], _ second: [Double], from origin: [Double])
    -> Double?
  {
    let floor = rounding * Statistics.norm(origin)
    let (one, other) = (zip(first, origin).map { $0 - $1 }, zip(second, origin).map { $0 - $1 })
    guard Statistics.norm(one) > floor, Statistics.norm(other) > floor else { return nil }
    return Statistics.cosine(one, other)
  }

  private static func unit(_ vector: [Float]) -> [Double]? {
    let norm = Statistics.norm(vector)
    return norm > 0 && norm.isFinite ? vector.map { Double($0) / norm } : nil
  }

  private static func head(_ head: Int, of heads: Int, _ map: [Float]) -> [Float] {
    let width = map.count / heads
    return Array(map[head * width..<(head + 1) * width])
  }
}
