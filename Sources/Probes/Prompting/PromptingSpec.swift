// PromptingSpec: what the probe files of all probes over tasks have in common: models, tasks, how prompts are drawn and
// written, and what counts as a right answer. The defaults are the protocol of Hendel et al. 2023.

import ICLTasks
import Tokenization

/// Models, tasks and prompts of a probe.
public struct PromptingSpec: Sendable, Equatable {
  /// Folders of checkpoints.
  public var models: [String]
  /// The folder of task files.
  public var tasksFolder: String
  /// Names of tasks.
  public var tasks: [String]
  /// How a demonstration and a query are written.
  public var template: PromptTemplate
  /// Demonstrations of a set.
  public var shots: Int
  /// Dummy queries that θ is the mean over.
  public var dummies: Int
  /// Demonstration sets of each task that choices are made on.
  public var developmentSets: Int
  /// Demonstration sets of each task that are reported.
  public var testSets: Int
  /// Of every draw.
  public var seed: UInt64
  /// Which tokens stand before a prompt.
  public var bos: BOSPolicy
  /// Which pairs can be asked, and how many of an answer's tokens are scored.
  public var answer: AnswerPolicy
  /// What counts as right.
  public var rule: AnswerRule
  /// Whether inputs and outputs are written with a blank before them.
  public var leadingSpace: LeadingSpace
  /// Which pairs are asked and shown, where a training held some out.
  public var queries: PairPool
  /// Which pairs may be shown.
  public var demonstrations: PairPool
  /// The split of the models' training; nil where there was none.
  public var holdout: Holdout?

  /// The eighteen tasks of the paper's table 1, in its order of categories.
  public static let paperTasks = [
    "next_letter", "prev_letter", "list_first", "list_last", "to_lower", "to_upper",
    "country_capital", "location_continent", "location_religion", "person_language", "antonyms",
    "plural_singular", "present_simple_gerund", "present_simple_past_simple", "en_es", "en_fr",
    "es_en", "fr_en",
  ]
}

extension PromptingSpec {
  /// - Parameters:
  ///   - reader: of the probe file.
  ///   - tasks: the default of the key `tasks`; nil where the probe's other keys name them.
  ///   - sets: the default of `development_sets` and `test_sets`.
  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(
    reading reader: inout SpecReader, tasks: [String]? = paperTasks, sets: Int = 50
  ) throws {
    models = try reader.paths("models")
    tasksFolder = try reader.path("tasks_folder", default: "data/tasks")
    self.tasks = try tasks.map { try reader.strings("tasks", default: $0) } ?? []
    let preset = try reader.string("template", default: "hendel")
    do { template = try PromptTemplate(preset: preset) } catch {
      throw reader.wrong("template", "\(error)")
    }
    shots = try reader.int("shots", default: 5, in: 0...1000)
    dummies = try reader.int("dummies", default: 2, in: 1...1000)
    developmentSets = try reader.int("development_sets", default: sets, in: 1...100_000)
    testSets = try reader.int("test_sets", default: sets, in: 1...100_000)
    seed = UInt64(try reader.int("seed", default: 41, in: 0...Int.max))
    bos = try reader.choice(
      "bos", default: "auto", among: ["auto": .auto, "always": .always, "never": .never])
    answer = try reader.choice(
      "answer", default: "single_token",
      among: [
        "single_token": .singleToken, "first_token": .firstToken, "whole": .whole,
        "hendel": .hendel,
      ])
    rule = try reader.choice(
      "answer_rule", default: "exact",
      among: ["exact": .exact, "synonym": .synonym, "prefix": .prefix, "hendel": .hendel])
    leadingSpace = try reader.choice(
      "leading_space", default: "auto", among: ["auto": .auto, "never": .never, "always": .always])
    holdout = try reader.nestedIfPresent("holdout") { reader in
      let fraction = try reader.double("fraction", in: 0...1)
      guard fraction < 1 else {
        throw reader.wrong("fraction", "it is 1, which leaves no pair to show; expected less")
      }
      return Holdout(
        fraction: fraction,
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
        "query_pairs and demonstration_pairs other than 'all' need the holdout of training, such as "
          + "{fraction: 0.1, seed: 1}")
    }
  }
}
