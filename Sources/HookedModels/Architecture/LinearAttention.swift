// LinearAttention: what a layer of linear attention computes, for every member of the family that is known here.

import TensorCore

/// S_t = forget(S_{t−1}) + φ(k_t) ⊗ written_t;  out_t = scale · φ(q_t) S_t, and what comes before and after.
public struct LinearAttention: Sendable, Equatable {
  /// A causal convolution of each channel of queries, keys and values over this many tokens, then SiLU.
  public var convolution: Int?
  /// φ, of queries and keys.
  public var featureMap: FeatureMap
  /// Whether φ(q) and φ(k) are divided by their sums.
  public var queriesSumToOne = false
  /// Whether φ(k) is.
  public var keysSumToOne = false
  /// What outputs are multiplied by, usually 1/√d.
  public var scale: Double
  /// How the state forgets and what a token writes.
  public var update: StateUpdate
  /// Whether outputs are divided by scale · φ(q_t) · Σ λ^… φ(k), plus `normaliserEpsilon`.
  public var normalised: Bool
  /// What flash-linear-attention adds to the normaliser, and to the sums of a feature map.
  public static let normaliserEpsilon = 1e-10
  /// What it adds to the sums of a feature map.
  public static let sumEpsilon = 1e-4
  /// What happens to each head's output before W_O.
  public var outputNorm: OutputNorm
  /// What the outputs are multiplied by after the norm: this function of a projection of the layer's input.
  public var outputGate: Activation?
  /// η of the decaying sum of past values that is added to the outputs before their norm; nil for none.
  public var momentum: Double?
  /// Whether outputs are divided by the number of tokens seen, their own and the prefix's counted: the 1/N of the
  /// theory of linear self-attention. Not together with `normalised`.
  public var averaged = false
  /// Which tokens an output is over.
  public var reach = Reach.causal

  /// Which tokens of its sequence a token reads. Without a mask nothing is forgotten, nothing normalised but by
  /// counting, and there are no prefixes.
  public enum Reach: Sendable, Equatable {
    /// Those up to itself.
    case causal
    /// All: Lee, Sohn and Lee 2026, arXiv:2602.23197.
    case sequence
    /// All but the last, which is the query: von Oswald et al. 2023, arXiv:2212.07677; the mask M of Ahn et al. 2023,
    /// arXiv:2306.00297.
    case demonstrations

    /// How many tokens a token at `position` of a sequence of `count` reads; 1 where there are none, to divide by.
    func tokensRead(position: Int, of count: Int) -> Int {
      switch self {
      case .causal: position + 1
      case .sequence: count
      case .demonstrations: max(1, count - 1)
      }
    }
  }

  /// What happens to each head's output before W_O.
  public enum OutputNorm: Sendable, Equatable {
    case none
    /// Root mean square over the head, with one gain [dv] shared by all heads, or without a gain.
    case rms(epsilon: Double, gain: Bool)
  }

  /// - Parameters:
  ///   - featureMap: φ, of queries and keys.
  ///   - scale: what outputs are multiplied by, usually 1/√d.
  ///   - update: how the state forgets and what a token writes.
  ///   - normalised: whether outputs are divided by φ(q)·Σ φ(k); only together with fixed decays.
  ///   - outputNorm: what happens to each head's output before W_O.
  ///   - outputGate: the function of a projection of the input that outputs are multiplied by; nil for none.
  ///   - convolution: tokens of the causal convolution before φ; nil for none.
  public init(
    featureMap: FeatureMap, scale: Double, update: StateUpdate, normalised: Bool,
    outputNorm: OutputNorm, outputGate: Activation? = nil, convolution: Int? = nil
  ) {
    if case .fixed = update {
    } else {
      precondition(!normalised, "only fixed decays have a normaliser")
    }
    self.featureMap = featureMap
    self.scale = scale
    self.update = update
    self.normalised = normalised
    self.outputNorm = outputNorm
    self.outputGate = outputGate
    self.convolution = convolution
  }
}

/// How the state forgets and what a token writes.
public enum StateUpdate: Sendable, Equatable {
  /// S = λ S + φ(k) ⊗ v, with one fixed λ a head: 1 forgets nothing.
  case fixed(decays: [Double])
  /// S = diag(g_t) S + φ(k) ⊗ v with g_t = σ(W₂ W₁ x_t + b)^{1/temper}, at least exp(least): Yang et al. 2024,
  /// arXiv:2312.06635.
  case gated(rank: Int, temper: Double, least: Double?)
  /// S = g_t S, then S += φ(k) ⊗ β_t (v − φ(k)ᵀ S), with g_t = exp(−exp(A) softplus(w·x_t + b)) and
  /// β_t = strength · σ(w'·x_t) of each head: Yang et al. 2025, arXiv:2412.06464.
  case gatedDelta(strength: Double)
}

/// φ of linear attention, of each head by itself.
public enum FeatureMap: Sendable, Equatable {
  case elementwise(Activation)
  /// x / √(Σ x² + epsilon).
  case unitLength(epsilon: Double)
  /// relu(W x), W [d, d]: Kasai et al. 2021, arXiv:2103.13076.
  case transformerToRNN
  /// softmax of (2y, −2y) with y = W x + b: Zhang et al. 2024, arXiv:2402.04347.
  case hedgehog
  /// (W₁ x + b₁) ∘ (W₂ x + b₂).
  case product
  /// u ∘ roll_j(u) for j = 1 … order, with u = (relu(x), relu(−x)): Schlag et al. 2021, arXiv:2102.11174.
  case dpfp(order: Int)

  /// The width of φ(x) for heads of `width`.
  public func width(of width: Int) -> Int {
    switch self {
    case .elementwise, .unitLength, .transformerToRNN, .product: width
    case .hedgehog: 2 * width
    case .dpfp(let order): 2 * width * order
    }
  }
}

extension AttentionKind {
  /// Whether a token reads tokens behind it.
  var looksAhead: Bool {
    if case .linear(let linear) = self { linear.reach != .causal } else { false }
  }

  /// φ of linear attention.
  var featureMap: FeatureMap? {
    if case .linear(let linear) = self { linear.featureMap } else { nil }
  }
}

extension Architecture {
  /// The width of a layer's queries and keys after the feature map.
  public func featureWidth(_ layer: Int) -> Int {
    let width = attentionShape(layer).headWidth
    return attention[layer].featureMap?.width(of: width) ?? width
  }
}
