// Linear attention in flash-linear-attention's layout (fla/models/linear_attn). `linear_attn` is fla's own;
// `thetascope_linear_attn` has the same keys and tensors and three more keys that fla would ignore and
// compute something else: decay (a number a head), rope_theta, output_norm.

import CheckpointIO

enum LinearAttentionFamily: FamilyMapping {
  static let modelTypes = ["linear_attn", "thetascope_linear_attn"]
  static let prefixes = ["model."]

  // Defaults: fla `LinearAttentionConfig`, 0.6.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    for key in ["norm_q", "norm_k"] { try config.require(key, equals: false, default: false) }
    for key in ["attn", "attnres_block_size"] where config.contains(key) {
      throw ModelError.unsupportedValue(
        file: config.file, key: key, found: "set", supported: "null (no hybrid layers)")
    }
    let isOurs = try config.string("model_type") == "thetascope_linear_attn"
    let width = try config.int("hidden_size", default: 2048)
    let heads = try config.int("num_heads", default: 4)
    let layers = try config.int("num_hidden_layers", default: 24, in: 1...10_000)
    func headWidth(_ expansion: Double, _ key: String) throws -> Int {
      try config.quotient(
        Int((Double(width) * expansion).rounded()), by: heads, keys: (key, "num_heads"))
    }
    let keyWidth = try headWidth(config.double("expand_k", default: 1, in: 0.01...64), "expand_k")
    let valueWidth = try headWidth(config.double("expand_v", default: 1, in: 0.01...64), "expand_v")
    let epsilon = try config.double("norm_eps", default: 1e-6, in: 0...1)
    let gain = try config.bool("elementwise_affine", default: true)
    let decays = isOurs ? try config.doublesIfPresent("decay") : nil
    if let decays, decays.count != heads || !decays.allSatisfy({ $0 > 0 && $0 <= 1 }) {
      throw ModelError.unsupportedValue(
        file: config.file, key: "decay", found: "\(decays)",
        supported: "\(heads) numbers in (0, 1], one a head")
    }
    let norm =
      try !isOurs
      || config.choice(
        "output_norm", default: "rmsnorm", among: ["rmsnorm": true, "identity": false])
    let kind = LinearAttention(
      featureMap: try config.choice(
        "feature_map", default: "elementwise_product",
        among: ["identity": .identity, "relu": .relu, "elu": .eluPlusOne]),
      scale: 1 / Double(keyWidth).squareRoot(),
      decays: decays ?? Array(repeating: 1, count: heads),
      normalised: try config.bool("norm_feature_map", default: false),
      outputNorm: norm ? .rms(epsilon: epsilon, gain: gain) : .none)
    let base = isOurs ? try config.doubleIfPresent("rope_theta", in: 1...1e12) : nil
    return Architecture(
      family: isOurs ? "thetascope_linear_attn" : "linear_attn", layers: layers, modelWidth: width,
      heads: heads, keyValueHeads: try config.intIfPresent("num_kv_heads") ?? heads,
      headWidth: keyWidth, valueWidth: valueWidth,
      mlpWidth: try config.intIfPresent("intermediate_size") ?? defaultMLPWidth(&config, width),
      vocabulary: try config.int("vocab_size", default: 32000),
      attention: Array(repeating: .linear(kind), count: layers),
      positions: base.map {
        .rotary(Rotary(dimensions: keyWidth, base: $0, interleaved: false))
      } ?? .none, norm: .rms(epsilon: epsilon),
      mlp: .gated(try config.activation("hidden_act", default: "swish")), arrangement: .sequential,
      biases: [], tiedEmbeddings: try config.bool("tie_word_embeddings", default: false),
      maximumPositions: nil)
  }

  /// fla's GatedMLP: two thirds of ratio · width, rounded up to a multiple of 256.
  private static func defaultMLPWidth(_ config: inout ConfigReader, _ width: Int) throws -> Int {
    let wanted = Int(
      Double(width) * (try config.double("hidden_ratio", default: 4, in: 0.01...1024)) * 2 / 3)
    return (wanted + 255) / 256 * 256
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    TensorSource(tensor: parameter.replacingParts(["embed_tokens": "embeddings"]))
  }

  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    architecture.tiedEmbeddings && tensor == "lm_head.weight"
  }
}
