// The metrics by hand, by their closed forms, and where they are undefined.

import Probes
import TensorCore
import Testing

@Suite struct SimilarityTests {
  private func gaussian(_ count: Int, norm: Double, _ generator: inout SeededGenerator) -> [Float] {
    let draws = (0..<count).map { _ in generator.normal() }
    let factor = norm / Statistics.norm(draws)
    return draws.map { Float($0 * factor) }
  }

  /// Normalised SimAOU of unrelated updates is ½ √((1 − 1/s₁)(1 − 1/s₂)), not 0; that of the same without normalising
  /// is 0.
  @Test(arguments: [(2.0, 2.0), (1.2, 3.0), (1.05, 1.05), (10.0, 4.0)])
  func nullOfNormalisedSimAOU(_ growth: (Double, Double)) throws {
    var generator = SeededGenerator(key: "null", seed: 1)
    let (width, trials) = (4096, 200)
    var sums = (similarity: 0.0, plain: 0.0, null: 0.0)
    for _ in 0..<trials {
      let origin = gaussian(width, norm: 1, &generator)
      func moved(_ growth: Double) -> [Float] {
        let update = gaussian(width, norm: (growth * growth - 1).squareRoot(), &generator)
        return zip(origin, update).map { $0 + $1 }
      }
      let (icl, tuned) = (moved(growth.0), moved(growth.1))
      sums.similarity += try #require(
        UpdateSimilarity.normalised(icl: icl, tuned: tuned, zeroShot: origin))
      sums.plain += try #require(UpdateSimilarity.ofUpdates(icl, tuned, from: origin))
      sums.null += try #require(UpdateSimilarity.null(icl: icl, tuned: tuned, zeroShot: origin))
    }
    let n = Double(trials)
    let expected = 0.5 * ((1 - 1 / growth.0) * (1 - 1 / growth.1)).squareRoot()
    #expect(abs(sums.similarity / n - expected) < 1e-2)
    #expect(abs(sums.null / n - expected) < 1e-2)
    #expect(abs(sums.plain / n) < 1e-2)
  }

  @Test func theSameUpdateIsOne() throws {
    var generator = SeededGenerator(key: "same", seed: 1)
    let origin = gaussian(32, norm: 1, &generator)
    let moved = zip(origin, gaussian(32, norm: 0.5, &generator)).map { $0 + $1 }
    #expect(UpdateSimilarity.normalised(icl: moved, tuned: moved, zeroShot: origin) == 1)
    #expect(UpdateSimilarity.ofUpdates(moved, moved, from: origin) == 1)
    #expect(UpdateSimilarity.ofMaps(moved, moved, heads: 4) == 1)
    #expect(UpdateSimilarity.ofMapUpdates(moved, moved, from: origin, heads: 4) == 1)
    // The other way is −1.
    let back = zip(origin, moved).map { 2 * $0 - $1 }
    let opposite = try #require(UpdateSimilarity.ofUpdates(moved, back, from: origin))
    #expect(abs(opposite + 1) < 1e-6)
  }

  @Test func noUpdateIsUndefined() {
    let origin: [Float] = [1, 2, 3, 4]
    let almost: [Float] = [1, 2, 3, 4.00002]
    let moved: [Float] = [1, 2, 4, 4]
    for still in [origin, almost] {
      #expect(UpdateSimilarity.normalised(icl: moved, tuned: still, zeroShot: origin) == nil)
      #expect(UpdateSimilarity.ofUpdates(still, moved, from: origin) == nil)
    }
    #expect(UpdateSimilarity.normalised(icl: moved, tuned: [0, 0, 0, 0], zeroShot: origin) == nil)
    // The head that did not move does not count.
    #expect(UpdateSimilarity.ofMapUpdates(moved, moved, from: origin, heads: 2) == 1)
    let one = UpdateSimilarity.ofMaps([0, 0, 1, 0], [1, 0, 1, 1], heads: 2)
    #expect(one.map { abs($0 - 0.5.squareRoot()) < 1e-15 } == true)
  }

  @Test func attentionOfDemonstrations() throws {
    let scores = [0.0, 1.0, 2.0, 0.5]
    let whole = TrainingAttention.perDemonstration(scores, counts: [1, 3])
    // e⁰ : e¹ + e² + e^½
    #expect(
      abs(whole[0] - 1 / (1 + 2.718281828459045 + 7.38905609893065 + 1.6487212707001282)) < 1e-15)
    #expect(abs(whole[0] + whole[1] - 1) < 1e-15)
    #expect(TrainingAttention.recall([5, 1, 4, 2], [1, 5, 4, 2], top: 2) == 0.5)
    #expect(TrainingAttention.recall([1, 1, 1], [3, 2, 1], top: 2) == 1)
    #expect(TrainingAttention.recall([1, 2], [1, 2], top: 3) == nil)
    // Scores far from 0 do not overflow.
    #expect(TrainingAttention.perDemonstration([1e4, -1e4], counts: [1, 1]) == [1, 0])
  }

  @Test func outputs() throws {
    let one = TopTokens(tokens: [3, 1, 2], probabilities: [0.5, 0.25, 0.125])
    let other = TopTokens(tokens: [1, 7, 3], probabilities: [0.6, 0.2, 0.1])
    #expect(one.overlap(other) == 2.0 / 3)
    let expected = (0.5 * 0.1 + 0.25 * 0.6) / ((0.3125 * 0.37) * 1).squareRoot()
    #expect(abs(try #require(one.overlapCosine(other)) - expected) < 1e-15)
    #expect(one.overlapCosine(one) == nil)
    #expect(one.overlapCosine(TopTokens(tokens: [9], probabilities: [1])) == nil)
    var orders = OrderSensitivity(vocabulary: 2)
    orders.add([0.25, 0.75])
    #expect(orders.value == nil)
    orders.add([0.75, 0.25])
    #expect(orders.value == 0.5)
  }

  @Test func principalAngles() throws {
    func matrix(_ rows: [[Double]]) -> WeightUpdate {
      var result = WeightUpdate(rows: rows.count, columns: rows[0].count)
      result.values = rows.flatMap { $0 }
      return result
    }
    let root = 3.0.squareRoot()
    // The first acts on the first two directions, the second on the first and on one at 60° to the second.
    let one = matrix([[3, 0, 0], [0, 2, 0], [0, 0, 0]])
    let other = matrix([[0, 0, 5], [1, 0, 0], [root, 0, 0]])
    let cosines = try #require(one.principalCosines(other, rank: 2))
    #expect(abs(cosines[0] - 1) < 1e-12 && abs(cosines[1] - 0.5) < 1e-12)
    #expect(one.principalCosines(other, rank: 3) == nil)
    #expect(one.cosine(one) == 1)
    #expect(one.read(by: [1, 2, 3] as [Float]) == [3, 4, 0])
    // Singular values: the squares add up to the squared norm, and products come back.
    var generator = SeededGenerator(key: "singular", seed: 2)
    let random = (0..<7).map { _ in (0..<5).map { _ in generator.normal() } }
    let found = WeightUpdate.singular(random)
    let squares = found.reduce(0) { $0 + $1.value * $1.value }
    #expect(abs(squares - Statistics.dot(random.flatMap { $0 }, random.flatMap { $0 })) < 1e-12)
    for (place, one) in found.enumerated() {
      let image = random.map { Statistics.dot($0, one.right) }
      #expect(abs(Statistics.norm(image) - one.value) < 1e-12)
      for other in found.dropFirst(place + 1) {
        #expect(abs(Statistics.dot(one.right, other.right)) < 1e-12)
      }
    }
  }
}
