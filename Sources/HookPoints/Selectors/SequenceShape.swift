// SequenceShape: what resolving a plan must know of one sequence of the batch. No tokens, no model: how many
// there are, how many of them a shared prefix already holds, where the sequence joins, and the roles.

/// The extent of one sequence of a ragged batch.
public struct SequenceShape: Sendable, Equatable {
  /// Tokens held by the shared prefix; they are attended to and not recomputed.
  public var past: Int
  /// The sequence's own tokens, which are rows of this batch.
  public var count: Int
  /// The first block that computes the sequence: 0 from the embedding; l when it joins the batch as the
  /// residual entering block l; the number of layers when only the final norm sees it.
  public var firstLayer: Int
  /// Absolute positions (a prefix counts) of the tokens that have a role, ascending, each once.
  public var roles: [Role: [Int]]

  public init(past: Int = 0, count: Int, firstLayer: Int = 0, roles: [Role: [Int]] = [:]) {
    precondition(past >= 0 && count >= 0 && firstLayer >= 0, "a negative extent of a sequence")
    self.past = past
    self.count = count
    self.firstLayer = firstLayer
    self.roles = roles.mapValues { $0.sorted() }
    for (role, positions) in self.roles {
      precondition(
        positions.allSatisfy { $0 >= 0 && $0 < past + count }
          && zip(positions, positions.dropFirst()).allSatisfy { $0 < $1 },
        "role \(role) at positions \(positions) of a sequence of \(past + count) tokens")
    }
  }

  /// Prefix and own tokens together.
  public var length: Int { past + count }
}

extension SequenceShape {
  /// Whether the sequence has rows at the hook.
  package func exists(at name: HookName) -> Bool {
    switch name {
    case .embed, .positionEmbed: firstLayer == 0
    case .block(let layer, _): firstLayer <= layer
    case .finalScale, .finalNormalized: true
    }
  }

  /// What positions there are, for messages.
  package var summary: String {
    var parts = ["\(count) own token\(count == 1 ? "" : "s")"]
    if past > 0 { parts.append("a shared prefix of \(past)") }
    for role in Role.allCases {
      if let found = roles[role], !found.isEmpty {
        parts.append("\(found.count) × \(role.rawValue)")
      }
    }
    return parts.joined(separator: ", ")
  }
}
