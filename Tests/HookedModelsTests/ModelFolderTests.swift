// Opening checkpoint folders: what is read, and the sentence for everything that does not fit.

import CheckpointIO
import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct ModelFolderTests {
  static let all: [@Sendable () throws -> SmallFolder] = [
    { try .llama() }, { try .gpt2() }, { try .linear() },
  ]

  // MARK: What is read

  @Test(arguments: [0, 1, 2]) func prefixesOfNamesDoNotMatter(_ family: Int) throws {
    var folder = try Self.all[family]()
    let plain = try folder.logits()
    #expect(plain.shape == [5, 17] && plain.values.allSatisfy(\.isFinite))
    folder.prefix = family == 1 ? "transformer." : "model."
    #expect(bitDifference(try folder.logits(), plain) == nil)
  }

  /// Weights in 16 bits give the bits of a folder that holds the rounded numbers in f32.
  @Test(arguments: [0, 1, 2], [StorageType.float16, .bfloat16])
  func sixteenBitWeights(_ family: Int, _ type: StorageType) throws {
    var folder = try Self.all[family]()
    let exact = try folder.logits()
    folder.type = type
    let stored = try folder.logits()
    for (name, tensor) in folder.tensors {
      folder.tensors[name]?.values = tensor.values.map {
        type == .float16
          ? Float(Float16($0))
          : Float(bitPattern: ($0.bitPattern + 0x7fff + ($0.bitPattern >> 16 & 1)) & 0xffff_0000)
      }
    }
    folder.type = .float32
    #expect(bitDifference(try folder.logits(), stored) == nil)
    #expect(bitDifference(exact, stored) != nil)
  }

  @Test func buffersThatMayLieThereUnused() throws {
    var llama = try SmallFolder.llama()
    let plain = try llama.logits()
    llama.tensors["layers.0.self_attn.rotary_emb.inv_freq"] = ([3], [1, 2, 3])
    llama.tensors["lm_head.weight"] = llama.tensors["embed_tokens.weight"]
    #expect(bitDifference(try llama.logits(), plain) == nil)
    var gpt2 = try SmallFolder.gpt2()
    let other = try gpt2.logits()
    gpt2.tensors["h.0.attn.bias"] = ([1, 1, 20, 20], Array(repeating: 1, count: 400))
    gpt2.tensors["h.1.attn.masked_bias"] = ([], [-1e4])
    gpt2.tensors["lm_head.weight"] = gpt2.tensors["wte.weight"]
    #expect(bitDifference(try gpt2.logits(), other) == nil)
  }

  @Test func anUntiedHeadIsUsed() throws {
    var folder = try SmallFolder.llama()
    let tied = try folder.logits()
    folder.config["tie_word_embeddings"] = false
    try folder.expect(
      "FOLDER: tensor 'lm_head.weight' of shape [17, 12] is missing among the 20 present; the "
        + "checkpoint is incomplete or of another architecture than its config.json says")
    folder.tensors["lm_head.weight"] = folder.tensors["embed_tokens.weight"]
    #expect(bitDifference(try folder.logits(), tied) == nil)
    folder.tensors["lm_head.weight"]?.values[0] += 1
    #expect(bitDifference(try folder.logits(), tied) != nil)
  }

  @Test func defaultsAreListed() throws {
    let folder = try SmallFolder.llama()
    try folder.written { path in
      let opened = try ModelFolder(path: path)
      #expect(opened.defaultsUsed["rope_theta"] == .number(10000))
      #expect(opened.defaultsUsed["rms_norm_eps"] == .number(1e-6))
      #expect(opened.defaultsUsed["hidden_act"] == "silu")
      #expect(opened.defaultsUsed["hidden_size"] == nil)
      #expect(opened.architecture.maximumPositions == 32)
      #expect(opened.files == ["config.json", "model.safetensors"])
    }
  }

  /// Old and new spellings of the rotary base.
  @Test func rotaryBases() throws {
    var folder = try SmallFolder.llama()
    let standard = try folder.logits()
    folder.config["rope_theta"] = 500.0
    let written = try folder.logits()
    #expect(bitDifference(written, standard) != nil)
    folder.config["rope_theta"] = nil
    folder.config["rope_parameters"] =
      ["rope_type": "default", "rope_theta": 500.0] as [String: any Sendable]
    #expect(bitDifference(try folder.logits(), written) == nil)
  }

  // MARK: What is refused

  @Test func tensorsThatDoNotFit() throws {
    var folder = try SmallFolder.llama()
    folder.tensors["layers.1.self_attn.k_proj.weight"] = nil
    try folder.expect(
      "FOLDER: tensor 'layers.1.self_attn.k_proj.weight' of shape [6, 12] is missing among the 19 "
        + "present; the checkpoint is incomplete or of another architecture than its config.json says"
    )
    folder = try .llama()
    folder.tensors["layers.1.self_attn.k_proj.weight"]?.shape = [12, 6]
    try folder.expect(
      "FOLDER/model.safetensors: tensor 'layers.1.self_attn.k_proj.weight' has shape [12, 6], "
        + "expected [6, 12]")
    folder = try .gpt2()
    folder.tensors["h.0.attn.c_attn.weight"]?.shape = [36, 12]
    try folder.expect(
      "FOLDER/model.safetensors: tensor 'h.0.attn.c_attn.weight' has shape [36, 12], expected "
        + "[12, 36]")
    folder = try .llama()
    folder.prefix = "model."
    folder.tensors["norm.weight"] = nil
    for (type, name) in [(StorageType.int64, "I64"), (.uint8, "U8")] {
      folder.others = [
        StoredTensor(name: "model.norm.weight", shape: [12], integers: Array(0..<12), as: type)
      ]
      try folder.expect(
        "FOLDER/model.safetensors: tensor 'model.norm.weight' has type \(name), expected F32, F16 "
          + "or BF16; quantised checkpoints are not supported")
    }
  }

  @Test func tensorsThatNobodyUses() throws {
    var folder = try SmallFolder.llama()
    folder.tensors["layers.2.mlp.up_proj.weight"] = ([1], [0])
    try folder.expect(
      "FOLDER: 1 tensor would not be used: layers.2.mlp.up_proj.weight; the checkpoint is of "
        + "another architecture than its config.json says")
    for index in 3..<9 { folder.tensors["layers.\(index).mlp.up_proj.weight"] = ([1], [0]) }
    try folder.expect(
      "FOLDER: 7 tensors would not be used: layers.2.mlp.up_proj.weight, "
        + "layers.3.mlp.up_proj.weight, layers.4.mlp.up_proj.weight, layers.5.mlp.up_proj.weight, "
        + "layers.6.mlp.up_proj.weight, …; the checkpoint is of another architecture than its "
        + "config.json says")
    folder = try .gpt2()
    folder.others = [StoredTensor(name: "transformer.wpe.weight", shape: [1], floats: [0])]
    try folder.expect(
      "FOLDER: tensor 'wpe.weight' is there twice, also as 'transformer.wpe.weight'")
  }

  @Test func configurationsOfOtherModels() throws {
    var folder = try SmallFolder.llama()
    folder.config["model_type"] = "mamba"
    try folder.expect(
      "FOLDER/config.json: model_type 'mamba' is not supported; supported are gated_deltanet, "
        + "gemma, gemma2, gemma3_text, gla, gpt2, gpt_neox, gptj, linear_attn, llama, mistral, opt, "
        + "phi, qwen2, qwen3, retnet, thetascope_linear_attn, thetascope_momentum_llama, xglm")
    folder.config["model_type"] = nil
    try folder.expect(
      "FOLDER/config.json: 'model_type' is absent, expected a string")
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let family: Int
    let key: String
    let value: any Sendable
    let says: String
    init(_ family: Int, _ key: String, _ value: any Sendable, _ says: String) {
      (self.family, self.key, self.value, self.says) = (family, key, value, says)
    }
    var testDescription: String { "\(key) = \(value)" }
  }

  static let activations =
    "expected one of 'relu', 'gelu', 'gelu_new', 'gelu_pytorch_tanh', 'gelu_fast', 'silu', 'swish'"

  static let refusals = [
    Refusal(0, "hidden_act", "gelu_10", "'hidden_act' is the string 'gelu_10', \(activations)"),
    Refusal(
      1, "activation_function", "mish", "'activation_function' is the string 'mish', \(activations)"
    ),
    Refusal(
      0, "rope_scaling", ["rope_type": "llama3", "factor": 8.0] as [String: any Sendable],
      "'rope_scaling.low_freq_factor' is absent, expected a number from 1e-06 to 1000000.0"
    ),
    Refusal(
      0, "rope_scaling", ["type": "linear", "factor": 0.5] as [String: any Sendable],
      "'rope_scaling.factor' is the number 0.5, expected a number from 1.0 to 1000000.0"
    ),
    Refusal(
      0, "rope_parameters", ["rope_type": "yarn", "rope_theta": 1e4] as [String: any Sendable],
      "'rope_parameters.factor' is absent, expected a number from 1.0 to 1000000.0"
    ),
    Refusal(
      0, "rope_theta", -1.5,
      "'rope_theta' is the number -1.5, expected a number from 1.0 to 1000000000000.0"),
    Refusal(
      0, "hidden_size", 0,
      "'hidden_size' is the integer 0, expected an integer from 1 to 2147483647"),
    Refusal(
      0, "hidden_size", "12",
      "'hidden_size' is the string '12', expected an integer from 1 to 2147483647"),
    Refusal(
      0, "num_attention_heads", 5,
      "hidden_size is 12, which is not supported; supported: a multiple of "
        + "num_attention_heads, 5"),
    Refusal(
      1, "n_head", 5, "n_embd is 12, which is not supported; supported: a multiple of n_head, 5"),
    Refusal(
      0, "num_key_value_heads", 3,
      "the number of key/value heads is 3, which is not supported; supported: a divisor of the 2 heads"
    ),
    Refusal(
      0, "head_dim", 7,
      "the number of a head's dimensions that turn is 7, which is not supported; supported: an even "
        + "number up to the head's width, 7, for rotary positions"),
    Refusal(
      0, "num_hidden_layers", 2_147_483_647,
      "'num_hidden_layers' is the integer 2147483647, expected an integer from 1 to 10000"),
    Refusal(
      1, "n_layer", 100_000, "'n_layer' is the integer 100000, expected an integer from 1 to 10000"),
    Refusal(
      0, "rms_norm_eps", -1e-6,
      "'rms_norm_eps' is the number -1e-06, expected a number from 0.0 to 1.0"),
    Refusal(
      1, "scale_attn_by_inverse_layer_idx", true,
      "'scale_attn_by_inverse_layer_idx' is the boolean true, expected false, the only value that is supported"
    ),
    Refusal(
      1, "add_cross_attention", true,
      "'add_cross_attention' is the boolean true, expected false, the only value that is supported"),
    Refusal(
      2, "feature_map", "taylor",
      "'feature_map' is the string 'taylor', expected one of 'identity', 'relu', 'elu', "
        + "'elementwise_product', 'hedgehog', 't2r', 'dpfp'"),
    Refusal(
      2, "attn", ["layers": [0]] as [String: any Sendable],
      "'attn.num_heads' is absent, expected an integer from 1 to 2147483647"),
    Refusal(
      2, "attn", ["layers": [1], "num_heads": 2] as [String: any Sendable],
      "'attn.layers' is an array of 1, expected integers from 0 to 0"),
    Refusal(
      2, "attn", ["layers": [0], "num_heads": 2, "window_size": 0] as [String: any Sendable],
      "'attn.window_size' is the integer 0, expected an integer from 1 to 2147483647"),
    Refusal(
      2, "attnres_block_size", 2,
      "attnres_block_size is set, which is not supported; supported: null"),
    Refusal(
      2, "expand_k", 0.02,
      "the width of a head is 0, which is not supported; supported: 1 or more"),
    Refusal(
      2, "expand_v", 1e300, "'expand_v' is the number 1e+300, expected a number from 0.01 to 64.0"),
    Refusal(
      2, "num_heads", 5,
      "expand_k is 12, which is not supported; supported: a multiple of num_heads, 5"),
  ]

  @Test(arguments: refusals) func valuesThatAreNotSupported(_ refusal: Refusal) throws {
    var folder = try Self.all[refusal.family]()
    folder.config[refusal.key] = refusal.value
    try folder.expect(
      "FOLDER/config.json: \(refusal.says)")
  }

  @Test func ourLinearAttention() throws {
    var folder = try SmallFolder.linear()
    let plain = try folder.logits()
    folder.config["decay"] = [0.5, 1.0]
    // fla would ignore the key; so does the family that is fla's.
    #expect(bitDifference(try folder.logits(), plain) == nil)
    folder.config["model_type"] = "thetascope_linear_attn"
    #expect(bitDifference(try folder.logits(), plain) != nil)
    for decay in [[0.5], [0.5, 1.5], [0, 1]] as [[Double]] {
      folder.config["decay"] = decay
      try folder.expect(
        "FOLDER/config.json: decay is \(decay), which is not supported; supported: 2 numbers in (0, 1], "
          + "one a head")
    }
    folder.config["decay"] = nil
    folder.config["rope_theta"] = -3.5
    try folder.expect(
      "FOLDER/config.json: 'rope_theta' is the number -3.5, expected a number from 1.0 to 1000000000000.0"
    )
    folder.config["rope_theta"] = nil
    folder.config["intermediate_size"] = nil
    folder.config["hidden_ratio"] = 1e300
    try folder.expect(
      "FOLDER/config.json: 'hidden_ratio' is the number 1e+300, expected a number from 0.01 to 1024.0"
    )
  }

  @Test func foldersThatAreNone() {
    #expect(
      sentence { try ModelFolder(path: "/nowhere/at/all") }
        == "/nowhere/at/all: there is no such folder, and nothing is downloaded here")
  }
}
