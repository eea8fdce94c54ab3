// Linear attention in flash-linear-attention's layout (fla/models/linear_attn). `linear_attn` is fla's own;
// `thetascope_linear_attn` has the same keys and tensors and four more keys that fla would ignore and
// compute something else: decay (a number a head), rope_theta, output_norm, momentum (Dai et al. 2023, §5).

import CheckpointIO

enum LinearAttentionFamily: FamilyMapping {
  static let modelTypes = ["linear_attn", "thetascope_linear_attn"]
  static let prefixes = ["model."]

  // Defaults: fla `LinearAttentionConfig`, 0.6.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    let isOurs = try config.string("model_type") == "thetascope_linear_attn"
    let width = try config.int("hidden_size", default: 2048)
    let heads = try config.int("num_heads", default: 4)
    let keyWidth = try config.headWidth("expand_k", 1, of: width, heads: heads)
    let valueWidth = try config.headWidth("expand_v", 1, of: width, heads: heads)
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
    let map = try config.choice(
      "feature_map", default: "elementwise_product",
      among: [
        "identity": FeatureMap.elementwise(.identity), "relu": .elementwise(.relu),
        "elu": .elementwise(.eluPlusOne), "elementwise_product": .product, "hedgehog": .hedgehog,
        "t2r": .transformerToRNN, "dpfp": .dpfp(order: 4),
      ])
    if !map.maps.isEmpty {
      try config.require("tie_feature_map_qk", equals: false, default: false)
    }
    var kind = LinearAttention(
      featureMap: map, scale: 1 / Double(map.width(of: keyWidth)).squareRoot(),
      update: .fixed(decays: decays ?? Array(repeating: 1, count: heads)),
      normalised: try config.bool("norm_feature_map", default: false),
      outputNorm: norm ? .rms(epsilon: epsilon, gain: gain) : .none)
    kind.queriesSumToOne = try config.bool("norm_q", default: false)
    kind.keysSumToOne = try config.bool("norm_k", default: false)
    if isOurs { kind.momentum = try config.doubleIfPresent("momentum", in: 0...1) }
    let base = isOurs ? try config.doubleIfPresent("rope_theta", in: 1...1e12) : nil
    return try FlashLinearAttention.architecture(
      from: &config, family: isOurs ? "thetascope_linear_attn" : "linear_attn", kind: kind,
      shape: AttentionShape(
        heads: heads, keyValueHeads: try config.intIfPresent("num_kv_heads") ?? heads,
        headWidth: keyWidth, valueWidth: valueWidth,
        rotary: base.map { Rotary(dimensions: keyWidth, base: $0, interleaved: false) },
        inputBias: false))
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    FlashLinearAttention.source(of: parameter, norm: "norm")
  }

  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    architecture.tiedEmbeddings && tensor == "lm_head.weight"
  }
}
