// Phi 1, 1.5 and 2 (Gunasekar et al. 2023; Li et al. 2023), as transformers' PhiForCausalLM saves them: attention and
// MLP side by side behind one norm, rotary positions in part of each head, biases everywhere, in the unembedding too.

import CheckpointIO

enum Phi: FamilyMapping {
  static let modelTypes = ["phi"]
  static let prefixes = ["model."]

  // Defaults: transformers `PhiConfig`.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    try config.require("qk_layernorm", equals: false, default: false)
    let width = try config.int("hidden_size", default: 2048)
    let heads = try config.int("num_attention_heads", default: 32)
    let layers = try config.int("num_hidden_layers", default: 24, in: 1...InputLimits.layers)
    let headWidth = try config.quotient(
      width, by: heads, keys: ("hidden_size", "num_attention_heads"))
    let maximum = try config.int("max_position_embeddings", default: 2048)
    return Architecture(
      family: "phi", layers: layers, modelWidth: width, heads: heads,
      keyValueHeads: try config.intIfPresent("num_key_value_heads") ?? heads, headWidth: headWidth,
      valueWidth: headWidth, mlpWidth: try config.int("intermediate_size", default: 8192),
      vocabulary: try config.int("vocab_size", default: 51200),
      attention: Array(
        repeating: .softmax(scale: 1 / Double(headWidth).squareRoot()), count: layers),
      positions: .rotary(
        try config.rotary(
          headWidth: headWidth, maximum: maximum, defaults: RotaryDefaults(fraction: 0.5))),
      norm: .layer(epsilon: try config.double("layer_norm_eps", default: 1e-5, in: 0...1)),
      mlp: .plain(try config.activation("hidden_act", default: "gelu_new")),
      arrangement: .parallelSharedNorm, biases: Set(Bias.allCases),
      tiedEmbeddings: try config.bool("tie_word_embeddings", default: false),
      maximumPositions: maximum)
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    TensorSource(
      tensor: parameter.replacingParts([
        "attn": "self_attn", "attn_norm": "input_layernorm", "o_proj": "dense", "up_proj": "fc1",
        "down_proj": "fc2", "norm": "final_layernorm",
      ]))
  }

  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    architecture.isRotaryBufferOrTiedCopy(tensor)
  }
}
