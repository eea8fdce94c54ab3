// The decoders of tokenizer.json that are supported, as values: each maps the pieces of a sequence to
// pieces, and the text is what is left, joined.

indirect enum Decoder: Sendable, Equatable {
  case sequence([Decoder])
  case byteLevel
  case byteFallback
  case fuse
  case replace(pattern: [UInt8], content: [UInt8])
  case strip(content: [UInt8], start: Int, stop: Int)
  case metaspace(replacement: [UInt8], dropsFirst: Bool)

  static let supported = [
    "Sequence", "ByteLevel", "ByteFallback", "Fuse", "Replace", "Strip", "Metaspace",
  ]

  /// Applies the decoder to the pieces of a whole sequence, each valid UTF-8, and so are the results.
  func apply(to pieces: [[UInt8]]) -> [[UInt8]] {
    switch self {
    case .sequence(let decoders):
      return decoders.reduce(pieces) { $1.apply(to: $0) }
    case .byteLevel:
      var bytes: [UInt8] = []
      for piece in pieces {
        // A piece outside the alphabet (an added token) stands for itself.
        bytes.append(contentsOf: ByteAlphabet.shared.bytes(of: piece) ?? piece)
      }
      return [Array(String(decoding: bytes, as: UTF8.self).utf8)]
    case .byteFallback:
      return Self.joiningBytes(pieces)
    case .fuse:
      return [Array(pieces.joined())]
    case .replace(let pattern, let content):
      return pieces.map { Self.replacing(pattern, with: content, in: $0) }
    case .strip(let content, let start, let stop):
      return pieces.map { Self.stripped($0, of: content, start: start, stop: stop) }
    case .metaspace(let replacement, let dropsFirst):
      return pieces.enumerated().map { index, piece in
        Self.replacing(
          replacement, with: index == 0 && dropsFirst ? [] : [UInt8(ascii: " ")], in: piece)
      }
    }
  }

  private static func replacing(
    _ pattern: [UInt8], with content: [UInt8], in piece: [UInt8]
  ) -> [UInt8] {
    var result: [UInt8] = []
    var copied = 0
    piece.withUnsafeBufferPointer { bytes in
      ByteSearch.forEachOccurrence(of: pattern, in: bytes, range: 0..<bytes.count) { found in
        result.append(contentsOf: bytes[copied..<found.lowerBound])
        result.append(contentsOf: content)
        copied = found.upperBound
      }
      result.append(contentsOf: bytes[copied...])
    }
    return result
  }

  /// Joins runs of byte tokens (`<0x0A>`) into text; a run that is no UTF-8 becomes one U+FFFD a byte.
  private static func joiningBytes(_ pieces: [[UInt8]]) -> [[UInt8]] {
    var result: [[UInt8]] = []
    var run: [UInt8] = []
    func flush() {
      if run.isEmpty { return }
      if String(validating: run, as: UTF8.self) != nil {
        result.append(run)
      } else {
        result.append(contentsOf: run.map { _ in [0xEF, 0xBF, 0xBD] })
      }
      run.removeAll()
    }
    for piece in pieces {
      if let byte = byteValue(piece) {
        run.append(byte)
      } else {
        flush()
        result.append(piece)
      }
    }
    flush()
    return result
  }

  /// The byte that a piece `<0xHH>` names.
  private static func byteValue(_ piece: [UInt8]) -> UInt8? {
    guard piece.count == 6, piece.starts(with: "<0x".utf8), piece[5] == UInt8(ascii: ">"),
      let digits = String(validating: piece[3..<5], as: UTF8.self)
    else { return nil }
    return UInt8(digits, radix: 16)
  }

  /// Takes at most `start` leading and `stop` trailing occurrences of one scalar off a piece.
  private static func stripped(
    _ piece: [UInt8], of content: [UInt8], start: Int, stop: Int
  ) -> [UInt8] {
    var rest = piece[...]
    var (starts, stops) = (start, stop)
    while starts > 0, rest.starts(with: content) {
      rest = rest.dropFirst(content.count)
      starts -= 1
    }
    while stops > 0, rest.suffix(content.count).elementsEqual(content) {
      rest = rest.dropLast(content.count)
      stops -= 1
    }
    return Array(rest)
  }
}
