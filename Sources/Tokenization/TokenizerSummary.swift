// What a run's record says about its tokenizer. The digest of the files is made by whoever reads
// them.

/// A tokenizer in a few facts, for `run.json`.
public struct TokenizerSummary: Codable, Sendable, Equatable {
  /// The kind of model: byte-level BPE, BPE with byte fallback, BPE, Unigram, Unigram with byte fallback, WordLevel.
  public let kind: String
  /// Ids are below it.
  public let vocabularySize: Int
  /// The id of the beginning token; nil where there is none.
  public let beginningOfSequence: Int?
  /// The piece of that id.
  public let beginningOfSequencePiece: String?
  /// The id that stands for what the vocabulary lacks; nil where there is none.
  public let unknownToken: Int?
  /// What `bos: auto` puts before and behind the ids of a text.
  public let autoPrefix: [Int]
  /// What it puts behind.
  public let autoSuffix: [Int]
}

extension Tokenizer {
  /// What `run.json` says of this tokenizer.
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
