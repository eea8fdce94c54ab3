// Everything that can be wrong with a tokenizer or with a text for it, as one sentence each. JSON
// that cannot be parsed, and files that cannot be read, are CheckpointIO's errors.

import CheckpointIO

/// What is wrong with a tokenizer's files, or with a text for a tokenizer.
public enum TokenizationError: Error, Equatable, CustomStringConvertible {
  /// The folder holds none of the files a tokenizer is read from.
  case noTokenizer(folder: String, hasSentencePiece: Bool)
  /// A field has the wrong kind or is missing; `field` is its path in the file.
  case malformed(file: String, field: String, found: String, expected: String)
  /// A component that is well-formed and not implemented here.
  case unsupported(file: String, component: String, found: String, supported: String)
  /// The parts of the file contradict each other.
  case inconsistent(file: String, fact: String)
  /// The vocabulary has no way to write part of the text, and no token for the unknown.
  case inexpressible(text: String, remedy: String)
  /// The text is longer than offsets can count.
  case textTooLong(bytes: Int)
  /// A beginning-of-sequence token was asked for and the tokenizer names none.
  case noBeginningOfSequence
  /// A prompt came to no tokens at all.
  case emptyPrompt(policy: BOSPolicy)

  /// How a command should take it, in CheckpointIO's terms.
  public var kind: CheckpointError.Kind {
    if case .noTokenizer = self { .missingFile } else { .badData }
  }

  public var description: String {
    switch self {
    case .noTokenizer(let folder, let hasSentencePiece):
      "\(folder): no tokenizer here, expected tokenizer.json, or vocab.json with merges.txt"
        + (hasSentencePiece
          ? "; tokenizer.model is not read, and transformers makes tokenizer.json of it: "
            + "AutoTokenizer.from_pretrained(folder).save_pretrained(folder)" : "")
    case .malformed(let file, let field, let found, let expected):
      "\(file): \(field) is \(found), expected \(expected)"
    case .unsupported(let file, let component, let found, let supported):
      "\(file): the \(component) \(found) is not supported; supported: \(supported)"
    case .inconsistent(let file, let fact):
      "\(file): \(fact)"
    case .inexpressible(let text, let remedy):
      "the vocabulary has no token for \(Excerpt.quoted(text, limit: 40)) and none for the "
        + "unknown; "
        + remedy
    case .textTooLong(let bytes):
      "a text of \(bytes) bytes is too long for one call, at most \(Int32.max) are possible; "
        + "split it"
    case .noBeginningOfSequence:
      "a beginning-of-sequence token is asked for and this tokenizer names none; use bos: never, "
        + "or "
        + "name bos_token in tokenizer_config.json"
    case .emptyPrompt(let policy):
      "the prompt has no tokens under bos: \(policy.rawValue); give it text, or a token at its "
        + "start "
        + "with bos: always"
    }
  }
}
