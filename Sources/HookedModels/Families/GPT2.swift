// GPT-2 (Radford et al. 2019), as transformers' GPT2LMHeadModel saves it: learned positions, layer norm,
// queries, keys and values in one Conv1D [in, 3·out], tied embeddings.

import CheckpointIO

enum GPT2: FamilyMapping {
  static let modelTypes = ["gpt2"]
  static let prefixes = ["transformer."]

  // Defaults: transformers `GPT2Config`.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    try config.require("scale_attn_by_inverse_layer_idx", equals: false, default: false)
    try config.require("add_cross_attention", equals: false, default: false)
    let width = try config.int("n_embd", default: 768)
    let heads = try config.int("n_head", default: 12)
    let layers = try config.int("n_layer", default: 12, in: 1...InputLimits.layers)
    let positions = try config.int("n_positions", default: 1024)
    let headWidth = try config.quotient(width, by: heads, keys: ("n_embd", "n_head"))
    let scaled = try config.bool("scale_attn_weights", default: true)
    let scale = scaled ? 1 / Double(headWidth).squareRoot() : 1
    return Architecture(
      family: "gpt2", layers: layers, modelWidth: width, heads: heads, keyValueHeads: heads,
      headWidth: headWidth, valueWidth: headWidth,
      mlpWidth: try config.intIfPresent("n_inner") ?? 4 * width,
      vocabulary: try config.int("vocab_size", default: 50257),
      attention: Array(repeating: .softmax(scale: scale), count: layers),
      positions: .learned(count: positions),
      norm: .layer(epsilon: try config.double("layer_norm_epsilon", default: 1e-5, in: 0...1)),
      mlp: .plain(try config.activation("activation_function", default: "gelu_new")),
      arrangement: .sequential,
      biases: [.attentionInputs, .attentionOutput, .mlp],
      tiedEmbeddings: try config.bool("tie_word_embeddings", default: true),
      maximumPositions: positions)
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    let parts = parameter.split(separator: ".").map(String.init)
    guard parts[0] == "layers" else {
      return TensorSource(
        tensor: parameter.replacingParts([
          "embed_tokens": "wte", "embed_positions": "wpe", "norm": "ln_f",
        ]))
    }
    let block = "h.\(parts[1])"
    let kind = parts[parts.count - 1]
    func matrix(_ name: String, part: (Int, Int) = (0, 1)) -> TensorSource {
      TensorSource(tensor: "\(block).\(name).\(kind)", isTransposed: kind == "weight", part: part)
    }
    switch parts.dropFirst(2).dropLast().joined(separator: ".") {
    case "attn_norm": return TensorSource(tensor: "\(block).ln_1.\(kind)")
    case "mlp_norm": return TensorSource(tensor: "\(block).ln_2.\(kind)")
    case "attn.q_proj": return matrix("attn.c_attn", part: (0, 3))
    case "attn.k_proj": return matrix("attn.c_attn", part: (1, 3))
    case "attn.v_proj": return matrix("attn.c_attn", part: (2, 3))
    case "attn.o_proj": return matrix("attn.c_proj")
    case "mlp.up_proj": return matrix("mlp.c_fc")
    default: return matrix("mlp.c_proj")
    }
  }

  /// Causal masks saved as buffers, and the tied copy of the embedding.
  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    let parts = tensor.split(separator: ".")
    return
      (parts.count == 4 && parts[0] == "h" && parts[2] == "attn"
      && (parts[3] == "bias" || parts[3] == "masked_bias"))
      || (architecture.tiedEmbeddings && tensor == "lm_head.weight")
  }
}
