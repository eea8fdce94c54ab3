// TaskVectorsSpec: what a probe file of `task-vectors` says. The defaults are the protocol of Hendel et al. 2023.

import ICLTasks
import Tokenization

/// The settings of the probe `task-vectors`.
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

  public var models: [String]
  public var tasksFolder: String
  /// Names of tasks.
  public var tasks: [String]
  public var template: PromptTemplate
  public var shots: Int
  public var dummies: Int
  public var developmentSets: Int
  public var testSets: Int
  public var seed: UInt64
  public var bos: BOSPolicy
  public var answer: AnswerPolicy
  public var rule: AnswerRule
  public var leadingSpace: LeadingSpace
  /// Which pairs are asked and shown, where a training held some out.
  public var queries: PairPool
  public var demonstrations: PairPool
  public var holdout: Holdout?
  public var controls: [Control]
  public var vectors: SavedVectors

  /// The eighteen tasks of the paper's table 1, in its order of categories.
  public static let paperTasks = [
    "next_letter", "prev_letter", "list_first", "list_last", "to_lower", "to_upper",
    "country_capital", "location_continent", "location_religion", "person_language", "antonyms",
    "plural_singular", "present_simple_gerund", "present_simple_past_simple", "en_es", "en_fr",
    "es_en", "fr_en",
  ]
}

extension TaskVectorsSpec {
  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    models = try reader.paths("models")
    tasksFolder = try reader.path("tasks_folder", default: "data/tasks")
    tasks = try reader.strings("tasks", default: Self.paperTasks)
    let preset = try reader.string("template", default: "hendel")
    do { template = try PromptTemplate(preset: preset) } catch {
      throw reader.wrong("template", "\(error)")
    }
    shots = try reader.int("shots", default: 5, in: 0...1000)
    dummies = try reader.int("dummies", default: 2, in: 1...1000)
    developmentSets = try reader.int("development_sets", default: 50, in: 1...100_000)
    testSets = try reader.int("test_sets", default: 50, in: 1...100_000)
    seed = UInt64(try reader.int("seed", default: 41, in: 0...Int.max))
    bos = try reader.choice(
      "bos", default: "auto", among: ["auto": .auto, "always": .always, "never": .never])
    answer = try reader.choice(
      "answer", default: "single_token",
      among: ["single_token": .singleToken, "first_token": .firstToken])
    rule = try reader.choice(
      "answer_rule", default: "exact", among: ["exact": .exact, "prefix": .prefix])
    leadingSpace = try reader.choice(
      "leading_space", default: "auto", among: ["auto": .auto, "never": .never, "always": .always])
    holdout = try reader.nestedIfPresent("holdout") { reader in
      Holdout(
        fraction: try reader.double("fraction", in: 0...1),
        seed: UInt64(try reader.int("seed", in: 0...Int.max)))
    }
    let pools: KeyValuePairs<String, PairPool> = [
      "all": .all, "seen": .seen, "held_out": .heldOut,
    ]
    queries = try reader.choice("query_pairs", default: "all", among: pools)
    demonstrations = try reader.choice("demonstration_pairs", default: "all", among: pools)
    if holdout == nil, queries != .all || demonstrations != .all {
      throw reader.wrong(
        "holdout",
        "query_pairs and demonstration_pairs other than 'all' need the holdout of training")
    }
    controls = try reader.choices(
      "controls", default: Control.allCases.map(\.rawValue),
      among: [
        "shuffled_labels": .shuffledLabels, "random_vector": .randomVector,
        "other_task": .otherTask, "untrained": .untrained,
      ])
    vectors = try reader.choice(
      "save_vectors", default: "chosen", among: ["none": .none, "chosen": .chosen, "all": .all])
  }
}
