// FineTuningForgettingSpec: what a probe file of `finetuning-forgetting` says.

import ICLTasks

/// The settings of the probe `finetuning-forgetting`.
@dynamicMemberLookup
public struct FineTuningForgettingSpec: Sendable, Equatable {
  /// Low-rank adapters instead of the weights themselves.
  public struct Adapters: Sendable, Equatable {
    /// The ranks that are tried, each in cells of its own.
    public var ranks: [Int]
    /// α over the rank: how much an update counts.
    public var alphaPerRank: Double
    /// The matrices of a block that get one, such as `q_proj`; nil for those of each part.
    public var targetModules: [String]?
    /// A folder for the chosen adapters of each cell, in peft's layout; nil for none.
    public var save: String?
  }

  /// Models, tasks and prompts; `shots` is the greatest number of demonstrations.
  public var prompting: PromptingSpec
  /// The tasks that models are fine-tuned on, one at a time.
  public var targets: [String]
  /// The share of a target's pairs that fine-tuning does not see.
  public var heldOut: Double
  /// Which weights change, each in cells of its own.
  public var parts: [TaskTuning.Part]
  /// λ₀ of the loss on prompts with demonstrations, which falls to 0 by a line; 0 for none.
  public var auxiliaryWeights: [Double]
  /// Demonstrations of those prompts.
  public var auxiliaryShots: Int
  /// Nil: the weights themselves are trained.
  public var adapters: Adapters?
  /// Bare queries of a step, and as many prompts of the added loss.
  public var batch: Int
  /// Every combination is run; one is chosen on the development split.
  public var steps: [Int]
  /// Learning rates, ascending.
  public var rates: [Double]
  /// 0 … `shots`, the numbers of demonstrations that are tested.
  public var testShots: [Int]
  /// The demonstration sets of each task that was not fine-tuned on.
  public var otherSets: Int
  /// Each splits the target's pairs and draws its batches anew.
  public var seeds: [Int]

  public subscript<Value>(dynamicMember member: KeyPath<PromptingSpec, Value>) -> Value {
    prompting[keyPath: member]
  }
}

extension FineTuningForgettingSpec {
  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    prompting = try PromptingSpec(reading: &reader)
    targets = try reader.strings("targets")
    heldOut = try reader.double("held_out", default: 0.3, in: 0.01...0.99)
    parts = try reader.choices(
      "parts", default: ["all", "query_key", "value"],
      among: ["all": .all, "query_key": .queryKey, "value": .value])
    auxiliaryWeights = try reader.doubles("auxiliary_weights", default: [0, 1], in: 0...1000)
    auxiliaryShots = try reader.int(
      "auxiliary_shots", default: min(5, max(1, prompting.shots)), in: 1...1000)
    adapters = try reader.nestedIfPresent("adapters") { reader in
      Adapters(
        ranks: try reader.ints("ranks", default: [8]),
        alphaPerRank: try reader.double("alpha_per_rank", default: 2, in: 0...1000),
        targetModules: try reader.contains("target_modules")
          ? reader.strings("target_modules") : nil,
        save: try reader.contains("save") ? reader.path("save") : nil)
    }
    batch = try reader.int("batch", default: 16)
    steps = try reader.ints("steps", default: [20, 60])
    rates = try reader.doubles("learning_rates", default: [1e-4, 1e-3], in: 0...10)
    testShots = try reader.ints(
      "test_shots", default: Array(0...prompting.shots), in: 0...prompting.shots)
    otherSets = try reader.int("other_sets", default: 12)
    seeds = try reader.ints("seeds", default: [1, 2, 3], in: 0...Int(Int32.max))
    for target in targets where !prompting.tasks.contains(target) {
      throw reader.wrong("targets", "'\(target)' is not among the tasks")
    }
    steps.sort()
    rates.sort()
  }

  /// Every way to fine-tune, in the order of the rows.
  var tunings: [TaskTuning] {
    let adapters: [TaskTuning.Adapters?] =
      [nil]
      + (self.adapters.map { own in
        own.ranks.map {
          .init(
            rank: $0, alpha: own.alphaPerRank * Double($0), targetModules: own.targetModules)
        }
      } ?? [])
    return adapters.flatMap { adapter in
      (adapter?.targetModules == nil ? parts : [.all]).flatMap { part in
        auxiliaryWeights.map {
          TaskTuning(part: part, auxiliaryWeight: $0, adapters: adapter)
        }
      }
    }
  }
}
