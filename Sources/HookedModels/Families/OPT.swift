// OPT (Zhang et al. 2022), as transformers' OPTForCausalLM saves it: learned positions from row 2 on, layer norm, ReLU.
// The 350M model, which norms after the blocks and projects its embeddings, is refused.

import CheckpointIO

enum OPT: FamilyMapping {
  static let modelTypes = ["opt"]
  static let prefixes = ["model.decoder.", "decoder."]

  // Defaults: transformers `OPTConfig`; torch's LayerNorm for its epsilon.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    try config.require("do_layer_norm_before", equals: true, default: true)
    try config.require("_remove_final_layer_norm", equals: false, default: false)
    try config.require("layer_norm_elementwise_affine", equals: true, default: true)
    let width = try config.int("hidden_size", default: 768)
    let inner = try config.int("word_embed_proj_dim", default: width)
    guard inner == width else {
      throw ModelError.unsupportedValue(
        file: config.file, key: "word_embed_proj_dim", found: "\(inner)",
        supported: "hidden_size, \(width): embeddings that are not projected")
    }
    let heads = try config.int("num_attention_heads", default: 12)
    let layers = try config.int("num_hidden_layers", default: 12, in: 1...InputLimits.layers)
    let headWidth = try config.quotient(
      width, by: heads, keys: ("hidden_size", "num_attention_heads"))
    let positions = try config.int("max_position_embeddings", default: 2048)
    let isBiased = try config.bool("enable_bias", default: true)
    return Architecture(
      family: "opt", layers: layers, modelWidth: width, heads: heads, keyValueHeads: heads,
      headWidth: headWidth, valueWidth: headWidth,
      mlpWidth: try config.int("ffn_dim", default: 3072),
      vocabulary: try config.int("vocab_size", default: 50272),
      attention: Array(
        repeating: .softmax(scale: 1 / Double(headWidth).squareRoot()), count: layers),
      positions: .learned(count: positions, offset: 2), norm: .layer(epsilon: 1e-5),
      mlp: .plain(try config.activation("activation_function", default: "relu")),
      arrangement: .sequential,
      biases: isBiased ? [.attentionInputs, .attentionOutput, .mlp] : [],
      tiedEmbeddings: try config.bool("tie_word_embeddings", default: true),
      maximumPositions: positions)
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    .fairseq(parameter, finalNorm: "final_layer_norm")
  }

  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    architecture.tiedEmbeddings && tensor == "lm_head.weight"
  }
}

extension TensorSource {
  /// Where checkpoints that descend from fairseq hold a parameter: the MLP's two maps lie beside attention.
  static func fairseq(_ parameter: String, finalNorm: String) -> TensorSource {
    var parts = parameter.split(separator: ".").map(String.init)
    parts.removeAll { $0 == "mlp" }
    return TensorSource(
      tensor: parts.joined(separator: ".").replacingParts([
        "attn": "self_attn", "attn_norm": "self_attn_layer_norm", "mlp_norm": "final_layer_norm",
        "o_proj": "out_proj", "up_proj": "fc1", "down_proj": "fc2", "norm": finalNorm,
      ]))
  }
}
