// A named tensor with its bytes as they will stand in a file. What the writers of safetensors, .npy and
// .npz take; the readers give TensorViews.

import TensorCore

/// A tensor ready to be written.
public struct StoredTensor: Sendable, Equatable {
  /// As the file is to have it.
  public let name: String
  /// How the elements are stored.
  public let dtype: StorageType
  /// Sizes of the axes, outermost first; empty for a scalar.
  public let shape: [Int]
  /// The elements: row-major, little-endian.
  public let bytes: [UInt8]

  /// Precondition: as many bytes as shape and type need.
  public init(name: String, dtype: StorageType, shape: [Int], bytes: [UInt8]) {
    precondition(
      shape.allSatisfy { $0 >= 0 } && shape.reduce(dtype.size, *) == bytes.count,
      "\(name): \(bytes.count) bytes for \(dtype.rawValue) of shape \(shape)")
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.bytes = bytes
  }

  /// - Parameters:
  ///   - name: as the file is to have it.
  ///   - shape: outermost first.
  ///   - floats: row-major.
  ///   - dtype: a floating-point type; values are rounded to nearest, ties to even.
  public init(name: String, shape: [Int], floats: [Float], as dtype: StorageType = .float32) {
    self.init(
      name: name, dtype: dtype, shape: shape,
      bytes: Self.required(ElementConversion.bytes(of: floats, as: dtype), dtype, name))
  }

  /// - Parameters:
  ///   - name: as the file is to have it.
  ///   - shape: outermost first.
  ///   - doubles: row-major.
  ///   - dtype: a floating-point type; values are rounded to nearest, ties to even.
  public init(name: String, shape: [Int], doubles: [Double], as dtype: StorageType = .float64) {
    self.init(
      name: name, dtype: dtype, shape: shape,
      bytes: Self.required(ElementConversion.bytes(of: doubles, as: dtype), dtype, name))
  }

  /// - Parameters:
  ///   - name: as the file is to have it.
  ///   - shape: outermost first.
  ///   - integers: row-major.
  ///   - dtype: an integer type that holds every value.
  public init(name: String, shape: [Int], integers: [Int], as dtype: StorageType = .int64) {
    self.init(
      name: name, dtype: dtype, shape: shape,
      bytes: Self.required(ElementConversion.bytes(of: integers, as: dtype), dtype, name))
  }

  /// - Parameters:
  ///   - name: as the file is to have it.
  ///   - tensor: the elements, with their shape.
  ///   - dtype: a floating-point type; values are rounded to nearest, ties to even.
  public init(name: String, _ tensor: Tensor<Float>, as dtype: StorageType = .float32) {
    self.init(name: name, shape: tensor.shape, floats: tensor.values, as: dtype)
  }

  private static func required(_ bytes: [UInt8]?, _ dtype: StorageType, _ name: String) -> [UInt8] {
    guard let bytes else {
      preconditionFailure("\(name): \(dtype.rawValue) does not hold the values")
    }
    return bytes
  }
}
