// Several NumPy arrays in one file: a zip archive of .npy entries, stored and not compressed, so that each
// can be mapped where it lies. numpy.savez_compressed is refused in words.

import CKernels

/// An `.npz` file.
public struct NPZFile: TensorFile {
  /// The file.
  public let path: String
  /// The names of the arrays, without `.npy`, in the order of the archive's directory.
  public let names: [String]
  private let entries: [String: ZipEntry]
  private let mapping: MappedFile

  /// Opens the archive and verifies its whole directory.
  ///
  /// - Throws: `CheckpointError.invalidNumPy` for an archive that is damaged, compressed, or holds anything
  ///   but `.npy` entries; `.missing` and `.unreadable`.
  public init(path: String) throws {
    let mapping = try MappedFile(path)
    let directory = try mapping.withUnsafeBytes { try ZipDirectory($0, file: path) }
    var names: [String] = []
    var entries: [String: ZipEntry] = [:]
    for entry in directory.entries {
      guard entry.name.hasSuffix(".npy") else {
        throw CheckpointError.invalidNumPy(
          file: path, fact: "entry \(Excerpt.quoted(entry.name)) is no .npy array")
      }
      let name = String(entry.name.dropLast(4))
      guard entries.updateValue(entry, forKey: name) == nil else {
        throw CheckpointError.invalidNumPy(
          file: path, fact: "two entries are called \(Excerpt.quoted(entry.name))")
      }
      names.append(name)
    }
    self.path = path
    self.names = names
    self.entries = entries
    self.mapping = mapping
  }

  /// Whether there is an array of that name.
  public func contains(_ name: String) -> Bool { entries[name] != nil }

  /// The array under `name`, whose checksum and header are verified at every call.
  public func tensor(named name: String) throws -> TensorView {
    guard let entry = entries[name] else {
      throw CheckpointError.missingTensor(file: path, tensor: name)
    }
    var title: String { "entry \(Excerpt.quoted(entry.name))" }
    let header = try mapping.withUnsafeBytes(in: entry.range) { bytes in
      guard ck_crc32(0, bytes.baseAddress, bytes.count) == entry.checksum else {
        throw CheckpointError.invalidNumPy(
          file: path,
          fact: "\(title) is damaged: its bytes do not have the checksum written beside them")
      }
      return try NPYHeader(bytes, file: path, title: title + ": ")
    }
    return TensorView(
      name: name, dtype: header.dtype, shape: header.shape,
      range: entry.range.lowerBound + header.dataStart..<entry.range.upperBound, file: mapping)
  }
}
