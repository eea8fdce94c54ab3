// Family: one mapping from a checkpoint's config.json and tensor names to the one Transformer. A family is data:
// it computes nothing.

import CheckpointIO
import TensorCore

/// The checkpoint families that can be loaded.
enum Families {
  static let all: [any FamilyMapping.Type] = [
    GPT2.self, GPTJ.self, GPTNeoX.self, OPT.self, XGLM.self, Phi.self, LLaMA.self, Mistral.self,
    Qwen.self, Gemma.self, MomentumLLaMA.self, LinearAttentionFamily.self, RetNet.self,
    GatedLinearAttention.self, GatedDeltaNet.self,
  ]

  /// The family of a `model_type`.
  static func named(_ modelType: String, file: String) throws -> any FamilyMapping.Type {
    for family in all where family.modelTypes.contains(modelType) { return family }
    let supported = all.flatMap { $0.modelTypes }.sorted()
    throw ModelError.unsupportedFamily(file: file, found: modelType, supported: supported)
  }
}

extension Architecture {
  /// What a config.json describes, of any family.
  ///
  /// - Throws: `CheckpointError` and `ModelError` for a family or a value that is not supported.
  package init(reading config: inout ConfigReader) throws {
    let family = try Families.named(config.string("model_type"), file: config.file)
    self = try family.architecture(from: &config)
    try verify(file: config.file)
  }

  /// Where a parameter lies in a checkpoint of this architecture's family: the tensor's name without the prefix of the
  /// whole checkpoint, which part of its outputs, in how many groups its outputs lie, and whether it is `[in, out]`.
  package func checkpointSource(of parameter: String) throws -> (
    tensor: String, part: Int, groups: Int, isTransposed: Bool
  ) {
    let source = try Families.named(family, file: family).source(of: parameter, in: self)
    return (source.tensor, source.part.index, source.groups, source.isTransposed)
  }
}

/// What a family says of itself.
protocol FamilyMapping: SendableMetatype {
  /// The values of `model_type` that it reads.
  static var modelTypes: [String] { get }
  /// What config.json describes, with the defaults of that class in transformers where keys are left out.
  static func architecture(from config: inout ConfigReader) throws -> Architecture
  /// Where a parameter lies in the checkpoint.
  static func source(of parameter: String, in architecture: Architecture) -> TensorSource
  /// Prefixes that tensor names may carry as a whole ("transformer.", "model.").
  static var prefixes: [String] { get }
  /// Whether a tensor that no parameter comes from may lie there unused: a buffer, or a tied copy.
  static func mayBeUnused(_ tensor: String, in architecture: Architecture) -> Bool
  /// Whether models of this family are written, and what their config.json says.
  static var isWritten: Bool { get }
  static func config(of architecture: Architecture, type: ElementType, tokens: SpecialTokens)
    -> JSONObject?
}

/// A parameter's place in a checkpoint.
struct TensorSource: Equatable {
  var tensor: String
  /// Another name that some checkpoints of the family give it.
  var otherwise: String?
  /// Whether the file holds `[in, out]`, as GPT-2's Conv1D does.
  var isTransposed = false
  /// The part of the tensor's outputs that is the parameter, as (index, of how many equal parts).
  var part: (index: Int, of: Int) = (0, 1)
  /// Whether the file holds `[out, 1, in]`, as a convolution of single channels is.
  var hasUnitAxis = false
  /// Outputs lie in so many equal groups, each with its own share of every part: GPT-NeoX has a head's queries, keys
  /// and values beside each other.
  var groups = 1

  static func == (left: TensorSource, right: TensorSource) -> Bool {
    left.tensor == right.tensor && left.isTransposed == right.isTransposed
      && left.part == right.part && left.otherwise == right.otherwise
      && left.hasUnitAxis == right.hasUnitAxis && left.groups == right.groups
  }
}

extension ConfigReader {
  /// The named activation functions that checkpoints use (transformers `ACT2FN`).
  mutating func activation(_ key: String, default standard: String) throws -> Activation {
    try choice(
      key, default: standard,
      among: [
        "relu": .relu, "gelu": .gelu, "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh,
        "gelu_fast": .geluTanh, "silu": .silu, "swish": .silu,
      ])
  }

  /// `total / parts`, which must come out even.
  func quotient(_ total: Int, by parts: Int, keys: (String, String)) throws -> Int {
    guard total % parts == 0 else {
      throw ModelError.unsupportedValue(
        file: file, key: keys.0, found: "\(total)", supported: "a multiple of \(keys.1), \(parts)")
    }
    return total / parts
  }
}
