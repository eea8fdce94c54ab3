// PromptingSpec: what the probe files of all probes over tasks have in common: models, tasks, how prompts are drawn and
// written, and what counts as a right answer. The defaults are the protocol of Hendel et al. 2023.

import ICLTasks
import Tokenization

/// Models, tasks and prompts of a probe.
public struct PromptingSpec: Sendable, Equatable {
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
        "query_pairs and demonstration_pairs other than 'all' need the holdout of training")
    }
  }
}
