// RowSelector: which rows of the batch a mean is taken over.

/// Rows of the batch: positions of sequences.
public struct RowSelector: Hashable, Sendable {
  /// Which sequences of the batch.
  public var sequences: SequenceSelector
  /// Which positions of each.
  public var positions: PositionSelector

  public init(sequences: SequenceSelector = .all, positions: PositionSelector) {
    self.sequences = sequences
    self.positions = positions
  }
}

extension RowSelector: CustomStringConvertible {
  public var description: String { "sequence \(sequences), position \(positions)" }
}

extension RowSelector: Codable {
  private enum Key: String, CodingKey, CaseIterable {
    case sequence, position
  }

  /// Reads `{"sequence": [1, 2], "position": "last"}`; without `sequence` all of them.
  public init(from decoder: any Decoder) throws {
    try rejectUnknownKeys(decoder, known: Key.allCases.map(\.rawValue), subject: "of")
    let container = try decoder.container(keyedBy: Key.self)
    sequences = try container.decodeIfPresent(SequenceSelector.self, forKey: .sequence) ?? .all
    guard container.contains(.position) else {
      throw HookError.missingKey(key: "position", subject: "of")
    }
    positions = try container.decode(PositionSelector.self, forKey: .position)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    if sequences != .all { try container.encode(sequences, forKey: .sequence) }
    try container.encode(positions, forKey: .position)
  }
}
