// What a splitting pre-tokenizer looks for. Cuts a fragment into stretches that match and stretches
// between matches.

enum SplitPattern: Sendable, Equatable {
  /// Every occurrence of a byte string.
  case literal([UInt8])
  /// A known regular expression that matches everywhere.
  case scanner(RegexScanner)
  /// Every single scalar of a class.
  case scalars(CharacterClass)
  /// `\w+|[^\w\s]+`
  case wordsOrSymbols

  /// Appends the stretches that tile `range`, which is not empty.
  func appendStretches(
    of text: UnsafeBufferPointer<UInt8>, in range: Range<Int>, to stretches: inout [Stretch]
  ) {
    switch self {
    case .literal(let pattern):
      var end = range.lowerBound
      ByteSearch.forEachOccurrence(of: pattern, in: text, range: range) { found in
        if end < found.lowerBound {
          stretches.append(Stretch(upper: found.lowerBound, isMatch: false))
        }
        stretches.append(Stretch(upper: found.upperBound, isMatch: true))
        end = found.upperBound
      }
      if end < range.upperBound {
        stretches.append(Stretch(upper: range.upperBound, isMatch: false))
      }
    case .scanner(let scanner):
      var ends: [Int] = []
      scanner.appendEnds(of: text, in: range, to: &ends)
      stretches.append(contentsOf: ends.lazy.map { Stretch(upper: $0, isMatch: true) })
    case .scalars(let wanted):
      appendRuns(of: text, in: range, to: &stretches) { found, _ in
        found.intersects(wanted) ? .alone : .between
      }
    case .wordsOrSymbols:
      appendRuns(of: text, in: range, to: &stretches) { found, _ in
        found.contains(.word) ? .first : found.contains(.space) ? .between : .second
      }
    }
  }

  private enum Kind {
    /// In no match, in a match of its own, or in a run of one of two kinds of match.
    case between, alone, first, second
  }

  private func appendRuns(
    of text: UnsafeBufferPointer<UInt8>, in range: Range<Int>, to stretches: inout [Stretch],
    _ kindOf: (CharacterClass, UInt32) -> Kind
  ) {
    CharacterClasses.shared.withTable { classes in
      var previous: Kind?
      var index = range.lowerBound
      while index < range.upperBound {
        let (scalar, length) = UTF8Reading.scalar(text, at: index)
        let kind = kindOf(classes.classOf(scalar), scalar)
        index += length
        if kind == previous, kind != .alone {
          stretches[stretches.count - 1].upper = index
        } else {
          stretches.append(Stretch(upper: index, isMatch: kind != .between))
        }
        previous = kind
      }
    }
  }
}
