// Normal draws, by the polar method and our own logarithm, so that their bits are the same everywhere.

import CKernels

extension SeededGenerator {
  /// A draw from N(0, 1).
  ///
  /// - Source: Marsaglia and Bray 1964, "A convenient method for generating normal variables". The second of
  ///   each pair of draws is thrown away, so that the state is all there is to save.
  public mutating func normal() -> Double {
    while true {
      let (x, y) = (2 * uniform() - 1, 2 * uniform() - 1)
      let square = x * x + y * y
      if square > 0 && square < 1 { return x * (-2 * ck_log(square) / square).squareRoot() }
    }
  }
}
