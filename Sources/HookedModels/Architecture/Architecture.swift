// Architecture: everything that the one Transformer computes with, as closed enums. A checkpoint family produces
// it from config.json; nothing else in the house looks at a config. It grows by cases, not by flags.

import TensorCore

/// The shape and the arithmetic of a decoder.
public struct Architecture: Sendable, Equatable {
  /// The family's name as checkpoints write it (`model_type`), for messages and run.json.
  public var family: String
  /// L: blocks.
  public var layers: Int
  /// D: width of the residual stream.
  public var modelWidth: Int
  /// H: heads of queries.
  public var heads: Int
  /// K: heads of keys and values; divides H.
  public var keyValueHeads: Int
  /// Width of a head's queries and keys.
  public var headWidth: Int
  /// Width of a head's values.
  public var valueWidth: Int
  /// M: width of the MLP's hidden activations.
  public var mlpWidth: Int
  /// V: rows of the embedding.
  public var vocabulary: Int
  /// One kind a layer.
  public var attention: [AttentionKind]
  /// How tokens know their positions.
  public var positions: Positions
  /// The norm before attention, before the MLP and at the end.
  public var norm: Norm
  /// What the MLP computes.
  public var mlp: MLPKind
  /// How attention and MLP share the stream.
  public var arrangement: Arrangement
  /// Which linear maps carry a bias.
  public var biases: Set<Bias>
  /// The norm of each head's queries and keys, before rotation; with one gain [d] for the queries' heads and one for
  /// the keys'.
  public var headNorm: Norm
  /// What embeddings are multiplied by before they enter the stream.
  public var embeddingScale: Double
  /// Logits pass cap·tanh(x / cap) where there is one.
  public var logitCap: Double?
  /// Whether the unembedding is the embedding's matrix.
  public var tiedEmbeddings: Bool
  /// How many positions the model has; nil where nothing limits them.
  public var maximumPositions: Int?
  /// Layers whose attention is cut otherwise than the model's, as the softmax layers of hybrids are.
  public var attentionShapes: [Int: AttentionShape] = [:]
  /// In a rehearsal, the architecture that this one stands for.
  public internal(set) var fullSize: FullSize?

  public init(
    family: String, layers: Int, modelWidth: Int, heads: Int, keyValueHeads: Int, headWidth: Int,
    valueWidth: Int, mlpWidth: Int, vocabulary: Int, attention: [AttentionKind],
    positions: Positions, norm: Norm, mlp: MLPKind, arrangement: Arrangement, biases: Set<Bias>,
    headNorm: Norm = .none, embeddingScale: Double = 1, logitCap: Double? = nil,
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
    self.headNorm = headNorm
    self.embeddingScale = embeddingScale
    self.logitCap = logitCap
    self.tiedEmbeddings = tiedEmbeddings
    self.maximumPositions = maximumPositions
  }

  /// Whether parameters of norms are what gains are above 1.
  var hasOffsetGains: Bool { if case .rmsOnePlus = norm { true } else { false } }

  /// How a layer's attention is cut into heads.
  public func attentionShape(_ layer: Int) -> AttentionShape {
    attentionShapes[layer]
      ?? AttentionShape(
        heads: heads, keyValueHeads: keyValueHeads, headWidth: headWidth, valueWidth: valueWidth,
        rotary: positions.rotary(layer: layer), inputBias: biases.contains(.attentionInputs))
  }

  /// One block as an architecture of its own, whose input has its positions already.
  func block(_ layer: Int) -> Architecture {
    var single = self
    single.layers = 1
    single.attention = [attention[layer]]
    single.attentionShapes = attentionShapes[layer].map { [0: $0] } ?? [:]
    // Added positions are in the stream already; rotary ones belong to the block.
    single.positions = positions.rotary(layer: layer).map { .rotary($0) } ?? .none
    single.fullSize = fullSize?.block(layer)
    return single
  }

  /// "softmax", "linear", "momentum" or "hybrid": the CSV column `attention`.
  public var attentionName: String {
    let names = Set(attention.map(\.name))
    return names.count == 1 ? names.first ?? "none" : "hybrid"
  }
}

/// How one layer's attention is cut into heads, and whether those know their position.
public struct AttentionShape: Sendable, Equatable {
  /// H: heads of queries.
  public var heads: Int
  /// K: heads of keys and values; divides H.
  public var keyValueHeads: Int
  /// Width of a head's queries and keys.
  public var headWidth: Int
  /// Width of a head's values.
  public var valueWidth: Int
  /// How queries and keys turn with their position; nil where they do not.
  public var rotary: Rotary?
  /// Whether queries, keys and values have a bias.
  public var inputBias: Bool

  public init(
    heads: Int, keyValueHeads: Int, headWidth: Int, valueWidth: Int, rotary: Rotary?,
    inputBias: Bool
  ) {
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    self.headWidth = headWidth
    self.valueWidth = valueWidth
    self.rotary = rotary
    self.inputBias = inputBias
  }
}

/// What one layer's attention computes.
public enum AttentionKind: Sendable, Equatable {
  /// softmax(q·k·scale) over the visible keys, or over the last `window` of them, a token's own included. With a
  /// `cap` scores pass cap·tanh(x / cap) first.
  case softmax(scale: Double, window: Int? = nil, cap: Double? = nil)
  /// The same plus Σ decay^(t−i) v_i over the tokens i before t: Dai et al. 2023, arXiv:2212.10559, §5.
  case momentumSoftmax(scale: Double, decay: Double)
  case linear(LinearAttention)

  /// The value of the CSV column `attention`.
  public var name: String {
    switch self {
    case .softmax: "softmax"
    case .momentumSoftmax: "momentum"
    case .linear(let linear): linear.momentum == nil ? "linear" : "momentum"
    }
  }

  /// η of the decaying sum of past values that is added; nil for none.
  public var momentum: Double? {
    switch self {
    case .softmax: nil
    case .momentumSoftmax(_, let decay): decay
    case .linear(let linear): linear.momentum
    }
  }
}

/// How a token knows its position.
public enum Positions: Sendable, Equatable {
  case none
  /// A learned vector added to the embedding: `[count + offset, D]`, position p in row p + offset.
  case learned(count: Int, offset: Int = 0)
  /// Sines and cosines of (p + offset) · 10000^(−i/(D/2 − 1)), sines first, added to the embedding (Vaswani et al.
  /// 2017, arXiv:1706.03762, §3.5, in tensor2tensor's order).
  case sinusoidal(offset: Int)
  /// Queries and keys turned by position (Su et al. 2021, arXiv:2104.09864).
  case rotary(Rotary)
  /// The same with other frequencies in each layer.
  case rotaryByLayer([Rotary])

  /// How a layer turns queries and keys; nil where it does not.
  public func rotary(layer: Int) -> Rotary? {
    switch self {
    case .none, .learned, .sinusoidal: nil
    case .rotary(let rotary): rotary
    case .rotaryByLayer(let layers): layers[layer]
    }
  }

  /// Whether a vector is added to the embedding.
  var isAdded: Bool {
    switch self {
    case .learned, .sinusoidal: true
    case .none, .rotary, .rotaryByLayer: false
    }
  }
}

/// How queries and keys are turned by position.
///
/// - Source: Su et al. 2021, arXiv:2104.09864.
public struct Rotary: Sendable, Hashable {
  /// Leading dimensions of a head that turn; even.
  public var dimensions: Int
  /// θ: pair i turns by base^(−2i/dimensions) radians a position.
  public var base: Double
  /// Pairs 2i with 2i + 1 (GPT-J) instead of i with i + dimensions/2 (GPT-NeoX, LLaMA).
  public var interleaved: Bool
  /// How the frequencies are changed for long contexts.
  public var scaling: RotaryScaling

  public init(
    dimensions: Int, base: Double, interleaved: Bool, scaling: RotaryScaling = .none
  ) {
    self.dimensions = dimensions
    self.base = base
    self.interleaved = interleaved
    self.scaling = scaling
  }
}

/// The norm before attention, before the MLP and at the end.
public enum Norm: Sendable, Equatable {
  case none
  /// Mean subtracted; gain and bias.
  case layer(epsilon: Double)
  /// Root mean square; gain.
  case rms(epsilon: Double)
  /// Root mean square; the gain is 1 + the parameter.
  case rmsOnePlus(epsilon: Double)
}

/// What an MLP computes.
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
  /// The same, with a norm after attention and after the MLP too, before they are added.
  case sandwich
  /// Both read what enters the block, each through its own norm.
  case parallel
  /// Both read what enters the block through one norm.
  case parallelSharedNorm

  var isParallel: Bool { self == .parallel || self == .parallelSharedNorm }
}

/// Linear maps that carry a bias.
public enum Bias: Sendable, Hashable, CaseIterable {
  case attentionInputs, attentionOutput, mlp, unembedding
}
