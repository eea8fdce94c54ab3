// McNemar's exact test: do two conditions differ in accuracy on the same examples?
// The peers compare paired outcomes with unpaired tests, which throws the pairing's power away.

extension Statistics {
  /// The two-sided exact p-value that two conditions judged on the same examples are equally accurate.
  ///
  /// Only the examples count that one condition gets right and the other wrong: under the null each is
  /// a fair coin, so p = 2 · P(Binomial(n, ½) ≤ min), at most 1. Without any such example it is 1.
  ///
  /// - Parameters:
  ///   - onlyFirst: the number of examples that only the first condition gets right.
  ///   - onlySecond: the number that only the second gets right.
  /// - Source: Q. McNemar, Psychometrika 12, 1947; statsmodels `mcnemar(exact=True)`.
  public static func mcNemarExact(onlyFirst: Int, onlySecond: Int) -> Double {
    precondition(
      onlyFirst >= 0 && onlySecond >= 0, "discordant counts \(onlyFirst) and \(onlySecond)")
    let fewer = min(onlyFirst, onlySecond)
    let n = onlyFirst + onlySecond
    guard onlyFirst != onlySecond else { return 1 }
    // The largest term C(n, fewer) / 2ⁿ, its exponent apart because 2⁻ⁿ underflows from n = 1075 on.
    var significand = 1.0
    var exponent = -n
    for index in 0..<fewer {
      significand *= Double(n - index) / Double(index + 1)
      exponent += Int(significand.exponent)
      significand = significand.significand
    }
    // The smaller terms relative to it.
    var term = 1.0
    var sum = CompensatedSum()
    sum.add(1)
    for index in stride(from: fewer, to: 0, by: -1) {
      term *= Double(index) / Double(n - index + 1)
      sum.add(term)
    }
    return min(
      1, Double(sign: .plus, exponent: exponent + 1, significand: significand * sum.value))
  }

  /// The same for outcomes given example by example.
  public static func mcNemarExact(_ first: [Bool], _ second: [Bool]) -> Double {
    precondition(first.count == second.count, "\(first.count) and \(second.count) paired outcomes")
    var onlyFirst = 0
    var onlySecond = 0
    for (a, b) in zip(first, second) where a != b {
      if a { onlyFirst += 1 } else { onlySecond += 1 }
    }
    return mcNemarExact(onlyFirst: onlyFirst, onlySecond: onlySecond)
  }
}
