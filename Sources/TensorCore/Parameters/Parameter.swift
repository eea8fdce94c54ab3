// Parameter: one named weight of a model, immutable. Training makes new parameters; it does not change these.
// A matrix is packed for the product once, at first use, in the element type it is stored in, after which the
// memory it came from may be given back to the system.

import CKernels
import Synchronization

/// A weight's elements where they lie, e.g. in a mapped checkpoint: [rows, columns] with strides in elements.
public struct StoredElements: Sendable {
  /// The format of the elements.
  public let elementType: ElementType
  /// Elements from a row to the next.
  public let rowStride: Int
  /// Elements from a column to the next: 1, or more where the file has the matrix transposed.
  public let columnStride: Int
  private let access: @Sendable (Range<Int>, (UnsafeRawPointer) -> Void) -> Void
  private let giveBack: @Sendable (Range<Int>) -> Void

  /// - Parameters:
  ///   - elementType: the format of the elements.
  ///   - rowStride: elements from a row to the next.
  ///   - columnStride: elements from a column to the next.
  ///   - access: calls its second argument with the address of the first element of the first of these rows; only these
  ///     rows are looked at.
  ///   - giveBack: called once these rows are packed and their pages are no longer needed.
  public init(
    elementType: ElementType, rowStride: Int, columnStride: Int,
    access: @escaping @Sendable (Range<Int>, (UnsafeRawPointer) -> Void) -> Void,
    giveBack: @escaping @Sendable (Range<Int>) -> Void = { _ in }
  ) {
    self.elementType = elementType
    self.rowStride = rowStride
    self.columnStride = columnStride
    self.access = access
    self.giveBack = giveBack
  }

  func read(_ rows: Range<Int>, _ body: (UnsafeRawPointer) -> Void) { access(rows, body) }
  func release(_ rows: Range<Int>) { giveBack(rows) }
}

/// A named weight: a matrix [out, in], applied as `x · Wᵀ`, or a vector.
public final class Parameter<Scalar: TensorScalar>: Sendable {
  /// The canonical name, such as `layers.3.attn.k_proj.weight`.
  public let name: String
  /// `[out, in]`, or one width.
  public let shape: [Int]

  private enum Source: Sendable {
    case tensor(Tensor<Scalar>)
    case stored(StoredElements)
  }
  private struct Packed: Sendable {
    var forward: PackedMatrix?
    /// For products in bf16.
    var rounded: PackedMatrix?
    var backward: PackedMatrix?
    var dense: Tensor<Scalar>?
  }
  private let source: Source
  private let packed = Mutex(Packed())

  /// A parameter whose elements are given.
  public init(name: String, tensor: Tensor<Scalar>) {
    self.name = name
    shape = tensor.shape
    source = .tensor(tensor)
  }

  /// A parameter whose elements stay where they are until first use.
  public init(name: String, shape: [Int], stored: StoredElements) {
    precondition(shape.count == 1 || shape.count == 2, "\(name): a weight of shape \(shape)")
    self.name = name
    self.shape = shape
    source = .stored(stored)
  }

  /// Elements.
  public var count: Int { shape.reduce(1, *) }

  /// The format the elements are held in.
  public var elementType: ElementType {
    switch source {
    case .tensor: Scalar.elementType
    case .stored(let stored): stored.elementType
    }
  }

  /// The elements, widened, in the parameter's shape. A vector is kept; a matrix is made at each call.
  public func tensor() -> Tensor<Scalar> {
    switch source {
    case .tensor(let tensor): return tensor
    case .stored(let stored):
      guard shape.count == 1 else { return widened(stored) }
      return packed.withLock { cache in
        if let dense = cache.dense { return dense }
        let dense = widened(stored)
        cache.dense = dense
        return dense
      }
    }
  }

  /// Row `index` of a matrix, widened, written to `target`.
  package func copyRow(_ index: Int, to target: UnsafeMutablePointer<Scalar>) {
    precondition(shape.count == 2 && index >= 0 && index < shape[0], "\(name): row \(index)")
    let width = shape[1]
    switch source {
    case .tensor(let tensor): target.update(from: tensor.base + index * width, count: width)
    case .stored(let stored):
      stored.read(index..<index + 1) { base in
        copy(
          from: base, stride: stored.columnStride, count: width, type: stored.elementType,
          to: target)
      }
    }
  }

  /// Gives back the pages that `copyRow` has read; reading them again is allowed at any time.
  package func releaseRows() {
    if case .stored(let stored) = source { stored.release(0..<shape[0]) }
  }

  /// Packed for `x · Wᵀ` (`.forward`, depth in, columns out) or `y · W` (`.backward`, depth out, columns in).
  ///
  /// - Parameter precision: `.bf16` is for `.forward` only.
  package func panels(
    _ direction: PackedMatrix.Direction, precision: Precision = .f32, on context: ComputeContext
  ) -> PackedMatrix {
    precondition(shape.count == 2, "\(name) is not a matrix but \(shape)")
    return packed.withLock { cache in
      if precision == .bf16 {
        if let ready = cache.rounded { return ready }
        let made = pack(.forward, precision: .bf16, on: context)
        cache.rounded = made
        return made
      }
      if let ready = direction == .forward ? cache.forward : cache.backward { return ready }
      let made = pack(direction, on: context)
      if direction == .forward { cache.forward = made } else { cache.backward = made }
      return made
    }
  }

  /// Packs the matrix for `x · Wᵀ` now instead of at its first use.
  public func prepare(on context: ComputeContext) {
    _ = panels(.forward, precision: context.precision, on: context)
  }

  private func pack(
    _ direction: PackedMatrix.Direction, precision: Precision = .f32, on context: ComputeContext
  ) -> PackedMatrix {
    let (out, depth) = (shape[0], shape[1])
    let isForward = direction == .forward
    // Of a weight in training the next step makes another.
    let stays = if case .stored = source { true } else { false }
    func unfilled(_ type: ElementType) -> PackedMatrix {
      PackedMatrix(
        depth: isForward ? depth : out, columns: isForward ? out : depth, type: type,
        precision: precision, stays: stays)
    }
    func whole(_ tensor: Tensor<Scalar>) -> PackedMatrix {
      let result = unfilled(Scalar.elementType)
      result.fill(
        source: tensor.base, type: Scalar.elementType, depthStride: isForward ? 1 : depth,
        columnStride: isForward ? depth : 1, on: context)
      return result
    }
    switch source {
    case .tensor(let tensor): return whole(tensor)
    case .stored(let stored):
      let type = stored.elementType
      guard Scalar.self == Float.self, type != .float64 else { return whole(widened(stored)) }
      let result = unfilled(type)
      // Piece by piece where rows lie apart, so that the matrix never lies in memory twice.
      let panel = Int(CK_PANEL)
      let piece =
        isForward && stored.columnStride == 1
        ? max(1, (8 << 20) / (panel * stored.rowStride * type.size)) * panel : out
      for first in stride(from: 0, to: out, by: piece) {
        let rows = first..<min(out, first + piece)
        stored.read(rows) {
          result.fill(
            panelsFrom: first / panel, columns: isForward ? rows.count : depth, source: $0,
            type: type, depthStride: isForward ? stored.columnStride : stored.rowStride,
            columnStride: isForward ? stored.rowStride : stored.columnStride, on: context)
        }
        stored.release(rows)
      }
      return result
    }
  }

  private func widened(_ stored: StoredElements) -> Tensor<Scalar> {
    let result = Tensor<Scalar>(uninitialized: shape)
    let (rows, width) = shape.count == 2 ? (shape[0], shape[1]) : (1, shape[0])
    stored.read(0..<rows) { base in
      if stored.columnStride == 1 {
        for row in 0..<rows {
          copy(
            from: base + row * stored.rowStride * stored.elementType.size, stride: 1, count: width,
            type: stored.elementType, to: result.mutableBase + row * width)
        }
      } else {
        transpose(from: base, stored, rows: rows, width: width, to: result.mutableBase)
      }
    }
    return result
  }

  /// Copies a matrix whose columns lie apart, a panel of columns at a time, so that what one cache line holds is used together.
  private func transpose(
    from base: UnsafeRawPointer, _ stored: StoredElements, rows: Int, width: Int,
    to target: UnsafeMutablePointer<Scalar>
  ) {
    let (panel, type) = (Int(CK_PANEL), stored.elementType)
    withUnsafeTemporaryAllocation(byteCount: rows * panel * type.size, alignment: 64) { room in
      for first in stride(from: 0, to: width, by: panel) {
        let count = min(panel, width - first)
        ck_pack(
          rows, count, base + first * stored.columnStride * type.size, type.code, stored.rowStride,
          stored.columnStride, 0, 1, room.baseAddress!)
        for row in 0..<rows {
          ck_convert(
            count, room.baseAddress! + row * panel * type.size, type.code,
            target + row * width + first, Scalar.elementType.code)
        }
      }
    }
  }

  private func copy(
    from base: UnsafeRawPointer, stride: Int, count: Int, type: ElementType,
    to target: UnsafeMutablePointer<Scalar>
  ) {
    if stride == 1 {
      ck_convert(count, base, type.code, target, Scalar.elementType.code)
    } else {
      for column in 0..<count {
        ck_convert(
          1, base + column * stride * type.size, type.code, target + column, Scalar.elementType.code
        )
      }
    }
  }
}
