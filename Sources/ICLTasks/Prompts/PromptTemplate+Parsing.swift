// The way back: a text that was written by a template, taken apart into its parts, so that a prompt typed on a command
// line has roles too.

extension PromptTemplate {
  /// The prompt that a text is under this template; nil where the template does not write this text.
  ///
  /// Demonstrations are what stands between separators; the last piece must be a query.
  public func parsed(_ text: String) -> Prompt? {
    guard text.hasPrefix(prefix), !separator.isEmpty else { return nil }
    let pieces = text.dropFirst(prefix.count).split(
      separator: separator, omittingEmptySubsequences: false)
    var demonstrations: [(input: String, output: String)] = []
    for piece in pieces.dropLast() {
      guard let (input, rest) = halves(piece), rest.hasPrefix(answerBlank), rest.hasSuffix(tail),
        rest.count >= answerBlank.count + tail.count
      else { return nil }
      demonstrations.append(
        (input, String(rest.dropFirst(answerBlank.count).dropLast(tail.count))))
    }
    guard let last = pieces.last, let (query, rest) = halves(last), rest.isEmpty else { return nil }
    let made = prompt(demonstrations: demonstrations, query: query)
    return made.text == text ? made : nil
  }

  /// What stands between lead and arrow, and what stands after it.
  private func halves(_ piece: Substring) -> (String, Substring)? {
    guard piece.hasPrefix(lead) else { return nil }
    let bare = piece.dropFirst(lead.count)
    guard let range = bare.firstRange(of: arrow), range.lowerBound > bare.startIndex else {
      return nil
    }
    return (String(bare[..<range.lowerBound]), bare[range.upperBound...])
  }

  /// The prompt that a text is under the first preset that writes it, with or without leading spaces.
  public static func recognised(_ text: String) -> (template: PromptTemplate, prompt: Prompt)? {
    // The preset with the longer lead first: the bare arrow would take "example:" for a part of the input.
    for preset in [PromptTemplate.hendel, .todd, .arrow] {
      for template in preset.answerBlank.isEmpty ? [preset.withLeadingSpace, preset] : [preset] {
        if let prompt = template.parsed(text) { return (template, prompt) }
      }
    }
    return nil
  }
}
