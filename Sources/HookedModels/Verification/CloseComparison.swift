// CloseComparison: numbers that are the same but for the order of a sum.

/// Numbers that two orders of summation give; the error is a share of the largest number.
package struct CloseComparison {
  private var compared = 0
  private var worst: (what: String, error: Double) = ("", 0)

  package init() {}

  package mutating func compare(_ what: String, _ found: [Double], _ expected: [Double]) {
    compared += expected.count
    let size = expected.reduce(0) { max($0, abs($1)) }
    let largest = zip(found, expected).reduce(0.0) { largest, pair in
      let difference = abs(pair.0 - pair.1)
      return difference.isNaN ? .infinity : max(largest, difference)
    }
    let error = found.count != expected.count ? .infinity : size == 0 ? largest : largest / size
    if error > worst.error || worst.what.isEmpty { worst = (what, error) }
  }

  package func outcome(
    of check: VerificationCheck, otherwise: String = "there is nothing to compare"
  ) -> VerificationOutcome {
    let isWithin = worst.error <= check.tolerance ?? .zero
    return VerificationOutcome(
      check: check,
      verdict: compared == 0 ? .skipped(otherwise) : isWithin ? .holds : .fails(worst.what),
      compared: compared, largestError: compared == 0 ? nil : worst.error)
  }
}
