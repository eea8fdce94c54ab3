// LLaMA (Touvron et al. 2023; 2, 3 and 3.1 alike), as transformers' LlamaForCausalLM saves it: rotary positions (rotate
// half), RMS norm, gated MLP, grouped keys and values. This project's softmax models are saved in this layout.

import CheckpointIO

enum LLaMA: FamilyMapping {
  static let modelTypes = ["llama"]
  static let prefixes = ["model."]

  // Defaults: transformers `LlamaConfig`.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    var architecture = try config.llamaArchitecture("llama", LLaMADefaults())
    architecture.biases = try config.attentionBiases()
    if try config.bool("mlp_bias", default: false) { architecture.biases.insert(.mlp) }
    return architecture
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    .llama(parameter)
  }

  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    architecture.isRotaryBufferOrTiedCopy(tensor)
  }
}

/// What the class of a descendant of LLaMA takes where config.json is silent.
struct LLaMADefaults {
  var width = 4096
  var heads = 32
  /// Nil for as many as heads.
  var keyValueHeads: Int?
  /// Nil for width / heads.
  var headWidth: Int?
  var layers = 32
  var mlpWidth = 11008
  var vocabulary = 32000
  var maximumPositions = 2048
  var activation = "silu"
  var activationKey = "hidden_act"
  var isTied = false
}

extension ConfigReader {
  /// What LLaMA and its descendants have in common, without biases or windows.
  mutating func llamaArchitecture(_ family: String, _ defaults: LLaMADefaults) throws
    -> Architecture
  {
    let width = try int("hidden_size", default: defaults.width)
    let heads = try int("num_attention_heads", default: defaults.heads)
    let layers = try int("num_hidden_layers", default: defaults.layers, in: 1...InputLimits.layers)
    let headWidth =
      try intIfPresent("head_dim") ?? defaults.headWidth
      ?? quotient(width, by: heads, keys: ("hidden_size", "num_attention_heads"))
    let maximum = try int("max_position_embeddings", default: defaults.maximumPositions)
    return Architecture(
      family: family, layers: layers, modelWidth: width, heads: heads,
      keyValueHeads: try intIfPresent("num_key_value_heads") ?? defaults.keyValueHeads ?? heads,
      headWidth: headWidth, valueWidth: headWidth,
      mlpWidth: try int("intermediate_size", default: defaults.mlpWidth),
      vocabulary: try int("vocab_size", default: defaults.vocabulary),
      attention: Array(
        repeating: .softmax(scale: 1 / Double(headWidth).squareRoot()), count: layers),
      positions: .rotary(try rotary(headWidth: headWidth, maximum: maximum)),
      norm: .rms(epsilon: try double("rms_norm_eps", default: 1e-6, in: 0...1)),
      mlp: .gated(try activation(defaults.activationKey, default: defaults.activation)),
      arrangement: .sequential, biases: [],
      tiedEmbeddings: try bool("tie_word_embeddings", default: defaults.isTied),
      maximumPositions: maximum)
  }

  /// `attention_bias`, which speaks of all four projections.
  mutating func attentionBiases() throws -> Set<Bias> {
    try bool("attention_bias", default: false) ? [.attentionInputs, .attentionOutput] : []
  }
}

extension TensorSource {
  /// Where LLaMA and its descendants hold a parameter.
  static func llama(_ parameter: String) -> TensorSource {
    TensorSource(
      tensor: parameter.replacingParts([
        "attn": "self_attn", "attn_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm",
      ]))
  }
}

extension Architecture {
  /// Inverse frequencies saved as buffers by older versions, and the tied copy of the embedding.
  func isRotaryBufferOrTiedCopy(_ tensor: String) -> Bool {
    tensor.hasSuffix(".rotary_emb.inv_freq") || (tiedEmbeddings && tensor == "lm_head.weight")
  }

  /// The same attention, with windows in some layers.
  mutating func setWindows(_ windows: [Int?]) {
    attention = zip(attention, windows).map { kind, window in
      guard case .softmax(let scale, _, let cap) = kind else { return kind }
      return .softmax(scale: scale, window: window, cap: cap)
    }
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
      guard case .softmax(let scale, _, _) = kind else { return kind }
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
