// SentencePiece's compiled table of replacements (`precompiled_charsmap`): a tree of bytes in a double array, then the
// texts that its leaves point to, each closed by a zero byte. Read as the crate spm_precompiled reads it.

struct CharacterMap: Sendable, Equatable {
  /// The double array (Yata et al. 2007, as in the library darts-clone): a unit has a label, an offset and a leaf's mark.
  private let units: [UInt32]
  private let texts: [UInt8]

  /// Nil for bytes that are no such table.
  init?(_ bytes: [UInt8]) {
    func word(_ at: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
    }
    guard bytes.count >= 4 else { return nil }
    let size = Int(word(0))
    guard size > 0, size % 4 == 0, size <= bytes.count - 4 else { return nil }
    units = (0..<size / 4).map { word(4 + 4 * $0) }
    texts = Array(bytes[(4 + size)...])
    guard String(validating: texts, as: UTF8.self) != nil else { return nil }
  }

  /// What stands in the place of a key: the text of its shortest prefix that has one, and so of the whole key.
  private func replacement(of key: UnsafeBufferPointer<UInt8>) -> ArraySlice<UInt8>? {
    func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & (1 << 9)) >> 6) }
    var place = offset(units[0])
    for byte in key {
      if byte == 0 { return nil }
      place ^= Int(byte)
      guard place < units.count, units[place] & (1 << 31 | 0xFF) == UInt32(byte) else { return nil }
      let unit = units[place]
      place ^= offset(unit)
      guard unit >> 8 & 1 == 1 else { continue }
      guard place < units.count else { return nil }
      let start = Int(units[place] & (1 << 31 - 1))
      guard start <= texts.count, start == texts.count || texts[start] & 0xC0 != 0x80 else {
        return nil
      }
      return texts[start...].prefix { $0 != 0 }
    }
    return nil
  }

  /// Replaces in a text. A user-perceived character of fewer than six bytes is looked up as a whole, and replaced as a
  /// whole even where only its beginning is found; otherwise each of its scalars is.
  func apply(to text: AlignedText) -> AlignedText {
    var result = AlignedText(tracksSources: text.tracksSources)
    result.reserve(text.bytes.count)
    text.bytes.withUnsafeBufferPointer { bytes in
      func replace(_ range: Range<Int>) -> Bool {
        guard let new = replacement(of: UnsafeBufferPointer(rebasing: bytes[range])) else {
          return false
        }
        result.append(Array(new), replacing: range, of: text)
        return true
      }
      var start = 0
      for character in String(decoding: bytes, as: UTF8.self) {
        let end = start + character.utf8.count
        if end - start >= 6 || !replace(start..<end) {
          while start < end {
            let next = start + UTF8Reading.length(lead: bytes[start])
            if !replace(start..<next) { result.append(start..<next, of: text) }
            start = next
          }
        }
        start = end
      }
    }
    return result
  }
}

/// Reads base64 (RFC 4648, §4), with or without padding; nil for anything else.
func bytes(ofBase64 text: some Sequence<UInt8>) -> [UInt8]? {
  var result: [UInt8] = []
  var bits: UInt32 = 0
  var count = 0
  var isPadded = false
  for character in text {
    let value: UInt8
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - 65
    case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - 97 + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character - 48 + 52
    case UInt8(ascii: "+"): value = 62
    case UInt8(ascii: "/"): value = 63
    case UInt8(ascii: "="):
      isPadded = true
      continue
    default: return nil
    }
    guard !isPadded else { return nil }
    bits = bits << 6 | UInt32(value)
    count += 6
    if count >= 8 {
      count -= 8
      result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
    }
  }
  return result
}
