// A checkpoint folder in Hugging Face layout: config.json and safetensors, in one file or in shards.
// What the tensors and the configuration mean is not known here: a model family knows that.
// Symbolic links are followed (Hugging Face's cache is made of them); names that an index gives are not
// allowed to leave the folder by themselves.

/// The files of one checkpoint, opened: headers are read and verified, weights only mapped.
public struct CheckpointFolder: TensorFile {
  /// The folder.
  public let path: String
  /// The contents of config.json.
  public let config: JSON
  /// The contents of generation_config.json, if it is there.
  public let generationConfig: JSON?
  /// The files of weights, sorted by name.
  public let shards: [SafetensorsFile]
  /// The names of all tensors, by shard, in the order of their data.
  public let names: [String]
  /// Everything a checkpoint's digest must cover, in a fixed order: names relative to `path`.
  public let files: [String]
  private let shardOfTensor: [String: Int]

  private static let single = "model.safetensors"
  private static let index = "model.safetensors.index.json"

  /// Opens the folder. `model.safetensors` is taken where it exists, else the shards of
  /// `model.safetensors.index.json`, as transformers does.
  ///
  /// - Throws: `CheckpointError.missing` for a folder without config.json or weights,
  ///   `.invalidFolder` for an index and shards that disagree, and for weights in pickles only.
  public init(path: String) throws {
    switch FileReading.kind(of: path) {
    case .folder: break
    case .absent:
      throw CheckpointError.missing(file: path, fact: Self.absence(of: path))
    case .file:
      throw CheckpointError.missing(
        file: path, fact: "this is a file, expected a folder with config.json and model.safetensors"
      )
    }
    func present(_ name: String) -> Bool { FileReading.kind(of: "\(path)/\(name)") != .absent }

    var files: [String] = []
    guard present("config.json") else {
      throw try Self.nothingThere("config.json", path)
    }
    config = try Self.object("config.json", path)
    files.append("config.json")
    if present("generation_config.json") {
      generationConfig = try Self.object("generation_config.json", path)
      files.append("generation_config.json")
    } else {
      generationConfig = nil
    }

    let shardNames: [String]
    var weightMap: JSONObject?
    if present(Self.single) {
      shardNames = [Self.single]
    } else if present(Self.index) {
      let index = try ShardIndex(contentsOf: "\(path)/\(Self.index)")
      weightMap = index.weightMap
      shardNames = index.shards
      files.append(Self.index)
    } else {
      throw try Self.nothingThere("model.safetensors", path)
    }
    var shards: [SafetensorsFile] = []
    var shardOfTensor: [String: Int] = [:]
    for (position, name) in shardNames.enumerated() {
      if !present(name) {
        throw CheckpointError.missing(
          file: "\(path)/\(name)", fact: "there is no such file, but \(Self.index) names it")
      }
      let shard = try SafetensorsFile(path: "\(path)/\(name)")
      for tensor in shard.names {
        guard shardOfTensor.updateValue(position, forKey: tensor) == nil else {
          throw CheckpointError.invalidFolder(
            file: shard.path,
            fact: "tensor \(Excerpt.quoted(tensor)) is also in another of the shards")
        }
      }
      shards.append(shard)
    }
    if let weightMap {
      try ShardIndex.verify(weightMap, shards, shardNames, "\(path)/\(Self.index)")
    }
    self.path = path
    self.shards = shards
    self.shardOfTensor = shardOfTensor
    self.files = files + shardNames
    names = shards.flatMap(\.names)
  }

  /// Whether any shard has a tensor of that name.
  public func contains(_ name: String) -> Bool { shardOfTensor[name] != nil }

  /// The tensor of that name, in whichever shard it lies.
  ///
  /// - Throws: `CheckpointError.missingTensor`.
  public func tensor(named name: String) throws -> TensorView {
    guard let shard = shardOfTensor[name] else {
      throw CheckpointError.missingTensor(file: path, tensor: name)
    }
    return try shards[shard].tensor(named: name)
  }

  /// A reader of config.json.
  public func configReader() throws -> ConfigReader {
    try ConfigReader(json: config, file: "\(path)/config.json")
  }

  /// Throws when a file of weights was changed since it was opened.
  public func verifyUnchanged() throws {
    for shard in shards { try shard.verifyUnchanged() }
  }

  private static func object(_ name: String, _ path: String) throws -> JSON {
    let file = "\(path)/\(name)"
    let json = try JSON(contentsOf: file)
    guard json.objectValue != nil else {
      throw CheckpointError.invalidFolder(
        file: file, fact: "the document is \(json.summary), expected an object")
    }
    return json
  }

  /// What to say where there is no folder: what lies beside it, or how a model of a hub becomes one.
  private static func absence(of path: String) -> String {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let parent = parts.count > 1 ? parts.dropLast().joined(separator: "/") : "."
    let models = ((try? FileReading.names(in: parent)) ?? []).filter {
      FileReading.kind(of: "\(parent)/\($0)/config.json") == .file
    }
    var sentence = "there is no such folder, and nothing is downloaded here"
    if !models.isEmpty {
      sentence +=
        "; \(parent) has "
        + models.prefix(8).map { Excerpt.quoted($0, limit: 40) }.joined(separator: ", ")
        + (models.count > 8 ? ", …" : "")
    }
    if parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && !$0.hasPrefix(".") }) {
      sentence +=
        "; a model of the Hugging Face hub becomes a folder with: "
        + "hf download \(path) --local-dir \(parts.last ?? "model")"
    }
    return sentence
  }

  /// What to say of a folder without `name`.
  private static func nothingThere(_ name: String, _ path: String) throws -> CheckpointError {
    let names = try FileReading.names(in: path)
    if name == single, let pickle = Pickle(among: names) {
      return .invalidFolder(
        file: path,
        fact:
          "the weights are in \(Excerpt.quoted(pickle.example)), a pickle, which is not read here"
          + " because a pickle can run code; this command, run in that folder, makes \(single) of it:"
          + " \(pickle.conversion)")
    }
    let shown = names.prefix(8).map { Excerpt.quoted($0, limit: 40) }.joined(separator: ", ")
    return .missing(
      file: path,
      fact: "there is no \(name); a checkpoint folder holds config.json, tokenizer.json and either"
        + " \(single) or \(index) with its shards; this one holds "
        + (names.isEmpty ? "nothing" : shown + (names.count > 8 ? ", …" : ""))
        + (name == single
          ? "; the weights of a gated model come only after its terms are accepted, and those of a clone with git-lfs"
          : ""))
  }
}

/// Weights in PyTorch's own format, and how to convert them.
private struct Pickle {
  let example: String
  let conversion: String

  init?(among names: [String]) {
    // What a trainer leaves beside the weights.
    let others = ["training_args", "optimizer", "scheduler", "rng_state", "scaler"]
    let candidates = names.filter { name in !others.contains { name.hasPrefix($0) } }
    for (prefix, suffix) in [("pytorch_model", ".bin"), ("", ".bin"), ("", ".pt"), ("", ".pth")] {
      let match = candidates.first { $0.hasPrefix(prefix) && $0.hasSuffix(suffix) }
      if let match {
        example = match
        conversion =
          "python3 -c \"import glob, torch; from safetensors.torch import save_file; d = {};"
          + " [d.update(torch.load(f, map_location='cpu', weights_only=True))"
          + " for f in sorted(glob.glob('\(prefix)*\(suffix)'))];"
          + " save_file({k: v.clone().contiguous() for k, v in d.items()}, 'model.safetensors',"
          + " {'format': 'pt'})\""
        return
      }
    }
    return nil
  }
}
