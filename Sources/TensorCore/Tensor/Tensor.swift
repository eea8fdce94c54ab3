// Tensor: a shape and contiguous row-major elements, with value semantics (copied on write).
// It has no strides, no views but reshapes, and no arithmetic: that is in Operations.

import CKernels

/// The memory behind tensors: 64-byte aligned and, once shared, never written.
final class TensorStorage<Scalar: TensorScalar>: @unchecked Sendable {
  let base: UnsafeMutablePointer<Scalar>
  let count: Int

  init(count: Int) {
    let bytes = max(64, (count * MemoryLayout<Scalar>.stride + 63) & ~63)
    guard let raw = ck_allocate(bytes) else {
      fatalError("no memory for a tensor of \(bytes) bytes")
    }
    base = raw.bindMemory(to: Scalar.self, capacity: count)
    self.count = count
  }

  deinit { ck_deallocate(base) }
}

/// A dense array of `Scalar`, row-major.
public struct Tensor<Scalar: TensorScalar>: Sendable {
  /// Sizes of the axes, outermost first. An empty shape is a scalar.
  public private(set) var shape: [Int]
  var storage: TensorStorage<Scalar>

  /// Memory whose contents are undefined; for kernels that write every element.
  package init(uninitialized shape: [Int]) {
    precondition(shape.allSatisfy { $0 >= 0 }, "negative axis in shape \(shape)")
    self.shape = shape
    storage = TensorStorage(count: shape.reduce(1, *))
  }

  /// All elements `value`.
  public init(repeating value: Scalar = 0, shape: [Int]) {
    self.init(uninitialized: shape)
    if value == 0 {
      // As bytes: a generic loop over elements is many times slower.
      UnsafeMutableRawPointer(storage.base).initializeMemory(
        as: UInt8.self, repeating: 0, count: storage.count * MemoryLayout<Scalar>.stride)
    } else {
      storage.base.initialize(repeating: value, count: storage.count)
    }
  }

  /// Elements in row-major order; as many as the shape holds.
  public init(shape: [Int], values: [Scalar]) {
    self.init(uninitialized: shape)
    precondition(values.count == storage.count, "\(values.count) values for shape \(shape)")
    values.withUnsafeBufferPointer { source in
      if let from = source.baseAddress {
        storage.base.initialize(from: from, count: source.count)
      }
    }
  }

  /// Rows of `width` below each other.
  package init(concatenating parts: [Tensor], width: Int) {
    self.init(uninitialized: [parts.reduce(0) { $0 + $1.count } / width, width])
    var target = storage.base
    for part in parts {
      target.initialize(from: part.storage.base, count: part.count)
      target += part.count
    }
  }

  /// The number of elements.
  public var count: Int { storage.count }

  /// The elements in row-major order.
  public var values: [Scalar] { Array(UnsafeBufferPointer(start: storage.base, count: count)) }

  /// The size of the last axis (1 for a scalar), and how many rows of it there are.
  public var width: Int { shape.last ?? 1 }
  /// How many rows of the last axis; 0 where that is empty.
  public var rows: Int { width == 0 ? 0 : count / width }

  /// The same elements under another shape of the same count; nothing is copied.
  public func reshaped(_ newShape: [Int]) -> Tensor {
    precondition(newShape.reduce(1, *) == count, "cannot reshape \(shape) to \(newShape)")
    var result = self
    result.shape = newShape
    return result
  }

  /// One row of the last axis.
  public func row(_ index: Int) -> [Scalar] {
    precondition(index >= 0 && index < rows, "row \(index) of \(rows)")
    return Array(UnsafeBufferPointer(start: storage.base + index * width, count: width))
  }

  /// Reads the elements in place.
  public func withUnsafeBufferPointer<R, E: Error>(
    _ body: (UnsafeBufferPointer<Scalar>) throws(E) -> R
  ) throws(E) -> R {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeBufferPointer(start: storage.base, count: count))
  }

  /// Changes the elements in place; copies them first when they are shared.
  public mutating func withUnsafeMutableBufferPointer<R, E: Error>(
    _ body: (UnsafeMutableBufferPointer<Scalar>) throws(E) -> R
  ) throws(E) -> R {
    makeUnique()
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeMutableBufferPointer(start: storage.base, count: count))
  }

  /// Copies the elements where they are shared; over threads where a context is given.
  package mutating func makeUnique(on context: ComputeContext? = nil) {
    guard !isKnownUniquelyReferenced(&storage) else { return }
    let (copy, source) = (TensorStorage<Scalar>(count: storage.count), storage)
    func fill(_ range: Range<Int>) {
      (copy.base + range.lowerBound).initialize(
        from: source.base + range.lowerBound, count: range.count)
    }
    if let context {
      context.parallelRanges(copy.count, cost: copy.count / 8, fill)
    } else {
      fill(0..<copy.count)
    }
    storage = copy
  }

  /// The first element, for kernels. Valid while this tensor (or one that shares its memory) is alive.
  package var base: UnsafePointer<Scalar> { UnsafePointer(storage.base) }

  /// For the code that has just made this tensor and still owns it alone.
  package var mutableBase: UnsafeMutablePointer<Scalar> { storage.base }

  /// The same numbers in another element type; widening is exact, narrowing rounds to nearest even.
  public func converted<Other: TensorScalar>(to type: Other.Type = Other.self) -> Tensor<Other> {
    let result = Tensor<Other>(uninitialized: shape)
    ck_convert(count, base, Scalar.elementType.code, result.mutableBase, Other.elementType.code)
    return result
  }
}

extension Tensor: Equatable {
  /// Same shape and elements that compare equal (so NaN differs from itself).
  public static func == (left: Tensor, right: Tensor) -> Bool {
    left.shape == right.shape
      && UnsafeBufferPointer(start: left.storage.base, count: left.count)
        .elementsEqual(UnsafeBufferPointer(start: right.storage.base, count: right.count))
  }
}
