// HookPlan: everything a forward pass is asked to record and to change, as one value. It knows neither model
// nor batch; resolved(catalog:sequences:) checks it against both and gives what the engine needs.

/// The reads and interventions of one forward pass.
public struct HookPlan: Equatable, Sendable {
  /// What to record. Reads see the values after the interventions at the same hook.
  public var reads: [Read]
  /// What to change; at one hook in this order.
  public var interventions: [Intervention]

  public init(reads: [Read] = [], interventions: [Intervention] = []) {
    self.reads = reads
    self.interventions = interventions
  }

  /// Records and changes nothing.
  public static let empty = HookPlan()

  /// Whether nothing is recorded and nothing changed.
  public var isEmpty: Bool { reads.isEmpty && interventions.isEmpty }
}

extension HookPlan: CustomStringConvertible {
  /// One line for each read and intervention.
  public var description: String {
    (reads.map(\.description) + interventions.map(\.description)).joined(separator: "\n")
  }
}

extension HookPlan: Codable {
  private enum Key: String, CodingKey, CaseIterable {
    case reads, interventions
  }

  /// Reads `{"reads": […], "interventions": […]}`; either may be left out.
  public init(from decoder: any Decoder) throws {
    try rejectUnknownKeys(decoder, known: Key.allCases.map(\.rawValue), subject: "plan")
    let container = try decoder.container(keyedBy: Key.self)
    reads = try container.decodeIfPresent([Read].self, forKey: .reads) ?? []
    interventions = try container.decodeIfPresent([Intervention].self, forKey: .interventions) ?? []
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(reads, forKey: .reads)
    try container.encode(interventions, forKey: .interventions)
  }
}
