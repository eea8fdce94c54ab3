// Trainer: gradient steps on any subset of a model's parameters. It knows losses on tokens and hook plans, not
// where prompts come from. Everything it carries from step to step can be saved and continued from exactly.

import HookPoints
import TensorCore

/// The examples of one step: sequences, what is patched into them, and what they should predict.
public struct TrainingBatch<Scalar: TensorScalar>: Sendable {
  /// What is run.
  public var sequences: [BatchSequence<Scalar>]
  /// What is patched into it.
  public var plan: HookPlan
  /// What it should predict; the loss is Σ −weight · log p.
  public var targets: [Target]

  public init(
    sequences: [BatchSequence<Scalar>], plan: HookPlan = .empty, targets: [Target]
  ) {
    self.sequences = sequences
    self.plan = plan
    self.targets = targets
  }
}

/// A model in training.
public struct Trainer<Scalar: TensorScalar>: Sendable {
  /// The model after the steps so far.
  public private(set) var model: Transformer<Scalar>
  /// The optimiser, with what it carries from step to step.
  public private(set) var optimiser: Optimiser<Scalar>
  /// The learning rate of each step.
  public let schedule: Schedule
  /// The joint gradient norm that steps are clipped to; nil for none.
  public let clipNorm: Double?
  /// The parameters that change.
  public let trained: Set<String>
  /// What is trained in place of those parameters, where they are adapted and not trained themselves.
  public private(set) var adapters: LowRankAdapters<Scalar>?
  private var tensors: [String: Tensor<Scalar>]

  /// - Parameters:
  ///   - model: the model before the first step.
  ///   - trained: selects parameters by canonical name; the others stay bit-identical.
  ///   - optimiser: a fresh one, or what an earlier trainer left.
  ///   - schedule: the learning rate of each step.
  ///   - clipNorm: what the joint gradient norm is clipped to; nil for no clipping.
  public init(
    _ model: Transformer<Scalar>, trained: (String) -> Bool = { _ in true },
    optimiser: Optimiser<Scalar>, schedule: Schedule, clipNorm: Double? = nil
  ) {
    self.model = model
    self.optimiser = optimiser
    self.schedule = schedule
    self.clipNorm = clipNorm
    let chosen = model.parameters.filter { trained($0.name) }
    self.trained = Set(chosen.map(\.name))
    tensors = Dictionary(
      uniqueKeysWithValues: zip(chosen.map(\.name), model.context.map(chosen) { $0.tensor() }))
  }

  /// Trains adapters alone; every parameter of the model stays as it is beneath them.
  public init(
    _ model: Transformer<Scalar>, adapters: LowRankAdapters<Scalar>, optimiser: Optimiser<Scalar>,
    schedule: Schedule, clipNorm: Double? = nil
  ) {
    self.init(
      model.replacing(adapters.merged(on: model.context)), trained: adapters.matrices.contains,
      optimiser: optimiser, schedule: schedule, clipNorm: clipNorm)
    self.adapters = adapters
    tensors = adapters.tensors
  }

  /// What one step did.
  public struct Step: Sendable {
    /// Σ −weight · log p before the step, nats.
    public let loss: Double
    /// log p of each target before the step, nats.
    public let logProbabilities: [Double]
    /// The joint gradient norm before clipping; nil where nothing is clipped.
    public let gradientNorm: Double?
    /// The learning rate of the step.
    public let rate: Double
  }

  /// One step of the optimiser. Weight decay leaves norms' gains and biases (vectors) alone.
  public mutating func step(_ batch: TrainingBatch<Scalar>) throws -> Step {
    let names = trained
    let found = try model.gradients(
      batch.sequences, plan: batch.plan, targets: batch.targets, parameters: { names.contains($0) })
    var gradients =
      adapters?.gradients(from: found.parameters, on: model.context) ?? found.parameters
    let norm = clipNorm.map { clip(&gradients, toNorm: $0, on: model.context) }
    let rate = schedule.rate(at: optimiser.steps)
    let matrices = Set(tensors.filter { $0.value.shape.count == 2 }.keys)
    optimiser.step(&tensors, gradients: gradients, rate: rate, on: model.context) {
      matrices.contains($0)
    }
    adapters?.tensors = tensors
    model = model.replacing(adapters?.merged(on: model.context) ?? tensors)
    return Step(
      loss: found.loss, logProbabilities: found.logProbabilities, gradientNorm: norm, rate: rate)
  }
}
