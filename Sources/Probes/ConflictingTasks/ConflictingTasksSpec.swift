// ConflictingTasksSpec: what a probe file of `conflicting-tasks` says. The defaults are the paper's pairs.

import ICLTasks

/// The settings of the probe `conflicting-tasks`.
@dynamicMemberLookup
public struct ConflictingTasksSpec: Sendable, Equatable {
  /// Demonstrations of one task, θ of another that can be asked the same queries.
  public struct Conflict: Sendable, Equatable {
    /// The task of the demonstrations, and that of θ.
    public let prompt, vector: String
  }

  /// Models and prompts; its tasks are those of `conflicts`.
  public var prompting: PromptingSpec
  /// The paper's five pairs by default.
  public var conflicts: [Conflict]

  public subscript<Value>(dynamicMember member: KeyPath<PromptingSpec, Value>) -> Value {
    prompting[keyPath: member]
  }

  /// The pairs of Hendel et al.'s appendix, the one that failed for them last.
  static let paperPairs = [
    "next_letter -> to_upper", "list_last -> list_first", "prev_letter -> next_letter",
    "present_simple_past_simple -> present_simple_gerund", "en_es -> en_fr",
  ]
}

extension ConflictingTasksSpec {
  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    conflicts = []
    for text in try reader.strings("pairs", default: Self.paperPairs) {
      let names = text.split(separator: "->", omittingEmptySubsequences: false).map {
        $0.trimmingPrefix { $0 == " " }.prefix { $0 != " " }
      }
      guard names.count == 2, names[0] != names[1] else {
        throw reader.wrong(
          "pairs", "'\(text)' is not of two tasks; expected 'PROMPT_TASK -> VECTOR_TASK'")
      }
      let conflict = Conflict(prompt: String(names[0]), vector: String(names[1]))
      guard !conflicts.contains(conflict) else {
        throw reader.wrong("pairs", "'\(text)' stands there twice")
      }
      conflicts.append(conflict)
    }
    prompting = try PromptingSpec(reading: &reader, tasks: nil)
    for name in conflicts.flatMap({ [$0.prompt, $0.vector] }) where !prompting.tasks.contains(name)
    {
      prompting.tasks.append(name)
    }
  }
}
