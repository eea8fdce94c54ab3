// BitComparison: numbers that must be the same, not close: −0 differs from 0, and a NaN equals itself.

/// Counts what was compared and keeps the first difference.
package struct BitComparison {
  package private(set) var compared = 0
  package private(set) var difference: String?

  package init() {}

  package mutating func compare(
    _ what: @autoclosure () -> String, _ found: [Float]?, _ expected: [Float]
  ) {
    compared += expected.count
    guard difference == nil else { return }
    guard let found, found.count == expected.count else {
      difference = "\(what()): \(found.map { "\($0.count)" } ?? "no") values for \(expected.count)"
      return
    }
    if let place = found.indices.first(where: { found[$0].bitPattern != expected[$0].bitPattern }) {
      difference = "\(what()), element \(place): \(found[place]), expected \(expected[place])"
    }
  }

  /// Compares everything that two runs recorded of a sequence.
  mutating func compare(_ what: String, _ found: RecordedSequence, _ expected: RecordedSequence) {
    if found.values.count != expected.values.count, difference == nil {
      difference = "\(what): \(found.values.count) rows were recorded for \(expected.values.count)"
    }
    for (key, values) in expected.values.sorted(by: { $0.key < $1.key }) {
      compare("\(what): \(key)", found.values[key], values)
    }
  }

  package func outcome(of check: VerificationCheck) -> VerificationOutcome {
    VerificationOutcome(
      check: check,
      verdict: difference.map { .fails($0) }
        ?? (compared > 0 ? .holds : .skipped("there is nothing to compare")),
      compared: compared, largestError: nil)
  }
}
