// Reading a TrainingSpec from the tree of a spec file. Every key that is not given has the default that is written
// here, and the resolved spec in the model's folder says all of them.

import CheckpointIO
import ICLTasks
import TensorCore

extension TrainingSpec {
  /// - Throws: `CheckpointError.invalidConfiguration` for a value that does not fit.
  public init(reading reader: inout ConfigReader) throws {
    name = try reader.string("name")
    seed = UInt64(try reader.int("seed", in: 0...Int.max))
    steps = try reader.int("steps")
    batch = try reader.int("batch", default: 64)
    let model = try reader.nested("model") { reader in
      Model(
        attention: try reader.choice("attention", among: ["softmax": .softmax, "linear": .linear]),
        layers: try reader.int("layers", default: 6, in: 1...InputLimits.layers),
        width: try reader.int("width", default: 128, in: 1...InputLimits.width),
        heads: try reader.int("heads", default: 8, in: 1...InputLimits.width),
        mlpWidth: try reader.int("mlp_width", default: 344, in: 1...InputLimits.width),
        ropeTheta: try reader.double("rope_theta", default: 10000, in: 1...1e9),
        deviation: try reader.doubleIfPresent("deviation", in: 0...10),
        embeddingDeviation: try reader.double("embedding_deviation", default: 0.088, in: 0...10),
        decayExponents: try reader.decayExponents(),
        momentum: try reader.doubleIfPresent("momentum", in: 0...1))
    }
    guard let model else {
      throw CheckpointError.invalidConfiguration(
        file: reader.file, key: "model", found: "absent", expected: "an object with 'attention'")
    }
    guard model.width % (2 * model.heads) == 0 else {
      throw CheckpointError.invalidConfiguration(
        file: reader.file, key: "model.width", found: "\(model.width)",
        expected: "a multiple of twice the heads, \(2 * model.heads)")
    }
    self.model = model
    optimiser =
      try reader.nested("optimiser", Optimiser.init(reading:))
      ?? .init(
        rate: 3e-3, beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.01, warmup: 100,
        decay: .cosine, finalFraction: 0.1, clip: 1)
    let layers = model.layers
    taskVectorLoss = try reader.nested("task_vector_loss") { reader in
      TaskVectorLoss(
        weight: try reader.double("weight", default: 1, in: 0...100),
        fromAccuracy: try reader.double("from_accuracy", default: 0.5, in: 0...1),
        layers: try reader.ints("layers", default: [1, 2, 3], in: 0...layers - 1),
        arrows: try reader.int("arrows", default: 4))
    }
    tasks = reader.contains("tasks") ? try reader.strings("tasks") : nil
    classification = try reader.strings("classification", default: [])
    let least = try reader.int("fewest_shots", default: 0, in: 0...64)
    shots = least...(try reader.int("most_shots", default: 8, in: least...64))
    template = try PromptTemplate(preset: reader.string("template", default: "arrow"))
    holdout = try reader.double("holdout", default: 0.1, in: 0...0.9)
    weights = try reader.choice(
      "task_weights", default: "uniform",
      among: ["uniform": .uniform, "square_root": .squareRoot, "pairs": .pairs])
    evaluateEvery = try reader.int("evaluate_every", default: 50)
    evaluationSets = try reader.int("evaluation_sets", default: 192)
    evaluationShots = try reader.int("evaluation_shots", default: 5, in: 0...64)
    checkpointEvery = try reader.int("checkpoint_every", default: 100)
  }
}

extension TrainingSpec.Optimiser {
  fileprivate init(reading reader: inout ConfigReader) throws {
    rate = try reader.double("rate", default: 3e-3, in: 0...10)
    beta1 = try reader.double("beta1", default: 0.9, in: 0...1)
    beta2 = try reader.double("beta2", default: 0.98, in: 0...1)
    epsilon = try reader.double("epsilon", default: 1e-8, in: 0...1)
    weightDecay = try reader.double("weight_decay", default: 0.01, in: 0...1)
    warmup = try reader.int("warmup", default: 100, in: 0...1_000_000)
    decay = try reader.choice(
      "decay", default: "cosine",
      among: ["constant": .constant, "linear": .linear, "cosine": .cosine])
    finalFraction = try reader.double("final_fraction", default: 0.1, in: 0...1)
    clip = try reader.double("clip", default: 1, in: 1e-9...1e9)
  }
}

extension ConfigReader {
  /// From the first head's to the last one's.
  fileprivate mutating func decayExponents() throws -> ClosedRange<Double> {
    let first = try double("first_decay_exponent", default: 1, in: 0...20)
    return first...(try double("last_decay_exponent", default: max(first, 7), in: first...20))
  }
}
