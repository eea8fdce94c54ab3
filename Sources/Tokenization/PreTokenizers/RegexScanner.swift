// Hand-written scanners for the regular expressions that byte-level tokenizers split text by. There
// is no regular-expression engine here: a pattern is one of those below, letter for letter, or it
// is refused. Each function returns where the match that starts at a position ends; every one of
// these patterns matches at every position, so the matches tile the text.

/// A pattern of which the scanner is known.
enum RegexScanner: CaseIterable, Sendable, Equatable {
  /// GPT-2's, also that of `ByteLevel` with `use_regex`.
  case gpt2
  /// LLaMA 3's, which is cl100k's (GPT-4): numbers in groups of at most three digits.
  case llama3
  /// Qwen2's: as LLaMA 3's, every digit on its own.
  case qwen2

  private static let afterNumbers =
    #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  private static let beforeNumbers =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"#

  var pattern: String {
    switch self {
    case .gpt2: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    case .llama3: Self.beforeNumbers + #"\p{N}{1,3}"# + Self.afterNumbers
    case .qwen2: Self.beforeNumbers + #"\p{N}"# + Self.afterNumbers
    }
  }

  init?(pattern: String) {
    guard let known = Self.allCases.first(where: { $0.pattern == pattern }) else { return nil }
    self = known
  }

  /// Appends the ends of all matches in `range`; the last one is `range.upperBound`.
  func appendEnds(
    of text: UnsafeBufferPointer<UInt8>, in range: Range<Int>, to ends: inout [Int]
  ) {
    CharacterClasses.shared.withTable { classes in
      let window = UnsafeBufferPointer(rebasing: text[..<range.upperBound])
      var position = range.lowerBound
      switch self {
      case .gpt2:
        while position < window.count {
          position = Self.gpt2End(window, position, classes)
          ends.append(position)
        }
      case .llama3, .qwen2:
        let digits = self == .llama3 ? 3 : 1
        while position < window.count {
          position = Self.cl100kEnd(window, position, classes, digits: digits)
          ends.append(position)
        }
      }
    }
  }
}

extension RegexScanner {
  /// The end of the run of scalars that have any (or, negated, none) of `wanted`, from `position`.
  @inline(__always)
  private static func runEnd(
    _ text: UnsafeBufferPointer<UInt8>, _ position: Int,
    _ classes: CharacterClassReader, _ wanted: CharacterClass, negated: Bool = false,
    limit: Int = .max
  ) -> Int {
    var end = position
    var left = limit
    while end < text.count, left > 0 {
      let (scalar, length) = UTF8Reading.scalar(text, at: end)
      if classes.classOf(scalar).intersects(wanted) == negated { break }
      end += length
      left -= 1
    }
    return end
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
  @inline(__always)
  private static func gpt2End(
    _ text: UnsafeBufferPointer<UInt8>, _ position: Int, _ classes: CharacterClassReader
  ) -> Int {
    let lead = text[position]
    if lead == UInt8(ascii: "'") {
      let end = contractionEnd(text, position)
      if end > position { return end }
    }
    // The optional space joins what follows unless that is white space or nothing.
    let start = lead == UInt8(ascii: " ") ? position + 1 : position
    if start < text.count {
      let (scalar, length) = UTF8Reading.scalar(text, at: start)
      let found = classes.classOf(scalar)
      if found.contains(.letter) { return runEnd(text, start + length, classes, .letter) }
      if found.contains(.number) { return runEnd(text, start + length, classes, .number) }
      if !found.contains(.space) {
        return runEnd(text, start + length, classes, .letterNumberOrSpace, negated: true)
      }
    }
    return spaceEnd(text, position, runEnd(text, position, classes, .space))
  }

  /// `\s+(?!\S)|\s+` on a run of white space from `position` to `end`: all of it at the end of the
  /// text, otherwise all but its last scalar, and a single one stands alone.
  @inline(__always)
  private static func spaceEnd(
    _ text: UnsafeBufferPointer<UInt8>, _ position: Int, _ end: Int
  ) -> Int {
    if end == text.count { return end }
    let last = UTF8Reading.start(text, before: end)
    return last > position ? last : end
  }

  /// The end of `'s|'t|'re|'ve|'m|'ll|'d` at an apostrophe, or its position.
  @inline(__always)
  private static func contractionEnd(_ text: UnsafeBufferPointer<UInt8>, _ position: Int) -> Int {
    guard position + 1 < text.count else { return position }
    switch text[position + 1] {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return position + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return follows(text, position + 2, UInt8(ascii: "e")) ? position + 3 : position
    case UInt8(ascii: "l"):
      return follows(text, position + 2, UInt8(ascii: "l")) ? position + 3 : position
    default:
      return position
    }
  }

  @inline(__always)
  private static func follows(
    _ text: UnsafeBufferPointer<UInt8>, _ position: Int, _ byte: UInt8
  ) -> Bool {
    position < text.count && text[position] == byte
  }

  /// The same without regard to case, where U+017F (long s) counts as an s.
  private static func foldedContractionEnd(
    _ text: UnsafeBufferPointer<UInt8>, _ position: Int
  ) -> Int {
    guard position + 1 < text.count else { return position }
    func follows(_ offset: Int, _ letter: UInt8) -> Bool {
      position + offset < text.count && text[position + offset] | 0x20 == letter
    }
    switch text[position + 1] | 0x20 {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"):
      return position + 2
    case UInt8(ascii: "r"), UInt8(ascii: "v"):
      return follows(2, UInt8(ascii: "e")) ? position + 3 : position
    case UInt8(ascii: "l"):
      return follows(2, UInt8(ascii: "l")) ? position + 3 : position
    default:
      let isLongS =
        position + 2 < text.count && text[position + 1] == 0xC5 && text[position + 2] == 0xBF
      return isLongS ? position + 3 : position
    }
  }

  /// The patterns of LLaMA 3 and Qwen2.
  private static func cl100kEnd(
    _ text: UnsafeBufferPointer<UInt8>, _ position: Int,
    _ classes: CharacterClassReader, digits: Int
  ) -> Int {
    let lead = text[position]
    if lead == UInt8(ascii: "'") {
      let end = foldedContractionEnd(text, position)
      if end > position { return end }
    }
    let (scalar, length) = UTF8Reading.scalar(text, at: position)
    let found = classes.classOf(scalar)
    let next = position + length
    if found.contains(.letter) { return runEnd(text, next, classes, .letter) }
    if found.contains(.number) {
      return runEnd(text, next, classes, .number, limit: digits - 1)
    }
    // [^\r\n\p{L}\p{N}]?\p{L}+
    let isLineEnd = lead == 0x0A || lead == 0x0D
    if !isLineEnd, next < text.count {
      let end = runEnd(text, next, classes, .letter)
      if end > next { return end }
    }
    // ?[^\s\p{L}\p{N}]+[\r\n]*
    let start = lead == UInt8(ascii: " ") ? next : position
    var end = runEnd(text, start, classes, .letterNumberOrSpace, negated: true)
    if end > start {
      while end < text.count, text[end] == 0x0A || text[end] == 0x0D { end += 1 }
      return end
    }
    // \s*[\r\n]+ goes up to the last line end in the run of white space.
    let spaces = runEnd(text, position, classes, .space)
    var lastLine = spaces
    while lastLine > position, text[lastLine - 1] != 0x0A, text[lastLine - 1] != 0x0D {
      lastLine -= 1
    }
    return lastLine > position ? lastLine : spaceEnd(text, position, spaces)
  }
}
