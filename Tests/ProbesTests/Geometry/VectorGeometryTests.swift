// Silhouettes, cosines, the linear probe, principal components and t-SNE against scikit-learn and NumPy:
// Tests/Fixtures/geometry/make_geometry.py.

import CheckpointIO
import Probes
import TestSupport
import Testing

@Suite struct VectorGeometryTests {
  private let json: JSON
  /// Four groups of nine points of width seven.
  private let points: [[Double]]
  private let labels: [Int]

  init() throws {
    json = try JSON(contentsOf: fixture("geometry/geometry.json"))
    points = try Self.rows(json["points"])
    labels = try #require(json["labels"]?.arrayValue).map { try #require($0.intValue) }
  }

  private static func rows(_ value: JSON?) throws -> [[Double]] {
    try #require(value?.arrayValue).map { row in
      try #require(row.arrayValue).map { try #require($0.doubleValue) }
    }
  }

  private var groups: [[[Float]]] {
    (0..<4).map { group in
      points.indices.filter { labels[$0] == group }.map { points[$0].map { Float($0) } }
    }
  }

  @Test func silhouettes() throws {
    let summary = GroupGeometry(groups).summary()
    for (key, own) in [
      ("silhouette", summary.angularSilhouettes), ("euclidean", summary.euclideanSilhouettes),
    ] {
      let samples = try json.doubles(key)
      for group in 0..<4 {
        let expected = try #require(
          Statistics.mean(samples.indices.filter { labels[$0] == group }.map { samples[$0] }))
        #expect(abs(own[group] - expected) < 1e-12, "\(key) of group \(group)")
      }
    }
  }

  /// All pairs by a double loop.
  @Test func cosines() throws {
    let summary = GroupGeometry(groups).summary()
    for g in 0..<4 {
      for h in 0..<4 {
        let pairs = groups[g].indices.flatMap { i in
          groups[h].indices.compactMap { j in
            g == h && i == j ? nil : Statistics.cosine(groups[g][i], groups[h][j])
          }
        }
        let mean = try #require(Statistics.mean(pairs))
        let own = g == h ? summary.within[g] : summary.between[g * 4 + h]
        #expect(abs(own - mean) < 1e-12, "groups \(g) and \(h)")
      }
    }
  }

  /// A vector taken twice weighs twice in pairs with others, and is no pair with itself.
  @Test func weights() {
    let two: [[[Float]]] = [[[1, 0], [0, 1], [1, 1]], [[-1, 0], [0, -1]]]
    let weighted = GroupGeometry(two).summary(weights: [2, 1, 0, 1, 1])
    // Within: the one pair that there is, at a right angle; across: (2·−1 + 2·0 + 0 − 1) / 6.
    #expect(abs(weighted.within[0]) < 1e-15)
    #expect(abs(weighted.between[1] - -0.5) < 1e-15)
    #expect(GroupGeometry(two).summary(weights: [2, 0, 0, 1, 1]).within[0].isNaN)
  }

  /// The interval of a mean cosine of pairs: its width is that of the normal theory of U-statistics, twice that of
  /// independent rows.
  @Test func intervals() throws {
    let geometry = GroupGeometry(groups)
    let found = geometry.estimates(key: "intervals", seed: 1) { [$0.within[0]] }[0]
    let interval = try #require(found.interval)
    let value = try #require(found.value)
    #expect(interval.low < value && value < interval.high)
    let own = groups[0]
    let rows = own.indices.map { i in
      Statistics.mean(own.indices.filter { $0 != i }.map { 1 - geometry.angular[i * 36 + $0] })
        ?? 0
    }
    let error = try #require(Statistics.standardError(rows))
    let ratio = (interval.high - interval.low) / (2 * 1.96 * 2 * error)
    #expect(ratio > 0.75 && ratio < 1.25, "\(ratio)")
    // Alone in its group there is no pair.
    #expect(
      GroupGeometry([[[1, 0]], [[0, 1]]]).estimates(key: "none", seed: 1) { $0.within }
        == [Estimate](repeating: Estimate(value: nil, interval: nil, count: 2), count: 2))
  }

  @Test func ridgeClassifier() throws {
    let products = points.flatMap { a in points.map { Statistics.dot(a, $0) } }
    let expected = try #require(json["probe"]?.arrayValue).map { try #require($0.intValue) }
    let found = RidgeClassifier.crossValidated(
      products: products, labels: labels, folds: points.indices.map { $0 % 5 }, ridge: 1)
    #expect(found == expected)
    // Not all right, so that agreement says something.
    #expect(found != labels)
  }

  @Test func principalComponents() throws {
    let expected = try Self.rows(json["pca"])
    // More points than columns, and the reverse with columns of zeros.
    for own in [points, points.map { $0 + [Double](repeating: 0, count: 60) }] {
      let found = PrincipalComponents(own, count: 2)
      for component in 0..<2 {
        let (a, b) = (found.scores.map { $0[component] }, expected.map { $0[component] })
        let sign = Statistics.dot(a, b) < 0 ? -1.0 : 1
        for (own, theirs) in zip(a, b) { #expect(abs(own - sign * theirs) < 1e-10) }
        #expect((a.max { abs($0) < abs($1) } ?? 0) > 0)
      }
    }
    let same = PrincipalComponents([[1, 2], [1, 2]], count: 3)
    #expect(same.varianceShares == nil && same.scores == [[0, 0, 0], [0, 0, 0]])
  }

  @Test(arguments: [0, 1]) func neighbourEmbedding(_ index: Int) throws {
    let tsne = try #require(json["tsne"]?.arrayValue?[index])
    let points = try Self.rows(tsne["points"])
    let squares = points.flatMap { a in
      points.map { b in zip(a, b).reduce(0.0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
    }
    let perplexity = try tsne.double("perplexity")
    let own = NeighbourEmbedding.affinities(squares: squares, count: 36, perplexity: perplexity)
    for (a, b) in zip(own, try Self.rows(tsne["joint"]).flatMap { $0 }) {
      #expect(abs(a - b) <= 1e-6)
    }
    #expect(abs(own.reduce(0, +) - 1) < 1e-12)
    let theirs = try tsne.double("divergence")
    // Their plane has their divergence, up to their last step and their f32.
    let plane = try Self.rows(tsne["plane"])
    #expect(abs(NeighbourEmbedding.divergence(of: plane, own) - theirs) < 1e-3 * theirs + 1e-5)
    // Groups that lie apart have one best plane; those that overlap many good ones.
    let found = NeighbourEmbedding(
      squares: squares, start: PrincipalComponents(points, count: 2).scores, perplexity: perplexity)
    let limit = index == 0 ? 1.5 : 1.05
    #expect(found.divergence < limit * theirs, "\(found.divergence) for \(theirs)")
    #expect(found.divergence == NeighbourEmbedding.divergence(of: found.points, own))
  }
}
