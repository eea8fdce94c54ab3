// One proportion, such as an accuracy over independent examples, and Wilson's interval for it.
// For examples in clusters, for means and for ratios there is `Bootstrap`.

extension Statistics {
  /// The 97.5 % quantile of the standard normal distribution: 95 % of it lie within ± this.
  static let normalQuantile = 1.959963984540054

  /// The share of successes with Wilson's 95 % score interval, without continuity correction.
  ///
  /// Unlike the textbook interval p ± 1.96 √(p(1−p)/n) it stays within [0, 1] and is not of zero width
  /// at 0 and 1. Its lower end is exactly 0 when nothing succeeded and its upper end exactly 1 when
  /// everything did.
  ///
  /// - Returns: no value and no interval when there are no trials.
  /// - Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
  ///   JASA 22, 1927; statsmodels `proportion_confint(method="wilson")`.
  public static func proportion(successes: Int, trials: Int) -> Estimate {
    precondition(
      0 <= successes && successes <= trials, "\(successes) successes in \(trials) trials")
    guard trials > 0 else { return Estimate(value: nil, interval: nil, count: 0) }
    let n = Double(trials)
    let share = Double(successes) / n
    let z = normalQuantile
    let denominator = 1 + z * z / n
    let centre = (share + z * z / (2 * n)) / denominator
    let half =
      z / denominator * (share * (1 - share) / n + z * z / (4 * n * n)).squareRoot()
    let interval = Interval(
      low: successes == 0 ? 0 : max(0, centre - half),
      high: successes == trials ? 1 : min(1, centre + half))
    return Estimate(value: share, interval: interval, count: trials)
  }

  /// The share of `true` with Wilson's 95 % interval.
  public static func proportion(_ outcomes: some Sequence<Bool>) -> Estimate {
    var successes = 0
    var trials = 0
    for outcome in outcomes {
      trials += 1
      if outcome { successes += 1 }
    }
    return proportion(successes: successes, trials: trials)
  }
}
