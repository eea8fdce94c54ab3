// What the families of flash-linear-attention share: the keys around the attention, softmax layers among the linear
// ones, and the names of tensors. Defaults: the configuration classes of fla 0.6.

import CheckpointIO
import TensorCore

enum FlashLinearAttention {
  /// The architecture around one kind of linear attention.
  ///
  /// - Parameters:
  ///   - shape: of the linear layers.
  ///   - layers, ratio: the class's defaults of `num_hidden_layers` and `hidden_ratio`.
  static func architecture(
    from config: inout ConfigReader, family: String, kind: LinearAttention, shape: AttentionShape,
    layers standard: Int = 24, ratio: Double = 4
  ) throws -> Architecture {
    guard !config.contains("attnres_block_size") else {
      throw ModelError.unsupportedValue(
        file: config.file, key: "attnres_block_size", found: "set", supported: "null")
    }
    let width = try config.int("hidden_size", default: 2048)
    let layers = try config.int("num_hidden_layers", default: standard, in: 1...InputLimits.layers)
    let epsilon = try config.double("norm_eps", default: 1e-6, in: 0...1)
    var made = Architecture(
      family: family, layers: layers, modelWidth: width, heads: shape.heads,
      keyValueHeads: shape.keyValueHeads, headWidth: shape.headWidth, valueWidth: shape.valueWidth,
      mlpWidth: try config.intIfPresent("intermediate_size")
        ?? config.gatedMLPWidth(width, ratio: ratio),
      vocabulary: try config.int("vocab_size", default: 32000),
      attention: Array(repeating: .linear(kind), count: layers),
      positions: shape.rotary.map { .rotary($0) } ?? .none, norm: .rms(epsilon: epsilon),
      mlp: .gated(
        try config.choice("hidden_act", default: "swish", among: ["swish": .silu, "silu": .silu])),
      arrangement: .sequential, biases: [],
      tiedEmbeddings: try config.bool("tie_word_embeddings", default: false),
      maximumPositions: nil)
    try config.nested("attn") { try softmaxLayers(&$0, into: &made) }
    return made
  }

  /// Layers of ordinary attention among the linear ones.
  private static func softmaxLayers(
    _ config: inout ConfigReader, into architecture: inout Architecture
  ) throws {
    let heads = try config.int("num_heads")
    let headWidth = try config.quotient(
      architecture.modelWidth, by: heads, keys: ("hidden_size", "attn.num_heads"))
    // A token's own key is one of them, as in fla's `(window_size - 1, 0)` for flash-attention.
    let window = try config.intIfPresent("window_size")
    let shape = AttentionShape(
      heads: heads, keyValueHeads: try config.intIfPresent("num_kv_heads") ?? heads,
      headWidth: headWidth, valueWidth: headWidth,
      rotary: Rotary(
        dimensions: headWidth, base: try config.double("rope_theta", default: 10000, in: 1...1e12),
        interleaved: false), inputBias: try config.bool("qkv_bias", default: false))
    for layer in try config.ints("layers", in: 0...architecture.layers - 1) {
      architecture.attention[layer] = .softmax(
        scale: 1 / Double(headWidth).squareRoot(), window: window)
      architecture.attentionShapes[layer] = shape
    }
  }

  /// Where a parameter lies in the families whose norm is fused with the gate behind it, where both are there.
  static func source(of parameter: String, gatedNormIn architecture: Architecture) -> TensorSource {
    let isGated = architecture.attention.contains { kind in
      if case .linear(let linear) = kind { linear.outputGate != nil } else { false }
    }
    return isGated
      ? source(of: parameter, norm: "g_norm_swish_gate", otherwise: "g_norm")
      : source(of: parameter, norm: "g_norm")
  }

  /// Where a parameter lies.
  ///
  /// - Parameters:
  ///   - norm: what the family calls the norm of the outputs.
  ///   - otherwise: what it calls it where the norm is not fused with its gate.
  static func source(of parameter: String, norm: String, otherwise: String? = nil) -> TensorSource {
    let isConvolution = parameter.hasSuffix("_conv.weight")
    func named(_ norm: String) -> String {
      let name = parameter.replacingParts([
        "embed_tokens": "embeddings", "q_conv": "q_conv1d", "k_conv": "k_conv1d",
        "v_conv": "v_conv1d", "decay_down": "gk_proj.0", "decay_up": "gk_proj.1",
        "decay_proj": "a_proj", "decay_bias": "dt_bias", "decay_rate": "A_log",
        "strength_proj": "b_proj",
      ])
      let inAttention = name.contains(".attn.")
      return inAttention
        ? name.replacingParts(["norm": norm, "gate_proj": "g_proj"]) : name
    }
    return TensorSource(
      tensor: named(norm), otherwise: otherwise.map(named), hasUnitAxis: isConvolution)
  }
}

extension ConfigReader {
  /// The width of a head from a family's expansion of the model's width.
  mutating func headWidth(_ key: String, _ standard: Double, of width: Int, heads: Int) throws
    -> Int
  {
    let expansion = try double(key, default: standard, in: 0.01...64)
    return try quotient(
      Int((Double(width) * expansion).rounded()), by: heads, keys: (key, "num_heads"))
  }

  /// fla's GatedMLP: two thirds of ratio · width, rounded up to a multiple of 256.
  fileprivate mutating func gatedMLPWidth(_ width: Int, ratio: Double) throws -> Int {
    let wanted = Int(
      Double(width) * (try double("hidden_ratio", default: ratio, in: 0.01...1024)) * 2 / 3)
    return (wanted + 255) / 256 * 256
  }
}
