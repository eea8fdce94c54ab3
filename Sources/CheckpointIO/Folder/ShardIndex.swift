// model.safetensors.index.json: which shard holds which tensor. Only `weight_map` is believed, and that
// only after every shard was seen to agree; `metadata.total_size` is wrong in published checkpoints.

/// The index of a checkpoint in shards.
struct ShardIndex {
  /// Tensor to the name of its shard.
  let weightMap: JSONObject
  /// The names of the shards, sorted by their bytes.
  let shards: [String]

  init(contentsOf path: String) throws {
    func invalid(_ fact: String) -> CheckpointError { .invalidFolder(file: path, fact: fact) }

    guard let weightMap = try JSON(contentsOf: path)["weight_map"]?.objectValue, !weightMap.isEmpty
    else { throw invalid("there is no 'weight_map' that is an object of tensors and their files") }
    var shards = Set<String>()
    for (tensor, value) in weightMap {
      guard let shard = value.stringValue else {
        throw invalid(
          "tensor \(Excerpt.quoted(tensor)) is in \(value.summary), expected the name of a file")
      }
      guard !shard.isEmpty, shard != ".", shard != "..",
        !shard.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 })
      else {
        throw invalid(
          "tensor \(Excerpt.quoted(tensor)) is in \(Excerpt.quoted(shard)), which is not the name of a"
            + " file in this folder")
      }
      guard shard.hasSuffix(".safetensors") else {
        throw invalid(
          "tensor \(Excerpt.quoted(tensor)) is in \(Excerpt.quoted(shard)), expected a .safetensors file"
        )
      }
      shards.insert(shard)
    }
    self.weightMap = weightMap
    self.shards = shards.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Throws unless index and shards name the same tensors in the same files.
  static func verify(
    _ weightMap: JSONObject, _ shards: [SafetensorsFile], _ names: [String], _ path: String
  ) throws {
    for (shard, name) in zip(shards, names) {
      for tensor in shard.names {
        guard let mapped = weightMap[tensor]?.stringValue else {
          throw CheckpointError.invalidFolder(
            file: path,
            fact: "tensor \(Excerpt.quoted(tensor)) of \(Excerpt.quoted(name)) is not mentioned")
        }
        guard mapped.hasSameBytes(as: name) else {
          throw CheckpointError.invalidFolder(
            file: path,
            fact:
              "tensor \(Excerpt.quoted(tensor)) is said to be in \(Excerpt.quoted(mapped)), but it"
              + " is in \(Excerpt.quoted(name))")
        }
      }
    }
    let shardOfName = Dictionary(zip(names, shards)) { first, _ in first }
    for (tensor, value) in weightMap {
      guard let name = value.stringValue, shardOfName[name]?.contains(tensor) == true else {
        throw CheckpointError.invalidFolder(
          file: path,
          fact: "tensor \(Excerpt.quoted(tensor)) is said to be in"
            + " \(Excerpt.quoted(value.stringValue ?? "")), which does not have it")
      }
    }
  }
}
