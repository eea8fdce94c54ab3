// Axis: what an axis of an activation counts. A hook's list of axes says how its values are laid out and
// what one of its rows is: a token, a query of one sequence, or a whole sequence.

/// What one axis of an activation counts.
public enum Axis: String, Codable, Sendable, CaseIterable {
  /// The tokens of all sequences of the batch, one after the other.
  case tokens
  /// The sequences of the batch.
  case sequences
  case heads
  case keyValueHeads
  case modelWidth
  case headWidth
  case mlpWidth
  /// The own tokens of one sequence, asking.
  case queries
  /// The tokens of one sequence and of its prefix, asked.
  case keys
  /// The width of a key after the feature map of linear attention.
  case keyWidth
  case valueWidth
  /// An axis of size 1.
  case one

  /// Whether the size belongs to the model, not to the batch.
  public var isFixed: Bool {
    switch self {
    case .tokens, .sequences, .queries, .keys: false
    case .heads, .keyValueHeads, .modelWidth, .headWidth, .mlpWidth, .keyWidth, .valueWidth, .one:
      true
    }
  }

  /// Whether the axis counts attention heads that a HeadSelector can choose from.
  public var countsHeads: Bool { self == .heads || self == .keyValueHeads }
}

/// What one row of a hook's activations belongs to.
public enum RowKind: Sendable, Equatable {
  /// A token of the batch; the value is everything after the token axis.
  case token
  /// A token as a query; the value is one vector over its sequence's keys for every head.
  case query
  /// A sequence; the value is everything after the sequence axis.
  case sequence
}
