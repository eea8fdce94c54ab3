// Writes safetensors: the bytes that Python's safetensors writes for the same tensors and metadata, so that
// the order of the caller does not matter and two equal runs give equal files.

/// Writes safetensors files.
public enum SafetensorsWriter {
  /// Writes `tensors` to `path`, which appears complete or not at all.
  ///
  /// Tensors lie in the order of the reference implementation: by type, the widest first, then by name.
  /// Metadata is sorted by key. The header is padded with spaces to 8 bytes.
  /// - Throws: `CheckpointError.cannotWrite`; also for two tensors of one name.
  public static func write(
    tensors: [StoredTensor], metadata: [String: String] = [:], to path: String
  ) throws {
    let sorted = tensors.sorted { first, second in
      first.dtype == second.dtype
        ? first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
        : first.dtype.rank > second.dtype.rank
    }
    let header = try header(sorted, metadata, path)
    try AtomicFile.write(to: path) { output in
      try output.append(header)
      for tensor in sorted { try output.append(tensor.bytes) }
    }
  }

  private static func header(
    _ tensors: [StoredTensor], _ metadata: [String: String], _ path: String
  ) throws -> [UInt8] {
    var members = JSONObject()
    if !metadata.isEmpty {
      let sorted = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      members["__metadata__"] = .object(JSONObject(sorted.map { ($0.key, .string($0.value)) }))
    }
    guard tensors.count + members.count <= InputLimits.tensors else {
      throw CheckpointError.cannotWrite(
        file: path,
        fact: "it would hold \(tensors.count) tensors, the limit is \(InputLimits.tensors)")
    }
    var names = Set<String>()
    var offset = 0
    for tensor in tensors {
      guard names.insert(tensor.name).inserted, tensor.name != "__metadata__" else {
        throw CheckpointError.cannotWrite(
          file: path, fact: "a second tensor has the name \(Excerpt.quoted(tensor.name))")
      }
      let end = offset + tensor.bytes.count
      members[tensor.name] = [
        "dtype": .string(tensor.dtype.rawValue),
        "shape": .array(tensor.shape.map { .integer($0) }),
        "data_offsets": [.integer(offset), .integer(end)],
      ]
      offset = end
    }
    var text = Array(JSON.object(members).serialized(pretty: false).utf8)
    text.append(contentsOf: repeatElement(0x20, count: (8 - text.count % 8) % 8))
    guard text.count <= SafetensorsHeader.longest else {
      throw CheckpointError.cannotWrite(
        file: path,
        fact: "its header would have \(text.count) bytes, the limit is \(SafetensorsHeader.longest)"
      )
    }
    return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
  }
}

extension StorageType {
  /// The place of the type in the reference implementation's order; tensors of a higher one come first.
  fileprivate var rank: Int {
    switch self {
    case .bool: 0
    case .uint8: 1
    case .int8: 2
    case .int16: 3
    case .uint16: 4
    case .float16: 5
    case .bfloat16: 6
    case .int32: 7
    case .uint32: 8
    case .float32: 9
    case .float64: 10
    case .int64: 11
    case .uint64: 12
    }
  }
}
