// BijectionsSpec: what a probe file of `bijections` says.

/// The settings of the probe `bijections`.
@dynamicMemberLookup
public struct BijectionsSpec: Sendable, Equatable {
  /// `tasks` are the forward directions.
  public var prompting: PromptingSpec
  /// Whether random weights stand beside.
  public var untrained: Bool

  public subscript<Value>(dynamicMember member: KeyPath<PromptingSpec, Value>) -> Value {
    prompting[keyPath: member]
  }
}

extension BijectionsSpec {
  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    prompting = try PromptingSpec(
      reading: &reader,
      tasks: [
        "to_upper", "en_fr", "en_es", "present_simple_gerund", "present_simple_past_simple",
        "singular_plural", "antonyms",
      ])
    untrained = try reader.bool("untrained", default: true)
  }
}
