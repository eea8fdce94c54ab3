// Read: a wish to have the activations of a hook after a run. Reading changes no number.

/// The activations to record at a hook.
public struct Read: Equatable, Sendable {
  /// Where; a pattern such as `blocks.*.hook_resid_post` stands for all that fit it.
  public var hook: HookReference
  /// Which sequences of the batch.
  public var sequences: SequenceSelector
  /// Which positions of each; absolute, a shared prefix counts.
  public var positions: PositionSelector

  public init(
    hook: HookReference, sequences: SequenceSelector = .all, positions: PositionSelector = .all
  ) {
    self.hook = hook
    self.sequences = sequences
    self.positions = positions
  }

  /// A read at a site: `Read(.residPost(3), at: .last)`.
  public init<Layout>(
    _ site: Site<Layout>, at positions: PositionSelector = .all,
    in sequences: SequenceSelector = .all
  ) {
    self.init(hook: .name(site.name), sequences: sequences, positions: positions)
  }
}

extension Read: CustomStringConvertible {
  public var description: String {
    "read \(hook), position \(positions)" + (sequences == .all ? "" : ", sequence \(sequences)")
  }
}

extension Read: Codable {
  private enum Key: String, CodingKey, CaseIterable {
    case hook, sequence, position
  }

  /// Reads `{"hook": "blocks.3.attn.hook_z", "position": "last", "sequence": 0}`; without `position` or
  /// `sequence` all of them.
  public init(from decoder: any Decoder) throws {
    try rejectUnknownKeys(decoder, known: Key.allCases.map(\.rawValue), subject: "read")
    let container = try decoder.container(keyedBy: Key.self)
    guard container.contains(.hook) else {
      throw HookError.missingKey(key: "hook", subject: "read")
    }
    hook = try container.decode(HookReference.self, forKey: .hook)
    sequences = try container.decodeIfPresent(SequenceSelector.self, forKey: .sequence) ?? .all
    positions = try container.decodeIfPresent(PositionSelector.self, forKey: .position) ?? .all
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(hook, forKey: .hook)
    if sequences != .all { try container.encode(sequences, forKey: .sequence) }
    if positions != .all { try container.encode(positions, forKey: .position) }
  }
}
