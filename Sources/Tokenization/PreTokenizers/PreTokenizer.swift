// The pre-tokenizers of tokenizer.json that are supported, as values: each cuts the fragments of a
// text further, and some rewrite them. A Sequence is flattened when it is read.

enum PreTokenizer: Sendable, Equatable {
  case byteLevel(ByteLevel)
  case split(SplitPattern, SplitBehavior, inverted: Bool)
  case metaspace(Metaspace)

  static let supported = [
    "Sequence", "ByteLevel", "Split", "Digits", "Whitespace", "WhitespaceSplit", "Punctuation",
    "Metaspace",
  ]

  struct ByteLevel: Sendable, Equatable {
    /// Puts a space before a fragment that does not begin with one.
    var addsPrefixSpace: Bool
    /// Splits by GPT-2's regular expression.
    var usesRegex: Bool
    /// Writes every byte as its printable character. False where a model that takes bytes follows.
    var mapsBytes: Bool
  }

  struct Metaspace: Sendable, Equatable {
    enum Prepending: String, Sendable, CaseIterable {
      case always, never, first
    }
    /// One scalar, usually U+2581.
    var replacement: [UInt8]
    var prepending: Prepending
    var splits: Bool
  }

  /// Whether it asks where a fragment stands in the text.
  var needsSources: Bool {
    if case .metaspace(let metaspace) = self { return metaspace.prepending == .first }
    return false
  }

  func apply(to fragments: inout Fragments) {
    switch self {
    case .byteLevel(let byteLevel):
      byteLevel.apply(to: &fragments)
    case .split(let pattern, let behavior, let inverted):
      Self.split(&fragments, pattern, behavior, inverted: inverted)
    case .metaspace(let metaspace):
      metaspace.apply(to: &fragments)
    }
  }

  fileprivate static func split(
    _ fragments: inout Fragments, _ pattern: SplitPattern, _ behavior: SplitBehavior,
    inverted: Bool
  ) {
    var stretches: [Stretch] = []
    fragments.split { text, range, pieces in
      stretches.removeAll(keepingCapacity: true)
      pattern.appendStretches(of: text, in: range, to: &stretches)
      if inverted {
        for index in stretches.indices { stretches[index].isMatch.toggle() }
      }
      behavior.appendPieces(stretches, from: range.lowerBound, to: &pieces)
    }
  }
}

extension PreTokenizer.ByteLevel {
  fileprivate func apply(to fragments: inout Fragments) {
    if addsPrefixSpace {
      fragments.rewrite { text, range, result in
        if text.bytes[range.lowerBound] != UInt8(ascii: " ") {
          result.append([UInt8(ascii: " ")], insertedAt: range.lowerBound, of: text)
        }
        result.append(range, of: text)
      }
    }
    if usesRegex {
      var ends: [Int] = []
      fragments.split { text, range, pieces in
        ends.removeAll(keepingCapacity: true)
        RegexScanner.gpt2.appendEnds(of: text, in: range, to: &ends)
        var start = range.lowerBound
        for end in ends {
          pieces.append(start..<end)
          start = end
        }
      }
    }
    if mapsBytes {
      fragments.rewrite { text, range, result in
        for index in range {
          result.append(
            ByteAlphabet.shared.utf8(of: text.bytes[index]), replacing: index..<index + 1, of: text)
        }
      }
    }
  }
}

extension PreTokenizer.Metaspace {
  fileprivate func apply(to fragments: inout Fragments) {
    let prepending = self.prepending
    let replacement = self.replacement
    fragments.rewrite { text, range, result in
      let isFirst = prepending == .first && text.source(of: range).lower == 0
      let begins =
        text.bytes[range.lowerBound] == UInt8(ascii: " ")
        || text.bytes[range].starts(with: replacement)
      if !begins, isFirst || prepending == .always {
        result.append(replacement, insertedAt: range.lowerBound, of: text)
      }
      var copied = range.lowerBound
      for index in range where text.bytes[index] == UInt8(ascii: " ") {
        result.append(copied..<index, of: text)
        result.append(replacement, replacing: index..<index + 1, of: text)
        copied = index + 1
      }
      result.append(copied..<range.upperBound, of: text)
    }
    if splits {
      PreTokenizer.split(&fragments, .literal(replacement), .mergedWithNext, inverted: false)
    }
  }
}
