// Byte-pair encoding as Hugging Face tokenizers runs it: byte-level (GPT-2) and SentencePiece-style
// with byte fallback (LLaMA) are one model, told apart by what its symbols start from: the bytes of
// a word, or its characters.

import CheckpointIO

struct BytePairModel: WordModel {
  let vocabulary: Vocabulary
  let merges: MergeTable
  let unknown: UInt32?
  let unknownPiece: String?
  /// A run of unknown characters is one token.
  let fusesUnknown: Bool
  /// The id of each byte's token `<0x00>`…`<0xFF>`; -1 where there is none. Empty without byte
  /// fallback.
  let byteFallback: [Int32]
  /// Put in front of a character that does not begin a word.
  let continuingPrefix: [UInt8]
  /// Put behind the last character of a word.
  let wordSuffix: [UInt8]
  /// A word that is a piece is one token, whatever the merges say.
  let ignoresMerges: Bool
  /// For a model of raw bytes: the id of each byte, -1 where it has none. Empty for one of
  /// characters.
  private(set) var byteSymbols: [Int32] = []
  /// For a model of raw bytes that ignores merges: the pieces by the bytes they stand for.
  private var rawPieces: Vocabulary?
  /// No merge reaches over the start of a U+2581, so that a text can be cut there.
  private(set) var cutsAtMetaspace = false

  init(
    vocabulary: Vocabulary, merges: MergeTable, unknownPiece: String?, fusesUnknown: Bool,
    usesByteFallback: Bool, continuingPrefix: [UInt8], wordSuffix: [UInt8], ignoresMerges: Bool,
    metaspaceBeginsWords: Bool
  ) {
    self.vocabulary = vocabulary
    self.merges = merges
    self.unknownPiece = unknownPiece
    unknown = unknownPiece.flatMap { vocabulary.id(of: $0) }.map(UInt32.init)
    self.fusesUnknown = fusesUnknown
    self.continuingPrefix = continuingPrefix
    self.wordSuffix = wordSuffix
    self.ignoresMerges = ignoresMerges
    byteFallback = usesByteFallback ? Self.byteTokens(vocabulary) : []
    cutsAtMetaspace =
      metaspaceBeginsWords && !ignoresMerges && continuingPrefix.isEmpty && wordSuffix.isEmpty
      && vocabulary.id(of: Metaspace.utf8) != nil
  }

  /// Whether the model can read raw bytes in place of their characters in GPT-2's alphabet.
  var canTakeBytes: Bool { continuingPrefix.isEmpty && wordSuffix.isEmpty }

  /// The same model for words of raw bytes.
  func takingBytes() -> BytePairModel {
    precondition(canTakeBytes, "the symbols of this model depend on their place in the word")
    var model = self
    model.byteSymbols = (0...255).map {
      Int32(vocabulary.id(of: ByteAlphabet.shared.utf8(of: UInt8($0))) ?? -1)
    }
    if ignoresMerges { model.rawPieces = Self.rawPieces(vocabulary) }
    model.cutsAtMetaspace = false
    return model
  }

  /// The id of each byte's token, `<0x00>`…`<0xFF>`; -1 where there is none.
  static func byteTokens(_ vocabulary: Vocabulary) -> [Int32] {
    (0...255).map { byte in
      let digits = (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      return Int32(vocabulary.id(of: "<0x\(digits)>") ?? -1)
    }
  }

  private static func rawPieces(_ vocabulary: Vocabulary) -> Vocabulary {
    var raw = Vocabulary(idLimit: vocabulary.idLimit, expectedPieces: vocabulary.pieceCount)
    for id in 0..<vocabulary.idLimit {
      guard let piece = vocabulary.bytes(id), let bytes = ByteAlphabet.shared.bytes(of: piece)
      else { continue }
      // The alphabet is one to one, so that no two pieces stand for the same bytes.
      _ = bytes.withUnsafeBufferPointer { raw.insert($0, id: id) }
    }
    return raw
  }

  /// Writes the tokens of a word, which is not empty, into `buffer`.
  ///
  /// - Throws: `TokenizationError.inexpressible` for a character that is neither in the vocabulary
  ///   nor covered by byte fallback or an unknown token. (Hugging Face tokenizers drops it
  ///   silently.)
  func encode(_ word: UnsafeBufferPointer<UInt8>, into buffer: inout WordBuffer) throws {
    buffer.clear()
    if ignoresMerges, let id = (rawPieces ?? vocabulary).id(of: word) {
      buffer.append(UInt32(id), length: word.count)
      return
    }
    if byteSymbols.isEmpty {
      try appendCharacters(of: word, to: &buffer)
    } else {
      try appendBytes(of: word, to: &buffer)
    }
    buffer.merge(merges)
  }

  private func appendBytes(
    of word: UnsafeBufferPointer<UInt8>, to buffer: inout WordBuffer
  ) throws {
    var pending = 0
    for byte in word {
      let symbol = byteSymbols[Int(byte)]
      if symbol >= 0 {
        flushUnknown(&pending, to: &buffer)
        buffer.append(UInt32(symbol), length: 1)
      } else {
        try appendUnknown(
          ByteAlphabet.shared.utf8(of: byte), length: 1, &pending, to: &buffer)
      }
    }
    flushUnknown(&pending, to: &buffer)
  }

  private func appendCharacters(
    of word: UnsafeBufferPointer<UInt8>, to buffer: inout WordBuffer
  ) throws {
    var pending = 0
    var index = 0
    while index < word.count {
      let length = UTF8Reading.length(lead: word[index])
      let character = UnsafeBufferPointer(rebasing: word[index..<index + length])
      let isPlain =
        (index == 0 || continuingPrefix.isEmpty)
        && (index + length < word.count || wordSuffix.isEmpty)
      if isPlain {
        if let id = vocabulary.id(of: character) {
          flushUnknown(&pending, to: &buffer)
          buffer.append(UInt32(id), length: length)
        } else {
          try appendUnknown(Array(character), length: length, &pending, to: &buffer)
        }
      } else {
        let written =
          (index > 0 ? continuingPrefix : []) + Array(character)
          + (index + length == word.count ? wordSuffix : [])
        if let id = vocabulary.id(of: written) {
          flushUnknown(&pending, to: &buffer)
          buffer.append(UInt32(id), length: length)
        } else {
          try appendUnknown(written, length: length, &pending, to: &buffer)
        }
      }
      index += length
    }
    flushUnknown(&pending, to: &buffer)
  }

  /// Deals with a character that is no piece: its bytes, if each has a token, else the unknown
  /// token.
  ///
  /// As in Hugging Face tokenizers, an unknown token waits for the next known character, also past
  /// bytes; that shows only where some bytes have tokens and others have none.
  private func appendUnknown(
    _ character: [UInt8], length: Int, _ pending: inout Int, to buffer: inout WordBuffer
  ) throws {
    if !byteFallback.isEmpty, character.allSatisfy({ byteFallback[Int($0)] >= 0 }) {
      for byte in character { buffer.append(UInt32(byteFallback[Int(byte)]), length: 1) }
      return
    }
    guard unknown != nil else {
      throw TokenizationError.inexpressible(
        text: String(decoding: character, as: UTF8.self),
        remedy: unknownPiece.map { "the unk_token \(Excerpt.quoted($0)) is not in the vocabulary" }
          ?? "change the text or use a tokenizer that covers it")
    }
    if pending > 0, !fusesUnknown { flushUnknown(&pending, to: &buffer) }
    pending += length
  }

  @inline(__always)
  private func flushUnknown(_ pending: inout Int, to buffer: inout WordBuffer) {
    if pending > 0, let unknown {
      buffer.append(unknown, length: pending)
      pending = 0
    }
  }
}

/// U+2581, which SentencePiece writes for a space.
enum Metaspace {
  static let utf8: [UInt8] = [0xE2, 0x96, 0x81]
}
