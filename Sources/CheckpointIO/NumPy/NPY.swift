// One NumPy array in a file: numeric, C order, little-endian. Object arrays are pickles and are refused.

/// Reads and writes `.npy` files.
public enum NPY {
  /// Opens the array at `path`; its name is empty.
  ///
  /// - Throws: `CheckpointError.invalidNumPy` for anything but a whole numeric array in C order;
  ///   `.missing` and `.unreadable`.
  public static func open(_ path: String) throws -> TensorView {
    let mapping = try MappedFile(path)
    let header = try mapping.withUnsafeBytes { try NPYHeader($0, file: path) }
    return TensorView(
      name: "", dtype: header.dtype, shape: header.shape, range: header.dataStart..<mapping.count,
      file: mapping)
  }

  /// Writes `tensor`, whose name is not kept, as `numpy.save` does, to the byte.
  ///
  /// - Throws: `CheckpointError.cannotWrite`; also for BF16, which NumPy lacks.
  public static func write(_ tensor: StoredTensor, to path: String) throws {
    let header = try header(of: tensor, for: path)
    try AtomicFile.write(to: path) { output in
      try output.append(header)
      try output.append(tensor.bytes)
    }
  }

  static func header(of tensor: StoredTensor, for path: String) throws -> [UInt8] {
    guard let descr = tensor.dtype.numPyDescription else {
      throw CheckpointError.cannotWrite(
        file: path,
        fact:
          "NumPy has no type for \(tensor.dtype.rawValue), that of \(Excerpt.quoted(tensor.name));"
          + " write F32")
    }
    return NPYHeader.serialized(descr, shape: tensor.shape)
  }
}
