// LLaMA (Touvron et al. 2023), as transformers' LlamaForCausalLM saves it: rotary positions (rotate half), RMS norm,
// gated MLP, grouped keys and values. This project's softmax models are saved in this layout.

import CheckpointIO

enum LLaMA: FamilyMapping {
  static let modelTypes = ["llama"]
  static let prefixes = ["model."]

  // Defaults: transformers `LlamaConfig`.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    let width = try config.int("hidden_size", default: 4096)
    let heads = try config.int("num_attention_heads", default: 32)
    let layers = try config.int("num_hidden_layers", default: 32, in: 1...10_000)
    let headWidth =
      try config.intIfPresent("head_dim")
      ?? config.quotient(width, by: heads, keys: ("hidden_size", "num_attention_heads"))
    var biases: Set<Bias> = []
    if try config.bool("attention_bias", default: false) {
      biases.formUnion([.attentionInputs, .attentionOutput])
    }
    if try config.bool("mlp_bias", default: false) { biases.insert(.mlp) }
    return Architecture(
      family: "llama", layers: layers, modelWidth: width, heads: heads,
      keyValueHeads: try config.intIfPresent("num_key_value_heads") ?? heads, headWidth: headWidth,
      valueWidth: headWidth, mlpWidth: try config.int("intermediate_size", default: 11008),
      vocabulary: try config.int("vocab_size", default: 32000),
      attention: Array(
        repeating: .softmax(scale: 1 / Double(headWidth).squareRoot()), count: layers),
      positions: .rotary(
        Rotary(dimensions: headWidth, base: try config.ropeBase(), interleaved: false)),
      norm: .rms(epsilon: try config.double("rms_norm_eps", default: 1e-6, in: 0...1)),
      mlp: .gated(try config.activation("hidden_act", default: "silu")), arrangement: .sequential,
      biases: biases, tiedEmbeddings: try config.bool("tie_word_embeddings", default: false),
      maximumPositions: try config.int("max_position_embeddings", default: 2048))
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    TensorSource(
      tensor: parameter.replacingParts([
        "attn": "self_attn", "attn_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm",
      ]))
  }

  /// Inverse frequencies saved as buffers by older versions, and the tied copy of the embedding.
  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    tensor.hasSuffix(".rotary_emb.inv_freq")
      || (architecture.tiedEmbeddings && tensor == "lm_head.weight")
  }
}

/// LLaMA's layout with one more key, `momentum_decay`: softmax attention plus the decaying sum of past values of Dai
/// et al. 2023, arXiv:2212.10559, §5. A model type of this project's own, so that nobody computes something else.
enum MomentumLLaMA: FamilyMapping {
  static let modelTypes = ["thetascope_momentum_llama"]
  static let prefixes = LLaMA.prefixes

  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    var made = try LLaMA.architecture(from: &config)
    made.family = modelTypes[0]
    let decay = try config.double("momentum_decay", in: 0...1)
    made.attention = made.attention.map { kind in
      guard case .softmax(let scale) = kind else { return kind }
      return .momentumSoftmax(scale: scale, decay: decay)
    }
    return made
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    LLaMA.source(of: parameter, in: architecture)
  }

  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    LLaMA.mayBeUnused(tensor, in: architecture)
  }
}

extension String {
  /// The name with whole dot-separated parts replaced.
  func replacingParts(_ replacements: [String: String]) -> String {
    split(separator: ".").map { replacements[String($0)] ?? String($0) }.joined(separator: ".")
  }
}

extension ConfigReader {
  /// The rotary base: `rope_theta`, or inside `rope_parameters` as transformers 5 writes it; 10,000 otherwise.
  /// Scaled rotary positions are refused.
  mutating func ropeBase() throws -> Double {
    let scaled = { (reader: inout ConfigReader) throws in
      let key = reader.contains("type") && !reader.contains("rope_type") ? "type" : "rope_type"
      try reader.require(key, equals: "default", default: "default")
    }
    _ = try nested("rope_scaling", scaled)
    let inner = try nested("rope_parameters") { reader in
      try scaled(&reader)
      return try reader.double("rope_theta", default: 10000, in: 1...1e12)
    }
    return try inner ?? double("rope_theta", default: 10000, in: 1...1e12)
  }
}
