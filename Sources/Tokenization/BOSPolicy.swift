// Whether a prompt begins with the beginning-of-sequence token: always said, never guessed.

/// Who decides about the beginning-of-sequence token of a prompt.
public enum BOSPolicy: String, Codable, Sendable, CaseIterable {
  /// The tokenizer's own post-processor, which may also add other special tokens.
  case auto
  /// One in front of the tokens of the text, and no other special token.
  case always
  /// The tokens of the text alone.
  case never
}
