// Qwen 2 and 2.5 (Yang et al. 2024) and Qwen 3 (2025), as transformers' Qwen2ForCausalLM and Qwen3ForCausalLM save them:
// LLaMA with biases of queries, keys and values (2), or with a norm of each head's queries and keys (3).

import CheckpointIO

enum Qwen: FamilyMapping {
  static let modelTypes = ["qwen2", "qwen3"]
  static let prefixes = ["model."]

  // Defaults: transformers `Qwen2Config`, `Qwen3Config`.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    let family = try config.string("model_type")
    let hasHeadNorm = family == "qwen3"
    var architecture = try config.llamaArchitecture(
      family,
      LLaMADefaults(
        keyValueHeads: 32, headWidth: hasHeadNorm ? 128 : nil, mlpWidth: 22016,
        vocabulary: 151_936, maximumPositions: 32768))
    if hasHeadNorm {
      architecture.headNorm = architecture.norm
      architecture.biases = try config.attentionBiases()
    } else {
      architecture.biases = [.attentionInputs]
    }
    var window: Int?
    if try config.bool("use_sliding_window", default: false) {
      window = try config.intUnlessNull("sliding_window", default: 4096)
    }
    let whole = try config.int("max_window_layers", default: 28, in: 0...InputLimits.layers)
    architecture.setWindows(
      try config.windows(layers: architecture.layers, window: window) { $0 >= whole })
    return architecture
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    .llama(parameter)
  }

  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    architecture.isRotaryBufferOrTiedCopy(tensor)
  }
}
