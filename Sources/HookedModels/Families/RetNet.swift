// RetNet (Sun et al. 2023, arXiv:2307.08621), as flash-linear-attention saves it: rotary positions, one fixed decay a
// head, a root-mean-square norm of each head and an output gate.

import CheckpointIO
import TensorCore

enum RetNet: FamilyMapping {
  static let modelTypes = ["retnet"]
  static let prefixes = ["model."]

  // Defaults: fla `RetNetConfig`, 0.6. Its short convolutions are never built: the model does not pass the key on.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    guard !config.contains("feature_map") else {
      throw ModelError.unsupportedValue(
        file: config.file, key: "feature_map", found: "set", supported: "null")
    }
    let width = try config.int("hidden_size", default: 2048)
    let heads = try config.int("num_heads", default: 8)
    let keyWidth = try config.headWidth("expand_k", 1, of: width, heads: heads)
    let kind = LinearAttention(
      featureMap: .elementwise(.identity), scale: 1 / Double(keyWidth).squareRoot(),
      update: .fixed(
        decays: (0..<heads).map { 1 - Double(sign: .plus, exponent: -5 - $0, significand: 1) }),
      normalised: false,
      outputNorm: .rms(
        epsilon: try config.double("norm_eps", default: 1e-6, in: 0...1),
        gain: try config.bool("elementwise_affine", default: true)),
      outputGate: try config.bool("use_output_gate", default: true) ? .silu : nil)
    return try FlashLinearAttention.architecture(
      from: &config, family: "retnet", kind: kind,
      shape: AttentionShape(
        heads: heads, keyValueHeads: try config.intIfPresent("num_kv_heads") ?? heads,
        headWidth: keyWidth,
        valueWidth: try config.headWidth("expand_v", 2, of: width, heads: heads),
        rotary: Rotary(dimensions: keyWidth, base: 10000, interleaved: false), inputBias: false),
      ratio: 2)
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    FlashLinearAttention.source(of: parameter, gatedNormIn: architecture)
  }

  /// The tied copy of the embedding, and the rotary frequencies.
  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    tensor.hasSuffix(".rotary.inv_freq")
      || (architecture.tiedEmbeddings && tensor == "lm_head.weight")
  }
}
