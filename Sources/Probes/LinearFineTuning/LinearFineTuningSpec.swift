// LinearFineTuningSpec: what a probe file of `linear-finetuning` says. The defaults are the paper's.

/// The settings of the probe `linear-finetuning`.
public struct LinearFineTuningSpec: Sendable, Equatable {
  /// The theory's one layer by default.
  public var architectures: [RegressionArchitecture]
  /// The variances of x's coordinates, Σ in its eigenbasis.
  public var variances: [Double]
  /// σ², the variance of ε.
  public var noise: Double
  /// Demonstrations of training prompts.
  public var shots: Int
  /// Prompts of a training step.
  public var batch: Int
  /// Steps of pre-training, and of each fine-tuning.
  public var iterations: Int
  /// The learning rate of SGD, constant.
  public var rate: Double
  /// Of SGD.
  public var momentum: Double
  /// What the joint gradient norm is clipped to.
  public var clip: Double
  /// Standard deviation of initial weights.
  public var deviation: Double
  /// Points of the fine-tuning task.
  public var pool: Int
  /// Test prompts of each task and number of demonstrations.
  public var testPrompts: Int
  /// Tests are at 0 … this many demonstrations.
  public var testShots: Int
  /// Unseen tasks of the rows `random`.
  public var randomTasks: Int
  /// Each draws weights, θ₀ and prompts anew.
  public var seeds: [Int]

  package init(reading reader: inout SpecReader) throws {
    architectures = try reader.nestedList("architectures", isOptional: true) {
      try RegressionArchitecture(reading: &$0)
    }
    if architectures.isEmpty { architectures = [RegressionArchitecture()] }
    guard Set(architectures.map(\.name)).count == architectures.count else {
      throw reader.wrong("architectures", "expected each once")
    }
    variances = try reader.doubles(
      "variances", default: [1, 1, 1, 1, 1], in: 1e-6...1e6, canRepeat: true)
    guard variances.count <= 64 else {
      throw reader.wrong("variances", "found \(variances.count) numbers, expected 1 to 64")
    }
    noise = try reader.double("noise_variance", default: 0.1, in: 0...1e6)
    shots = try reader.int("shots", default: 20, in: 1...10_000)
    batch = try reader.int("batch", default: 5000, in: 1...10_000_000)
    iterations = try reader.int("iterations", default: 5000, in: 2...10_000_000)
    rate = try reader.double("learning_rate", default: 0.01, in: 0...1000)
    momentum = try reader.double("momentum", default: 0.9, in: 0...1)
    clip = try reader.double("clip_norm", default: 1, in: 1e-12...1e12)
    deviation = try reader.double("initial_deviation", default: 0.05, in: 0...1000)
    pool = try reader.int("finetuning_points", default: 100_000, in: 1...100_000_000)
    testPrompts = try reader.int("test_prompts", default: 50_000, in: 200...100_000_000)
    testShots = try reader.int("test_shots", default: 20, in: 0...10_000)
    randomTasks = try reader.int("random_tasks", default: 64, in: 1...100_000)
    seeds = try reader.ints("seeds", default: [0], in: 0...Int(Int32.max))
  }

  var setting: RegressionSetting { RegressionSetting(variances: variances, noise: noise) }
}
