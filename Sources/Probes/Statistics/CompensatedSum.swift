// A running sum whose error does not grow with the number of terms (Neumaier's variant of Kahan's).
// The order of the terms is the caller's; the same order gives the same bits.

/// A sum in f64 with the lost low-order parts kept beside it.
///
/// - Source: A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen",
///   ZAMM 54, 1974.
struct CompensatedSum {
  private var sum = 0.0
  private var lost = 0.0

  mutating func add(_ term: Double) {
    let next = sum + term
    if abs(sum) >= abs(term) {
      lost += (sum - next) + term
    } else {
      lost += (term - next) + sum
    }
    sum = next
  }

  var value: Double {
    // An infinite sum leaves NaN in `lost`.
    lost.isNaN ? sum : sum + lost
  }
}
