// GPT-J (Wang & Komatsuzaki 2021), as transformers' GPTJForCausalLM saves it: attention and MLP side by side behind one
// norm, rotary positions that pair neighbours in part of each head, a biased unembedding.

import CheckpointIO

enum GPTJ: FamilyMapping {
  static let modelTypes = ["gptj"]
  static let prefixes = ["transformer."]

  // Defaults: transformers `GPTJConfig`.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    let width = try config.int("n_embd", default: 4096)
    let heads = try config.int("n_head", default: 16)
    let layers = try config.int("n_layer", default: 28, in: 1...InputLimits.layers)
    let headWidth = try config.quotient(width, by: heads, keys: ("n_embd", "n_head"))
    return Architecture(
      family: "gptj", layers: layers, modelWidth: width, heads: heads, keyValueHeads: heads,
      headWidth: headWidth, valueWidth: headWidth,
      mlpWidth: try config.intIfPresent("n_inner") ?? 4 * width,
      vocabulary: try config.int("vocab_size", default: 50400),
      attention: Array(
        repeating: .softmax(scale: 1 / Double(headWidth).squareRoot()), count: layers),
      positions: .rotary(
        Rotary(
          dimensions: try config.int("rotary_dim", default: 64), base: 10_000, interleaved: true)),
      norm: .layer(epsilon: try config.double("layer_norm_epsilon", default: 1e-5, in: 0...1)),
      mlp: .plain(try config.activation("activation_function", default: "gelu_new")),
      arrangement: .parallelSharedNorm, biases: [.mlp, .unembedding],
      tiedEmbeddings: try config.bool("tie_word_embeddings", default: false),
      maximumPositions: try config.int("n_positions", default: 2048))
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    TensorSource(
      tensor: parameter.replacingParts([
        "layers": "h", "attn_norm": "ln_1", "o_proj": "out_proj", "up_proj": "fc_in",
        "down_proj": "fc_out", "embed_tokens": "wte", "norm": "ln_f",
      ]))
  }

  /// Causal masks saved as buffers, and the tied copy of the embedding.
  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    [".attn.bias", ".attn.masked_bias", ".attn.embed_positions"].contains { tensor.hasSuffix($0) }
      || (architecture.tiedEmbeddings && tensor == "lm_head.weight")
  }
}
