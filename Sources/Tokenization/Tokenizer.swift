// The tokenizer of a checkpoint, as the other modules see it: text to ids and back, and prompts
// under a stated BOS policy. What it computes is what Hugging Face tokenizers computes from the
// same files.

/// Turns text into the token ids of a checkpoint, and ids into text.
///
/// A value, safe to share between threads. It gives what Hugging Face `tokenizers` 0.22 gives for
/// the same `tokenizer.json`, with two differences: a text that the vocabulary cannot express is an
/// error and not shortened silently, and a file whose added tokens Hugging Face would renumber is
/// refused. `truncation` and `padding` of the file are ignored: nothing is ever cut off or padded.
public struct Tokenizer: Sendable {
  let pipeline: Pipeline
  let decoder: Decoder?
  let postProcessor: PostProcessor

  /// The id of the beginning-of-sequence token; nil if the files name none.
  ///
  /// Looked for in the post-processor's template, `tokenizer_config.json`,
  /// `special_tokens_map.json` and `config.json`, in this order.
  public let beginningOfSequence: Int?

  /// One more than the highest id: the rows an embedding needs. Ids below may have no piece.
  public var vocabularySize: Int {
    max(pipeline.model.vocabulary.idLimit, pipeline.addedTokens.idLimit)
  }

  /// The id that stands for text the vocabulary lacks; nil if there is none.
  public var unknownToken: Int? { pipeline.model.unknown }

  /// The ids of a text.
  ///
  /// Added tokens that occur in the text become their ids, special ones too.
  ///
  /// - Parameters:
  ///   - text: any text; one that is empty has no ids.
  ///   - addingSpecialTokens: also put the special tokens of the post-processor around it.
  /// - Throws: `TokenizationError.inexpressible` if part of the text has no token, and
  ///   `.textTooLong` from 2 GiB on.
  public func encode(_ text: String, addingSpecialTokens: Bool = false) throws -> [Int] {
    let ids = try pipeline.encode(text, tracksSources: false).ids
    return addingSpecialTokens ? postProcessor.apply(to: ids) : ids
  }

  /// A token of a text and the bytes of the text's UTF-8 that it spells.
  public struct Span: Sendable, Equatable {
    /// The token's id in the vocabulary.
    public let id: Int
    /// Not trimmed: a token that begins with a space covers it. Empty for a token that the
    /// tokenizer inserted; a token that is part of a character covers its own bytes only, and one
    /// whose characters were normalized covers all that they were made from.
    public let utf8Range: Range<Int>
  }

  /// The ids of a text, each with the bytes it spells. Slower than `encode`, same ids.
  public func encodeWithOffsets(_ text: String) throws -> [Span] {
    let sink = try pipeline.encode(text, tracksSources: true)
    return zip(sink.ids, sink.sources).map { id, source in
      Span(id: id, utf8Range: Int(source.lower)..<Int(source.upper))
    }
  }

  /// The text of a sequence of ids, as a whole: tokens may be parts of characters.
  ///
  /// Bytes that are no UTF-8 become U+FFFD. Ids without a piece are skipped, as in Hugging Face
  /// tokenizers.
  ///
  /// - Parameters:
  ///   - ids: in order.
  ///   - skippingSpecialTokens: leave out the tokens marked special.
  public func decode(_ ids: [Int], skippingSpecialTokens: Bool = false) -> String {
    let addedTokens = pipeline.addedTokens
    let vocabulary = pipeline.model.vocabulary
    var pieces = PieceList()
    pieces.reserve(bytes: ids.count * 4, pieces: ids.count)
    for id in ids {
      if let added = addedTokens[id] {
        if !(skippingSpecialTokens && added.isSpecial) { pieces.append(added.content) }
      } else if let bytes = vocabulary.bytes(id) {
        pieces.append(bytes)
      }
    }
    if let decoder {
      decoder.apply(to: &pieces)
      return String(decoding: pieces.bytes, as: UTF8.self)
    }
    // Without a decoder the library writes a space between any two pieces.
    return pieces.joined(by: UInt8(ascii: " "))
  }

  /// The entry of the vocabulary under an id, as it is written there (`Ġthe`, `▁the`, `<0x0A>`).
  public func piece(_ id: Int) -> String? {
    if let added = pipeline.addedTokens[id] {
      return String(decoding: added.content, as: UTF8.self)
    }
    return pipeline.model.vocabulary.piece(id)
  }

  /// The id of an entry of the vocabulary, compared byte by byte.
  public func id(ofPiece piece: String) -> Int? {
    let bytes = Array(piece.utf8)
    return pipeline.addedTokens.id(of: bytes) ?? pipeline.model.vocabulary.id(of: bytes)
  }

  /// Whether an id is a special token.
  public func isSpecial(_ id: Int) -> Bool {
    pipeline.addedTokens[id]?.isSpecial ?? false
  }

  /// The tokens of a prompt under a stated policy, each with the bytes of the text it spells; empty
  /// ranges for the tokens that the policy adds. Same ids as `prompt`, and it throws the same.
  public func promptWithOffsets(_ text: String, bos: BOSPolicy) throws -> [Span] {
    let ids = try prompt(text, bos: bos)
    let spans = try encodeWithOffsets(text)
    let before =
      switch bos {
      case .auto: postProcessor.prefix.count
      case .always: 1
      case .never: 0
      }
    let end = text.utf8.count
    return ids.enumerated().map { index, id in
      if index < before { return Span(id: id, utf8Range: 0..<0) }
      if index - before < spans.count { return spans[index - before] }
      return Span(id: id, utf8Range: end..<end)
    }
  }

  /// The ids of a prompt under a stated policy.
  ///
  /// - Throws: `TokenizationError.noBeginningOfSequence` for `.always` if no such token is known,
  ///   `.emptyPrompt` if the result has no tokens, and what `encode` throws. An empty text is valid
  ///   if the policy adds a token.
  public func prompt(_ text: String, bos: BOSPolicy) throws -> [Int] {
    var ids = try encode(text, addingSpecialTokens: bos == .auto)
    if bos == .always {
      guard let beginningOfSequence else { throw TokenizationError.noBeginningOfSequence }
      ids.insert(beginningOfSequence, at: 0)
    }
    guard !ids.isEmpty else { throw TokenizationError.emptyPrompt(policy: bos) }
    return ids
  }
}
