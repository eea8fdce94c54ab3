// How a generator's place in its stream is stored: one string of 64 hexadecimal digits.
//
// A string and not four numbers, because many JSON readers round integers beyond 2^53.

extension SeededGenerator: Codable {
  /// Writes the four words of state as 64 lower-case hexadecimal digits, first word first.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(stateText)
  }

  /// Reads the 64 hexadecimal digits that `encode(to:)` writes.
  ///
  /// - Throws: `DecodingError.dataCorrupted` when the text is anything else, or all zero.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let generator = Self(stateText: text) else {
      throw DecodingError.dataCorruptedError(
        in: container,
        debugDescription: "the state of a generator is 64 hexadecimal digits, not all zero; "
          + "found '\(text.prefix(80))'")
    }
    self = generator
  }

  /// The state as 64 lower-case hexadecimal digits.
  public var stateText: String {
    let (a, b, c, d) = state
    return [a, b, c, d].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  /// The generator at a state written by `stateText`, or `nil` when `text` is not such a state.
  public init?(stateText text: String) {
    let digits = Array(text.utf8)
    guard digits.count == 64 else { return nil }
    var words: [UInt64] = []
    for start in stride(from: 0, to: 64, by: 16) {
      var word: UInt64 = 0
      for digit in digits[start..<(start + 16)] {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
          word = word << 4 | UInt64(digit - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"):
          word = word << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
        default: return nil
        }
      }
      words.append(word)
    }
    guard words.contains(where: { $0 != 0 }) else { return nil }
    self.init(state: (words[0], words[1], words[2], words[3]))
  }
}
