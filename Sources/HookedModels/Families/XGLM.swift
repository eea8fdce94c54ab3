// XGLM (Lin et al. 2021) and the fairseq-dense models (Artetxe et al. 2021), as transformers' XGLMForCausalLM saves
// them: sinusoidal positions counted from 2, embeddings times √D, layer norm.

import CheckpointIO

enum XGLM: FamilyMapping {
  static let modelTypes = ["xglm"]
  static let prefixes = ["model."]

  // Defaults: transformers `XGLMConfig`; torch's LayerNorm for its epsilon.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    try config.require("add_cross_attention", equals: false, default: false)
    let width = try config.int("d_model", default: 1024)
    let heads = try config.int("attention_heads", default: 16)
    let layers = try config.int("num_layers", default: 24, in: 1...InputLimits.layers)
    let headWidth = try config.quotient(width, by: heads, keys: ("d_model", "attention_heads"))
    let isScaled = try config.bool("scale_embedding", default: true)
    return Architecture(
      family: "xglm", layers: layers, modelWidth: width, heads: heads, keyValueHeads: heads,
      headWidth: headWidth, valueWidth: headWidth,
      mlpWidth: try config.int("ffn_dim", default: 4096),
      vocabulary: try config.int("vocab_size", default: 256_008),
      attention: Array(
        repeating: .softmax(scale: 1 / Double(headWidth).squareRoot()), count: layers),
      positions: .sinusoidal(offset: 2), norm: .layer(epsilon: 1e-5),
      mlp: .plain(try config.activation("activation_function", default: "gelu")),
      arrangement: .sequential, biases: [.attentionInputs, .attentionOutput, .mlp],
      embeddingScale: isScaled ? Double(width).squareRoot() : 1,
      tiedEmbeddings: try config.bool("tie_word_embeddings", default: true),
      maximumPositions: try config.int("max_position_embeddings", default: 2048))
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    .fairseq(parameter, finalNorm: "layer_norm")
  }

  /// The table of positions, which older versions saved, and the tied copy of the embedding.
  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    tensor == "embed_positions.weights"
      || (architecture.tiedEmbeddings && tensor == "lm_head.weight")
  }
}
