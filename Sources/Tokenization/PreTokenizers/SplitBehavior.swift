// What becomes of the delimiters when a fragment is split, as Hugging Face tokenizers name it. A
// fragment is first cut into stretches, each a match of the delimiter or what lies between two; the
// behaviour then says which stretches are joined and which are dropped.

/// A stretch that ends at `upper` and begins where the one before ended.
struct Stretch: Equatable {
  var upper: Int
  var isMatch: Bool
}

enum SplitBehavior: String, Sendable, CaseIterable {
  case removed = "Removed"
  case isolated = "Isolated"
  case mergedWithPrevious = "MergedWithPrevious"
  case mergedWithNext = "MergedWithNext"
  case contiguous = "Contiguous"

  /// Appends the pieces of a fragment that begins at `lower` and is tiled by `stretches`.
  func appendPieces(_ stretches: [Stretch], from lower: Int, to pieces: inout [Range<Int>]) {
    switch self {
    case .removed:
      var start = lower
      for stretch in stretches {
        if !stretch.isMatch { pieces.append(start..<stretch.upper) }
        start = stretch.upper
      }
    case .isolated:
      var start = lower
      for stretch in stretches {
        pieces.append(start..<stretch.upper)
        start = stretch.upper
      }
    case .contiguous:
      joining(stretches, from: lower, to: &pieces) { $0.isMatch == $1.isMatch }
    case .mergedWithPrevious:
      joining(stretches, from: lower, to: &pieces) { !$0.isMatch && $1.isMatch }
    case .mergedWithNext:
      joining(stretches, from: lower, to: &pieces) { $0.isMatch && !$1.isMatch }
    }
  }

  /// Appends the stretches, two neighbours in one piece where `joins` says so.
  private func joining(
    _ stretches: [Stretch], from lower: Int, to pieces: inout [Range<Int>],
    _ joins: (Stretch, Stretch) -> Bool
  ) {
    var start = lower
    for (index, stretch) in stretches.enumerated() {
      if index + 1 < stretches.count, joins(stretch, stretches[index + 1]) { continue }
      pieces.append(start..<stretch.upper)
      start = stretch.upper
    }
  }
}
