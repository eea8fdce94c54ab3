// DualFormSpec: what a probe file of `dual-form` says. The defaults of the regression are von Oswald et al.'s.

import ICLTasks

/// The settings of the probe `dual-form`.
public struct DualFormSpec: Sendable, Equatable {
  /// A trained stack that is compared with gradient descent.
  public struct Variant: Sendable, Equatable {
    /// Layers of the stack: steps of gradient descent.
    public var layers: Int
    /// Whether all layers have the same weights.
    public var isShared: Bool

    var name: String {
      "linear-self-attention-\(layers)" + (layers > 1 && isShared ? "-shared" : "")
    }
  }

  /// d, the width of x.
  public var dimension: Int
  /// Demonstrations of a regression prompt.
  public var shots: Int
  /// The side of the cube that x is drawn from, centred at 0.
  public var range: Double
  /// The stacks that are trained.
  public var variants: [Variant]
  /// Prompts of a training step.
  public var batch: Int
  /// Training steps of a stack.
  public var steps: Int
  /// The learning rate.
  public var rate: Double
  /// Steps of training the two numbers of gradient descent.
  public var descentSteps: Int
  /// Steps between points of the curves.
  public var interval: Int
  /// Test prompts, each of a task of its own.
  public var testTasks: Int
  /// Each trains its own stacks.
  public var seeds: [Int]
  /// Checkpoints whose attention the identity is measured on; none without tasks.
  public var prompting: PromptingSpec?

  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    dimension = try reader.int("dimension", default: 10, in: 1...64)
    shots = try reader.int("regression_shots", default: 10, in: 1...1000)
    range = try reader.double("input_range", default: 1, in: 1e-3...1000)
    variants = try reader.nestedList("variants", isOptional: true) { reader in
      Variant(
        layers: try reader.int("layers", default: 1, in: 1...16),
        isShared: try reader.bool("shared", default: true))
    }
    if variants.isEmpty {
      variants = [Variant(layers: 1, isShared: true), Variant(layers: 2, isShared: true)]
    }
    guard Set(variants.map(\.name)).count == variants.count else {
      throw reader.wrong("variants", "expected each once")
    }
    batch = try reader.int("batch", default: 512, in: 1...1_000_000)
    steps = try reader.int("steps", default: 5000, in: 1...10_000_000)
    rate = try reader.double("learning_rate", default: 0.001, in: 0...1000)
    descentSteps = try reader.int("descent_steps", default: 600, in: 1...10_000_000)
    interval = try reader.int("interval", default: 250, in: 1...10_000_000)
    testTasks = try reader.int("test_tasks", default: 1000, in: 8...10_000_000)
    seeds = try reader.ints("seeds", default: [0, 1, 2], in: 0...Int(Int32.max))
    prompting =
      reader.contains("models")
      ? try PromptingSpec(reading: &reader, tasks: ["country_capital", "antonyms"], sets: 20) : nil
  }

  var setting: LeastSquares {
    LeastSquares(dimension: dimension, shots: shots, range: range)
  }
}
