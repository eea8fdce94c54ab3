// Family: one mapping from a checkpoint's config.json and tensor names to the one Transformer. A family is data:
// it computes nothing.

import CheckpointIO

/// The checkpoint families that can be loaded.
enum Family: CaseIterable {
  case gpt2, llama, linearAttention

  var mapping: any FamilyMapping.Type {
    switch self {
    case .gpt2: GPT2.self
    case .llama: LLaMA.self
    case .linearAttention: LinearAttentionFamily.self
    }
  }

  /// The family of a `model_type`.
  static func named(_ modelType: String, file: String) throws -> any FamilyMapping.Type {
    for family in allCases where family.mapping.modelTypes.contains(modelType) {
      return family.mapping
    }
    throw ModelError.unsupportedFamily(
      file: file, found: modelType, supported: allCases.flatMap(\.mapping.modelTypes).sorted())
  }
}

/// What a family says of itself.
protocol FamilyMapping {
  /// The values of `model_type` that it reads.
  static var modelTypes: [String] { get }
  /// What config.json describes, with the defaults of that class in transformers where keys are left out.
  static func architecture(from config: ConfigReader) throws -> Architecture
  /// Where a parameter lies in the checkpoint.
  static func source(of parameter: String, in architecture: Architecture) -> TensorSource
  /// Prefixes that tensor names may carry as a whole ("transformer.", "model.").
  static var prefixes: [String] { get }
  /// Whether a tensor that no parameter comes from may lie there unused: a buffer, or a tied copy.
  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool
}

/// A parameter's place in a checkpoint.
struct TensorSource: Equatable {
  var tensor: String
  /// Whether the file holds `[in, out]`, as GPT-2's Conv1D does.
  var isTransposed = false
  /// The part of the tensor's outputs that is the parameter, as (index, of how many equal parts).
  var part: (index: Int, of: Int) = (0, 1)

  static func == (left: TensorSource, right: TensorSource) -> Bool {
    left.tensor == right.tensor && left.isTransposed == right.isTransposed
      && left.part == right.part
  }
}

extension ConfigReader {
  /// A value that must be one of a few.
  func choice<Value>(_ key: String, _ found: String, among choices: [String: Value]) throws -> Value {
    guard let value = choices[found] else {
      throw ModelError.unsupportedValue(
        file: file, key: key, found: "'\(found)'",
        supported: choices.keys.sorted().joined(separator: ", "))
    }
    return value
  }

  /// Refuses a switch that would change the computation to something that is not implemented.
  func refuse(_ key: String, unless expected: Bool, default standard: Bool) throws {
    let found = try bool(key, default: standard)
    guard found == expected else {
      throw ModelError.unsupportedValue(
        file: file, key: key, found: "\(found)", supported: "\(expected)")
    }
  }

  /// The named activation functions that checkpoints use (transformers `ACT2FN`).
  func activation(_ key: String, default standard: String) throws -> Activation {
    try choice(
      key, string(key, default: standard),
      among: [
        "relu": .relu, "gelu": .gelu, "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh,
        "gelu_fast": .geluTanh, "silu": .silu, "swish": .silu,
      ])
  }
}
