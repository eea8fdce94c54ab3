// What is drawn from the generator's bits: integers, reals, permutations, samples.
//
// Each algorithm is fixed for good, with test vectors: a change here changes exported values and
// belongs under Numbers in the changelog.

extension SeededGenerator {
  /// A uniformly random integer in `0..<bound`, without bias.
  ///
  /// - Parameter bound: at least 1.
  /// - Source: D. Lemire, "Fast random integer generation in an interval", ACM TOMACS 29(1), 2019:
  ///   the high word of a 64 × 64 bit product, rejecting the few low words that would bias it.
  public mutating func uniformInteger(below bound: Int) -> Int {
    precondition(bound > 0, "uniformInteger(below: \(bound)): the bound must be at least 1")
    let range = UInt64(bound)
    var product = next().multipliedFullWidth(by: range)
    if product.low < range {
      let threshold = (0 &- range) % range
      while product.low < threshold { product = next().multipliedFullWidth(by: range) }
    }
    return Int(product.high)
  }

  /// A uniformly random real in [0, 1): a multiple of 2⁻⁵³, from the upper 53 bits of one word.
  public mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// A uniformly random real in `lower..<upper`; equal to `lower + (upper - lower) * uniform()`,
  /// rounded twice, so that `upper` itself can occur by rounding.
  public mutating func uniform(from lower: Double, to upper: Double) -> Double {
    precondition(lower <= upper, "uniform(from: \(lower), to: \(upper)): the bounds are reversed")
    return lower + (upper - lower) * uniform()
  }

  /// A uniformly random order of `0..<count`.
  public mutating func permutation(_ count: Int) -> [Int] {
    sample(count, of: count)
  }

  /// `count` different integers of `0..<population`, in random order: every ordered selection is
  /// equally likely.
  ///
  /// The first `count` steps of the Fisher–Yates shuffle, from the front: one bounded integer per
  /// element drawn, so that a longer sample of the same generator begins with the shorter one.
  public mutating func sample(_ count: Int, of population: Int) -> [Int] {
    precondition(
      0 <= count && count <= population,
      "sample(\(count), of: \(population)): cannot draw more than there are")
    var indices = Array(0..<population)
    for position in 0..<count {
      let chosen = position + uniformInteger(below: population - position)
      indices.swapAt(position, chosen)
    }
    return Array(indices.prefix(count))
  }

  /// The elements in a uniformly random order.
  public mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    permutation(elements.count).map { elements[$0] }
  }

  /// `count` of the elements without replacement, in random order.
  public mutating func sample<Element>(_ count: Int, from elements: [Element]) -> [Element] {
    sample(count, of: elements.count).map { elements[$0] }
  }

  /// One of the elements, each equally likely, or `nil` when there are none.
  public mutating func element<Element>(of elements: [Element]) -> Element? {
    elements.isEmpty ? nil : elements[uniformInteger(below: elements.count)]
  }
}
