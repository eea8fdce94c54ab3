// Gated delta networks (Yang et al. 2025, arXiv:2412.06464), as flash-linear-attention saves them: short convolutions,
// queries and keys of unit length, a state that forgets by a gate of each head and writes by the delta rule.

import CheckpointIO
import TensorCore

enum GatedDeltaNet: FamilyMapping {
  static let modelTypes = ["gated_deltanet"]
  static let prefixes = ["model."]

  // Defaults: fla `GatedDeltaNetConfig`, 0.6.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    let heads = try config.int("num_heads", default: 6)
    let keyWidth = try config.int("head_dim", default: 256)
    let valueHeads = try config.intIfPresent("num_v_heads") ?? heads
    guard valueHeads == heads else {
      throw ModelError.unsupportedValue(
        file: config.file, key: "num_v_heads", found: "\(valueHeads)",
        supported: "as many as num_heads, \(heads)")
    }
    // Without the convolutions fla still puts a SiLU after the projections, which this house has no place for.
    try config.require("use_short_conv", equals: true, default: true)
    let isGated = try config.bool("use_gate", default: true)
    let gate: Activation = try config.choice(
      "output_gate_activation", default: "swish",
      among: ["swish": .silu, "silu": .silu, "sigmoid": .logistic])
    let valueWidth = Double(keyWidth) * (try config.double("expand_v", default: 2, in: 0.01...64))
    guard valueWidth == valueWidth.rounded(), valueWidth >= 1 else {
      throw ModelError.unsupportedValue(
        file: config.file, key: "expand_v", found: "a value width of \(valueWidth)",
        supported: "a whole one")
    }
    let kind = LinearAttention(
      featureMap: .unitLength(epsilon: 1e-6), scale: 1 / Double(keyWidth).squareRoot(),
      update: .gatedDelta(strength: try config.bool("allow_neg_eigval", default: false) ? 2 : 1),
      normalised: false,
      outputNorm: .rms(
        epsilon: try config.double("norm_eps", default: 1e-6, in: 0...1), gain: true),
      outputGate: isGated ? gate : nil,
      convolution: try config.int("conv_size", default: 4, in: 2...64))
    return try FlashLinearAttention.architecture(
      from: &config, family: "gated_deltanet", kind: kind,
      shape: AttentionShape(
        heads: heads, keyValueHeads: heads, headWidth: keyWidth, valueWidth: Int(valueWidth),
        rotary: nil, inputBias: false), layers: 21)
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    FlashLinearAttention.source(of: parameter, norm: "o_norm")
  }

  /// The tied copy of the embedding, and the rotary frequencies of softmax layers.
  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    tensor.hasSuffix(".rotary.inv_freq")
      || (architecture.tiedEmbeddings && tensor == "lm_head.weight")
  }
}
