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
      if let input {
        let accumulate = !gradients.isEmpty(input)
        gradients.accumulate(into: input) { target, _ in
          product(
            rows: rows, a: dy.base, aRow: out, aColumn: 1,
            b: weight.panels(.backward, on: context), bias: nil, out: target, accumulate: accumulate
          )
        }
      }
      if let matrix {
        let packed = PackedMatrix(
          depth: rows, columns: depth, source: x.tensor.base, type: Scalar.elementType,
          depthStride: depth, columnStride: 1, on: context)
        gradients.accumulate(into: matrix) { target, _ in
          product(
            rows: out, a: dy.base, aRow: 1, aColumn: out, b: packed, bias: nil, out: target,
            accumulate: true)
        }
      }
      gradients.accumulate(into: vector) { target, _ in
        kernels.affine_backward(rows, out, nil, nil, dy.base, nil, nil, target, 0, out)
      }
    }
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
