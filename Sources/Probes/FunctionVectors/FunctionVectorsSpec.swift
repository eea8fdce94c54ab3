// FunctionVectorsSpec: what a probe file of `function-vectors` says: over how many prompts heads are averaged and tested,
// how many of them make the vector, and into which prompts it is added.

/// The settings of the probe `function-vectors`. The defaults are the protocol of Todd et al. 2023 for GPT-J.
@dynamicMemberLookup
public struct FunctionVectorsSpec: Sendable, Equatable {
  /// The prompts that vectors are added to.
  public enum Receiver: String, Sendable, CaseIterable {
    case zeroShot = "zero_shot"
    case shuffledLabels = "shuffled_labels"
  }

  /// Models, tasks and prompts.
  public var prompting: PromptingSpec
  /// Prompts that head outputs are averaged over; only those answered rightly count.
  public var meanSets: Int
  /// Prompts of shuffled labels, a task, that every head is tested in.
  public var effectSets: Int
  /// |A|.
  public var heads: Int
  /// How many draws of as many other heads stand beside.
  public var randomDraws: Int
  /// The prompts that vectors are added to.
  public var receivers: [Receiver]

  public subscript<Value>(dynamicMember member: KeyPath<PromptingSpec, Value>) -> Value {
    prompting[keyPath: member]
  }
}

extension FunctionVectorsSpec {
  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    prompting = try PromptingSpec(reading: &reader)
    guard prompting.answer != .whole else {
      throw reader.wrong("answer", "effects are on the first token; 'whole' cannot be taken")
    }
    meanSets = try reader.int("mean_sets", default: 100, in: 1...100_000)
    effectSets = try reader.int("effect_sets", default: 25, in: 1...100_000)
    heads = try reader.int("heads", default: 10, in: 1...100_000)
    randomDraws = try reader.int("random_draws", default: 1, in: 0...1000)
    receivers = try reader.choices(
      "prompts", default: ["zero_shot", "shuffled_labels"],
      among: ["zero_shot": .zeroShot, "shuffled_labels": .shuffledLabels])
  }
}
