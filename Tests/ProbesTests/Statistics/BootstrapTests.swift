// The bootstrap: the exact draws of a second implementation, normal theory, and its laws.

import Probes
import TensorCore
import Testing

@Suite struct BootstrapTests {
  @Test func drawsAndPercentilesAreThoseOfASecondImplementation() throws {
    for json in try StatisticsFixture().cases("bootstrap") {
      let key = try #require(json["key"]?.stringValue)
      let seed = try #require(
        json["seed"]?.intValue.map { UInt64($0) }
          ?? json["seed"]?.stringValue.flatMap { UInt64($0) })
      let clusters = try json.strings("clusters")
      let weights = json["weights"]?.isNull == true ? nil : try json.doubles("weights")
      let a = try #require(json["a"]?.arrayValue).map(\.doubleValue)
      let b = try #require(json["b"]?.arrayValue).map(\.doubleValue)

      var sample = ClusteredSample(
        clusters: clusters,
        strata: json["strata"]?.isNull == true ? nil : try json.strings("strata"))
      let first = sample.add(a, weights: weights)
      let second = sample.add(b, weights: weights)
      let estimates = Bootstrap(key: key, seed: seed).estimates(
        of: [.mean(first), .difference(first, second), .ratio(first, second)], over: sample)
      for (estimate, name) in zip(estimates, ["mean", "difference", "ratio"]) {
        let expected = try json.doubles(name)
        let interval = try #require(estimate.interval)
        #expect(
          agree(interval.low, expected[0]) && agree(interval.high, expected[1]),
          "\(key) \(name): \(interval), expected \(expected)")
      }
      #expect(agree(estimates[0].value, try json.double("value")))
      #expect(estimates[0].count == a.count { $0 != nil })
      #expect(estimates[1].count == estimates[0].count)
    }
  }

  /// SciPy resamples the clusters too, with draws of its own: 10,000 resamples against its 100,000.
  @Test func intervalOverClustersIsSciPysWithinMonteCarloError() throws {
    let cases = try StatisticsFixture().cases("bootstrap").filter { $0["scipy"] != nil }
    let json = try #require(cases.first)
    let scipy = try #require(json["scipy"])
    let (expected, error) = (try scipy.doubles("interval"), try scipy.double("error"))
    let values = try #require(json["a"]?.arrayValue).map(\.doubleValue)
    for seed in 1...8 as ClosedRange<UInt64> {
      let estimate = Bootstrap(key: "scipy", seed: seed).mean(
        values, clusters: try json.strings("clusters"))
      let interval = try #require(estimate.interval)
      #expect(abs(interval.low - expected[0]) < 0.12 * error, "\(interval), \(expected)")
      #expect(abs(interval.high - expected[1]) < 0.12 * error, "\(interval), \(expected)")
      // Rows that were independent would be told apart: their interval is narrower.
      let rows = Bootstrap(key: "scipy", seed: seed).mean(
        values, clusters: values.indices.map { "row \($0)" })
      let other = try #require(rows.interval)
      #expect(
        abs(other.low - expected[0]) + abs(other.high - expected[1]) > 0.12 * error, "\(other)")
    }
  }

  /// 10,000 resamples know a 2.5 % quantile of a normal mean to about ± 0.05 standard errors (2σ); the
  /// gamma values' skewness adds less than that at n = 300.
  @Test func intervalOfAMeanIsTheNormalOneWithinMonteCarloError() throws {
    let cases = try StatisticsFixture().cases("bootstrap").filter { $0["normal"] != nil }
    let json = try #require(cases.first)
    let normal = try json.doubles("normal")
    let error = try json.double("standardError")
    for seed in 1...8 as ClosedRange<UInt64> {
      let estimate = Bootstrap(key: "normal theory", seed: seed).mean(
        try json.doubles("a"), clusters: try json.strings("clusters"))
      let interval = try #require(estimate.interval)
      #expect(abs(interval.low - normal[0]) < 0.12 * error)
      #expect(abs(interval.high - normal[1]) < 0.12 * error)
    }
  }

  /// Ten identical rows a cluster carry the information of one: the interval must be √10 times wider
  /// than that of independent rows.
  @Test func clustersWidenTheInterval() throws {
    var generator = SeededGenerator(seed: 3)
    let values = (0..<40).map { _ in generator.uniform() }
    let rows = values.flatMap { Array(repeating: $0, count: 10) }
    let bootstrap = Bootstrap(key: "clusters", seed: 0)
    let clustered = bootstrap.mean(rows, clusters: rows.indices.map { "query \($0 / 10)" })
    let independent = bootstrap.mean(rows, clusters: rows.indices.map { "row \($0)" })
    #expect(agree(clustered.value, independent.value))
    let ratio =
      try #require(clustered.interval).width / (try #require(independent.interval)).width
    #expect(abs(ratio - 10.0.squareRoot()) < 0.25)
  }

  @Test func orderOfRowsAndSeriesAndCompanyDoNotMatter() {
    var generator = SeededGenerator(seed: 4)
    let rows = (0..<60).map { (cluster: "q\($0 % 17)", a: $0 % 3 == 0, b: generator.uniform()) }
    func estimate(_ rows: [(cluster: String, a: Bool, b: Double)], together: Bool) -> Estimate {
      var sample = ClusteredSample(clusters: rows.map(\.cluster))
      // Nine other series push `a` into a second block of columns.
      let others = together ? (0..<9).map { k in sample.add(rows.map { $0.b * Double(k) }) } : []
      let a = sample.add(rows.map(\.a))
      return Bootstrap(key: "order", seed: 9).estimates(
        of: [.mean(a)] + others.map { .mean($0) }, over: sample)[0]
    }
    let alone = estimate(rows, together: false)
    #expect(alone.interval != nil)
    #expect(alone == estimate(rows, together: true))
    // Outcomes are summed exactly, so that the order of rows cannot show in rounding either.
    #expect(alone == estimate(generator.shuffled(rows), together: false))
  }

  /// Ten times 0.1 is 1 by a compensated sum and less by a plain one.
  @Test func valueLiesInItsInterval() {
    let estimate = Bootstrap(key: "tenths", seed: 0).mean(
      Array(repeating: 0.1, count: 10), clusters: (0..<10).map { "\($0)" })
    #expect(estimate.value == 0.1)
    #expect(estimate.interval?.high == 0.1 && (estimate.interval?.low ?? 1) < 0.1)
  }

  @Test func keyAndSeedDecide() {
    let values = (0..<30).map { Double($0 * $0 % 11) }
    let clusters = (0..<30).map { "q\($0)" }
    let one = Bootstrap(key: "a", seed: 1).mean(values, clusters: clusters)
    #expect(one == Bootstrap(key: "a", seed: 1).mean(values, clusters: clusters))
    #expect(one != Bootstrap(key: "a", seed: 2).mean(values, clusters: clusters))
    #expect(one != Bootstrap(key: "b", seed: 1).mean(values, clusters: clusters))
  }

  /// A difference of a series with itself shares its resamples, so nothing varies.
  @Test func differencesArePaired() throws {
    var sample = ClusteredSample(clusters: (0..<20).map { "q\($0)" })
    let series = sample.add((0..<20).map { Double($0) })
    let estimates = Bootstrap(key: "paired", seed: 1).estimates(
      of: [.difference(series, series), .ratio(series, series)], over: sample)
    #expect(estimates[0].interval == Interval(low: 0, high: 0))
    #expect(estimates[1].interval == Interval(low: 1, high: 1))
  }

  @Test func nestedStatistics() {
    // (patched − corrupt) / (clean − corrupt)
    var sample = ClusteredSample(clusters: ["a", "b", "c", "d"])
    let patched = sample.add([3, 3, 5, 5])
    let corrupt = sample.add([1, 1, 1, 1])
    let clean = sample.add([5, 5, 9, 9])
    let effect = Bootstrap(key: "effect", seed: 1).estimate(
      of: .ratio(.difference(patched, corrupt), .difference(clean, corrupt)), over: sample)
    #expect(effect == Estimate(value: 0.5, interval: Interval(low: 0.5, high: 0.5), count: 4))
  }

  @Test func undefinedIsNil() {
    let bootstrap = Bootstrap(key: "nil", seed: 1)
    #expect(bootstrap.mean([], clusters: []) == Estimate(value: nil, interval: nil, count: 0))
    #expect(
      bootstrap.mean([nil, nil], clusters: ["a", "b"])
        == Estimate(value: nil, interval: nil, count: 0))
    // One cluster does not say how clusters vary.
    #expect(
      bootstrap.mean([1, 2], clusters: ["a", "a"])
        == Estimate(value: 1.5, interval: nil, count: 2))
    // Two of fifty clusters have a value: 13 % of the resamples have none.
    var few: [Double?] = Array(repeating: nil, count: 50)
    few[3] = 1
    few[20] = 2
    #expect(
      bootstrap.mean(few, clusters: (0..<50).map { "q\($0)" })
        == Estimate(value: 1.5, interval: nil, count: 2))
    // A ratio to zero.
    var sample = ClusteredSample(clusters: ["a", "b", "c"])
    let one = sample.add([1, 1, 1])
    let zero = sample.add([0, 0, 0])
    #expect(
      bootstrap.estimate(of: .ratio(one, zero), over: sample)
        == Estimate(value: nil, interval: nil, count: 3))
    // A stratum of one cluster.
    var strata = ClusteredSample(clusters: ["a", "b", "c"], strata: ["s", "s", "t"])
    let series = strata.add([1, 2, 3])
    #expect(
      bootstrap.estimate(of: .mean(series), over: strata)
        == Estimate(value: 2, interval: nil, count: 3))
  }

  @Test func clustersOfOneNameInTwoStrataAreTwo() {
    // Within each stratum all values are equal, so resampling within strata changes nothing.
    var sample = ClusteredSample(clusters: ["q", "r", "q", "r"], strata: ["s", "s", "t", "t"])
    let series = sample.add([1, 1, 5, 5])
    #expect(
      Bootstrap(key: "strata", seed: 1).estimate(of: .mean(series), over: sample)
        == Estimate(value: 3, interval: Interval(low: 3, high: 3), count: 4))
  }
}

extension Interval {
  fileprivate var width: Double { high - low }
}
