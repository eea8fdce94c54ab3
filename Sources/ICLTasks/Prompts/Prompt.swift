// A prompt as text, with the place of every part.

/// A prompt's text and what each stretch of it is.
public struct Prompt: Sendable, Equatable {
  /// What a stretch of a prompt is. The numbers count demonstrations from 0.
  public enum Part: Sendable, Equatable, Hashable {
    case prefix
    case lead(Int)
    case input(Int)
    case arrow(Int)
    /// The answer of a demonstration, with the blank before it.
    case label(Int)
    case tail(Int)
    /// What follows a demonstration.
    case separator(Int)
    case queryLead
    case queryInput
    case queryArrow
  }

  /// A stretch of the text, as a range of its UTF-8 bytes; never empty.
  public struct Segment: Sendable, Equatable {
    /// What the stretch is.
    public let part: Part
    /// Where it lies in the text's UTF-8.
    public let bytes: Range<Int>
  }

  /// What the tokenizer gets.
  public let text: String
  /// The parts in order; together they cover the text.
  public let segments: [Segment]
  /// How many demonstrations come before the query.
  public let demonstrationCount: Int
}

extension PromptTemplate {
  /// The prompt of some demonstrations and a query.
  ///
  /// - Parameters:
  ///   - demonstrations: inputs and outputs in order; empty for the zero-shot prompt.
  ///   - query: the input that is asked.
  public func prompt(
    demonstrations: [(input: String, output: String)], query: String
  ) -> Prompt {
    var text = ""
    var bytes = 0
    var segments: [Prompt.Segment] = []
    func append(_ part: Prompt.Part, _ piece: String) {
      guard !piece.isEmpty else { return }
      let end = bytes + piece.utf8.count
      segments.append(Prompt.Segment(part: part, bytes: bytes..<end))
      text += piece
      bytes = end
    }
    append(.prefix, prefix)
    for (index, demonstration) in demonstrations.enumerated() {
      append(.lead(index), lead)
      append(.input(index), demonstration.input)
      append(.arrow(index), arrow)
      append(.label(index), answerBlank + demonstration.output)
      append(.tail(index), tail)
      append(.separator(index), separator)
    }
    append(.queryLead, lead)
    append(.queryInput, query)
    append(.queryArrow, arrow)
    return Prompt(text: text, segments: segments, demonstrationCount: demonstrations.count)
  }

  /// The prompt without demonstrations.
  public func zeroShotPrompt(query: String) -> Prompt {
    prompt(demonstrations: [], query: query)
  }
}
