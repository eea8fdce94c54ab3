// Role: what a token does in an in-context prompt. Whoever writes the prompt says which positions have
// which role; hooks are then addressed by role, so that no probe counts tokens.

/// What a token is for in a prompt of demonstrations and a query.
public enum Role: String, Codable, Sendable, CaseIterable {
  /// The token after an input at which the answer is predicted ("→").
  case arrow
  /// The first token of a demonstration's output.
  case label
  /// The last token of a demonstration's input.
  case input
  /// The last token of the query's input.
  case query
  /// The token between demonstrations.
  case separator
}
