// TaskVectorsSpec: what a probe file of `task-vectors` says. The defaults are the protocol of Hendel et al. 2023.

/// The settings of the probe `task-vectors`.
@dynamicMemberLookup
public struct TaskVectorsSpec: Sendable, Equatable {
  /// Comparisons that say what a task vector's accuracy is worth.
  public enum Control: String, Sendable, CaseIterable {
    /// In-context prompts whose labels are permuted.
    case shuffledLabels = "shuffled_labels"
    /// A Gaussian vector of the norm of θ.
    case randomVector = "random_vector"
    /// θ of another task.
    case otherTask = "other_task"
    /// The same model with weights drawn anew.
    case untrained
  }

  /// Which θ(S) go into vectors.safetensors.
  public enum SavedVectors: String, Sendable, CaseIterable {
    case none, chosen, all
  }

  /// Models, tasks and prompts.
  public var prompting: PromptingSpec
  /// What the accuracy of θ is compared with.
  public var controls: [Control]
  /// Which θ(S) are saved.
  public var vectors: SavedVectors

  public subscript<Value>(dynamicMember member: KeyPath<PromptingSpec, Value>) -> Value {
    prompting[keyPath: member]
  }
}

extension TaskVectorsSpec {
  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    prompting = try PromptingSpec(reading: &reader)
    controls = try reader.choices(
      "controls", default: Control.allCases.map(\.rawValue),
      among: [
        "shuffled_labels": .shuffledLabels, "random_vector": .randomVector,
        "other_task": .otherTask, "untrained": .untrained,
      ], canBeEmpty: true)
    vectors = try reader.choice(
      "save_vectors", default: "chosen", among: ["none": .none, "chosen": .chosen, "all": .all])
  }
}
