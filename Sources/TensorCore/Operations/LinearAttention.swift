// Operations: linear attention in its one product form, the recurrence S = λ S + φ(k) ⊗ v, out = s φ(q) S.
// Splitting a sequence anywhere and handing the state on gives the same bits.

import CKernels

/// A run of tokens of one sequence, and the state before its first token.
public struct RecurrentSegment<Scalar: TensorScalar>: Sendable {
  /// The batch's row of its first token.
  public let start: Int
  /// Tokens.
  public let count: Int
  /// Nil stands for zeros.
  public let initial: RecurrentState<Scalar>?

  public init(start: Int, count: Int, initial: RecurrentState<Scalar>?) {
    self.start = start
    self.count = count
    self.initial = initial
  }
}

/// The state of one layer after some tokens.
public struct RecurrentState<Scalar: TensorScalar>: Sendable, Equatable {
  /// Σ λ^… φ(k) ⊗ v, `[H, dk, dv]`.
  public var matrix: Tensor<Scalar>
  /// Σ λ^… φ(k), `[H, dk]`, where outputs are normalised by it.
  public var keySum: Tensor<Scalar>?

  public init(matrix: Tensor<Scalar>, keySum: Tensor<Scalar>?) {
    self.matrix = matrix
    self.keySum = keySum
  }
}

extension Operations {
  /// Linear attention of each segment.
  ///
  /// - Parameters:
  ///   - q: φ(q), `[T, H, dk]`.
  ///   - k: φ(k), `[T, K, dk]`.
  ///   - v: `[T, K, dv]`.
  ///   - segments: each sequence's rows, and its state before them.
  ///   - decays: λ of each head, 1 for none.
  ///   - scale: s, usually 1/√dk.
  /// - Returns: `[T, H, dv]`, and the state `[H, dk, dv]` after each segment.
  public func linearAttention(
    q: Variable<Scalar>, k: Variable<Scalar>, v: Variable<Scalar>,
    segments: [RecurrentSegment<Scalar>], decays: [Double], scale: Double
  ) -> (out: Variable<Scalar>, states: [Tensor<Scalar>]) {
    let form = RecurrentForm(q: q.tensor, k: k.tensor, v: v.tensor)
    precondition(decays.count == form.heads, "\(decays.count) decays for \(form.heads) heads")
    let out = Tensor<Scalar>(uninitialized: [q.shape[0], form.heads, form.valueWidth])
    let states = segments.map { segment in
      segment.initial.map { state in
        var copy = state.matrix
        copy.makeUnique()
        return copy
      } ?? Tensor<Scalar>(repeating: 0, shape: [form.heads, form.keyWidth, form.valueWidth])
    }
    let size = segments.reduce(0) { $0 + $1.count } * form.heads * form.keyWidth * form.valueWidth
    // A token writes to the state and reads from it.
    context.meter?.count(2 * 2 * size)
    let cost = size / 8
    context.parallelRanges(segments.count * form.heads, cost: cost) { range in
      for task in range {
        let (index, head) = (task / form.heads, task % form.heads)
        let at = form.offsets(segments[index].start, head)
        kernels.linear_attention(
          segments[index].count, form.keyWidth, form.valueWidth, q.tensor.base + at.q, form.qRow,
          k.tensor.base + at.k, form.kRow, v.tensor.base + at.v, form.vRow, decays[head], scale,
          states[index].mutableBase + head * form.keyWidth * form.valueWidth,
          out.mutableBase + at.out, form.outRow)
      }
    }
    let variable = result(out, from: q.node, k.node, v.node) { dy, gradients in
      let dq = Tensor<Scalar>(repeating: 0, shape: q.shape)
      let dk = Tensor<Scalar>(repeating: 0, shape: k.shape)
      let dv = Tensor<Scalar>(repeating: 0, shape: v.shape)
      let stateSize = form.keyWidth * form.valueWidth
      context.meter?.count(2 * 2 * 2 * size)
      context.parallelRanges(segments.count * form.sharedHeads, cost: 3 * cost) { range in
        for task in range {
          let (index, shared) = (task / form.sharedHeads, task % form.sharedHeads)
          let segment = segments[index]
          withUnsafeTemporaryAllocation(of: Scalar.self, capacity: (segment.count + 1) * stateSize)
          {
            for head in shared * form.group..<(shared + 1) * form.group {
              let at = form.offsets(segment.start, head)
              kernels.linear_attention_backward(
                segment.count, form.keyWidth, form.valueWidth, q.tensor.base + at.q, form.qRow,
                k.tensor.base + at.k, form.kRow, v.tensor.base + at.v, form.vRow, decays[head],
                scale, segment.initial.map { $0.matrix.base + head * stateSize }, dy.base + at.out,
                form.outRow, dq.mutableBase + at.q, form.qRow, dk.mutableBase + at.k, form.kRow,
                dv.mutableBase + at.v, form.vRow, nil, $0.baseAddress)
            }
          }
        }
      }
      gradients.add(dq, to: q.node)
      gradients.add(dk, to: k.node)
      gradients.add(dv, to: v.node)
    }
    return (variable, states)
  }

  /// s φ(q) · Σ λ^… φ(k): what normalised linear attention divides by.
  ///
  /// - Returns: `[T, H]`, and Σ λ^… φ(k) `[H, dk]` after each segment.
  public func linearNormaliser(
    q: Variable<Scalar>, k: Variable<Scalar>, segments: [RecurrentSegment<Scalar>],
    decays: [Double], scale: Double
  ) -> (out: Variable<Scalar>, sums: [Tensor<Scalar>]) {
    let form = RecurrentForm(q: q.tensor, k: k.tensor, v: k.tensor)
    let out = Tensor<Scalar>(uninitialized: [q.shape[0], form.heads])
    let sums = segments.map { segment in
      segment.initial?.keySum.map { sum in
        var copy = sum
        copy.makeUnique()
        return copy
      } ?? Tensor<Scalar>(repeating: 0, shape: [form.heads, form.keyWidth])
    }
    for (index, segment) in segments.enumerated() {
      for head in 0..<form.heads {
        let at = form.offsets(segment.start, head)
        kernels.linear_normaliser(
          segment.count, form.keyWidth, q.tensor.base + at.q, form.qRow, k.tensor.base + at.k,
          form.kRow, decays[head], scale, sums[index].mutableBase + head * form.keyWidth,
          out.mutableBase + segment.start * form.heads + head, form.heads)
      }
    }
    let variable = result(out, from: q.node, k.node) { dy, gradients in
      let dq = Tensor<Scalar>(repeating: 0, shape: q.shape)
      let dk = Tensor<Scalar>(repeating: 0, shape: k.shape)
      for segment in segments {
        withUnsafeTemporaryAllocation(
          of: Scalar.self, capacity: (segment.count + 1) * form.keyWidth
        ) {
          for head in 0..<form.heads {
            let at = form.offsets(segment.start, head)
            kernels.linear_normaliser_backward(
              segment.count, form.keyWidth, q.tensor.base + at.q, form.qRow, k.tensor.base + at.k,
              form.kRow, decays[head], scale, dy.base + segment.start * form.heads + head,
              form.heads, dq.mutableBase + at.q, form.qRow, dk.mutableBase + at.k, form.kRow,
              $0.baseAddress)
            // The kernel starts from zero; what came before the segment is a constant that only q meets.
            guard let sum = segment.initial?.keySum else { continue }
            var weight = scale
            for row in segment.start..<segment.start + segment.count {
              weight *= decays[head]
              kernels.add_scaled(
                form.keyWidth, weight * Double(dy.base[row * form.heads + head]),
                sum.base + head * form.keyWidth,
                dq.mutableBase + row * form.qRow + head * form.keyWidth)
            }
          }
        }
      }
      gradients.add(dq, to: q.node)
      gradients.add(dk, to: k.node)
    }
    return (variable, sums)
  }

  /// Each head's output divided by its normaliser plus `epsilon`.
  ///
  /// - Parameters:
  ///   - x: `[T, H, dv]`.
  ///   - divisor: `[T, H]`.
  ///   - epsilon: what is added to the divisor.
  public func divide(_ x: Variable<Scalar>, by divisor: Variable<Scalar>, epsilon: Double)
    -> Variable<Scalar>
  {
    let (rows, width) = (x.tensor.rows, x.tensor.width)
    precondition(divisor.tensor.count == rows, "\(x.shape) by \(divisor.shape)")
    let out = Tensor<Scalar>(uninitialized: x.shape)
    kernels.divide_rows(rows, width, x.tensor.base, divisor.tensor.base, epsilon, out.mutableBase)
    return result(out, from: x.node, divisor.node) { dy, gradients in
      let flow = Tensor<Scalar>(uninitialized: dy.shape)
      kernels.divide_rows(rows, width, dy.base, divisor.tensor.base, epsilon, flow.mutableBase)
      gradients.add(flow, to: x.node)
      // d(x/n)/dn = −(x/n)/n, summed over the row.
      gradients.accumulate(into: divisor.node) { target, _ in
        for row in 0..<rows {
          target[row] -= Scalar(kernels.dot(width, flow.base + row * width, out.base + row * width))
        }
      }
      withExtendedLifetime(flow) {}
    }
  }

  /// The weight that token j's value has in token i's output, before any normaliser: s λ^(i−j) φ(q_i)·φ(k_j)
  /// for j ≤ i, and 0 beyond; for each segment `[H, q, k]`, concatenated flat. For reading: the product form
  /// is the recurrence.
  public func linearScores(
    q: Tensor<Scalar>, k: Tensor<Scalar>, segments: [RecurrentSegment<Scalar>], decays: [Double],
    scale: Double
  ) -> Tensor<Scalar> {
    let form = RecurrentForm(q: q, k: k, v: k)
    let sizes = segments.map { form.heads * $0.count * $0.count }
    let scores = Tensor<Scalar>(uninitialized: [sizes.reduce(0, +)])
    var offset = 0
    for (segment, size) in zip(segments, sizes) {
      for head in 0..<form.heads {
        let at = form.offsets(segment.start, head)
        kernels.linear_scores(
          segment.count, form.keyWidth, q.base + at.q, form.qRow, k.base + at.k, form.kRow,
          decays[head], scale, scores.mutableBase + offset + head * segment.count * segment.count,
          segment.count)
      }
      offset += size
    }
    return scores
  }
}

/// Strides of the three inputs of the recurrence.
private struct RecurrentForm {
  let heads, sharedHeads, keyWidth, valueWidth: Int

  init<Scalar: TensorScalar>(q: Tensor<Scalar>, k: Tensor<Scalar>, v: Tensor<Scalar>) {
    precondition(
      q.shape.count == 3 && k.shape.count == 3 && v.shape.count == 3 && q.width == k.width
        && k.shape[1] == v.shape[1] && q.shape[1] % k.shape[1] == 0,
      "linear attention of \(q.shape), \(k.shape), \(v.shape)")
    (heads, sharedHeads, keyWidth, valueWidth) = (q.shape[1], k.shape[1], q.width, v.width)
  }

  var group: Int { heads / sharedHeads }
  var qRow: Int { heads * keyWidth }
  var kRow: Int { sharedHeads * keyWidth }
  var vRow: Int { sharedHeads * valueWidth }
  var outRow: Int { heads * valueWidth }

  func offsets(_ row: Int, _ head: Int) -> (q: Int, k: Int, v: Int, out: Int) {
    let shared = head / group
    return (
      row * qRow + head * keyWidth, row * kRow + shared * keyWidth,
      row * vRow + shared * valueWidth,
      row * outRow + head * valueWidth
    )
  }
}
