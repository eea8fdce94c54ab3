// Mistral (Jiang et al. 2023), as transformers' MistralForCausalLM saves it: LLaMA, where a token may see a window of
// keys only.

import CheckpointIO

enum Mistral: FamilyMapping {
  static let modelTypes = ["mistral"]
  static let prefixes = ["model."]

  // Defaults: transformers `MistralConfig`.
  static func architecture(from config: inout ConfigReader) throws -> Architecture {
    var architecture = try config.llamaArchitecture(
      "mistral",
      LLaMADefaults(keyValueHeads: 8, mlpWidth: 14336, maximumPositions: 131_072))
    // Null is no window; the class has one where the key is left out.
    let window = try config.intUnlessNull("sliding_window", default: 4096)
    architecture.setWindows(Array(repeating: window, count: architecture.layers))
    return architecture
  }

  static func source(of parameter: String, in architecture: Architecture) -> TensorSource {
    .llama(parameter)
  }

  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool {
    architecture.isRotaryBufferOrTiedCopy(tensor)
  }
}
