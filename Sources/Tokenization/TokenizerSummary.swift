// What a run's record says about its tokenizer. The digest of the files is made by whoever reads
// them.

/// A tokenizer in a few facts, for `run.json`.
public struct TokenizerSummary: Codable, Sendable, Equatable {
  /// The kind of model: byte-level BPE, BPE with byte fallback, BPE, Unigram, Unigram with byte fallback, WordLevel.
  public let kind: String
  public let vocabularySize: Int
  public let beginningOfSequence: Int?
  /// The piece of that id.
  public let beginningOfSequencePiece: String?
  public let unknownToken: Int?
  /// What `bos: auto` puts before and behind the ids of a text.
  public let autoPrefix: [Int]
  public let autoSuffix: [Int]
}

extension Tokenizer {
  public var summary: TokenizerSummary {
    TokenizerSummary(
      kind: pipeline.model.kind,
      vocabularySize: vocabularySize,
      beginningOfSequence: beginningOfSequence,
      beginningOfSequencePiece: beginningOfSequence.flatMap(piece),
      unknownToken: unknownToken,
      autoPrefix: postProcessor.prefix,
      autoSuffix: postProcessor.suffix)
  }
}
