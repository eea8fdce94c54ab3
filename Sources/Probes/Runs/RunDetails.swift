// What run.json says that is known before the first cell and follows from the inputs: seeds, the models'
// defaults and BOS policies, what was dropped as the tasks were read.

import CheckpointIO

/// What is known of a run before it begins.
public struct RunDetails: Sendable, Equatable {
  /// What draws were seeded with.
  public var seeds: [Int]
  /// For each model: its architecture, the class defaults that stood in for keys that config.json leaves
  /// out, its tokenizer and BOS policy.
  public var models: JSONObject
  /// What was left out as the tasks were read.
  public var dropped: [Dropped]
  /// What whoever begins the run should know at once; not in run.json.
  public var notices: [String]
  /// Anything else; goes into run.json as it is.
  public var facts: JSONObject

  public init(
    seeds: [Int] = [], models: JSONObject = JSONObject(), dropped: [Dropped] = [],
    notices: [String] = [], facts: JSONObject = JSONObject()
  ) {
    self.seeds = seeds
    self.models = models
    self.dropped = dropped
    self.notices = notices
    self.facts = facts
  }
}
