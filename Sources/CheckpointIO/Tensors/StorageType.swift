// The element types of tensors in files, with their names in safetensors and in NumPy.
// A file may hold more than models compute with: token ids are I64, masks BOOL. All are little-endian.

import TensorCore

/// How the elements of a tensor are stored in a file; the raw value is safetensors' name.
public enum StorageType: String, Sendable, Equatable, Codable, CaseIterable {
  case bool = "BOOL"
  case uint8 = "U8"
  case int8 = "I8"
  case int16 = "I16"
  case uint16 = "U16"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int32 = "I32"
  case uint32 = "U32"
  case float32 = "F32"
  case float64 = "F64"
  case int64 = "I64"
  case uint64 = "U64"

  /// Bytes per element.
  public var size: Int {
    switch self {
    case .bool, .uint8, .int8: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .float64, .int64, .uint64: 8
    }
  }

  /// The type as models compute with it; nil for integers and truth values.
  public var elementType: ElementType? {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .float16: .float16
    case .float64: .float64
    default: nil
    }
  }

  /// NumPy's `descr`; nil for bfloat16, which NumPy lacks.
  var numPyDescription: String? {
    switch self {
    case .bool: "|b1"
    case .uint8: "|u1"
    case .int8: "|i1"
    case .int16: "<i2"
    case .uint16: "<u2"
    case .float16: "<f2"
    case .bfloat16: nil
    case .int32: "<i4"
    case .uint32: "<u4"
    case .float32: "<f4"
    case .float64: "<f8"
    case .int64: "<i8"
    case .uint64: "<u8"
    }
  }
}

extension ElementType {
  /// The type's name in files.
  public var storageType: StorageType {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .float16: .float16
    case .float64: .float64
    }
  }
}
