// TrainingSpec: everything that decides what `train` makes. Together with the version of the program and the data it
// determines every byte of the model.

import CKernels
import HookedModels
import ICLTasks
import TensorCore

/// How a small model is trained on prompts of tasks.
public struct TrainingSpec: Sendable, Equatable {
  /// The shape of the model; the vocabulary follows from the data.
  public struct Model: Sendable, Equatable {
    /// The kind of all layers.
    public enum Attention: String, Sendable, Equatable, CaseIterable { case softmax, linear }
    /// The kind of all layers.
    public var attention: Attention
    /// Blocks.
    public var layers: Int
    /// D, a multiple of twice the heads.
    public var width: Int
    /// Heads of queries, keys and values.
    public var heads: Int
    /// The width of the gated MLP.
    public var mlpWidth: Int
    /// The base of rotary positions.
    public var ropeTheta: Double
    /// Of initial matrices; nil for 1/√inputs.
    public var deviation: Double?
    /// The standard deviation of initial embeddings.
    public var embeddingDeviation: Double
    /// Of linear attention: λ of head h is 1 − 2^(−e_h) with e_h evenly spaced over this range.
    public var decayExponents: ClosedRange<Double>
    /// η of momentum attention (Dai et al. 2023, arXiv:2212.10559, §5); nil for none.
    public var momentum: Double?
  }

  /// The loss of zero-shot prompts with θ patched in (TVP-loss: Yang et al. 2025, arXiv:2501.09240).
  public struct TaskVectorLoss: Sendable, Equatable {
    /// How much it counts beside the in-context loss.
    public var weight: Double
    /// It begins after the first evaluation with at least this in-context accuracy.
    public var fromAccuracy: Double
    /// θ is taken and patched after one of these blocks, drawn anew at each step.
    public var layers: [Int]
    /// How many arrows of each prompt, each after at least one demonstration, give a θ.
    public var arrows: Int
  }

  /// AdamW, its schedule and clipping.
  public struct Optimiser: Sendable, Equatable {
    /// The peak learning rate.
    public var rate: Double
    /// The decay of the gradients' running mean.
    public var beta1: Double
    /// The decay of the squares' running mean.
    public var beta2: Double
    /// What is added to the root of the squares.
    public var epsilon: Double
    /// Decoupled; of matrices only.
    public var weightDecay: Double
    /// Steps of linear rise.
    public var warmup: Int
    /// How the rate falls after it.
    public var decay: Schedule.Decay
    /// The share of the peak that is left at the end.
    public var finalFraction: Double
    /// What the joint gradient norm is clipped to.
    public var clip: Double
  }

  /// Of the model, in rows and messages.
  public var name: String
  /// Of weights, prompts and order.
  public var seed: UInt64
  /// All steps.
  public var steps: Int
  /// Prompts of a step.
  public var batch: Int
  /// The shape of the model.
  public var model: Model
  /// How gradients become steps.
  public var optimiser: Optimiser
  /// Nil: the in-context loss only.
  public var taskVectorLoss: TaskVectorLoss?
  /// Names of tasks, or nil for all that the library has.
  public var tasks: [String]?
  /// Sentence files whose labels are learned as tasks too.
  public var classification: [String]
  /// Numbers of demonstrations, each equally likely.
  public var shots: ClosedRange<Int>
  /// How demonstrations are written.
  public var template: PromptTemplate
  /// The share of each task's pairs that training does not see, from 0 on and below 1.
  public var holdout: Double
  /// How often each task is drawn.
  public var weights: TrainingPrompts.Weights
  /// How often, in steps, the model is evaluated, and on how many demonstration sets.
  public var evaluateEvery: Int
  /// Demonstration sets of an evaluation.
  public var evaluationSets: Int
  /// Demonstrations of each of them.
  public var evaluationShots: Int
  /// Steps between states that a stopped training continues from.
  public var checkpointEvery: Int
}

extension TrainingSpec {
  var schedule: Schedule {
    Schedule(
      peak: optimiser.rate, warmup: optimiser.warmup, total: steps, decay: optimiser.decay,
      finalFraction: optimiser.finalFraction)
  }

  /// The optimiser before the first step, or with what earlier steps left.
  func adamW(
    steps: Int = 0, firstMoments: [String: Tensor<Float>] = [:],
    secondMoments: [String: Tensor<Float>] = [:]
  ) -> TensorCore.Optimiser<Float> {
    TensorCore.Optimiser(
      .adamW(beta1: optimiser.beta1, beta2: optimiser.beta2, epsilon: optimiser.epsilon),
      weightDecay: optimiser.weightDecay, steps: steps, firstMoments: firstMoments,
      secondMoments: secondMoments)
  }

  /// The architecture, in the layout that transformers (softmax) or flash-linear-attention (linear) loads.
  func architecture(vocabulary: Int) -> Architecture {
    let headWidth = model.width / model.heads
    let kind: AttentionKind
    switch model.attention {
    case .softmax:
      let scale = 1 / Double(headWidth).squareRoot()
      kind =
        model.momentum.map { .momentumSoftmax(scale: scale, decay: $0) } ?? .softmax(scale: scale)
    case .linear:
      var linear = LinearAttention(
        featureMap: .elementwise(.eluPlusOne), scale: 1 / Double(headWidth).squareRoot(),
        update: .fixed(decays: decays), normalised: false,
        outputNorm: .rms(epsilon: 1e-6, gain: true))
      linear.momentum = model.momentum
      kind = .linear(linear)
    }
    let softmaxFamily = model.momentum == nil ? "llama" : "thetascope_momentum_llama"
    return Architecture(
      family: model.attention == .softmax ? softmaxFamily : "thetascope_linear_attn",
      layers: model.layers, modelWidth: model.width, heads: model.heads,
      keyValueHeads: model.heads, headWidth: headWidth, valueWidth: headWidth,
      mlpWidth: model.mlpWidth, vocabulary: vocabulary,
      attention: Array(repeating: kind, count: model.layers),
      positions: .rotary(Rotary(dimensions: headWidth, base: model.ropeTheta, interleaved: false)),
      norm: .rms(epsilon: 1e-6), mlp: .gated(.silu), arrangement: .sequential, biases: [],
      tiedEmbeddings: true, maximumPositions: model.attention == .softmax ? 512 : nil)
  }

  private var decays: [Double] {
    let range = model.decayExponents
    return (0..<model.heads).map { head in
      let share = model.heads == 1 ? 0 : Double(head) / Double(model.heads - 1)
      let exponent = range.lowerBound + share * (range.upperBound - range.lowerBound)
      // Rounded so that config.json, which holds it in decimal, says it exactly.
      return (1e6 * (1 - ck_pow(2, -exponent))).rounded() / 1e6
    }
  }
}
