// Operations: linear maps. Every output element is one chain of fused multiply-adds in the order of the depth,
// so the split over threads, by panels or by rows, changes nothing.

import CKernels

extension Operations {
  /// x · Wᵀ + b.
  ///
  /// - Parameters:
  ///   - x: `[rows, in]`.
  ///   - weight: `[out, in]`.
  ///   - bias: `[out]`, or none.
  /// - Returns: `[rows, out]`.
  public func linear(
    _ x: Variable<Scalar>, weight: Parameter<Scalar>, bias: Parameter<Scalar>? = nil
  ) -> Variable<Scalar> {
    let (out, depth) = (weight.shape[0], weight.shape[1])
    let rows = x.tensor.count / max(1, depth)
    precondition(rows * depth == x.tensor.count, "\(x.shape) · \(weight.name) \(weight.shape)ᵀ")
    let y = Tensor<Scalar>(uninitialized: [rows, out])
    let offset = bias?.tensor()
    product(
      rows: rows, a: x.tensor.base, aRow: depth, aColumn: 1,
      b: weight.panels(.forward, precision: precision, on: context),
      bias: offset?.base, out: y.mutableBase, accumulate: false)
    withExtendedLifetime(offset) {}
    let (input, matrix, vector) = (x.node, node(of: weight), node(of: bias))
    return result(y, from: input, matrix, vector) { dy, gradients in
      gradients.write(into: input) { target, adds in
        product(
          rows: rows, a: dy.base, aRow: out, aColumn: 1, b: weight.panels(.backward, on: context),
          bias: nil, out: target, accumulate: adds)
      }
      if let matrix {
        let packed = PackedMatrix(
          depth: rows, columns: depth, type: Scalar.elementType, stays: false)
        packed.fill(
          source: x.tensor.base, type: Scalar.elementType, depthStride: depth, columnStride: 1,
          on: context)
        gradients.write(into: matrix) { target, adds in
          product(
            rows: out, a: dy.base, aRow: 1, aColumn: out, b: packed, bias: nil, out: target,
            accumulate: adds)
        }
      }
      sumOfRows(dy, rows: rows, into: vector, gradients)
    }
  }

  /// base + scale · a · b of matrices, either factor perhaps transposed; nothing is recorded on the tape.
  ///
  /// - Returns: `[rows, columns]`, each element one chain that begins with the base's.
  public func product(
    _ a: Tensor<Scalar>, _ b: Tensor<Scalar>, transposed: (a: Bool, b: Bool) = (false, false),
    scale: Double = 1, addedTo base: Tensor<Scalar>? = nil
  ) -> Tensor<Scalar> {
    let (rows, depth) = transposed.a ? (a.shape[1], a.shape[0]) : (a.shape[0], a.shape[1])
    let (own, columns) = transposed.b ? (b.shape[1], b.shape[0]) : (b.shape[0], b.shape[1])
    precondition(
      depth == own && base.map { $0.shape == [rows, columns] } ?? true,
      "\(a.shape) · \(b.shape) + \(base?.shape ?? [])")
    let factor = Tensor<Scalar>(uninitialized: a.shape)
    kernels.scale(a.count, scale, a.base, factor.mutableBase)
    let packed = PackedMatrix(
      depth: depth, columns: columns, type: Scalar.elementType, stays: false)
    packed.fill(
      source: b.base, type: Scalar.elementType, depthStride: transposed.b ? 1 : columns,
      columnStride: transposed.b ? depth : 1, on: context)
    var result = base ?? Tensor(repeating: 0, shape: [rows, columns])
    result.makeUnique()
    product(
      rows: rows, a: factor.base, aRow: transposed.a ? 1 : depth, aColumn: transposed.a ? rows : 1,
      b: packed, bias: nil, out: result.mutableBase, accumulate: true)
    return result
  }

  /// What linear maps multiply here: gradients, and f64, are not for bf16.
  private var precision: Precision {
    tape == nil && Scalar.self == Float.self ? context.precision : .f32
  }

  /// out (+)= a · b (+ bias), over threads.
  func product(
    rows: Int, a: UnsafePointer<Scalar>, aRow: Int, aColumn: Int, b: PackedMatrix,
    bias: UnsafePointer<Scalar>?, out: UnsafeMutablePointer<Scalar>, accumulate: Bool
  ) {
    let columns = b.columns
    context.meter?.count(2 * rows * b.depth * columns)
    func run(_ rowRange: Range<Int>, _ panels: Range<Int>) {
      let (from, to) = (a + rowRange.lowerBound * aRow, out + rowRange.lowerBound * columns)
      switch b.format {
      case .elements(let type):
        kernels.product(
          rowRange.count, b.depth, columns, from, aRow, aColumn, b.base, type.code,
          panels.lowerBound, panels.upperBound, bias, to, columns, accumulate)
      case .roundedPairs:
        precondition(aColumn == 1 && !accumulate, "bf16 products are for linear maps")
        ck_product_bf16(
          rowRange.count, b.depth, columns,
          UnsafeRawPointer(from).assumingMemoryBound(to: Float.self),
          aRow, b.base.assumingMemoryBound(to: UInt16.self), panels.lowerBound, panels.upperBound,
          bias.map { UnsafeRawPointer($0).assumingMemoryBound(to: Float.self) },
          UnsafeMutableRawPointer(to).assumingMemoryBound(to: Float.self), columns)
      }
    }
    let cost = rows * columns / 64 * b.depth
    if b.panelCount >= 2 * context.threads || rows < 2 * context.threads {
      context.parallelRanges(b.panelCount, cost: cost) { run(0..<rows, $0) }
    } else {
      context.parallelRanges(rows, cost: cost) { run($0, 0..<b.panelCount) }
    }
  }
}
