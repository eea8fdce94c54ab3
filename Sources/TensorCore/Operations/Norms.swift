// Operations: normalisation, in the three steps that hook points stand between (scale, normalized, gain),
// and rotary position embedding.

import CKernels

extension Operations {
  /// The first two steps of a norm: the scale of each row, and the row divided by it.
  ///
  /// - Parameters:
  ///   - x: rows of the last axis.
  ///   - centred: subtract the row's mean first (layer norm); otherwise root mean square.
  ///   - epsilon: added to the mean square under the root.
  /// - Returns: `scale` `[rows, 1]` and `normalized`, of x's shape, before any gain.
  ///   Gradients flow through both in `normalized`, and not out of `scale` by itself: `normScale` is for that.
  public func norm(_ x: Variable<Scalar>, centred: Bool, epsilon: Double) -> (
    scale: Tensor<Scalar>, normalized: Variable<Scalar>
  ) {
    let (rows, width) = (x.tensor.rows, x.tensor.width)
    let scale = Tensor<Scalar>(uninitialized: [rows, 1])
    let normalized = Tensor<Scalar>(uninitialized: x.shape)
    context.parallelRanges(rows, cost: x.tensor.count) { range in
      let at = range.lowerBound
      kernels.norm(
        range.count, width, x.tensor.base + at * width, centred, epsilon, scale.mutableBase + at,
        normalized.mutableBase + at * width)
    }
    let node = x.node
    let variable = result(normalized, from: node) { dn, gradients in
      gradients.accumulate(into: node) { target, count in
        context.parallelRanges(rows, cost: count) { range in
          let at = range.lowerBound
          kernels.norm_backward(
            range.count, width, normalized.base + at * width, scale.base + at, centred,
            dn.base + at * width, target + at * width)
        }
      }
    }
    return (scale, variable)
  }

  /// The first step alone, as a value that can be edited and differentiated: `[rows, 1]`.
  public func normScale(_ x: Variable<Scalar>, centred: Bool, epsilon: Double) -> Variable<Scalar> {
    let (scale, normalized) = Operations(context).norm(
      Variable(x.tensor), centred: centred, epsilon: epsilon)
    let (width, node) = (x.tensor.width, x.node)
    return result(scale, from: node) { ds, gradients in
      gradients.accumulate(into: node) { target, _ in
        for row in 0..<ds.count {
          // d√(mean c²)/dx = c / (n scale): the normalized row over its width.
          kernels.add_scaled(
            width, Double(ds.base[row]) / Double(width), normalized.tensor.base + row * width,
            target + row * width)
        }
      }
    }
  }

  /// The second step with a scale `[rows, 1]` that is given.
  public func norm(_ x: Variable<Scalar>, centred: Bool, scale: Variable<Scalar>)
    -> Variable<Scalar>
  {
    let (rows, width) = (x.tensor.rows, x.tensor.width)
    precondition(scale.tensor.count == rows, "\(scale.shape) scales for \(x.shape)")
    let normalized = Tensor<Scalar>(uninitialized: x.shape)
    kernels.norm_with_scale(
      rows, width, x.tensor.base, centred, scale.tensor.base, normalized.mutableBase)
    return result(normalized, from: x.node, scale.node) { dn, gradients in
      let flow = Tensor<Scalar>(uninitialized: normalized.shape)
      kernels.norm_with_scale(
        rows, width, dn.base, centred, scale.tensor.base, flow.mutableBase)
      gradients.add(flow, to: x.node)
      gradients.accumulate(into: scale.node) { target, _ in
        for row in 0..<rows {
          let along = kernels.dot(width, dn.base + row * width, normalized.base + row * width)
          target[row] -= Scalar(along / Double(scale.tensor.base[row]))
        }
      }
    }
  }

  /// The third step: x ∘ gain + bias, gain and bias along the last axis.
  ///
  /// - Parameters:
  ///   - x: `[…, width]`.
  ///   - gain: `[width]`.
  ///   - isOffset: whether the parameter is what the gain is above 1.
  ///   - bias: `[width]`; nil for none.
  public func affine(
    _ x: Variable<Scalar>, gain: Parameter<Scalar>, isOffset: Bool = false,
    bias: Parameter<Scalar>? = nil
  ) -> Variable<Scalar> {
    let (rows, width) = (x.tensor.rows, x.tensor.width)
    precondition(gain.count == width, "\(gain.name) \(gain.shape) for rows of \(width)")
    let (given, b) = (gain.tensor(), bias?.tensor())
    let g = isOffset ? Tensor(shape: given.shape, values: given.values.map { 1 + $0 }) : given
    let out = Tensor<Scalar>(uninitialized: x.shape)
    context.parallelRanges(rows, cost: x.tensor.count / 2) { range in
      let at = range.lowerBound * width
      kernels.affine(range.count, width, x.tensor.base + at, g.base, b?.base, out.mutableBase + at)
    }
    withExtendedLifetime((g, b)) {}
    let (input, gainNode, biasNode) = (x.node, node(of: gain), node(of: bias))
    return result(out, from: input, gainNode, biasNode) { dy, gradients in
      gradients.accumulate(into: input) { target, count in
        context.parallelRanges(rows, cost: count / 4) { range in
          let at = range.lowerBound * width
          kernels.affine_backward(
            range.count, width, nil, g.base, dy.base + at, target + at, nil, nil, 0, 0)
        }
      }
      gradients.accumulate(into: gainNode) { target, _ in
        context.parallelRanges(width, cost: rows * width / 4) { columns in
          kernels.affine_backward(
            rows, width, x.tensor.base, g.base, dy.base, nil, target, nil, columns.lowerBound,
            columns.upperBound)
        }
      }
      sumOfRows(dy, rows: rows, into: biasNode, gradients)
    }
  }

  /// Adds the sum of the rows of `dy` to the gradient of a bias.
  func sumOfRows(
    _ dy: Tensor<Scalar>, rows: Int, into bias: Int?, _ gradients: Gradients<Scalar>
  ) {
    gradients.accumulate(into: bias) { target, width in
      context.parallelRanges(width, cost: rows * width / 4) { columns in
        kernels.affine_backward(
          rows, width, nil, nil, dy.base, nil, nil, target, columns.lowerBound, columns.upperBound)
      }
    }
  }

  /// Applies rotary position embedding to each head.
  ///
  /// - Parameters:
  ///   - x: queries or keys, `[T, H, d]`.
  ///   - table: cosines and sines by position.
  ///   - positions: the position of each token, within the table.
  /// - Returns: `[T, H, d]`; dimensions beyond the table's are unchanged.
  /// - Source: Su et al. 2021, arXiv:2104.09864, §3.4.2.
  public func rotary(_ x: Variable<Scalar>, table: RotaryTable<Scalar>, positions: [Int32])
    -> Variable<Scalar>
  {
    precondition(x.shape.count == 3 && positions.count == x.shape[0], "rotary of \(x.shape)")
    let (heads, width) = (x.shape[1], x.shape[2])
    func turn(_ from: UnsafePointer<Scalar>, _ to: UnsafeMutablePointer<Scalar>, inverse: Bool) {
      positions.withUnsafeBufferPointer { at in
        guard let first = at.baseAddress else { return }
        kernels.rotary(
          at.count, heads, width, table.dimensions, table.interleaved, inverse, first,
          table.cosines.base, table.sines.base, from, to)
      }
    }
    let out = Tensor<Scalar>(uninitialized: x.shape)
    turn(x.tensor.base, out.mutableBase, inverse: false)
    let node = x.node
    return result(out, from: node) { dy, gradients in
      let flow = Tensor<Scalar>(uninitialized: dy.shape)
      turn(dy.base, flow.mutableBase, inverse: true)
      gradients.add(flow, to: node)
    }
  }
}

/// Cosines and sines of position × frequency, for rotary position embedding.
public struct RotaryTable<Scalar: TensorScalar>: Sendable {
  /// How many leading dimensions of a head turn; even.
  public let dimensions: Int
  /// Whether dimension 2i is paired with 2i + 1 (GPT-J) instead of i with i + dimensions/2.
  public let interleaved: Bool
  let cosines: Tensor<Scalar>  // [positions, dimensions / 2]
  let sines: Tensor<Scalar>

  /// - Parameters:
  ///   - frequencies: radians per position, one for each pair of dimensions.
  ///   - positions: how many positions to tabulate, from 0.
  ///   - interleaved: whether pair i is the dimensions 2i and 2i + 1, not i and i + half.
  ///   - amplitude: by which turned dimensions are also multiplied.
  public init(
    frequencies: [Double], positions: Int, interleaved: Bool, amplitude: Double = 1
  ) {
    self.interleaved = interleaved
    dimensions = 2 * frequencies.count
    let angles = (0..<positions).flatMap { position in frequencies.map { Double(position) * $0 } }
    let shape = [positions, frequencies.count]
    cosines = Tensor(shape: shape, values: angles.map { Scalar(amplitude * ck_cos($0)) })
    sines = Tensor(shape: shape, values: angles.map { Scalar(amplitude * ck_sin($0)) })
  }
}
