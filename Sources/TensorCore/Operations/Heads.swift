// Operations: what each attention head adds to the stream, which the output projection has already summed. It is
// derived, so an edit of it acts as the difference that it makes.

extension Operations {
  /// z_h · W[:, h]ᵀ of each head by itself.
  ///
  /// - Parameters:
  ///   - z: head outputs side by side, `[T, H·d]`.
  ///   - weight: `[D, H·d]`.
  ///   - heads: H.
  /// - Returns: `[T, H, D]`; the sum over heads is z · Wᵀ but for rounding.
  public func headResults(_ z: Variable<Scalar>, weight: Parameter<Scalar>, heads: Int)
    -> Variable<Scalar>
  {
    linear(apart(z, heads: heads), weight: weight)
      .reshaped([z.shape[0], heads, weight.shape[0]])
  }

  /// Each head of a row in a row of its own, zeros in place of the others: `[T, H·d]` to `[T·H, H·d]`.
  private func apart(_ z: Variable<Scalar>, heads: Int) -> Variable<Scalar> {
    let (rows, width) = (z.tensor.rows, z.tensor.width)
    precondition(width % heads == 0, "\(z.shape) for \(heads) heads")
    let part = width / heads
    let out = Tensor<Scalar>(repeating: 0, shape: [rows * heads, width])
    func place(_ row: Int, _ head: Int) -> Int { (row * heads + head) * width + head * part }
    for row in 0..<rows {
      for head in 0..<heads {
        (out.mutableBase + place(row, head))
          .update(from: z.tensor.base + row * width + head * part, count: part)
      }
    }
    let node = z.node
    return result(out, from: node) { dy, gradients in
      gradients.accumulate(into: node) { target, _ in
        for row in 0..<rows {
          for head in 0..<heads {
            let at = target + row * width + head * part
            kernels.add(part, at, dy.base + place(row, head), at)
          }
        }
      }
    }
  }

  /// out + Σ over heads (edited − original): exactly `out` in the rows where nothing changed.
  ///
  /// - Parameters:
  ///   - original: what `out` holds the sum of, `[T, H, D]`.
  ///   - edited: what it should hold the sum of, `[T, H, D]`.
  ///   - out: `[T, D]`.
  public func addChange(
    of original: Variable<Scalar>, to edited: Variable<Scalar>,
    overHeadsInto out: Variable<Scalar>
  ) -> Variable<Scalar> {
    precondition(
      original.shape == edited.shape && original.shape.count == 3
        && out.tensor.count == original.shape[0] * original.shape[2],
      "\(original.shape) to \(edited.shape) into \(out.shape)")
    let (rows, heads, width) = (original.shape[0], original.shape[1], original.shape[2])
    var sum = out.tensor
    sum.makeUnique()
    for row in 0..<rows {
      for column in 0..<width {
        var change: Scalar = 0
        var isChanged = false
        for head in 0..<heads {
          let at = (row * heads + head) * width + column
          let (new, old) = (edited.tensor.base[at], original.tensor.base[at])
          guard new != old else { continue }
          change += new - old
          isChanged = true
        }
        if isChanged { sum.mutableBase[row * width + column] += change }
      }
    }
    return result(sum, from: original.node, edited.node, out.node) { dy, gradients in
      gradients.add(dy, to: out.node)
      for (node, sign) in [(edited.node, 1.0), (original.node, -1.0)] {
        gradients.accumulate(into: node) { target, _ in
          for row in 0..<rows * heads {
            kernels.add_scaled(
              width, sign, dy.base + row / heads * width, target + row * width)
          }
        }
      }
    }
  }
}
