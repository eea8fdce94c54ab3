// What ICLTasks needs of a tokenizer, so that tests can bring a small one.

/// A token of a prompt.
public struct PromptToken: Sendable, Equatable {
  /// The token's id in the vocabulary.
  public let id: Int
  /// The UTF-8 bytes of the prompt's text that the token stands for; empty for a token that stands
  /// for none, such as a beginning-of-sequence token.
  public let bytes: Range<Int>

  public init(id: Int, bytes: Range<Int>) {
    self.id = id
    self.bytes = bytes
  }
}

/// A tokenizer with its policy on beginning-of-sequence tokens already decided.
public protocol PromptTokenizer: Sendable {
  /// The tokens of a text as the model gets them, with the beginning-of-sequence token if the policy
  /// adds one.
  ///
  /// - Throws: `TaskError.inexpressible` for text that no token, not even an unknown one, stands for;
  ///   the filter of answers drops such a pair and goes on.
  func promptTokens(_ text: String) throws -> [PromptToken]
  /// The id that stands for text outside the vocabulary, if there is one.
  var unknownToken: Int? { get }
}
