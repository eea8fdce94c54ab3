// MomentumAttentionSpec: what a probe file of `momentum-attention` says.

import HookedModels
import ICLTasks
import TensorCore

/// The settings of the probe `momentum-attention`.
public struct MomentumAttentionSpec: Sendable, Equatable {
  /// Kinds of attention, each with its own plain models.
  public var attention: [TrainingSpec.Model.Attention]
  /// η of each momentum model.
  public var decays: [Double]
  /// Each draws initial weights, texts and prompts anew; plain and momentum models of a seed share them.
  public var seeds: [Int]
  /// Everything about a training but its name, seed and attention; see `training`.
  var base: TrainingSpec
  /// The folder of task files.
  public var tasksFolder: String
  /// Texts of a step, and the words of each.
  public var texts: Int
  /// Words of each text.
  public var textLength: Int
  /// Held-out texts, and the lengths that they are cut to.
  public var testTexts: Int
  /// What held-out texts are cut to, in words.
  public var lengths: [Int]
  /// Numbers of demonstrations, and the demonstration sets of each task.
  public var testShots: [Int]
  /// Demonstration sets of each task.
  public var testSets: Int
}

extension MomentumAttentionSpec {
  /// Tasks on single letters and words, which small models learn in few steps.
  static let tasks = [
    "next_letter", "prev_letter", "to_upper", "copy_letter", "list_first", "list_last",
  ]

  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  init(reading reader: inout SpecReader) throws {
    attention = try reader.choices(
      "attention", default: ["softmax", "linear"], among: ["softmax": .softmax, "linear": .linear])
    decays = try reader.doubles("decays", default: [0.1, 0.3, 0.5, 0.7, 0.9], in: 0...0.999)
    seeds = try reader.ints("seeds", default: [1, 2, 3], in: 0...Int(Int32.max))
    tasksFolder = try reader.path("tasks_folder", default: "data/tasks")
    let model = try reader.nested("model") { reader in
      TrainingSpec.Model(
        attention: .softmax, layers: try reader.int("layers", default: 2),
        width: try reader.int("width", default: 64), heads: try reader.int("heads", default: 4),
        mlpWidth: try reader.int("mlp_width", default: 176), ropeTheta: 10_000, deviation: nil,
        embeddingDeviation: 0.088, decayExponents: 1...7, momentum: nil)
    }
    guard model.width % (2 * model.heads) == 0 else {
      throw reader.wrong(
        "model.width",
        "found \(model.width), expected a multiple of twice the heads, \(2 * model.heads)")
    }
    let shots = try reader.int("most_shots", default: 8, in: 0...64)
    base = TrainingSpec(
      name: "", seed: 0, steps: try reader.int("steps", default: 400),
      batch: try reader.int("prompts", default: 32), model: model,
      optimiser: TrainingSpec.Optimiser(
        rate: try reader.double("learning_rate", default: 0.003, in: 0...10), beta1: 0.9,
        beta2: 0.98, epsilon: 1e-8, weightDecay: 0.01,
        warmup: try reader.int("warmup", default: 40, in: 0...1_000_000), decay: .cosine,
        finalFraction: 0.1, clip: 1),
      taskVectorLoss: nil, tasks: try reader.strings("tasks", default: Self.tasks),
      classification: [], shots: 0...shots, template: try PromptTemplate(preset: "arrow"),
      holdout: 0, weights: .uniform, evaluateEvery: 0, evaluationSets: 0, evaluationShots: 0,
      checkpointEvery: 0)
    texts = try reader.int("texts", default: 4)
    textLength = try reader.int("text_length", default: 256, in: 2...512)
    testTexts = try reader.int("test_texts", default: 64)
    lengths = try reader.ints("lengths", default: [64, 128, 256], in: 2...512)
    testShots = try reader.ints("shots", default: Array(0...8), in: 0...64)
    testSets = try reader.int("test_sets", default: 50)
  }

  /// The training of one model: the plain model and all momentum models of a seed begin with the same weights and see
  /// the same batches.
  func training(_ attention: TrainingSpec.Model.Attention, momentum: Double?, seed: Int)
    -> TrainingSpec
  {
    var spec = base
    spec.name = attention.rawValue
    spec.seed = UInt64(seed)
    spec.model.attention = attention
    spec.model.momentum = momentum
    return spec
  }
}
