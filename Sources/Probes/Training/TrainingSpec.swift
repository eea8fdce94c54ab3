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
    public enum Attention: String, Sendable, Equatable, CaseIterable { case softmax, linear }
    public var attention: Attention
    public var layers: Int
    public var width: Int
    public var heads: Int
    public var mlpWidth: Int
    public var ropeTheta: Double
    /// Of initial matrices; nil for 1/√inputs.
    public var deviation: Double?
    public var embeddingDeviation: Double
    /// Of linear attention: λ of head h is 1 − 2^(−e_h) with e_h evenly spaced over this range.
    public var decayExponents: ClosedRange<Double>
    /// η of momentum attention (Dai et al. 2023, arXiv:2212.10559, §5); nil for none.
    public var momentum: Double?
  }

  /// The loss of zero-shot prompts with θ patched in (TVP-loss: Yang et al. 2025, arXiv:2501.09240).
  public struct TaskVectorLoss: Sendable, Equatable {
    public var weight: Double
    /// It begins after the first evaluation with at least this in-context accuracy.
    public var fromAccuracy: Double
    /// θ is taken and patched after one of these blocks, drawn anew at each step.
    public var layers: [Int]
    /// How many arrows of each prompt, each after at least one demonstration, give a θ.
    public var arrows: Int
  }

  public struct Optimiser: Sendable, Equatable {
    public var rate: Double
    public var beta1: Double
    public var beta2: Double
    public var epsilon: Double
    public var weightDecay: Double
    public var warmup: Int
    public var decay: Schedule.Decay
    public var finalFraction: Double
    public var clip: Double
  }

  public var name: String
  public var seed: UInt64
  public var steps: Int
  public var batch: Int
  public var model: Model
  public var optimiser: Optimiser
  /// Nil: the in-context loss only.
  public var taskVectorLoss: TaskVectorLoss?
  /// Names of tasks, or nil for all that the library has.
  public var tasks: [String]?
  /// Sentence files whose labels are learned as tasks too.
  public var classification: [String]
  public var shots: ClosedRange<Int>
  public var template: PromptTemplate
  public var holdout: Double
  public var weights: TrainingPrompts.Weights
  /// How often, in steps, the model is evaluated, and on how many demonstration sets.
  public var evaluateEvery: Int
  public var evaluationSets: Int
  public var evaluationShots: Int
  public var checkpointEvery: Int
}

extension TrainingSpec {
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
