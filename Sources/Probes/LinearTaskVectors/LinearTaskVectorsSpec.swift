// LinearTaskVectorsSpec: what a probe file of `linear-task-vectors` says.

/// The settings of the probe `linear-task-vectors`.
public struct LinearTaskVectorsSpec: Sendable, Equatable {
  /// d, the width of x and y.
  public var dimension: Int
  /// Demonstrations; each number has its own models.
  public var shots: [Int]
  /// Each number of layers has its own models.
  public var layers: [Int]
  /// The probability that a token takes part in a layer while training: 1 for no dropout.
  public var keep: [Double]
  /// Whether the positions of each triplet get a common random sign in each layer while training.
  public var flipsSigns: Bool
  /// Prompts of a training step.
  public var batch: Int
  /// Training steps of a model.
  public var steps: Int
  /// The peak learning rate of AdamW, which falls by a half cosine.
  public var rate: Double
  /// Of AdamW.
  public var weightDecay: Double
  /// The standard deviation of initial weights.
  public var deviation: Double
  /// Each of a task of its own.
  public var testPrompts: Int
  /// Each trains its own models.
  public var seeds: [Int]

  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    dimension = try reader.int("dimension", default: 4, in: 1...32)
    shots = try reader.ints("shots", default: [1, 5, 10], in: 1...200)
    layers = try reader.ints("layers", default: [1, 2, 3], in: 1...8)
    keep = try reader.doubles("keep", default: [1, 0.8], in: 0.01...1)
    flipsSigns = try reader.bool("flip_signs", default: true)
    batch = try reader.int("batch", default: 256, in: 1...1_000_000)
    steps = try reader.int("steps", default: 2500, in: 1...10_000_000)
    rate = try reader.double("learning_rate", default: 0.01, in: 0...1000)
    weightDecay = try reader.double("weight_decay", default: 0.05, in: 0...1000)
    deviation = try reader.double("initial_deviation", default: 0.1, in: 0...1000)
    testPrompts = try reader.int("test_prompts", default: 20_000, in: 16...10_000_000)
    seeds = try reader.ints("seeds", default: [0, 1, 2], in: 0...Int(Int32.max))
  }
}
