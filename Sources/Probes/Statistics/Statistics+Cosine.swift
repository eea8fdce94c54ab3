// Inner products, norms and cosines of vectors, summed in f64.
// Sixteen strided partial sums, then one fixed tree: fast, and the same bits on every machine.

extension Statistics {
  /// The inner product of two vectors of equal length, in f64.
  public static func dot(_ x: [Float], _ y: [Float]) -> Double {
    precondition(x.count == y.count, "an inner product of \(x.count) and \(y.count) elements")
    return strided(x.count) { Double(x[$0]) * Double(y[$0]) }
  }

  /// The inner product of two vectors of equal length.
  public static func dot(_ x: [Double], _ y: [Double]) -> Double {
    precondition(x.count == y.count, "an inner product of \(x.count) and \(y.count) elements")
    return strided(x.count) { x[$0] * y[$0] }
  }

  /// The Euclidean norm, in f64.
  public static func norm(_ x: [Float]) -> Double { dot(x, x).squareRoot() }

  /// The Euclidean norm.
  public static func norm(_ x: [Double]) -> Double { dot(x, x).squareRoot() }

  /// The cosine of the angle between two vectors, from −1 to 1.
  ///
  /// `nil` where one of them is zero or where an element is not finite: there is no angle then, where
  /// code that adds 1e−20 to the denominator reports 0.
  public static func cosine(_ x: [Float], _ y: [Float]) -> Double? {
    cosine(dot: dot(x, y), squares: dot(x, x), dot(y, y))
  }

  /// The cosine of the angle between two vectors, from −1 to 1; `nil` where one is zero or not finite.
  public static func cosine(_ x: [Double], _ y: [Double]) -> Double? {
    cosine(dot: dot(x, y), squares: dot(x, x), dot(y, y))
  }

  /// Pearson's correlation of two lists, from −1 to 1: the cosine of what is left without the means; `nil` where one
  /// does not vary.
  public static func pearson(_ x: [Double], _ y: [Double]) -> Double? {
    guard let meanX = mean(x), let meanY = mean(y) else { return nil }
    return cosine(x.map { $0 - meanX }, y.map { $0 - meanY })
  }

  private static func cosine(dot: Double, squares x: Double, _ y: Double) -> Double? {
    // The root of the product makes the cosine of a vector with itself exactly 1; where the product
    // leaves the range of normal numbers, two roots do not.
    let product = x * y
    let norms = product.isNormal ? product.squareRoot() : x.squareRoot() * y.squareRoot()
    guard dot.isFinite, norms > 0, norms.isFinite else { return nil }
    return max(-1, min(1, dot / norms))
  }

  /// The sum of `term(0) … term(count - 1)`, element i into partial sum i mod 16.
  @inline(__always)
  private static func strided(_ count: Int, _ term: (Int) -> Double) -> Double {
    var sums = SIMD16<Double>.zero
    var index = 0
    while index + 16 <= count {
      var terms = SIMD16<Double>.zero
      for lane in 0..<16 { terms[lane] = term(index + lane) }
      sums += terms
      index += 16
    }
    for lane in 0..<(count - index) { sums[lane] += term(index + lane) }
    let eight = sums.lowHalf + sums.highHalf
    let four = eight.lowHalf + eight.highHalf
    let two = four.lowHalf + four.highHalf
    return two.x + two.y
  }
}
