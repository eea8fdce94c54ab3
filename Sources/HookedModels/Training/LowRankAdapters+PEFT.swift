// LowRankAdapters+PEFT: adapters as a folder that the package peft loads onto the same checkpoint.

import CheckpointIO
import TensorCore

extension LowRankAdapters {
  /// Writes adapter_config.json and adapter_model.safetensors (f32) into a folder that exists.
  ///
  /// - Parameters:
  ///   - folder: where the two files go; others in it stay.
  ///   - model: what the adapters were made for; its name becomes `base_model_name_or_path`.
  /// - Throws: `ModelError.unsupportedValue` for a matrix that the checkpoint does not hold by itself, such as the queries of
  ///   GPT-2's fused projection; `CheckpointError` when writing fails.
  public func save(to folder: String, of model: Transformer<Scalar>) throws {
    let file = "\(folder)/adapter_config.json"
    let modules = try model.architecture.modules(ofAdapted: matrices, file: file)
    var stored: [StoredTensor] = []
    for (name, module) in zip(matrices, modules) {
      for (key, kind) in [(Self.a(name), "lora_A"), (Self.b(name), "lora_B")] {
        guard let tensor = tensors[key] else { preconditionFailure("\(name) has no adapter") }
        stored.append(
          StoredTensor(
            name: "base_model.model.\(module).\(kind).weight", tensor.converted(), as: .float32))
      }
    }
    try SafetensorsWriter.write(
      tensors: stored, metadata: ["format": "pt"], to: "\(folder)/adapter_model.safetensors")
    let config: JSON = [
      "base_model_name_or_path": .string(model.name), "bias": "none", "fan_in_fan_out": false,
      "inference_mode": true, "lora_alpha": .number(alpha), "lora_dropout": .number(0),
      "peft_type": "LORA", "r": .integer(rank),
      "target_modules": .array(modules.map { .string($0) }),
      "task_type": "CAUSAL_LM",
    ]
    try AtomicFile.write(config.serialized(pretty: true) + "\n", to: file)
  }
}

extension Architecture {
  /// The checkpoint's modules that adapters of some matrices belong to, as peft names them.
  ///
  /// - Parameters:
  ///   - matrices: canonical names.
  ///   - file: what the error speaks of.
  /// - Throws: `ModelError.unsupportedValue` for a matrix that the checkpoint does not hold by itself.
  public func modules(ofAdapted matrices: [String], file: String) throws -> [String] {
    let family = try Families.named(family, file: file)
    return try matrices.map { name in
      let source = family.source(of: name, in: self)
      guard source.part.of == 1, source.groups == 1, !source.isTransposed else {
        throw ModelError.unsupportedValue(
          file: file, key: "target_modules", found: "a part of \(source.tensor)",
          supported: "matrices that the checkpoint holds by themselves")
      }
      return (family.prefixes.first ?? "") + source.tensor.dropLast(".weight".count)
    }
  }
}
