// The normalizers of tokenizer.json that are supported, as values. A normalizer maps a text to a
// text; it sees one stretch between added tokens at a time.

indirect enum Normalizer: Sendable, Equatable {
  case sequence([Normalizer])
  case prepend([UInt8])
  case replace(pattern: [UInt8], content: [UInt8])
  case unicode(UnicodeNormalization.Form)
  case lowercase
  case strip(left: Bool, right: Bool)
  /// Every run of two or more spaces.
  case replaceSpaces(content: [UInt8])
  case precompiled(CharacterMap)

  static let supported = [
    "Sequence", "Prepend", "Replace", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Strip",
    "Precompiled",
  ]

  func apply(to text: inout AlignedText) {
    if text.bytes.isEmpty { return }
    switch self {
    case .sequence(let normalizers):
      for normalizer in normalizers { normalizer.apply(to: &text) }
    case .prepend(let bytes):
      var result = AlignedText(tracksSources: text.tracksSources)
      result.reserve(text.bytes.count + bytes.count)
      result.append(bytes, insertedAt: 0, of: text)
      result.append(0..<text.bytes.count, of: text)
      text = result
    case .replace(let pattern, let content):
      text = Self.replacing(pattern, with: content, in: text)
    case .unicode(let form):
      UnicodeNormalization.shared.apply(form, to: &text)
    case .lowercase:
      text = Self.lowercased(text)
    case .strip(let left, let right):
      text = Self.stripped(text, left: left, right: right)
    case .replaceSpaces(let content):
      text = Self.replacingSpaces(in: text, with: content)
    case .precompiled(let map):
      text = map.apply(to: text)
    }
  }

  /// Replaces every occurrence of a byte string, from the left, not overlapping.
  static func replacing(
    _ pattern: [UInt8], with content: [UInt8], in text: AlignedText
  ) -> AlignedText {
    var result = AlignedText(tracksSources: text.tracksSources)
    result.reserve(text.bytes.count)
    var copied = 0
    text.bytes.withUnsafeBufferPointer { bytes in
      ByteSearch.forEachOccurrence(of: pattern, in: bytes, range: 0..<bytes.count) { found in
        result.append(copied..<found.lowerBound, of: text)
        result.append(content, replacing: found, of: text)
        copied = found.upperBound
      }
    }
    result.append(copied..<text.bytes.count, of: text)
    return result
  }

  private static func replacingSpaces(in text: AlignedText, with content: [UInt8]) -> AlignedText {
    var result = AlignedText(tracksSources: text.tracksSources)
    result.reserve(text.bytes.count)
    var index = 0
    while index < text.bytes.count {
      var end = index
      while end < text.bytes.count, text.bytes[end] == UInt8(ascii: " ") { end += 1 }
      if end - index >= 2 {
        result.append(content, replacing: index..<end, of: text)
        index = end
      } else {
        result.append(index..<index + 1, of: text)
        index += 1
      }
    }
    return result
  }

  private static let lowercaseMappings = PackedTables.lowercase()

  /// Lower case, scalar by scalar and without context (a final sigma is a sigma).
  private static func lowercased(_ text: AlignedText) -> AlignedText {
    var result = AlignedText(tracksSources: text.tracksSources)
    result.reserve(text.bytes.count)
    var mapped: [UInt8] = []
    text.bytes.withUnsafeBufferPointer { bytes in
      var index = 0
      while index < bytes.count {
        let (scalar, length) = UTF8Reading.scalar(bytes, at: index)
        mapped.removeAll(keepingCapacity: true)
        UTF8Reading.append(lowercaseMappings[scalar] ?? scalar, to: &mapped)
        // İ becomes i with a dot above.
        if scalar == 0x130 { mapped = Array("i\u{307}".utf8) }
        result.append(mapped, replacing: index..<index + length, of: text)
        index += length
      }
    }
    return result
  }

  private static func stripped(_ text: AlignedText, left: Bool, right: Bool) -> AlignedText {
    text.bytes.withUnsafeBufferPointer { bytes in
      CharacterClasses.shared.withTable { classes in
        var range = 0..<bytes.count
        while left, !range.isEmpty {
          let (scalar, length) = UTF8Reading.scalar(bytes, at: range.lowerBound)
          guard classes.classOf(scalar).contains(.space) else { break }
          range = range.lowerBound + length..<range.upperBound
        }
        while right, !range.isEmpty {
          let start = UTF8Reading.start(bytes, before: range.upperBound)
          let scalar = UTF8Reading.scalar(bytes, at: start).value
          guard classes.classOf(scalar).contains(.space) else { break }
          range = range.lowerBound..<start
        }
        var result = AlignedText(tracksSources: text.tracksSources)
        result.append(range, of: text)
        return result
      }
    }
  }
}
