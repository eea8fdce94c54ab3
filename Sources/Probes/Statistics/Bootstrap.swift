// The percentile bootstrap over clusters: 95 % intervals for means, differences and ratios.
// All statistics asked for at once share the same resamples, so a difference is a paired one and the
// cost of drawing is paid once. For a single accuracy over independent examples see `proportion`.

import TensorCore

/// What is computed from the means of a sample's series.
public indirect enum BootstrapStatistic: Sendable, Equatable {
  /// The (weighted) mean of a series over the rows that have a value.
  case mean(ClusteredSample.Series)
  /// The first minus the second.
  case difference(BootstrapStatistic, BootstrapStatistic)
  /// The first over the second; undefined where the second is 0.
  case ratio(BootstrapStatistic, BootstrapStatistic)
  /// The mean of two.
  case half(BootstrapStatistic, BootstrapStatistic)

  /// The mean of the first series minus that of the second.
  public static func difference(
    _ first: ClusteredSample.Series, _ second: ClusteredSample.Series
  ) -> Self {
    .difference(.mean(first), .mean(second))
  }

  /// The mean of the first series over that of the second; undefined where that is 0.
  public static func ratio(
    _ first: ClusteredSample.Series, _ second: ClusteredSample.Series
  ) -> Self {
    .ratio(.mean(first), .mean(second))
  }
}

/// The percentile bootstrap, clustered, seeded by a key.
///
/// Each resample draws, within every stratum, as many clusters as there are, with replacement; the
/// interval lies between the 2.5 % and 97.5 % quantiles of the statistic over the resamples.
///
/// An interval is `nil` where the data cannot give one: the value is undefined, a stratum has a single
/// cluster, or the statistic is undefined (a zero denominator) in more than 5 % of the resamples; up to
/// there it is taken over the resamples in which it is defined. Where all clusters agree (accuracy 1.0
/// everywhere) the interval is one point: that is what this method says.
///
/// The value lies in its interval: where all resamples agree, their sums may differ from the value's in the last bit, and the
/// interval reaches as far.
///
/// The draws depend on the key, the seed and the sizes of the strata only: not on the order of cells,
/// of rows, of series, nor on which other statistics are asked for.
///
/// - Source: B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, §13.3; clusters:
///   A. C. Davison and D. V. Hinkley, "Bootstrap Methods and their Application", 1997, §3.8.
public struct Bootstrap: Sendable {
  /// Names the stream of random numbers: the cell of the sweep.
  public let key: String
  /// With the key it decides every draw.
  public let seed: UInt64
  /// How many resamples are drawn.
  public let resamples: Int

  static let confidence = 0.95
  /// The share of the resamples in which a statistic must be defined.
  static let leastDefined = 0.95

  public init(key: String, seed: UInt64, resamples: Int = 10_000) {
    precondition(resamples >= 100, "\(resamples) resamples cannot give a 95 % interval")
    self.key = key
    self.seed = seed
    self.resamples = Resampling.count(resamples)
  }

  /// The value, interval and number of examples of each statistic.
  public func estimates(
    of statistics: [BootstrapStatistic], over sample: ClusteredSample
  ) -> [Estimate] {
    let values = statistics.map { $0.value { sample.mean($0) } }
    let everyStratumVaries = sample.strata.allSatisfy { $0.count > 1 } && !sample.strata.isEmpty
    var intervals = [Interval?](repeating: nil, count: statistics.count)
    if everyStratumVaries, values.contains(where: { $0 != nil }) {
      intervals = self.intervals(of: statistics, over: sample)
    }
    return statistics.indices.map { index in
      let interval = values[index].flatMap { value in
        intervals[index].map { Interval(low: min($0.low, value), high: max($0.high, value)) }
      }
      return Estimate(
        value: values[index], interval: interval, count: statistics[index].count(in: sample))
    }
  }

  /// The value, interval and number of examples of one statistic.
  public func estimate(
    of statistic: BootstrapStatistic, over sample: ClusteredSample
  ) -> Estimate {
    estimates(of: [statistic], over: sample)[0]
  }

  /// The mean of `values` with its interval; a row without value does not count.
  ///
  /// - Parameters:
  ///   - values: one a row; nil does not count.
  ///   - clusters: the cluster of each row, by name.
  public func mean(_ values: [Double?], clusters: [String]) -> Estimate {
    var sample = ClusteredSample(clusters: clusters)
    let series = sample.add(values)
    return estimate(of: .mean(series), over: sample)
  }

  private func intervals(
    of statistics: [BootstrapStatistic], over sample: ClusteredSample
  ) -> [Interval?] {
    let resampled = ResampledColumns(
      sample, resamples: resamples, generator: SeededGenerator(key: key, seed: seed))
    let tail = (1 - Self.confidence) / 2
    return statistics.map { statistic in
      let values = statistic.values(in: resampled).filter(\.isFinite)
      guard Double(values.count) >= Self.leastDefined * Double(resamples),
        let low = Statistics.quantile(tail, of: values),
        let high = Statistics.quantile(1 - tail, of: values)
      else { return nil }
      return Interval(low: low, high: high)
    }
  }
}

extension BootstrapStatistic {
  /// The statistic, given the mean of each series; `nil` where it is undefined.
  func value(_ mean: (ClusteredSample.Series) -> Double?) -> Double? {
    switch self {
    case .mean(let series):
      return mean(series)
    case .difference(let first, let second):
      guard let first = first.value(mean), let second = second.value(mean) else { return nil }
      return first - second
    case .ratio(let first, let second):
      guard let first = first.value(mean), let second = second.value(mean), second != 0 else {
        return nil
      }
      return first / second
    case .half(let first, let second):
      guard let first = first.value(mean), let second = second.value(mean) else { return nil }
      return (first + second) / 2
    }
  }

  /// The statistic in every resample; NaN or infinite where it is undefined.
  func values(in resampled: ResampledColumns) -> [Double] {
    switch self {
    case .mean(let series):
      return resampled.means(of: series)
    case .difference(let first, let second):
      return zip(first.values(in: resampled), second.values(in: resampled)).map { $0 - $1 }
    case .ratio(let first, let second):
      return zip(first.values(in: resampled), second.values(in: resampled)).map { $0 / $1 }
    case .half(let first, let second):
      return zip(first.values(in: resampled), second.values(in: resampled)).map { ($0 + $1) / 2 }
    }
  }

  /// The number of rows of the series that has the fewest.
  func count(in sample: ClusteredSample) -> Int {
    switch self {
    case .mean(let series): sample.counts[series.index]
    case .difference(let first, let second), .ratio(let first, let second),
      .half(let first, let second):
      min(first.count(in: sample), second.count(in: sample))
    }
  }
}

extension ClusteredSample {
  /// The mean of a series over all clusters; `nil` where no row has a value.
  func mean(_ series: Series) -> Double? {
    guard counts[series.index] > 0 else { return nil }
    var sum = CompensatedSum()
    for value in sums[series.index] { sum.add(value) }
    var weight = CompensatedSum()
    for value in weights[series.index] { weight.add(value) }
    return sum.value / weight.value
  }
}
