// Intervals, tests and correlations against SciPy, statsmodels and NumPy, and by hand.

import CheckpointIO
import Probes
import TensorCore
import Testing

@Suite struct StatisticsTests {
  @Test func wilsonIsThatOfStatsmodels() throws {
    for json in try StatisticsFixture().cases("proportions") {
      let (successes, trials) = (try json.int("successes"), try json.int("trials"))
      let estimate = Statistics.proportion(successes: successes, trials: trials)
      let interval = try #require(estimate.interval)
      let expected = try json.doubles("interval")
      #expect(estimate.value == Double(successes) / Double(trials))
      #expect(estimate.count == trials)
      #expect(
        agree(interval.low, expected[0]) && agree(interval.high, expected[1]),
        "\(successes) of \(trials): \(interval), expected \(expected)")
      #expect((interval.low == 0) == (successes == 0))
      #expect((interval.high == 1) == (successes == trials))
    }
  }

  @Test func proportionOfNothingIsUndefined() {
    #expect(
      Statistics.proportion(successes: 0, trials: 0)
        == Estimate(value: nil, interval: nil, count: 0))
    #expect(
      Statistics.proportion([true, false, true, true])
        == Statistics.proportion(successes: 3, trials: 4))
  }

  @Test func momentsAndQuantilesAreThoseOfNumPy() throws {
    for json in try StatisticsFixture().cases("moments") {
      let values = try json.doubles("values")
      #expect(agree(Statistics.mean(values), try json.double("mean"), within: 1e-15))
      #expect(agree(Statistics.standardDeviation(values), json["sd"]?.doubleValue))
      for quantile in try #require(json["quantiles"]?.arrayValue) {
        let probability = try quantile.double("probability")
        #expect(Statistics.quantile(probability, of: values) == (try quantile.double("value")))
      }
    }
    #expect(Statistics.mean([]) == nil)
    #expect(Statistics.standardDeviation([1]) == nil)
    #expect(Statistics.standardError([1, 2, 3, 4]) == (5.0 / 12).squareRoot())
    #expect(Statistics.quantile(0.5, of: []) == nil)
    #expect(Statistics.quantile(0.5, of: [1, .nan]) == nil)
  }

  @Test func quantilesAreOrderStatistics() {
    var generator = SeededGenerator(seed: 8)
    for size in [1, 2, 3, 10, 101, 1000] {
      let values = (0..<size).map { _ in Double(generator.uniformInteger(below: size)) }
      let sorted = values.sorted()
      for index in stride(from: 0, to: size, by: max(1, size / 20)) where size > 1 {
        let quantile = Statistics.quantile(Double(index) / Double(size - 1), of: values)
        #expect(agree(quantile, sorted[index], within: 1e-9))
      }
    }
  }

  @Test func cosineIsThatOfNumPy() throws {
    for json in try StatisticsFixture().cases("cosines") {
      let (x, y) = (try json.doubles("x"), try json.doubles("y"))
      #expect(agree(Statistics.dot(x, y), try json.double("dot")))
      #expect(agree(Statistics.cosine(x, y), try json.double("cosine")))
      let (fx, fy) = (x.map { Float($0) }, y.map { Float($0) })
      #expect(Statistics.cosine(fx, fy) == Statistics.cosine(x, y), "f32 widens exactly")
      #expect(Statistics.cosine(x, x) == 1)
      #expect(Statistics.cosine(fx, fx.map { $0 * -2 }) == -1)
      #expect(agree(Statistics.norm(fx), Statistics.dot(x, x).squareRoot()))
    }
    #expect(Statistics.cosine([0, 0] as [Double], [1, 0]) == nil)
    #expect(Statistics.cosine([Float.infinity, 0], [1, 0]) == nil)
    #expect(Statistics.cosine([Float.nan, 0], [1, 0]) == nil)
    #expect(Statistics.cosine([] as [Float], []) == nil)
    #expect(agree(Statistics.cosine([1e150, 1e150] as [Double], [1e10, 0]), 0.5.squareRoot()))
  }

  @Test func kendallIsThatOfSciPy() throws {
    for json in try StatisticsFixture().cases("kendall") {
      let (x, y) = (try json.doubles("x"), try json.doubles("y"))
      #expect(
        agree(Statistics.kendallTauB(x, y), json["tau"]?.doubleValue, within: 1e-15),
        "\(x.count) values")
      #expect(Statistics.kendallTauB(x, y) == Statistics.kendallTauB(y, x))
    }
  }

  @Test func kendallIsTheCountOfPairs() {
    var generator = SeededGenerator(seed: 5)
    for size in 2...60 {
      let x = (0..<size).map { _ in Double(generator.uniformInteger(below: 6)) }
      let y = (0..<size).map { _ in Double(generator.uniformInteger(below: 9)) - 4 }
      var (difference, untiedX, untiedY) = (0, 0, 0)
      for i in 0..<size {
        for j in 0..<i {
          let dx = x[i] == x[j] ? 0 : x[i] < x[j] ? -1 : 1
          let dy = y[i] == y[j] ? 0 : y[i] < y[j] ? -1 : 1
          difference += dx * dy
          untiedX += dx * dx
          untiedY += dy * dy
        }
      }
      let expected =
        untiedX * untiedY == 0
        ? nil : Double(difference) / (Double(untiedX) * Double(untiedY)).squareRoot()
      #expect(Statistics.kendallTauB(x, y) == expected)
    }
  }

  @Test func kendallWithoutOrderIsUndefined() {
    #expect(Statistics.kendallTauB([], []) == nil)
    #expect(Statistics.kendallTauB([1], [1]) == nil)
    #expect(Statistics.kendallTauB([1, 1, 1], [1, 2, 3]) == nil)
    #expect(Statistics.kendallTauB([1, 2, 3], [7, 7, 7]) == nil)
    #expect(Statistics.kendallTauB([1, .nan], [1, 2]) == nil)
    #expect(Statistics.kendallTauB([0.0, -0.0, 1], [1, 1, 2]) == 1, "the zeros are one value")
    #expect(Statistics.kendallTauB([1, 2, 3], [3, 2, 1]) == -1)
  }

  @Test func mcNemarIsThatOfStatsmodels() throws {
    for json in try StatisticsFixture().cases("mcNemar") {
      let (first, second) = (try json.int("onlyFirst"), try json.int("onlySecond"))
      let p = Statistics.mcNemarExact(onlyFirst: first, onlySecond: second)
      let expected = try json.double("p")
      #expect(
        abs(p - expected) <= 1e-11 * expected, "\(first) against \(second): \(p), not \(expected)")
      #expect(p == Statistics.mcNemarExact(onlyFirst: second, onlySecond: first))
    }
    #expect(Statistics.mcNemarExact(onlyFirst: 0, onlySecond: 0) == 1)
    // 2 (1 + 4) / 2⁴ by hand, capped, and 2 / 2⁵.
    #expect(Statistics.mcNemarExact(onlyFirst: 1, onlySecond: 3) == 0.625)
    #expect(Statistics.mcNemarExact(onlyFirst: 0, onlySecond: 5) == 0.0625)
    #expect(
      Statistics.mcNemarExact([true, true, false, false], [true, false, true, true])
        == Statistics.mcNemarExact(onlyFirst: 1, onlySecond: 2))
  }

  @Test func adjustedPValuesAreThoseOfStatsmodels() throws {
    let json = try #require(try StatisticsFixture()["adjusted"])
    let p = try json.doubles("p")
    for (adjusted, key) in [
      (Statistics.holmAdjusted(p), "holm"),
      (Statistics.benjaminiHochbergAdjusted(p), "benjaminiHochberg"),
    ] {
      let expected = try json.doubles(key)
      #expect(adjusted.count == expected.count)
      for (a, b) in zip(adjusted, expected) { #expect(agree(a, b, within: 1e-14), "\(key)") }
    }
    #expect(Statistics.holmAdjusted([]) == [])
  }
}
