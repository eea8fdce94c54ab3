// A prompt as tokens, with the positions that interventions and measurements name by role.

/// A prompt's tokens and the absolute token positions of its roles.
///
/// A token belongs to the part that holds its last byte, so that " Paris" after "A:" is part of the
/// label and "\n" of the separator. Positions count every token of the sequence from 0, the
/// beginning-of-sequence token included.
public struct TokenizedPrompt: Sendable, Equatable {
  /// Ids, the beginning token of the policy included.
  public let tokens: [Int]

  /// One position per demonstration and role, in the order of the demonstrations; `query` and `last`
  /// hold exactly one.
  ///
  /// - `input`: the last token of a demonstration's input
  /// - `arrow`: the token right before a demonstration's answer: the one that predicts it
  /// - `label`: the first token of a demonstration's answer
  /// - `separator`: the last token of the separator after a demonstration; the key is absent when
  ///   the tokenizer gives some separator no token of its own
  /// - `query`: the last token of the query's input
  /// - `last`: the last token of the prompt, whose prediction is the answer (the query's arrow)
  public let roles: [String: [Int]]

  /// Whole parts as ranges of positions: `input`, `label` and `demonstration` (from its lead to its
  /// separator) per demonstration; `query`, from the query's lead to the end.
  public let spans: [String: [Range<Int>]]

  /// How many tokens come before the query: the part that queries on the same demonstrations share.
  public var contextLength: Int { spans["query"]?.first?.lowerBound ?? tokens.count }
}

extension Prompt {
  /// The prompt as the model gets it.
  ///
  /// - Throws: what the tokenizer throws; `TaskError.inexpressible` when there are no tokens at all,
  ///   when an input or an answer has none, or when one token holds both the end of an arrow and the
  ///   beginning of an answer, so that no position predicts the answer.
  public func tokenized(by tokenizer: some PromptTokenizer) throws -> TokenizedPrompt {
    let encoded = try tokenizer.promptTokens(text)
    guard !encoded.isEmpty else {
      throw TaskError.inexpressible(
        prompt: text, problem: "it has no tokens, and the tokenizer adds no beginning token")
    }
    let owned = ownedTokens(encoded)
    func fail(_ problem: String) -> TaskError { .inexpressible(prompt: text, problem: problem) }

    var roles: [String: [Int]] = ["input": [], "arrow": [], "label": []]
    var separators: [Int] = []
    var spans: [String: [Range<Int>]] = ["input": [], "label": [], "demonstration": []]
    for index in 0..<demonstrationCount {
      guard let input = overlap(of: .input(index), encoded) else {
        throw fail("the input of demonstration \(index) has no token")
      }
      guard let label = owned[.label(index)], label.lowerBound > 0,
        let bytes = bytes(of: .label(index))
      else { throw fail("the answer of demonstration \(index) has no token") }
      guard encoded[label.lowerBound].bytes.lowerBound >= bytes.lowerBound else {
        throw fail(
          "one token holds the end of the arrow and the beginning of the answer of demonstration "
            + "\(index); use a template whose arrow the tokenizer keeps apart")
      }
      roles["input", default: []].append(input.upperBound - 1)
      roles["arrow", default: []].append(label.lowerBound - 1)
      roles["label", default: []].append(label.lowerBound)
      if let separator = owned[.separator(index)] { separators.append(separator.upperBound - 1) }
      spans["input", default: []].append(input)
      spans["label", default: []].append(label)
      let parts: [Part] = [
        .lead(index), .input(index), .arrow(index), .label(index), .tail(index), .separator(index),
      ]
      spans["demonstration", default: []].append(hull(of: parts, in: owned) ?? label)
    }
    if separators.count == demonstrationCount { roles["separator"] = separators }

    guard let query = overlap(of: .queryInput, encoded) else {
      throw fail("the query has no token")
    }
    roles["query"] = [query.upperBound - 1]
    roles["last"] = [encoded.count - 1]
    let queryStart = hull(of: [.queryLead, .queryInput, .queryArrow], in: owned) ?? query
    spans["query"] = [queryStart.lowerBound..<encoded.count]
    return TokenizedPrompt(tokens: encoded.map(\.id), roles: roles, spans: spans)
  }

  private func bytes(of part: Part) -> Range<Int>? {
    segments.first { $0.part == part }?.bytes
  }

  /// The positions of the tokens whose last byte lies in each part.
  private func ownedTokens(_ encoded: [PromptToken]) -> [Part: Range<Int>] {
    var owned: [Part: Range<Int>] = [:]
    var place = 0
    for (position, token) in encoded.enumerated() where !token.bytes.isEmpty {
      while place < segments.count, segments[place].bytes.upperBound < token.bytes.upperBound {
        place += 1
      }
      guard place < segments.count else { break }
      let start = owned[segments[place].part]?.lowerBound ?? position
      owned[segments[place].part] = start..<(position + 1)
    }
    return owned
  }

  /// The positions of the tokens that hold any byte of a part.
  private func overlap(of part: Part, _ encoded: [PromptToken]) -> Range<Int>? {
    guard let bytes = bytes(of: part) else { return nil }
    let positions = encoded.indices.filter { encoded[$0].bytes.overlaps(bytes) }
    guard let first = positions.first, let last = positions.last else { return nil }
    return first..<(last + 1)
  }

  private func hull(of parts: [Part], in owned: [Part: Range<Int>]) -> Range<Int>? {
    let ranges = parts.compactMap { owned[$0] }
    guard let first = ranges.map(\.lowerBound).min(), let last = ranges.map(\.upperBound).max()
    else { return nil }
    return first..<last
  }
}
