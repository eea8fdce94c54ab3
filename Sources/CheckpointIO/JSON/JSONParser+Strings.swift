// Strings: a scan to the closing quote, then one copy; only a string with a backslash is built bytewise.
// UTF-8 is verified for every string that has a byte beyond ASCII, surrogate escapes must come in pairs.

extension JSONParser {
  /// The string whose opening quote is at `position`; leaves it after the closing one.
  mutating func string() throws -> String {
    let start = position + 1
    var end = start
    while end < bytes.count {
      let byte = bytes[end]
      switch byte {
      case UInt8(ascii: "\""):
        position = end + 1
        return try text(bytes[start..<end], from: start..<end)
      case UInt8(ascii: "\\"): return try escapedString(from: start, firstEscape: end)
      case ..<0x20: throw controlCharacter(at: end)
      default: end += 1
      }
    }
    throw failure("a string without its closing quote", at: start - 1)
  }

  private mutating func escapedString(from start: Int, firstEscape: Int) throws -> String {
    unescaped.removeAll(keepingCapacity: true)
    unescaped.append(contentsOf: bytes[start..<firstEscape])
    position = firstEscape
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        let end = position
        position += 1
        return try unescaped.withUnsafeBufferPointer { try text($0[...], from: start..<end) }
      case UInt8(ascii: "\\"): try escape()
      case ..<0x20: throw controlCharacter(at: position)
      default:
        unescaped.append(byte)
        position += 1
      }
    }
    throw failure("a string without its closing quote", at: start - 1)
  }

  /// Appends what the escape at `position` stands for and steps over it.
  private mutating func escape() throws {
    guard position + 1 < bytes.count else {
      throw failure("a backslash at the end of the document")
    }
    let plain: UInt8
    switch bytes[position + 1] {
    case UInt8(ascii: "\""): plain = 0x22
    case UInt8(ascii: "\\"): plain = 0x5C
    case UInt8(ascii: "/"): plain = 0x2F
    case UInt8(ascii: "b"): plain = 0x08
    case UInt8(ascii: "f"): plain = 0x0C
    case UInt8(ascii: "n"): plain = 0x0A
    case UInt8(ascii: "r"): plain = 0x0D
    case UInt8(ascii: "t"): plain = 0x09
    case UInt8(ascii: "u"):
      unescaped.append(contentsOf: try escapedScalar().utf8)
      return
    default:
      throw failure("the escape \\ before \(Excerpt.byte(bytes[position + 1])), which JSON lacks")
    }
    unescaped.append(plain)
    position += 2
  }

  /// The scalar written as `\uXXXX`, or as two of them for one beyond U+FFFF.
  private mutating func escapedScalar() throws -> Unicode.Scalar {
    let start = position
    let first = try codeUnit()
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    else { throw failure("the escape of half a surrogate pair", at: start) }
    let second = try codeUnit()
    guard (0xDC00..<0xE000).contains(second),
      let scalar = Unicode.Scalar(
        0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
    else { throw failure("the escape of half a surrogate pair", at: start) }
    return scalar
  }

  private mutating func codeUnit() throws -> UInt16 {
    var unit: UInt16 = 0
    for offset in 2..<6 {
      guard position + offset < bytes.count,
        let digit = Character(Unicode.Scalar(bytes[position + offset])).hexDigitValue,
        bytes[position + offset] < 0x80
      else { throw failure("\\u must have four hexadecimal digits after it") }
      unit = unit << 4 | UInt16(digit)
    }
    position += 6
    return unit
  }

  /// `content` as a string; it was read from `range` of the document.
  private func text(_ content: Slice<UnsafeBufferPointer<UInt8>>, from range: Range<Int>) throws
    -> String
  {
    let content = UnsafeBufferPointer(rebasing: content)
    guard let text = String(validating: content, as: UTF8.self) else {
      throw failure(
        "a string that is not valid UTF-8", at: range.lowerBound + validPrefix(bytes[range]))
    }
    return text
  }

  /// How many bytes come before the first that is not UTF-8.
  private func validPrefix(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
    var decoder = Unicode.UTF8.ForwardParser()
    var iterator = bytes.makeIterator()
    var count = 0
    while case .valid(let scalar) = decoder.parseScalar(from: &iterator) { count += scalar.count }
    return count
  }

  private func controlCharacter(at offset: Int) -> CheckpointError {
    failure("\(Excerpt.byte(bytes[offset])) inside a string, where it must be escaped", at: offset)
  }
}
