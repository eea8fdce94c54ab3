// SmallFolder: checkpoint folders of the Hugging Face layout, written tensor by tensor, and damaged where a test wants
// it. The names here are the families' own, written out by hand, so that the mapping is tested and not repeated.

import CheckpointIO
import Foundation
import HookedModels
import TensorCore
import Testing

struct SmallFolder {
  let path: String
  var config: [String: Any]
  /// By name, without the prefix of the whole checkpoint.
  var tensors: [String: (shape: [Int], values: [Float])] = [:]
  var type = StorageType.float32
  var prefix = ""
  /// Tensors written in another type, or that are not floats.
  var others: [StoredTensor] = []

  private init(_ name: String, config: [String: Any], shapes: [String: [Int]]) throws {
    path = NSTemporaryDirectory() + "thetascope-\(name)-\(UUID().uuidString)"
    self.config = config
    for (name, shape) in shapes {
      var generator = SeededGenerator(key: name, seed: 5)
      let isGain = shape.count == 1 && name.hasSuffix("weight")
      tensors[name] = (
        shape,
        (0..<shape.reduce(1, *)).map { _ in Float((isGain ? 1 : 0) + 0.4 * generator.normal()) }
      )
    }
  }

  /// Two layers, width 12, 2 heads over 1 key/value head, MLP 10, vocabulary 17, tied.
  static func llama() throws -> SmallFolder {
    var shapes = ["embed_tokens.weight": [17, 12], "norm.weight": [12]]
    for layer in 0..<2 {
      let block = "layers.\(layer)"
      shapes["\(block).input_layernorm.weight"] = [12]
      shapes["\(block).self_attn.q_proj.weight"] = [12, 12]
      shapes["\(block).self_attn.k_proj.weight"] = [6, 12]
      shapes["\(block).self_attn.v_proj.weight"] = [6, 12]
      shapes["\(block).self_attn.o_proj.weight"] = [12, 12]
      shapes["\(block).post_attention_layernorm.weight"] = [12]
      shapes["\(block).mlp.gate_proj.weight"] = [10, 12]
      shapes["\(block).mlp.up_proj.weight"] = [10, 12]
      shapes["\(block).mlp.down_proj.weight"] = [12, 10]
    }
    return try SmallFolder(
      "llama",
      config: [
        "model_type": "llama", "hidden_size": 12, "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "num_hidden_layers": 2, "intermediate_size": 10, "vocab_size": 17,
        "tie_word_embeddings": true, "max_position_embeddings": 32,
      ], shapes: shapes)
  }

  /// Two layers, width 12, 2 heads, MLP 48, vocabulary 17, 20 positions.
  static func gpt2() throws -> SmallFolder {
    var shapes = [
      "wte.weight": [17, 12], "wpe.weight": [20, 12], "ln_f.weight": [12], "ln_f.bias": [12],
    ]
    for layer in 0..<2 {
      let block = "h.\(layer)"
      for norm in ["ln_1", "ln_2"] {
        shapes["\(block).\(norm).weight"] = [12]
        shapes["\(block).\(norm).bias"] = [12]
      }
      for (map, shape) in [
        ("attn.c_attn", [12, 36]), ("attn.c_proj", [12, 12]), ("mlp.c_fc", [12, 48]),
        ("mlp.c_proj", [48, 12]),
      ] {
        shapes["\(block).\(map).weight"] = shape
        shapes["\(block).\(map).bias"] = [shape[1]]
      }
    }
    return try SmallFolder(
      "gpt2",
      config: [
        "model_type": "gpt2", "n_embd": 12, "n_head": 2, "n_layer": 2, "n_positions": 20,
        "vocab_size": 17,
      ], shapes: shapes)
  }

  /// One layer of fla's linear attention, width 12, 2 heads of keys 6 and values 12, MLP 10, vocabulary 17, untied.
  static func linear() throws -> SmallFolder {
    try SmallFolder(
      "linear",
      config: [
        "model_type": "linear_attn", "hidden_size": 12, "num_heads": 2, "num_hidden_layers": 1,
        "expand_k": 1, "expand_v": 2.0, "feature_map": "elu", "intermediate_size": 10,
        "vocab_size": 17,
      ],
      shapes: [
        "embeddings.weight": [17, 12], "norm.weight": [12], "lm_head.weight": [17, 12],
        "layers.0.attn_norm.weight": [12], "layers.0.mlp_norm.weight": [12],
        "layers.0.attn.q_proj.weight": [12, 12], "layers.0.attn.k_proj.weight": [12, 12],
        "layers.0.attn.v_proj.weight": [24, 12], "layers.0.attn.o_proj.weight": [12, 24],
        "layers.0.attn.norm.weight": [12], "layers.0.mlp.gate_proj.weight": [10, 12],
        "layers.0.mlp.up_proj.weight": [10, 12], "layers.0.mlp.down_proj.weight": [12, 10],
      ])
  }

  /// Writes the folder, calls `body` with its path, and removes it.
  func written<Result>(_ body: (String) throws -> Result) throws -> Result {
    let files = FileManager.default
    try files.createDirectory(atPath: path, withIntermediateDirectories: true)
    defer { try? files.removeItem(atPath: path) }
    let data = try JSONSerialization.data(withJSONObject: config)
    try data.write(to: URL(fileURLWithPath: "\(path)/config.json"))
    let stored = tensors.map { name, tensor in
      StoredTensor(
        name: name.hasPrefix("lm_head") ? name : prefix + name, shape: tensor.shape,
        floats: tensor.values, as: type)
    }
    try SafetensorsWriter.write(tensors: stored + others, to: "\(path)/model.safetensors")
    return try body(path)
  }

  /// Logits of a few tokens.
  func logits() throws -> Tensor<Float> {
    try written { path in
      try ModelFolder(path: path).model(on: SmallModel.context)
        .run([BatchSequence<Float>(tokens: [3, 1, 4, 1, 5])], logitsAt: .all).logits
    }
  }

  /// Expects that opening the folder throws a sentence, in which FOLDER stands for its path.
  func expect(_ expected: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let said = try written { path in
      sentence { try ModelFolder(path: path) }?.replacingOccurrences(of: path, with: "FOLDER")
    }
    #expect(said == expected, sourceLocation: sourceLocation)
  }
}
