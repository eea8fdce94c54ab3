// A safetensors file, opened: its header is read and verified, its data only mapped.

/// A safetensors file.
public struct SafetensorsFile: TensorFile {
  /// The file.
  public let path: String
  /// The names of all tensors, in the order of their data.
  public let names: [String]
  /// The text under `__metadata__`.
  public let metadata: [String: String]
  private let views: [String: TensorView]
  private let mapping: MappedFile

  /// Opens the file and verifies its whole header.
  ///
  /// - Throws: `CheckpointError.invalidSafetensors` for a header that is not exactly as the format asks;
  ///   `.missing` and `.unreadable`.
  public init(path: String) throws {
    let mapping = try MappedFile(path)
    let header = try mapping.withUnsafeBytes { bytes in
      try LargeFilePointer.refuse(bytes, file: path)
      return try SafetensorsHeader(bytes, file: path)
    }
    self.path = path
    self.mapping = mapping
    metadata = header.metadata
    names = header.entries.map(\.name)
    var views: [String: TensorView] = [:]
    for entry in header.entries {
      views[entry.name] = TensorView(
        name: entry.name, dtype: entry.dtype, shape: entry.shape, range: entry.range, file: mapping)
    }
    self.views = views
  }

  /// Whether there is a tensor of that name.
  public func contains(_ name: String) -> Bool { views[name] != nil }

  /// The tensor of that name; nothing of it is read yet.
  ///
  /// - Throws: `CheckpointError.missingTensor`.
  public func tensor(named name: String) throws -> TensorView {
    guard let view = views[name] else {
      throw CheckpointError.missingTensor(file: path, tensor: name)
    }
    return view
  }

  /// Throws when the file was changed since it was opened; see `MappedFile`.
  public func verifyUnchanged() throws { try mapping.verifyUnchanged() }
}
