// The element types of a Tensor and the formats that weights are stored in.
// Float is what models compute in; Double runs through the plain kernels, for gradient checks and theory.

import CKernels

/// An element type that kernels exist for: `Float` or `Double`.
public protocol TensorScalar: BinaryFloatingPoint, Sendable {
  /// The storage format of a tensor of this type.
  static var elementType: ElementType { get }
  /// The kernel table for this type on an instruction set.
  static func kernels(_ instructionSet: InstructionSet) -> Kernels
}

/// A table of kernels: C functions over untyped pointers, one table per instruction set and element type.
public typealias Kernels = ck_kernels

extension Float: TensorScalar {
  public static var elementType: ElementType { .float32 }

  public static func kernels(_ instructionSet: InstructionSet) -> Kernels {
    guard let table = ck_f32(instructionSet.code) else {
      preconditionFailure("no kernels for \(instructionSet), which this CPU does not have")
    }
    return table.pointee
  }
}

extension Double: TensorScalar {
  public static var elementType: ElementType { .float64 }

  /// f64 runs on the portable path only, whatever the instruction set.
  public static func kernels(_ instructionSet: InstructionSet) -> Kernels { ck_f64().pointee }
}

/// How elements are stored: in a tensor, a checkpoint, or a packed matrix.
public enum ElementType: String, Sendable, Equatable, Codable, CaseIterable {
  case float32 = "f32"
  case bfloat16 = "bf16"
  case float16 = "f16"
  case float64 = "f64"

  package var code: ck_dtype {
    switch self {
    case .float32: CK_F32
    case .bfloat16: CK_BF16
    case .float16: CK_F16
    case .float64: CK_F64
    }
  }

  /// Bytes per element.
  public var size: Int {
    switch self {
    case .float32: 4
    case .bfloat16, .float16: 2
    case .float64: 8
    }
  }
}
