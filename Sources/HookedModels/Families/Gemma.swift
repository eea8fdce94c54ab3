// Gemma 1, 2 and 3 (Mesnard et al. 2024; Riviere et al. 2024; Kamath et al. 2025), as transformers' GemmaForCausalLM,
// Gemma2ForCausalLM and Gemma3ForCausalLM (text) save them: gains of 1 + w, embeddings times √D, heads of their own
// width; 2 and 3 norm what attention and MLP add, and see a window of keys in most layers; 2 caps scores and logits;
// 3 norms each head's queries and keys and turns them faster in layers with a window.

import CheckpointIO

enum Gemma: FamilyMapping {
  static let modelTypes = ["gemma", "gemma2", "gemma3_text"]
  static let prefixes = ["model."]

  // Defaults: transformers `GemmaConfig`, `Gemma2Config`, `Gemma3TextConfig`.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    try config.require("use_bidirectional_attention", equals: false, default: false)
    switch try config.string("model_type") {
    case "gemma": return try first(&config)
    case "gemma2": return try second(&config)
    default: return try third(&config)
    }
  }

  private static func first(_ config: inout ConfigReader) throws -> Architecture {
    // The first configurations say "gelu" and mean its approximation.
    let key = config.contains("hidden_activation") ? "hidden_activation" : "hidden_act"
    var architecture = try config.llamaArchitecture(
      "gemma",
      LLaMADefaults(
        width: 3072, heads: 16, headWidth: 256, layers: 28, mlpWidth: 24576, vocabulary: 256_000,
        maximumPositions: 8192, activation: "gelu_pytorch_tanh", activationKey: key, isTied: true))
    if architecture.mlp == .gated(.gelu) { architecture.mlp = .gated(.geluTanh) }
    try complete(&architecture, &config)
    return architecture
  }

  private static func second(_ config: inout ConfigReader) throws -> Architecture {
    var architecture = try sandwich("gemma2", 256_000, 8192, &config)
    let cap = try config.doubleUnlessNull("attn_logit_softcapping", default: 50, in: 1e-3...1e6)
    architecture.logitCap = try config.doubleUnlessNull(
      "final_logit_softcapping", default: 30, in: 1e-3...1e6)
    try setAttention(&architecture, cap: cap, &config) { $0.isMultiple(of: 2) }
    return architecture
  }

  private static func third(_ config: inout ConfigReader) throws -> Architecture {
    var architecture = try sandwich("gemma3_text", 262_208, 131_072, &config)
    architecture.headNorm = architecture.norm
    let cap = try config.doubleIfPresent("attn_logit_softcapping", in: 1e-3...1e6)
    architecture.logitCap = try config.doubleIfPresent("final_logit_softcapping", in: 1e-3...1e6)
    let pattern = try config.int("sliding_window_pattern", default: 6)
    try setAttention(&architecture, cap: cap, &config) { !($0 + 1).isMultiple(of: pattern) }

    let (whole, windowed) = try turns(architecture, &config)
    architecture.positions = .rotaryByLayer(
      architecture.attention.map { kind in
        if case .softmax(_, .some, _) = kind { windowed } else { whole }
      })
    return architecture
  }

  /// How Gemma 3 turns heads in layers that see everything, and in those with a window.
  private static func turns(_ architecture: Architecture, _ config: inout ConfigReader) throws -> (
    whole: Rotary, windowed: Rotary
  ) {
    let width = architecture.headWidth
    let maximum = try config.int("max_position_embeddings", default: 131_072)
    let far = RotaryDefaults(base: 1_000_000)
    let both = try config.nested("rope_parameters") { reader in
      (
        whole: try reader.nested("full_attention") {
          try $0.rotaryParameters(width, maximum, far)
        },
        windowed: try reader.nested("sliding_attention") {
          try $0.rotaryParameters(width, maximum, RotaryDefaults())
        }
      )
    }
    if let whole = both?.whole, let windowed = both?.windowed { return (whole, windowed) }
    let near = try config.double("rope_local_base_freq", default: 10_000, in: 1...1e12)
    return (
      try config.rotary(headWidth: width, maximum: maximum, defaults: far),
      Rotary(dimensions: width, base: near, interleaved: false)
    )
  }

  /// What 2 and 3 have in common.
  private static func sandwich(
    _ family: String, _ vocabulary: Int, _ maximum: Int, _ config: inout ConfigReader
  ) throws -> Architecture {
    var architecture = try config.llamaArchitecture(
      family,
      LLaMADefaults(
        width: 2304, heads: 8, keyValueHeads: 4, headWidth: 256, layers: 26, mlpWidth: 9216,
        vocabulary: vocabulary, maximumPositions: maximum, activation: "gelu_pytorch_tanh",
        activationKey: "hidden_activation", isTied: true))
    architecture.arrangement = .sandwich
    try complete(&architecture, &config)
    return architecture
  }

  /// What all three have.
  private static func complete(_ architecture: inout Architecture, _ config: inout ConfigReader)
    throws
  {
    if case .rms(let epsilon) = architecture.norm {
      architecture.norm = .rmsOnePlus(epsilon: epsilon)
    }
    architecture.embeddingScale = Double(architecture.modelWidth).squareRoot()
    architecture.biases = try config.attentionBiases()
  }

  private static func setAttention(
    _ architecture: inout Architecture, cap: Double?, _ config: inout ConfigReader,
    isWindowed: (Int) -> Bool
  ) throws {
    let scalar = try config.double("query_pre_attn_scalar", default: 256, in: 1e-6...1e9)
    let window = try config.intUnlessNull("sliding_window", default: 4096)
    let windows = try config.windows(
      layers: architecture.layers, window: window, isWindowed: isWindowed)
    architecture.attention = windows.map {
      .softmax(scale: 1 / scalar.squareRoot(), window: $0, cap: cap)
    }
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    guard architecture.arrangement == .sandwich else { return .llama(parameter) }
    return TensorSource(
      tensor: parameter.replacingParts([
        "attn": "self_attn", "attn_norm": "input_layernorm",
        "attn_post_norm": "post_attention_layernorm", "mlp_norm": "pre_feedforward_layernorm",
        "mlp_post_norm": "post_feedforward_layernorm",
      ]))
  }

  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    architecture.isRotaryBufferOrTiedCopy(tensor)
  }
}
