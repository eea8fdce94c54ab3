// PairedRuns: what several independent runs (trainings, seeds) say together, each beside a reference of its own.

/// Runs by name, each one cluster: the unit that intervals and tests are over.
struct PairedRuns {
  let names: [String]
  /// Names the stream of random numbers.
  let key: String

  func mean(_ values: [Double?]) -> Estimate {
    Bootstrap(key: key, seed: 0).mean(values, clusters: names)
  }

  /// The mean of value minus reference over the runs that have both, and the two-sided p-value that it is 0.
  func change(_ values: [Double?], from reference: [Double?]) -> (mean: Estimate, p: Estimate) {
    let differences = zip(values, reference).map { value, reference in
      value.flatMap { value in reference.map { value - $0 } }
    }
    let paired = zip(differences, names).compactMap { difference, name in
      difference.map { ($0, name) }
    }
    let p = PairedPermutation(key: key, seed: 0).pValues(
      of: [paired.map(\.0)], clusters: paired.map(\.1))
    return (
      mean(differences),
      Estimate(value: paired.isEmpty ? nil : p.each[0], interval: nil, count: paired.count)
    )
  }
}
