// The generator against published vectors, and its draws against a separate Python transcription
// (exact integers) and the laws they must obey.

import Foundation
import TensorCore
import Testing

@Suite struct SeededGeneratorTests {
  /// The reference vector that the Rust crate rand_xoshiro and others test: state 1, 2, 3, 4.
  @Test func publishedVector() {
    var generator = SeededGenerator(state: (1, 2, 3, 4))
    let expected: [UInt64] = [
      41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386,
      9_228_616_714_210_784_205, 9_973_669_472_204_895_162, 14_011_001_112_246_962_877,
      12_406_186_145_184_390_807, 15_849_039_046_786_891_736, 10_450_023_813_501_588_000,
    ]
    #expect(expected.map { _ in generator.next() } == expected)
  }

  /// SplitMix64 from 1234567: the vector quoted wherever it is ported.
  @Test func seedingFollowsSplitMix() {
    let state = SeededGenerator(seed: 1_234_567).state
    #expect(
      [state.0, state.1, state.2, state.3] == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
      ])
  }

  @Test(
    arguments: [
      ("", 0, [16_385_988_670_353_934_174, 12_678_465_196_084_045_869]),
      ("task-vectors/en_fr/test/17", 41, [5_154_553_085_006_110_451, 8_448_569_539_454_660_790]),
      ("\u{e9}", 1, [10_543_243_058_564_432_982, 950_447_393_934_011_616]),
      ("e\u{301}", 1, [14_521_192_527_561_654_577, 11_145_472_012_575_227_696]),
    ] as [(String, UInt64, [UInt64])])
  func namedStreams(key: String, seed: UInt64, expected: [UInt64]) {
    var generator = SeededGenerator(key: key, seed: seed)
    #expect(expected.map { _ in generator.next() } == expected)
  }

  @Test func fixedDraws() {
    var generator = SeededGenerator(seed: 41)
    #expect(generator.permutation(10) == [5, 9, 1, 4, 8, 2, 6, 0, 3, 7])
    generator = SeededGenerator(seed: 41)
    #expect(generator.sample(4, of: 1000) == [529, 976, 985, 221])
    generator = SeededGenerator(seed: 41)
    let dice = (0..<12).map { _ in generator.uniformInteger(below: 6) }
    #expect(dice == [3, 5, 5, 1, 4, 5, 0, 5, 2, 5, 2, 1])
    generator = SeededGenerator(seed: 41)
    // A quarter of the words is rejected at this bound, so the rejection loop is exercised.
    let large = (0..<4).map { _ in generator.uniformInteger(below: 1 << 62 + 1) }
    #expect(
      large == [
        2_441_810_672_865_311_737, 4_501_703_578_815_014_329, 4_543_105_528_738_609_805,
        1_009_331_279_730_281_742,
      ])
    generator = SeededGenerator(seed: 41)
    let reals = (0..<3).map { _ in generator.uniform() }
    #expect(reals == [0.529_483_287_263_772_4, 0.976_151_360_007_401_7, 0.985_128_976_817_861_4])
  }

  /// All 24 orders of four elements occur equally often: chi-squared with 23 degrees of freedom
  /// stays under its 99.99 % quantile, 58.6 (the seed is fixed, so this cannot flicker).
  @Test func permutationsAreUniform() {
    var generator = SeededGenerator(seed: 5)
    var counts: [[Int]: Int] = [:]
    let draws = 24_000
    for _ in 0..<draws { counts[generator.permutation(4), default: 0] += 1 }
    #expect(counts.count == 24)
    let chiSquared = counts.values.reduce(0.0) { sum, count in
      let deviation = Double(count) - 1000
      return sum + deviation * deviation / 1000
    }
    #expect(chiSquared < 58.6)
    #expect(chiSquared > 5)  // far below the mean would mean the draws are not independent
  }

  @Test func samplesHaveNoRepeats() {
    var generator = SeededGenerator(seed: 9)
    for population in [1, 2, 7, 100] {
      for count in 0...min(population, 9) {
        let sample = generator.sample(count, of: population)
        #expect(sample.count == count)
        #expect(Set(sample).count == count)
        #expect(sample.allSatisfy { (0..<population).contains($0) })
      }
    }
    #expect(generator.shuffled(["a", "b", "c"]).sorted() == ["a", "b", "c"])
    #expect(generator.element(of: [Int]()) == nil)
  }

  @Test func shorterSampleIsAPrefix() {
    var long = SeededGenerator(seed: 3)
    var short = SeededGenerator(seed: 3)
    #expect(Array(long.sample(20, of: 50).prefix(7)) == short.sample(7, of: 50))
  }

  @Test func aCopyAndAStoredStateContinueTheStream() throws {
    var generator = SeededGenerator(seed: 7)
    #expect(
      generator.stateText == "63cbe1e459320dd7044c3cd7f43c661ce6984080bab12a02953aeb70673e29cb")
    _ = generator.next()
    let stored = try JSONEncoder().encode([generator])
    var restored = try #require(
      try JSONDecoder().decode([SeededGenerator].self, from: stored).first)
    #expect(restored == generator)
    let next = (0..<5).map { _ in generator.next() }
    #expect(next == (0..<5).map { _ in restored.next() })
  }

  @Test(arguments: [
    "", "00", String(repeating: "0", count: 64), String(repeating: "g", count: 64),
    String(repeating: "A", count: 64), String(repeating: "1", count: 65),
  ])
  func refusesAWrongState(text: String) {
    #expect(SeededGenerator(stateText: text) == nil)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([SeededGenerator].self, from: JSONEncoder().encode([text]))
    }
  }
}
