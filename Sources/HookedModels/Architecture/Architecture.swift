// Architecture: everything that the one Transformer computes with, as closed enums. A checkpoint family produces
// it from config.json; nothing else in the house looks at a config. It grows by cases, not by flags.

import TensorCore

/// The shape and the arithmetic of a decoder.
public struct Architecture: Sendable, Equatable {
  /// The family's name as checkpoints write it (`model_type`), for messages and run.json.
  public var family: String
  public var layers: Int
  public var modelWidth: Int
  public var heads: Int
  public var keyValueHeads: Int
  /// Width of a head's queries and keys.
  public var headWidth: Int
  /// Width of a head's values.
  public var valueWidth: Int
  public var mlpWidth: Int
  public var vocabulary: Int
  /// One kind a layer.
  public var attention: [AttentionKind]
  public var positions: Positions
  public var norm: Norm
  public var mlp: MLPKind
  public var arrangement: Arrangement
  public var biases: Set<Bias>
  /// Whether the unembedding is the embedding's matrix.
  public var tiedEmbeddings: Bool
  /// How many positions the model has; nil where nothing limits them.
  public var maximumPositions: Int?

  public init(
    family: String, layers: Int, modelWidth: Int, heads: Int, keyValueHeads: Int, headWidth: Int,
    valueWidth: Int, mlpWidth: Int, vocabulary: Int, attention: [AttentionKind],
    positions: Positions, norm: Norm, mlp: MLPKind, arrangement: Arrangement, biases: Set<Bias>,
    tiedEmbeddings: Bool, maximumPositions: Int?
  ) {
    precondition(attention.count == layers, "\(attention.count) attention kinds, \(layers) layers")
    self.family = family
    self.layers = layers
    self.modelWidth = modelWidth
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headWidth = headWidth
    self.valueWidth = valueWidth
    self.mlpWidth = mlpWidth
    self.vocabulary = vocabulary
    self.attention = attention
    self.positions = positions
    self.norm = norm
    self.mlp = mlp
    self.arrangement = arrangement
    self.biases = biases
    self.tiedEmbeddings = tiedEmbeddings
    self.maximumPositions = maximumPositions
  }

  /// "softmax", "linear" or "hybrid": the CSV column `attention`.
  public var attentionName: String {
    let names = Set(attention.map(\.name))
    return names.count == 1 ? names.first ?? "none" : "hybrid"
  }
}

/// What one layer's attention computes.
public enum AttentionKind: Sendable, Equatable {
  /// softmax(q·k·scale) over the visible keys.
  case softmax(scale: Double)
  case linear(LinearAttention)

  public var name: String {
    switch self {
    case .softmax: "softmax"
    case .linear: "linear"
    }
  }
}

/// S_t = λ S_{t−1} + φ(k_t) ⊗ v_t;  out_t = scale · φ(q_t) S_t, with φ, λ and what follows given here.
public struct LinearAttention: Sendable, Equatable {
  /// φ, applied element by element to queries and keys.
  public var featureMap: Activation
  public var scale: Double
  /// λ of each head: 1 forgets nothing.
  public var decays: [Double]
  /// Whether outputs are divided by scale · φ(q_t) · Σ λ^… φ(k), plus `normaliserEpsilon`.
  public var normalised: Bool
  /// What flash-linear-attention adds to the normaliser.
  public static let normaliserEpsilon = 1e-10
  public var outputNorm: OutputNorm

  /// What happens to each head's output before W_O.
  public enum OutputNorm: Sendable, Equatable {
    case none
    /// Root mean square over the head, with one gain [dv] shared by all heads, or without a gain.
    case rms(epsilon: Double, gain: Bool)
  }

  public init(
    featureMap: Activation, scale: Double, decays: [Double], normalised: Bool,
    outputNorm: OutputNorm
  ) {
    self.featureMap = featureMap
    self.scale = scale
    self.decays = decays
    self.normalised = normalised
    self.outputNorm = outputNorm
  }
}

/// How a token knows its position.
public enum Positions: Sendable, Equatable {
  case none
  /// A learned vector added to the embedding: `[count, D]`.
  case learned(count: Int)
  /// Queries and keys turned by position (Su et al. 2021, arXiv:2104.09864).
  case rotary(Rotary)
}

public struct Rotary: Sendable, Equatable {
  /// Leading dimensions of a head that turn; even.
  public var dimensions: Int
  /// θ: pair i turns by base^(−2i/dimensions) radians a position.
  public var base: Double
  /// Pairs 2i with 2i + 1 (GPT-J) instead of i with i + dimensions/2 (GPT-NeoX, LLaMA).
  public var interleaved: Bool

  public init(dimensions: Int, base: Double, interleaved: Bool) {
    self.dimensions = dimensions
    self.base = base
    self.interleaved = interleaved
  }
}

/// The norm before attention, before the MLP and at the end.
public enum Norm: Sendable, Equatable {
  case none
  /// Mean subtracted; gain and bias.
  case layer(epsilon: Double)
  /// Root mean square; gain.
  case rms(epsilon: Double)
}

public enum MLPKind: Sendable, Equatable {
  case none
  /// W_out f(W_in x).
  case plain(Activation)
  /// W_down (f(W_gate x) ∘ W_up x).
  case gated(Activation)
}

/// How attention and MLP share the residual stream.
public enum Arrangement: Sendable, Equatable {
  /// Attention first; the MLP reads what it wrote.
  case sequential
}

/// Linear maps that carry a bias.
public enum Bias: Sendable, Hashable, CaseIterable {
  case attentionInputs, attentionOutput, mlp
}
