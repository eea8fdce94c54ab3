// When a predicted text counts as right.

/// How a prediction is compared with the right answers.
///
/// The prediction is cut at its first newline; blanks are stripped from both sides of both texts;
/// texts are compared by their bytes, letter case included. An empty prediction is never right.
public enum AnswerRule: String, Sendable, Equatable, Codable, CaseIterable {
  /// The prediction equals the output that demonstrations show; synonyms are wrong. The strictest rule.
  case exact
  /// The prediction equals one of the answers: the output or a further right answer, such as a synonym.
  case synonym
  /// The prediction is a prefix of an answer, or an answer is a prefix of the prediction.
  ///
  /// Hendel et al. score their knowledge tasks so, because an answer of several tokens is predicted
  /// by its first token only. The quirk: one right first letter counts as right ("P" for Paris), and
  /// so does a longer word ("Parisian"). Accuracies under this rule are upper bounds.
  ///
  /// - Source: icl_task_vectors, core/data/tasks, `allow_prefix`.
  case prefix
  /// The paper's own mixture, by category: `prefix` for knowledge, `synonym` for translation, `exact` for
  /// everything else.
  ///
  /// - Source: Hendel et al. 2023, icl_task_vectors, core/data/tasks.
  case hendel

  /// The rule that judges a category.
  public func rule(for category: String) -> AnswerRule {
    guard self == .hendel else { return self }
    switch category {
    case "knowledge": return .prefix
    case "translation": return .synonym
    default: return .exact
    }
  }

  /// Whether a predicted text is right.
  ///
  /// - Parameters:
  ///   - prediction: the decoded prediction.
  ///   - answers: every right answer: the output and what the task accepts besides.
  /// - Precondition: not `hendel`, which is no rule until it meets a category.
  public func accepts(prediction: String, answers: [String]) -> Bool {
    let firstLine = prediction.prefix { !$0.isNewline }
    let predicted = Array(String(firstLine).strippingBlanks.utf8)
    guard !predicted.isEmpty else { return false }
    precondition(self != .hendel, "the rule of a category is wanted; see rule(for:)")
    return answers.prefix(self == .exact ? 1 : answers.count).contains { answer in
      let expected = Array(answer.strippingBlanks.utf8)
      switch self {
      case .exact, .synonym, .hendel: return predicted == expected
      case .prefix:
        return !expected.isEmpty
          && (predicted.starts(with: expected) || expected.starts(with: predicted))
      }
    }
  }
}

extension String {
  /// The text without white space at its ends.
  var strippingBlanks: String {
    var kept = self[...]
    while kept.first?.isWhitespace == true { kept = kept.dropFirst() }
    while kept.last?.isWhitespace == true { kept = kept.dropLast() }
    return String(kept)
  }
}
