// A tensor where it lies in a mapped file: a name, a type, a shape and a range of bytes. Nothing is read
// until its bytes are asked for.

import TensorCore

/// One tensor of a file.
public struct TensorView: Sendable {
  public let name: String
  public let dtype: StorageType
  /// Sizes of the axes, outermost first; empty for a scalar.
  public let shape: [Int]
  /// Where the elements lie in the file: row-major, little-endian, `count * dtype.size` bytes.
  public let range: Range<Int>
  private let file: MappedFile

  /// Precondition: the range lies in the file and has the size of the shape.
  init(name: String, dtype: StorageType, shape: [Int], range: Range<Int>, file: MappedFile) {
    precondition(range.upperBound <= file.count && range.count % dtype.size == 0)
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.range = range
    self.file = file
  }

  /// The file the tensor lies in.
  public var path: String { file.path }

  /// The number of elements.
  public var count: Int { range.count / dtype.size }

  /// Calls `body` with the elements' bytes, valid during the call only.
  ///
  /// The address is a multiple of the element's size: a tensor that lies in the file at another one is
  /// copied for the call.
  public func withUnsafeBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try file.withUnsafeBytes(in: range) { bytes in
      guard UInt(bitPattern: bytes.baseAddress) % UInt(dtype.size) != 0 else {
        return try body(bytes)
      }
      let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
      defer { copy.deallocate() }
      copy.copyMemory(from: bytes)
      return try body(UnsafeRawBufferPointer(copy))
    }
  }

  /// The elements of an F32, F16 or BF16 tensor; widening is exact.
  public func floats() throws -> [Float] {
    try withUnsafeBytes { ElementConversion.floats($0, dtype) } ?? refuse("F32, F16 or BF16")
  }

  /// The elements of a tensor of any type but 64-bit integers; widening is exact.
  public func doubles() throws -> [Double] {
    try withUnsafeBytes { ElementConversion.doubles($0, dtype) }
      ?? refuse("a type that a double holds exactly")
  }

  /// The elements of a tensor of integers or truth values.
  public func integers() throws -> [Int] {
    try withUnsafeBytes { ElementConversion.integers($0, dtype) }
      ?? refuse("integers that fit in 64 bits with a sign")
  }

  /// Throws unless the shape is `expected`.
  public func verify(shape expected: [Int]) throws {
    guard shape == expected else {
      throw CheckpointError.wrongTensor(
        file: path, tensor: name, found: "shape \(shape)", expected: "\(expected)")
    }
  }

  /// The elements where they lie, for a model's parameter; their pages are given back after packing.
  ///
  /// - Parameters:
  ///   - rows, columns: the part of the file's matrix that is meant; all of it by default. A vector has
  ///     columns only.
  ///   - transposed: the file holds a matrix [in, out] where the parameter is [out, in].
  /// - Throws: `CheckpointError.wrongTensor` unless this is a vector or a matrix of a floating-point type,
  ///   not empty, that has these rows and columns.
  public func storedElements(
    rows: Range<Int>? = nil, columns: Range<Int>? = nil, transposed: Bool = false
  ) throws -> StoredElements {
    guard let elementType = dtype.elementType else {
      return try refuse("F32, F16, BF16 or F64")
    }
    func wrongShape(_ expected: String) -> CheckpointError {
      .wrongTensor(file: path, tensor: name, found: "shape \(shape)", expected: expected)
    }
    guard shape.count == 2 || shape.count == 1 && rows == nil && !transposed, count > 0 else {
      throw wrongShape("that of a matrix" + (rows == nil && !transposed ? " or a vector" : ""))
    }
    let width = shape[shape.count - 1]
    let rows = rows ?? 0..<count / width
    let columns = columns ?? 0..<width
    guard rows.lowerBound >= 0, rows.upperBound <= count / width else {
      throw wrongShape("one that has rows \(rows)")
    }
    guard columns.lowerBound >= 0, columns.upperBound <= width else {
      throw wrongShape("one that has columns \(columns)")
    }
    let offset = (rows.lowerBound * width + columns.lowerBound) * dtype.size
    let access: @Sendable ((UnsafeRawPointer) -> Void) -> Void
    if range.lowerBound % dtype.size == 0 {
      access = { body in
        withUnsafeBytes { bytes in
          if let base = bytes.baseAddress { body(base + offset) }
        }
      }
    } else {
      // Copied once and not for every call.
      let copy = withUnsafeBytes { Array($0) }
      access = { body in
        copy.withUnsafeBytes { bytes in
          if let base = bytes.baseAddress { body(base + offset) }
        }
      }
    }
    return StoredElements(
      elementType: elementType, rowStride: transposed ? 1 : width,
      columnStride: transposed ? width : 1, access: access, giveBack: { release() })
  }

  /// Gives the memory of the tensor's pages back to the system; it can still be read.
  public func release() { file.release(range) }

  private func refuse<Result>(_ expected: String) throws -> Result {
    throw CheckpointError.wrongTensor(
      file: path, tensor: name, found: "dtype \(dtype.rawValue)", expected: expected)
  }
}
