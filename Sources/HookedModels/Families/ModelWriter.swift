// ModelWriter: saves a model as a Hugging Face folder, in the layouts that this project trains: LLaMA's for softmax
// attention, flash-linear-attention's for linear attention.

import CheckpointIO
import TensorCore

extension Transformer {
  /// Writes config.json and model.safetensors into a folder that exists.
  ///
  /// - Parameters:
  ///   - folder: where the two files go; others in it stay.
  ///   - type: what the weights are rounded to.
  ///   - tokens: the special tokens that config.json names.
  /// - Throws: `ModelError.unsupportedFamily` for a family that is only read, `.unsupportedValue` for an architecture
  ///   that its layout cannot say, `CheckpointError` when writing fails.
  public func save(to folder: String, as type: ElementType, tokens: SpecialTokens) throws {
    let family = try Families.named(architecture.family, file: folder)
    guard let config = family.config(of: architecture, type: type, tokens: tokens) else {
      throw ModelError.unsupportedFamily(
        file: folder, found: architecture.family,
        supported: Families.all.filter { $0.isWritten }.flatMap { $0.modelTypes })
    }
    // What is written must be what will be read.
    let file = "\(folder)/config.json"
    var reader = try ConfigReader(json: .object(config), file: file)
    guard try family.architecture(from: &reader) == architecture else {
      throw ModelError.unsupportedValue(
        file: file, key: "the architecture", found: "another than \(name)'s",
        supported: "what the layout of \(architecture.family) can say")
    }
    let tensors = parameters.map { parameter in
      let name = family.source(of: parameter.name, in: architecture).tensor
      return StoredTensor(
        name: name.hasPrefix("lm_head") ? name : "model.\(name)", parameter.tensor().converted(),
        as: type.storageType)
    }
    try SafetensorsWriter.write(
      tensors: tensors, metadata: ["format": "pt"], to: "\(folder)/model.safetensors")
    let text = JSON.object(config).serialized(pretty: true) + "\n"
    try AtomicFile.write(text, to: file)
  }
}

/// Ids that config.json names; nil where there is no such token.
public struct SpecialTokens: Sendable, Equatable {
  /// The id of the beginning token.
  public var beginning: Int?
  /// The id of the end token.
  public var end: Int?

  public init(beginning: Int?, end: Int?) {
    self.beginning = beginning
    self.end = end
  }
}

extension FamilyMapping {
  static var isWritten: Bool { false }

  static func config(of architecture: Architecture, type: ElementType, tokens: SpecialTokens)
    -> JSONObject?
  {
    nil
  }

  /// Keys that both written layouts have.
  static func commonConfig(
    _ architecture: Architecture, _ type: ElementType, _ tokens: SpecialTokens
  )
    -> [(String, JSON)]
  {
    [
      ("bos_token_id", tokens.beginning.map { .integer($0) } ?? .null),
      ("eos_token_id", tokens.end.map { .integer($0) } ?? .null), ("pad_token_id", .null),
      ("hidden_size", .integer(architecture.modelWidth)),
      ("intermediate_size", .integer(architecture.mlpWidth)),
      ("num_hidden_layers", .integer(architecture.layers)),
      ("vocab_size", .integer(architecture.vocabulary)),
      ("tie_word_embeddings", .boolean(architecture.tiedEmbeddings)),
      (
        "torch_dtype",
        .string(type == .bfloat16 ? "bfloat16" : type == .float16 ? "float16" : "float32")
      ),
    ]
  }

  static func epsilon(of architecture: Architecture) -> JSON {
    switch architecture.norm {
    case .rms(let epsilon), .rmsOnePlus(let epsilon), .layer(let epsilon): .number(epsilon)
    case .none: .null
    }
  }
}

extension LLaMA {
  static let isWritten = true

  static func config(of architecture: Architecture, type: ElementType, tokens: SpecialTokens)
    -> JSONObject?
  {
    JSONObject(
      [
        ("architectures", ["LlamaForCausalLM"]), ("model_type", "llama"),
        ("num_attention_heads", .integer(architecture.heads)),
        ("num_key_value_heads", .integer(architecture.keyValueHeads)),
        ("head_dim", .integer(architecture.headWidth)), ("hidden_act", "silu"),
        ("max_position_embeddings", architecture.maximumPositions.map { .integer($0) } ?? .null),
        ("rms_norm_eps", epsilon(of: architecture)), ("attention_bias", false), ("mlp_bias", false),
        ("rope_theta", architecture.positions.rotary(layer: 0).map { .number($0.base) } ?? .null),
      ] + commonConfig(architecture, type, tokens))
  }
}

extension MomentumLLaMA {
  static let isWritten = true

  static func config(of architecture: Architecture, type: ElementType, tokens: SpecialTokens)
    -> JSONObject?
  {
    var members = LLaMA.config(of: architecture, type: type, tokens: tokens)
    members?["architectures"] = ["ThetascopeMomentumForCausalLM"]
    members?["model_type"] = .string(architecture.family)
    members?["momentum_decay"] = architecture.attention.first?.momentum.map { .number($0) } ?? .null
    return members
  }
}

extension LinearAttentionFamily {
  static let isWritten = true

  static func config(of architecture: Architecture, type: ElementType, tokens: SpecialTokens)
    -> JSONObject?
  {
    guard case .linear(let kind) = architecture.attention.first,
      case .fixed(let decays) = kind.update
    else { return nil }
    let map: JSON =
      switch kind.featureMap {
      case .elementwise(.eluPlusOne): "elu"
      case .elementwise(.relu): "relu"
      default: "identity"
      }
    func expansion(_ headWidth: Int) -> JSON {
      .number(Double(architecture.heads * headWidth) / Double(architecture.modelWidth))
    }
    let isNormed = kind.outputNorm != .none
    return JSONObject(
      [
        ("architectures", ["ThetascopeLinearAttentionForCausalLM"]),
        ("model_type", .string(architecture.family)), ("num_heads", .integer(architecture.heads)),
        ("num_kv_heads", .integer(architecture.keyValueHeads)),
        ("expand_k", expansion(architecture.headWidth)),
        ("expand_v", expansion(architecture.valueWidth)), ("feature_map", map),
        ("norm_feature_map", .boolean(kind.normalised)), ("norm_q", false), ("norm_k", false),
        ("decay", .array(decays.map { .number($0) })),
        ("rope_theta", architecture.positions.rotary(layer: 0).map { .number($0.base) } ?? .null),
        ("momentum", kind.momentum.map { .number($0) } ?? .null),
        ("output_norm", isNormed ? "rmsnorm" : "identity"), ("elementwise_affine", true),
        ("hidden_act", "swish"), ("max_position_embeddings", .null),
        ("norm_eps", epsilon(of: architecture)),
      ] + commonConfig(architecture, type, tokens))
  }
}
