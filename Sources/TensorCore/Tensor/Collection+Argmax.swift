// The place of the largest: predictions, chosen layers, chosen scales.

extension RandomAccessCollection where Element: Comparable {
  /// How far from the start the largest element stands; of several equal ones the first, of none 0.
  @inlinable package var argmax: Int {
    let largest = indices.reduce(startIndex) { self[$1] > self[$0] ? $1 : $0 }
    return distance(from: startIndex, to: largest)
  }
}
