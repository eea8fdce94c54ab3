// Gated linear attention (Yang et al. 2024, arXiv:2312.06635), as flash-linear-attention saves it: every element of the
// state's rows forgets by a gate that a low-rank projection of the token makes.

import CheckpointIO
import TensorCore

enum GatedLinearAttention: FamilyMapping {
  static let modelTypes = ["gla"]
  static let prefixes = ["model."]

  // Defaults: fla `GLAConfig`, 0.6; the rank and the temper of the gate are its layer's, which no key changes.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    let width = try config.int("hidden_size", default: 2048)
    let heads = try config.int("num_heads", default: 4)
    let keyWidth = try config.headWidth("expand_k", 0.5, of: width, heads: heads)
    let map: Activation =
      config.contains("feature_map")
      ? try config.choice(
        "feature_map", among: ["relu": .relu, "sigmoid": .logistic, "silu": .silu, "swish": .silu])
      : .identity
    let kind = LinearAttention(
      featureMap: .elementwise(map), scale: 1 / Double(keyWidth).squareRoot(),
      update: .gated(rank: 16, temper: 16, least: try config.doubleIfPresent("clamp_min")),
      normalised: false,
      outputNorm: .rms(
        epsilon: try config.double("norm_eps", default: 1e-6, in: 0...1),
        gain: try config.bool("elementwise_affine", default: true)),
      outputGate: try config.bool("use_output_gate", default: true) ? .silu : nil,
      convolution: try config.bool("use_short_conv", default: false)
        ? config.int("conv_size", default: 4, in: 2...64) : nil)
    return try FlashLinearAttention.architecture(
      from: &config, family: "gla", kind: kind,
      shape: AttentionShape(
        heads: heads, keyValueHeads: try config.intIfPresent("num_kv_heads") ?? heads,
        headWidth: keyWidth,
        valueWidth: try config.headWidth("expand_v", 1, of: width, heads: heads), rotary: nil,
        inputBias: false))
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    FlashLinearAttention.source(of: parameter, gatedNormIn: architecture)
  }

  /// The tied copy of the embedding, and the rotary frequencies of softmax layers.
  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    tensor.hasSuffix(".rotary.inv_freq")
      || (architecture.tiedEmbeddings && tensor == "lm_head.weight")
  }
}
