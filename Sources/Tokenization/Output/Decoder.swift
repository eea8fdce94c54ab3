// The decoders of tokenizer.json that are supported, as values: each maps the pieces of a sequence
// to pieces, and the text is what is left, joined.

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

  /// Applies the decoder to the pieces of a whole sequence, each valid UTF-8, and so are the
  /// results.
  func apply(to pieces: inout PieceList) {
    switch self {
    case .sequence(let decoders):
      for decoder in decoders { decoder.apply(to: &pieces) }
    case .byteLevel:
      Self.readBytes(&pieces)
    case .byteFallback:
      Self.joinBytes(&pieces)
    case .fuse:
      pieces.fuse()
    case .replace(let pattern, let content):
      Self.rewrite(&pieces) { _, piece, result in
        Self.replace(pattern, with: content, in: piece, &result)
      }
    case .strip(let content, let start, let stop):
      Self.rewrite(&pieces) { _, piece, result in
        result.write(Self.stripped(piece, of: content, start: start, stop: stop))
      }
    case .metaspace(let replacement, let dropsFirst):
      Self.rewrite(&pieces) { index, piece, result in
        let content = index == 0 && dropsFirst ? [] : [UInt8(ascii: " ")]
        Self.replace(replacement, with: content, in: piece, &result)
      }
    }
  }

  /// Rebuilds the list; `body` writes what becomes of one piece.
  private static func rewrite(
    _ pieces: inout PieceList, _ body: (Int, UnsafeBufferPointer<UInt8>, inout PieceList) -> Void
  ) {
    var result = PieceList()
    result.reserve(bytes: pieces.bytes.count, pieces: pieces.count)
    pieces.visit { index, piece in
      body(index, piece, &result)
      result.closePiece()
    }
    pieces = result
  }

  /// Reads GPT-2's alphabet back into bytes, and those as UTF-8, as one piece.
  private static func readBytes(_ pieces: inout PieceList) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(pieces.bytes.count)
    pieces.visit { _, piece in
      // A piece outside the alphabet (an added token) stands for itself.
      if !ByteAlphabet.shared.append(piece, to: &bytes) { bytes.append(contentsOf: piece) }
    }
    var result = PieceList()
    result.append(String(decoding: bytes, as: UTF8.self).utf8)
    pieces = result
  }

  /// Joins runs of byte tokens (`<0x0A>`) into text; a run that is no UTF-8 becomes one U+FFFD a
  /// byte.
  private static func joinBytes(_ pieces: inout PieceList) {
    var result = PieceList()
    result.reserve(bytes: pieces.bytes.count, pieces: pieces.count)
    var run: [UInt8] = []
    func flush() {
      if run.isEmpty { return }
      if String(validating: run, as: UTF8.self) != nil {
        result.append(run)
      } else {
        for _ in run { result.append([0xEF, 0xBF, 0xBD]) }
      }
      run.removeAll(keepingCapacity: true)
    }
    pieces.visit { _, piece in
      if let byte = byteValue(piece) {
        run.append(byte)
      } else {
        flush()
        result.append(piece)
      }
    }
    flush()
    pieces = result
  }

  /// The byte that a piece `<0xHH>` names.
  private static func byteValue(_ piece: UnsafeBufferPointer<UInt8>) -> UInt8? {
    guard piece.count == 6, piece[0] == UInt8(ascii: "<"), piece[1] == UInt8(ascii: "0"),
      piece[2] == UInt8(ascii: "x"), piece[5] == UInt8(ascii: ">"),
      let digits = String(validating: piece[3..<5], as: UTF8.self)
    else { return nil }
    return UInt8(digits, radix: 16)
  }

  private static func replace(
    _ pattern: [UInt8], with content: [UInt8], in piece: UnsafeBufferPointer<UInt8>,
    _ result: inout PieceList
  ) {
    var copied = 0
    ByteSearch.forEachOccurrence(of: pattern, in: piece, range: 0..<piece.count) { found in
      result.write(piece[copied..<found.lowerBound])
      result.write(content)
      copied = found.upperBound
    }
    result.write(piece[copied...])
  }

  /// Takes at most `start` leading and `stop` trailing occurrences of one scalar off a piece.
  private static func stripped(
    _ piece: UnsafeBufferPointer<UInt8>, of content: [UInt8], start: Int, stop: Int
  ) -> Slice<UnsafeBufferPointer<UInt8>> {
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
    return rest
  }
}
