// A checkpoint's tokenizer under a stated policy, as prompts use it.

import Tokenization

/// A tokenizer together with its policy on beginning-of-sequence tokens.
public struct PromptEncoder: PromptTokenizer {
  /// The checkpoint's tokenizer.
  public let tokenizer: Tokenizer
  /// Which tokens stand before a prompt.
  public let bos: BOSPolicy

  public init(_ tokenizer: Tokenizer, bos: BOSPolicy) {
    self.tokenizer = tokenizer
    self.bos = bos
  }

  public var unknownToken: Int? { tokenizer.unknownToken }

  /// The prompt's tokens; those that the policy adds stand for no bytes.
  ///
  /// - Throws: `TaskError.inexpressible` where the vocabulary lacks a part of the text, and
  ///   `TokenizationError` otherwise.
  public func promptTokens(_ text: String) throws -> [PromptToken] {
    let ids: [Int]
    let spans: [Tokenizer.Span]
    do {
      ids = try tokenizer.prompt(text, bos: bos)
      spans = try tokenizer.encodeWithOffsets(text)
    } catch let error as TokenizationError {
      guard case .inexpressible = error else { throw error }
      throw TaskError.inexpressible(prompt: text, problem: "\(error)")
    }
    // The policy puts tokens around those of the text: the text's begin at the first place they fit.
    let places = 0...max(0, ids.count - spans.count)
    let start = places.first { place in
      zip(ids.dropFirst(place), spans).allSatisfy { $0 == $1.id }
    }
    guard let start else {
      throw TaskError.inexpressible(
        prompt: text, problem: "the tokenizer's post-processor takes it apart")
    }
    return ids.enumerated().map { position, id in
      let place = position - start
      return PromptToken(
        id: id, bytes: spans.indices.contains(place) ? spans[place].utf8Range : 0..<0)
    }
  }
}
