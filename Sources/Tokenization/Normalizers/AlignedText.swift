// A piece of the text on its way to the model: its UTF-8 and, when offsets were asked for, where
// each byte came from. Every step that changes the bytes goes through the few operations here.

/// A range of bytes of the text given to the tokenizer.
struct SourceRange: Equatable {
  var lower: Int32
  var upper: Int32

  func union(_ other: SourceRange) -> SourceRange {
    SourceRange(lower: min(lower, other.lower), upper: max(upper, other.upper))
  }
}

struct AlignedText {
  private(set) var bytes: [UInt8] = []
  /// The source of every byte; empty when not tracked. An inserted byte has an empty range.
  private(set) var sources: [SourceRange] = []
  let tracksSources: Bool

  init(tracksSources: Bool) {
    self.tracksSources = tracksSources
  }

  /// The bytes `range` of the text itself.
  init(copying range: Range<Int>, of text: UnsafeBufferPointer<UInt8>, tracksSources: Bool) {
    bytes = Array(text[range])
    self.tracksSources = tracksSources
    if tracksSources {
      sources = range.map { SourceRange(lower: Int32($0), upper: Int32($0) + 1) }
    }
  }

  /// What a token over `range` spells in the text.
  func source(of range: Range<Int>) -> SourceRange {
    if range.isEmpty { return SourceRange(lower: 0, upper: 0) }
    return sources.withUnsafeBufferPointer { sources in
      var result = sources[range.lowerBound]
      for index in range.dropFirst() { result = result.union(sources[index]) }
      return result
    }
  }

  mutating func reserve(_ count: Int) {
    bytes.reserveCapacity(count)
    if tracksSources { sources.reserveCapacity(count) }
  }

  /// Appends bytes of another text with their sources.
  mutating func append(_ range: Range<Int>, of other: AlignedText) {
    bytes.append(contentsOf: other.bytes[range])
    if tracksSources { sources.append(contentsOf: other.sources[range]) }
  }

  /// Appends bytes that stand for `replaced` of another text; each counts all of it as its source.
  mutating func append(_ new: [UInt8], replacing replaced: Range<Int>, of other: AlignedText) {
    bytes.append(contentsOf: new)
    guard tracksSources else { return }
    let source = other.source(of: replaced)
    sources.append(contentsOf: repeatElement(source, count: new.count))
  }

  /// Appends one scalar with a known source.
  mutating func append(scalar: UInt32, source: SourceRange) {
    let before = bytes.count
    UTF8Reading.append(scalar, to: &bytes)
    guard tracksSources else { return }
    sources.append(contentsOf: repeatElement(source, count: bytes.count - before))
  }

  /// Appends bytes that nothing of the text stands behind, in front of `position` of another text.
  mutating func append(_ new: [UInt8], insertedAt position: Int, of other: AlignedText) {
    bytes.append(contentsOf: new)
    guard tracksSources else { return }
    let lower = position < other.sources.count ? other.sources[position].lower : 0
    let empty = SourceRange(lower: lower, upper: lower)
    sources.append(contentsOf: repeatElement(empty, count: new.count))
  }
}
