// Operations: what stands between the projections of modern linear attention and its recurrence: decays, short
// convolutions, row sums and row softmax of feature maps.

import CKernels

extension Operations {
  /// exp(−c · softplus(z)), which lies in (0, 1].
  ///
  /// With z = −x and c = 1/16 it is σ(x)^{1/16}, the gate of gated linear attention; with c = exp(A) of each
  /// head, the decay of Mamba 2 and of the gated delta rule.
  ///
  /// - Parameters:
  ///   - z: `[T, n]`.
  ///   - rate: c.
  ///   - least: the least logarithm of the result; gradients stop where it binds.
  public func decay(_ z: Variable<Scalar>, rate: DecayRate<Scalar>, least: Double? = nil)
    -> Variable<Scalar>
  {
    let (rows, width) = (z.tensor.rows, z.tensor.width)
    let logarithms: Tensor<Scalar>?
    let rates: [Double]
    switch rate {
    case .fixed(let value):
      (logarithms, rates) = (nil, Array(repeating: value, count: width))
    case .exponential(let parameter):
      precondition(parameter.shape == [width], "\(parameter.name) for decays \(z.shape)")
      let tensor = parameter.tensor()
      (logarithms, rates) = (tensor, tensor.values.map { ck_exp(Double($0)) })
    }
    let out = Tensor<Scalar>(uninitialized: z.shape)
    let costs = rows * width * 40
    context.parallelRanges(rows, cost: costs) { range in
      for index in range.lowerBound * width..<range.upperBound * width {
        let logarithm = -rates[index % width] * Self.softplus(Double(z.tensor.base[index]))
        out.mutableBase[index] = Scalar(ck_exp(max(logarithm, least ?? -.infinity)))
      }
    }
    let leaf: Int? = if case .exponential(let parameter) = rate { node(of: parameter) } else { nil }
    return result(out, from: z.node, leaf) { dy, gradients in
      /// c · g · dy of an element, and its softplus; zero where the bound binds.
      func flow(_ index: Int) -> (scaled: Double, softplus: Double) {
        let (softplus, rate) = (Self.softplus(Double(z.tensor.base[index])), rates[index % width])
        if let least, -rate * softplus < least { return (0, softplus) }
        return (-rate * Double(out.base[index]) * Double(dy.base[index]), softplus)
      }
      gradients.accumulate(into: z.node) { target, _ in
        context.parallelRanges(rows, cost: costs) { range in
          for index in range.lowerBound * width..<range.upperBound * width {
            // softplus'(z) = σ(z) = exp(z − softplus(z)).
            let (scaled, softplus) = flow(index)
            target[index] += Scalar(scaled * ck_exp(Double(z.tensor.base[index]) - softplus))
          }
        }
      }
      gradients.accumulate(into: leaf) { target, _ in
        for index in 0..<rows * width {
          let (scaled, softplus) = flow(index)
          target[index % width] += Scalar(scaled * softplus)
        }
      }
      withExtendedLifetime(logarithms) {}
    }
  }

  /// log(1 + exp(x)).
  private static func softplus(_ x: Double) -> Double {
    let small = ck_exp(-abs(x))
    // log1p by Kahan: the rounding error of 1 + small cancels.
    let sum = 1 + small
    let logarithm = sum == 1 ? small : ck_log(sum) * small / (sum - 1)
    return max(x, 0) + logarithm
  }

  /// x + b along the last axis.
  public func add(_ x: Variable<Scalar>, bias: Parameter<Scalar>) -> Variable<Scalar> {
    let (rows, width) = (x.tensor.rows, x.tensor.width)
    precondition(bias.shape == [width], "\(bias.name) \(bias.shape) for rows of \(width)")
    let (out, offset) = (Tensor<Scalar>(uninitialized: x.shape), bias.tensor())
    for row in 0..<rows {
      kernels.add(width, x.tensor.base + row * width, offset.base, out.mutableBase + row * width)
    }
    let leaf = node(of: bias)
    return result(out, from: x.node, leaf) { dy, gradients in
      gradients.add(dy, to: x.node)
      sumOfRows(dy, rows: rows, into: leaf, gradients)
    }
  }

  /// Causal convolution of each channel along the tokens of each segment.
  ///
  /// - Parameters:
  ///   - x: `[T, C]`.
  ///   - weight: `[C, w]`; its last column is the token's own weight.
  ///   - segments: (first row, rows) of each sequence.
  ///   - pasts: for each segment the w − 1 inputs before it, `[w − 1, C]`; nil for zeros.
  /// - Returns: `[T, C]`, and the last w − 1 inputs of each segment with its past.
  public func shortConvolution(
    _ x: Variable<Scalar>, weight: Parameter<Scalar>, segments: [(start: Int, count: Int)],
    pasts: [Tensor<Scalar>?]
  ) -> (out: Variable<Scalar>, pasts: [Tensor<Scalar>]) {
    let (channels, taps) = (weight.shape[0], weight.shape[1])
    precondition(x.tensor.width == channels, "\(weight.name) \(weight.shape) over \(x.shape)")
    let dense = weight.tensor()
    // One row a tap, so that a token is `taps` fused multiply-adds of whole rows.
    let columns = Tensor<Scalar>(uninitialized: [taps, channels])
    for channel in 0..<channels {
      for tap in 0..<taps {
        columns.mutableBase[tap * channels + channel] = dense.base[channel * taps + tap]
      }
    }
    let empty = Tensor<Scalar>(repeating: 0, shape: [taps - 1, channels])
    let before = pasts.map { $0 ?? empty }
    let out = Tensor<Scalar>(repeating: 0, shape: x.shape)
    /// Calls `body` with each token's row and the row, of its past or its own, under each tap.
    func forEachTap(
      _ index: Int, _ body: (_ row: Int, _ tap: Int, _ own: Int?, UnsafePointer<Scalar>) -> Void
    ) {
      let segment = segments[index]
      for row in 0..<segment.count {
        for tap in 0..<taps {
          let source = row + tap - (taps - 1)
          let own = source >= 0 ? segment.start + source : nil
          let values =
            own.map { x.tensor.base + $0 * channels }
            ?? before[index].base + (source + taps - 1) * channels
          body(segment.start + row, tap, own, UnsafePointer(values))
        }
      }
    }
    context.parallelRanges(segments.count, cost: x.tensor.count * taps / 8) { range in
      for index in range {
        forEachTap(index) { row, tap, _, values in
          kernels.multiply_add(
            channels, columns.base + tap * channels, values, out.mutableBase + row * channels)
        }
      }
    }
    let after = segments.indices.map { index in
      let (segment, kept) = (segments[index], Tensor<Scalar>(uninitialized: empty.shape))
      for place in 0..<taps - 1 {
        let source = segment.count + place - (taps - 1)
        let from =
          source >= 0
          ? x.tensor.base + (segment.start + source) * channels
          : before[index].base + (source + taps - 1) * channels
        (kept.mutableBase + place * channels).update(from: from, count: channels)
      }
      return kept
    }
    let leaf = node(of: weight)
    let variable = result(out, from: x.node, leaf) { dy, gradients in
      gradients.accumulate(into: x.node) { target, _ in
        for index in segments.indices {
          forEachTap(index) { row, tap, own, _ in
            guard let own else { return }
            kernels.multiply_add(
              channels, columns.base + tap * channels, dy.base + row * channels,
              target + own * channels)
          }
        }
      }
      gradients.accumulate(into: leaf) { target, _ in
        let sums = Tensor<Scalar>(repeating: 0, shape: columns.shape)
        for index in segments.indices {
          forEachTap(index) { row, tap, _, values in
            kernels.multiply_add(
              channels, values, dy.base + row * channels, sums.mutableBase + tap * channels)
          }
        }
        for channel in 0..<channels {
          for tap in 0..<taps {
            target[channel * taps + tap] += sums.base[tap * channels + channel]
          }
        }
      }
      withExtendedLifetime((columns, before)) {}
    }
    return (variable, after)
  }

  /// Sums along the last axis, with an axis of 1 in its place.
  public func sums(_ x: Variable<Scalar>) -> Variable<Scalar> {
    let (rows, width) = (x.tensor.rows, x.tensor.width)
    let ones = Tensor<Scalar>(repeating: 1, shape: [width])
    let out = Tensor<Scalar>(uninitialized: x.shape.dropLast() + [1])
    for row in 0..<rows {
      out.mutableBase[row] = Scalar(kernels.dot(width, x.tensor.base + row * width, ones.base))
    }
    return result(out, from: x.node) { dy, gradients in
      gradients.accumulate(into: x.node) { target, _ in
        for row in 0..<rows {
          kernels.add_scaled(width, Double(dy.base[row]), ones.base, target + row * width)
        }
      }
    }
  }

  /// Softmax along the last axis.
  public func softmax(_ x: Variable<Scalar>) -> Variable<Scalar> {
    let (rows, width) = (x.tensor.rows, x.tensor.width)
    let out = Tensor<Scalar>(uninitialized: x.shape)
    context.parallelRanges(rows, cost: x.tensor.count * 2) { range in
      let at = range.lowerBound * width
      // Every element of a row is visible to it: `width` keys of the past.
      kernels.attention_softmax(
        range.count, width, width, x.tensor.base + at, out.mutableBase + at, width)
    }
    return result(out, from: x.node) { dy, gradients in
      let flow = Tensor<Scalar>(uninitialized: out.shape)
      kernels.attention_softmax_backward(
        rows, width, width, out.base, dy.base, flow.mutableBase, width)
      gradients.add(flow, to: x.node)
    }
  }

  /// Columns of the last axis: output column j is factor_j · input column source_j.
  public func columns(_ x: Variable<Scalar>, sources: [Int], factors: [Scalar]) -> Variable<Scalar>
  {
    let (rows, width, wanted) = (x.tensor.rows, x.tensor.width, sources.count)
    precondition(sources.allSatisfy { 0..<width ~= $0 }, "columns \(sources) of \(x.shape)")
    let out = Tensor<Scalar>(uninitialized: x.shape.dropLast() + [wanted])
    for row in 0..<rows {
      for (column, source) in sources.enumerated() {
        out.mutableBase[row * wanted + column] =
          factors[column] * x.tensor.base[row * width + source]
      }
    }
    return result(out, from: x.node) { dy, gradients in
      gradients.accumulate(into: x.node) { target, _ in
        for row in 0..<rows {
          for (column, source) in sources.enumerated() {
            target[row * width + source] += factors[column] * dy.base[row * wanted + column]
          }
        }
      }
    }
  }

  /// Σ of η^(t−i) v_i over the tokens i before t: s_t = η (s_{t−1} + v_{t−1}).
  ///
  /// - Parameters:
  ///   - v: `[T, K, dv]`.
  ///   - decay: η.
  ///   - segments: each sequence's first row and count.
  ///   - initial: s of each segment's first token, `[K, dv]`; nil for zeros.
  /// - Returns: s `[T, K, dv]`, and s of the token after each segment.
  /// - Source: Dai et al. 2023, arXiv:2212.10559, §5, eq. 15.
  public func momentum(
    _ v: Variable<Scalar>, decay: Double, segments: [(start: Int, count: Int)],
    initial: [Tensor<Scalar>?]
  ) -> (out: Variable<Scalar>, next: [Tensor<Scalar>]) {
    let width = v.tensor.count / max(1, v.shape[0])
    let out = Tensor<Scalar>(uninitialized: v.shape)
    let next = segments.indices.map { index in
      var sum =
        initial[index] ?? Tensor(repeating: 0, shape: Array(v.shape.dropFirst()))
      sum.makeUnique()
      for row in segments[index].start..<segments[index].start + segments[index].count {
        (out.mutableBase + row * width).update(from: sum.base, count: width)
        kernels.add(width, sum.base, v.tensor.base + row * width, sum.mutableBase)
        kernels.scale(width, decay, sum.base, sum.mutableBase)
      }
      return sum
    }
    let variable = result(out, from: v.node) { dy, gradients in
      gradients.accumulate(into: v.node) { target, _ in
        let later = Tensor<Scalar>(uninitialized: [width])
        for segment in segments {
          later.mutableBase.update(repeating: 0, count: width)
          for row in (segment.start..<segment.start + segment.count).reversed() {
            // `later` is η · d s_{t+1}: what reaches both v_t and s_t.
            kernels.add(width, target + row * width, later.base, target + row * width)
            kernels.add(width, later.base, dy.base + row * width, later.mutableBase)
            kernels.scale(width, decay, later.base, later.mutableBase)
          }
        }
      }
    }
    return (variable, next)
  }
}

/// c of exp(−c · softplus(z)).
public enum DecayRate<Scalar: TensorScalar>: Sendable {
  case fixed(Double)
  /// The exponential of a parameter, one element for each column of z.
  case exponential(Parameter<Scalar>)
}
