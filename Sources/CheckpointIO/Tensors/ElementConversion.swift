// Elements of a file as Swift numbers. Only what is exact: a type whose values do not all fit is not
// converted but refused (nil), so that no digit is lost unseen. Narrowing exists for writing alone.

import CKernels
import TensorCore

enum ElementConversion {
  /// f32, f16 and bf16 as Float; nil for other types.
  static func floats(_ bytes: UnsafeRawBufferPointer, _ type: StorageType) -> [Float]? {
    switch type {
    case .float32, .float16, .bfloat16: widened(bytes, type)
    default: nil
    }
  }

  /// Every type but 64-bit integers as Double; nil for those.
  static func doubles(_ bytes: UnsafeRawBufferPointer, _ type: StorageType) -> [Double]? {
    switch type {
    case .float32, .float16, .bfloat16, .float64: widened(bytes, type)
    case .int64, .uint64: nil
    default: integers(bytes, type).map { $0.map(Double.init) }
    }
  }

  /// Integers and truth values (0, 1) as Int; nil for other types, and for a U64 beyond Int.
  static func integers(_ bytes: UnsafeRawBufferPointer, _ type: StorageType) -> [Int]? {
    switch type {
    case .bool, .uint8: bytes.map { Int($0) }
    case .int8: bytes.bindMemory(to: Int8.self).map { Int($0) }
    case .int16: bytes.bindMemory(to: Int16.self).map { Int($0) }
    case .uint16: bytes.bindMemory(to: UInt16.self).map { Int($0) }
    case .int32: bytes.bindMemory(to: Int32.self).map { Int($0) }
    case .uint32: bytes.bindMemory(to: UInt32.self).map { Int($0) }
    case .int64: Array(bytes.bindMemory(to: Int.self))
    case .uint64: exactly(bytes.bindMemory(to: UInt64.self))
    case .float16, .bfloat16, .float32, .float64: nil
    }
  }

  /// `values` as bytes of `type`, rounded to nearest, ties to even; nil unless `type` is floating point.
  static func bytes<Scalar: TensorScalar>(of values: [Scalar], as type: StorageType) -> [UInt8]? {
    guard let target = type.elementType else { return nil }
    guard !values.isEmpty else { return [] }
    return [UInt8](unsafeUninitializedCapacity: values.count * type.size) { bytes, count in
      count = values.count * type.size
      values.withUnsafeBufferPointer { source in
        if let from = source.baseAddress, let to = bytes.baseAddress {
          ck_convert(source.count, from, Scalar.elementType.code, to, target.code)
        }
      }
    }
  }

  /// `values` as bytes of `type`; nil unless it is an integer type that holds them all.
  static func bytes(of values: [Int], as type: StorageType) -> [UInt8]? {
    func narrowed<Integer: FixedWidthInteger>(_: Integer.Type) -> [UInt8]? {
      var result: [Integer] = []
      result.reserveCapacity(values.count)
      for value in values {
        guard let element = Integer(exactly: value) else { return nil }
        result.append(element.littleEndian)
      }
      return result.withUnsafeBytes { Array($0) }
    }
    return switch type {
    case .bool: values.allSatisfy { $0 == 0 || $0 == 1 } ? narrowed(UInt8.self) : nil
    case .uint8: narrowed(UInt8.self)
    case .int8: narrowed(Int8.self)
    case .int16: narrowed(Int16.self)
    case .uint16: narrowed(UInt16.self)
    case .int32: narrowed(Int32.self)
    case .uint32: narrowed(UInt32.self)
    case .int64: narrowed(Int64.self)
    case .uint64: narrowed(UInt64.self)
    case .float16, .bfloat16, .float32, .float64: nil
    }
  }

  private static func widened<Scalar: TensorScalar>(
    _ bytes: UnsafeRawBufferPointer, _ type: StorageType
  ) -> [Scalar]? {
    guard let source = type.elementType else { return nil }
    let count = bytes.count / type.size
    // An array made for no elements sets the count of the one empty array that all threads share.
    guard count > 0 else { return [] }
    return [Scalar](unsafeUninitializedCapacity: count) { target, initialized in
      if let from = bytes.baseAddress, let to = target.baseAddress {
        ck_convert(count, from, source.code, to, Scalar.elementType.code)
      }
      initialized = count
    }
  }

  private static func exactly(_ values: UnsafeBufferPointer<UInt64>) -> [Int]? {
    let result = values.compactMap { Int(exactly: $0) }
    return result.count == values.count ? result : nil
  }
}
