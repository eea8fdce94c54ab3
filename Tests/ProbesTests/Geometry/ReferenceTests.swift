// Permutation tests and eigenvectors against SciPy and NumPy: Tests/Fixtures/geometry/make_geometry.py.

import CheckpointIO
import Probes
import TestSupport
import Testing

@Suite struct ReferenceTests {
  private let json: JSON

  init() throws { json = try JSON(contentsOf: fixture("geometry/geometry.json")) }

  private func cases(_ key: String) throws -> [JSON] {
    let cases = try #require(json[key]?.arrayValue)
    try #require(!cases.isEmpty)
    return cases
  }

  private func rows(_ value: JSON?) throws -> [[Double]] {
    try #require(value?.arrayValue).map { row in
      try #require(row.arrayValue).map { try #require($0.doubleValue) }
    }
  }

  @Test func permutations() throws {
    for (index, item) in try cases("permutations").enumerated() {
      let differences = try item.doubles("differences")
      let clusters = differences.indices.map { "q\($0)" }
      // Twice the same comparison: the correction for the maximum changes nothing.
      let found = PairedPermutation(key: "\(index)", seed: 1)
        .pValues(of: [differences, differences], clusters: clusters)
      let expected = try item.double("p")
      #expect(agree(found.each[0], expected), "\(found.each[0]) for \(expected)")
      #expect(found.corrected == found.each)
    }
  }

  /// The chance that the greatest difference of all comparisons is as great, against SciPy's enumeration of all signs.
  @Test func permutationsOfTheGreatest() throws {
    for (index, item) in try cases("maxima").enumerated() {
      let differences = try rows(item["differences"])
      let found = PairedPermutation(key: "\(index)", seed: 1).pValues(
        of: differences, clusters: differences[0].indices.map { "q\($0)" })
      let expected = try item.doubles("corrected")
      #expect(found.corrected.count == expected.count && Set(expected).count > 1)
      for (own, theirs) in zip(found.corrected, expected) {
        #expect(agree(own, theirs), "\(own) for \(theirs)")
      }
      #expect(zip(found.each, found.corrected).allSatisfy { $0 <= $1 })
    }
  }

  /// With many clusters the draws estimate what all signs would give: here one of 2¹⁴ · 2 beyond the exact limit.
  @Test func permutationsDrawn() {
    let clusters = (0..<14).map { "q\($0)" }
    let ones = [Double](repeating: 1, count: 14)
    let mixed = (0..<14).map { $0 % 2 == 0 ? 1.0 : -1.0 }
    let found = PairedPermutation(key: "drawn", seed: 2).pValues(
      of: [ones, mixed], clusters: clusters)
    #expect(found.each[0] < 0.001 && found.each[0] >= 1.0 / 10_001)
    #expect(found.each[1] == 1)
    // The chosen one of two is never better than it is alone.
    #expect(found.corrected[0] >= found.each[0])
    // Rows of one cluster flip together: a single cluster says nothing.
    let one = PairedPermutation(key: "one", seed: 2)
      .pValues(of: [ones], clusters: clusters.map { _ in "same" })
    #expect(one.each == [1])
  }

  /// Two layers that are right on halves of the examples: the best of them scores 1/2 in hindsight; chosen without the
  /// example that it is judged by, ties and losses show.
  @Test func crossFitting() {
    let a = [1.0, 1, 0, 0]
    let b = [0.0, 0, 1, 1]
    let clusters = ["w", "x", "y", "z"]
    // Without w, b is ahead 2 to 1 and is wrong on w; and so on for all four.
    #expect(Statistics.crossFittedChoice([a, b], clusters: clusters) == [0, 0, 0, 0])
    #expect(Statistics.crossFittedChoice([a, a], clusters: clusters) == a)
    #expect(Statistics.crossFittedChoice([a], clusters: ["w", "w", "w", "w"]) == nil)
  }

  @Test func eigenvectors() throws {
    for item in try cases("eigen") {
      let found = SymmetricEigenvectors(try rows(item["matrix"]))
      let values = try item.doubles("values")
      let vectors = try rows(item["vectors"])
      for (a, b) in zip(found.values, values) {
        #expect(abs(a - b) <= 1e-12 * values[0], "\(a) for \(b)")
      }
      for (own, theirs) in zip(found.vectors, vectors) {
        let cosine = try #require(Statistics.cosine(own, theirs))
        #expect(abs(abs(cosine) - 1) < 1e-10)
        #expect(abs(Statistics.norm(own) - 1) < 1e-12)
        let largest = own.max { abs($0) < abs($1) }
        #expect((largest ?? 0) > 0)
      }
    }
  }
}
