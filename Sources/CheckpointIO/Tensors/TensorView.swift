// A tensor where it lies in a mapped file: a name, a type, a shape and a range of bytes. Nothing is read
// until its bytes are asked for.

import TensorCore

/// One tensor of a file.
public struct TensorView: Sendable {
  /// As the file has it.
  public let name: String
  /// How the elements are stored.
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
  ///
  /// - Parameters:
  ///   - part: the bytes that are meant, counted from the tensor's first; all of them by default. Begins at an element.
  ///   - body: must not keep the pointer.
  public func withUnsafeBytes<Result>(
    in part: Range<Int>? = nil, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try file.withUnsafeBytes(in: absolute(part)) { bytes in
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

  /// Gives the memory of the tensor's pages back to the system; it can still be read.
  ///
  /// - Parameter part: as in `withUnsafeBytes`.
  public func release(_ part: Range<Int>? = nil) { file.release(absolute(part)) }

  private func absolute(_ part: Range<Int>?) -> Range<Int> {
    guard let part else { return range }
    precondition(part.lowerBound >= 0 && part.upperBound <= range.count, "\(name): bytes \(part)")
    return range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound
  }

  private func refuse<Result>(_ expected: String) throws -> Result {
    throw CheckpointError.wrongTensor(
      file: path, tensor: name, found: "dtype \(dtype.rawValue)", expected: expected)
  }
}
