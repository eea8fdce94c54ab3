// GPT-NeoX (Black et al. 2022) and Pythia (Biderman et al. 2023), as transformers' GPTNeoXForCausalLM saves them:
// attention and MLP side by side, each behind its own norm, rotary positions in part of each head, queries, keys and
// values in one matrix, head by head.

import CheckpointIO

enum GPTNeoX: FamilyMapping {
  static let modelTypes = ["gpt_neox"]
  static let prefixes = ["gpt_neox."]

  // Defaults: transformers `GPTNeoXConfig`.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    let width = try config.int("hidden_size", default: 6144)
    let heads = try config.int("num_attention_heads", default: 64)
    let layers = try config.int("num_hidden_layers", default: 44, in: 1...InputLimits.layers)
    let headWidth = try config.quotient(
      width, by: heads, keys: ("hidden_size", "num_attention_heads"))
    let maximum = try config.int("max_position_embeddings", default: 2048)
    let defaults = RotaryDefaults(
      baseKey: "rotary_emb_base", fraction: 0.25, fractionKey: "rotary_pct")
    var biases: Set<Bias> = [.mlp]
    if try config.bool("attention_bias", default: true) {
      biases.formUnion([.attentionInputs, .attentionOutput])
    }
    return Architecture(
      family: "gpt_neox", layers: layers, modelWidth: width, heads: heads, keyValueHeads: heads,
      headWidth: headWidth, valueWidth: headWidth,
      mlpWidth: try config.int("intermediate_size", default: 24576),
      vocabulary: try config.int("vocab_size", default: 50432),
      attention: Array(
        repeating: .softmax(scale: 1 / Double(headWidth).squareRoot()), count: layers),
      positions: .rotary(
        try config.rotary(headWidth: headWidth, maximum: maximum, defaults: defaults)),
      norm: .layer(epsilon: try config.double("layer_norm_eps", default: 1e-5, in: 0...1)),
      mlp: .plain(try config.activation("hidden_act", default: "gelu")),
      arrangement: try config.bool("use_parallel_residual", default: true)
        ? .parallel : .sequential,
      biases: biases, tiedEmbeddings: try config.bool("tie_word_embeddings", default: false),
      maximumPositions: maximum)
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    var source = TensorSource(
      tensor: parameter.replacingParts([
        "embed_tokens": "embed_in", "lm_head": "embed_out", "norm": "final_layer_norm",
        "attn": "attention", "attn_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm",
        "q_proj": "query_key_value", "k_proj": "query_key_value", "v_proj": "query_key_value",
        "o_proj": "dense", "up_proj": "dense_h_to_4h", "down_proj": "dense_4h_to_h",
      ]))
    for (index, name) in [".q_proj.", ".k_proj.", ".v_proj."].enumerated()
    where parameter.contains(name) {
      source.part = (index, 3)
      source.groups = architecture.heads
    }
    return source
  }

  /// Causal masks and inverse frequencies saved as buffers, and the tied copy of the embedding.
  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    [".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq"]
      .contains { tensor.hasSuffix($0) }
      || (architecture.tiedEmbeddings && tensor == "embed_out.weight")
  }
}
