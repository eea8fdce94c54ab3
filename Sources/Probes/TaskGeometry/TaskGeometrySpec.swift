// TaskGeometrySpec: what a probe file of `task-geometry` says.

/// The settings of the probe `task-geometry`.
@dynamicMemberLookup
public struct TaskGeometrySpec: Sendable, Equatable {
  /// What the geometry of θ is compared with.
  public enum Control: String, Sendable, CaseIterable {
    /// θ of demonstrations whose labels are permuted: what the words alone tell.
    case shuffledLabels = "shuffled_labels"
    /// θ of the same model with weights drawn anew.
    case untrained
    /// θ dealt out to the tasks at random.
    case permutedTasks = "permuted_tasks"
  }

  /// Models, tasks and prompts; `testSets` vectors of each task are compared.
  public var prompting: PromptingSpec
  /// What the geometry is compared with.
  public var controls: [Control]
  /// Folds of the linear probe: set i is judged by a fit without the sets of its fold, i mod folds.
  public var folds: Int
  /// Times the mean squared norm of the centred vectors.
  public var ridge: Double
  /// Of t-SNE: about how many neighbours a vector has.
  public var perplexity: Double
  /// Of t-SNE.
  public var iterations: Int
  /// Whether θ of each task is put into prompts of every task.
  public var injection: Bool

  public subscript<Value>(dynamicMember member: KeyPath<PromptingSpec, Value>) -> Value {
    prompting[keyPath: member]
  }
}

extension TaskGeometrySpec {
  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    prompting = try PromptingSpec(reading: &reader)
    controls = try reader.choices(
      "controls", default: Control.allCases.map(\.rawValue),
      among: [
        "shuffled_labels": .shuffledLabels, "untrained": .untrained,
        "permuted_tasks": .permutedTasks,
      ], canBeEmpty: true)
    folds = try reader.int("folds", default: 5, in: 2...1000)
    ridge = try reader.double("ridge", default: 0.01, in: 1e-9...1e9)
    perplexity = try reader.double("perplexity", default: 30, in: 1.001...1e6)
    iterations = try reader.int("iterations", default: 1000, in: 4...1_000_000)
    injection = try reader.bool("injection", default: true)
    guard folds <= prompting.testSets else {
      throw reader.wrong(
        "folds", "\(folds) folds of \(prompting.testSets) test sets; take at most as many")
    }
  }
}
