// The tokens of tokenizer.json that are cut out of a text before the model sees it, special or not,
// as Hugging Face tokenizers cuts them: those marked `normalized` out of the normalized text, the
// others out of the text as given.

struct AddedToken: Sendable, Equatable {
  var id: Int
  var content: [UInt8]
  var isSpecial: Bool
  var isNormalized: Bool
  /// Takes the white space before or behind it along.
  var stripsLeft: Bool
  var stripsRight: Bool
  /// Does not count inside a word.
  var isSingleWord: Bool
}

struct AddedTokens: Sendable {
  /// A stretch of a text: an added token, or what lies between.
  struct Section {
    var id: Int?
    var range: Range<Int>
  }

  private let tokens: [AddedToken]
  private let indexByID: [Int: Int]
  private let idByContent: [[UInt8]: Int]
  private let verbatim: TokenMatcher
  private let normalized: TokenMatcher

  init(_ tokens: [AddedToken], normalizer: Normalizer?) {
    self.tokens = tokens
    indexByID = Dictionary(
      tokens.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    idByContent = Dictionary(
      tokens.map { ($0.content, $0.id) }, uniquingKeysWith: { first, _ in first })
    // Of two tokens with one spelling after normalization the special one counts.
    let indices =
      tokens.indices.filter { tokens[$0].isSpecial }
      + tokens.indices.filter { !tokens[$0].isSpecial }
    verbatim = TokenMatcher(
      patterns: indices.filter { !tokens[$0].isNormalized }.map { (tokens[$0].content, $0) })
    normalized = TokenMatcher(
      patterns: indices.filter { tokens[$0].isNormalized }.map { index in
        (Self.normalized(tokens[index].content, normalizer), index)
      })
  }

  /// What a token's content is in a normalized text.
  static func normalized(_ content: [UInt8], _ normalizer: Normalizer?) -> [UInt8] {
    guard let normalizer else { return content }
    var text = content.withUnsafeBufferPointer {
      AlignedText(copying: 0..<$0.count, of: $0, tracksSources: false)
    }
    normalizer.apply(to: &text)
    return text.bytes
  }

  /// One more than the highest id, 0 without any.
  var idLimit: Int { (tokens.lazy.map(\.id).max() ?? -1) + 1 }

  subscript(id: Int) -> AddedToken? { indexByID[id].map { tokens[$0] } }

  func id(of content: [UInt8]) -> Int? { idByContent[content] }

  /// The sections of a text as given, which tile it.
  func verbatimSections(_ text: UnsafeBufferPointer<UInt8>) -> [Section] {
    sections(text, verbatim)
  }

  /// The sections of a normalized text.
  func normalizedSections(_ text: UnsafeBufferPointer<UInt8>) -> [Section] {
    sections(text, normalized)
  }

  private func sections(
    _ text: UnsafeBufferPointer<UInt8>, _ matcher: TokenMatcher
  ) -> [Section] {
    if text.isEmpty { return [] }
    var sections: [Section] = []
    var done = 0
    // The last white space found behind a token: a run of tokens that are white space themselves
    // must not be scanned once for each.
    var knownSpace = 0..<0
    matcher.forEachMatch(in: text) { index, match in
      let token = tokens[index]
      if token.isSingleWord, touchesWord(text, match) { return }
      var (start, stop) = (match.lowerBound, match.upperBound)
      // White space that the token before has taken is not taken again.
      if token.stripsLeft {
        start = start <= done ? done : spaceStart(text, before: start, from: done)
      }
      if token.stripsRight {
        if !knownSpace.contains(stop) { knownSpace = stop..<spaceEnd(text, after: stop) }
        stop = knownSpace.upperBound
      }
      if done < start { sections.append(Section(id: nil, range: done..<start)) }
      // A token that is itself white space may have been taken whole by the one before.
      if start < stop { sections.append(Section(id: token.id, range: start..<stop)) }
      done = stop
    }
    if done < text.count { sections.append(Section(id: nil, range: done..<text.count)) }
    return sections
  }

  private func touchesWord(_ text: UnsafeBufferPointer<UInt8>, _ match: Range<Int>) -> Bool {
    if match.lowerBound > 0 {
      let before = UTF8Reading.start(text, before: match.lowerBound)
      if isWord(UTF8Reading.scalar(text, at: before).value) { return true }
    }
    return match.upperBound < text.count
      && isWord(UTF8Reading.scalar(text, at: match.upperBound).value)
  }

  private func isWord(_ scalar: UInt32) -> Bool {
    CharacterClasses.shared.classOf(scalar).contains(.word)
  }

  private func isSpace(_ scalar: UInt32) -> Bool {
    CharacterClasses.shared.classOf(scalar).contains(.space)
  }

  private func spaceStart(
    _ text: UnsafeBufferPointer<UInt8>, before index: Int, from limit: Int
  ) -> Int {
    var index = index
    while index > limit {
      let start = UTF8Reading.start(text, before: index)
      guard isSpace(UTF8Reading.scalar(text, at: start).value) else { break }
      index = start
    }
    return index
  }

  private func spaceEnd(_ text: UnsafeBufferPointer<UInt8>, after index: Int) -> Int {
    var index = index
    while index < text.count {
      let (scalar, length) = UTF8Reading.scalar(text, at: index)
      guard isSpace(scalar) else { break }
      index += length
    }
    return index
  }
}
