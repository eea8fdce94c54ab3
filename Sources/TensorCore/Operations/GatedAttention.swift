// Operations: linear attention whose forgetting and writing depend on the token, as a recurrence like
// linearAttention: splitting a sequence anywhere and handing the state on gives the same bits.

import CKernels

extension Operations {
  /// S = diag(g_t) S, then S += k ⊗ v, or by the delta rule S += k ⊗ β_t (v − kᵀS); out = s q S.
  ///
  /// With `decays` constant along the tokens and no `betas` these are the bits of `linearAttention`.
  ///
  /// - Parameters:
  ///   - q: `[T, H, dk]`.
  ///   - k: `[T, K, dk]`.
  ///   - v: `[T, K, dv]`.
  ///   - decays: g, for each element of the keys `[T, K', dk]` or for each head `[T, K', 1]`; K' is H or K.
  ///   - betas: β, `[T, K']`; nil writes v itself.
  ///   - segments: each sequence's rows, and its state before them.
  ///   - scale: s, usually 1/√dk.
  /// - Returns: `[T, H, dv]`, and the state `[H, dk, dv]` after each segment.
  /// - Source: Yang et al. 2024, arXiv:2312.06635, eq. 3; Yang et al. 2025, arXiv:2412.06464, eq. 10.
  public func gatedAttention(
    q: Variable<Scalar>, k: Variable<Scalar>, v: Variable<Scalar>, decays: Variable<Scalar>,
    betas: Variable<Scalar>?, segments: [RecurrentSegment<Scalar>], scale: Double
  ) -> (out: Variable<Scalar>, states: [Tensor<Scalar>]) {
    let (heads, keyWidth, valueWidth) = (q.shape[1], q.tensor.width, v.tensor.width)
    let betas = betas.map { $0.reshaped([$0.shape[0], $0.shape[1], 1]) }
    let inputs = [q, k, v, decays] + (betas.map { [$0] } ?? [])
    precondition(
      k.tensor.width == keyWidth && [1, keyWidth].contains(decays.tensor.width)
        && inputs.allSatisfy { $0.shape.count == 3 && heads % $0.shape[1] == 0 },
      "gated attention of \(inputs.map(\.shape))")
    let shared = inputs.map { $0.shape[1] }.min() ?? heads
    let step = decays.tensor.width == 1 ? 0 : 1
    /// The distance between rows of an input, and where a row's part for a head starts.
    func stride(_ x: Variable<Scalar>) -> Int { x.shape[1] * x.tensor.width }
    func place(_ x: Variable<Scalar>, _ row: Int, _ head: Int) -> Int {
      row * stride(x) + head / (heads / x.shape[1]) * x.tensor.width
    }
    func at(_ x: Variable<Scalar>, _ row: Int, _ head: Int) -> UnsafePointer<Scalar> {
      UnsafePointer(x.tensor.base + place(x, row, head))
    }
    let out = Tensor<Scalar>(uninitialized: [q.shape[0], heads, valueWidth])
    let states = segments.map { segment in
      segment.initial.map { state in
        var copy = state.matrix
        copy.makeUnique()
        return copy
      } ?? Tensor<Scalar>(repeating: 0, shape: [heads, keyWidth, valueWidth])
    }
    let size = keyWidth * valueWidth
    let outRow = heads * valueWidth
    let cost = q.shape[0] * heads * size / 4
    // A token writes to the state and reads from it; by the delta rule it reads before it writes, too.
    let passes = (betas == nil ? 2 : 3) * segments.reduce(0) { $0 + $1.count } * heads * size
    context.meter?.count(2 * passes)
    context.parallelRanges(segments.count * heads, cost: cost) { range in
      for task in range {
        let (index, head) = (task / heads, task % heads)
        let row = segments[index].start
        kernels.gated_attention(
          segments[index].count, keyWidth, valueWidth, at(q, row, head), stride(q),
          at(k, row, head), stride(k), at(v, row, head), stride(v), at(decays, row, head),
          stride(decays), step, betas.map { at($0, row, head) }, betas.map { stride($0) } ?? 1,
          scale, states[index].mutableBase + head * size,
          out.mutableBase + row * outRow + head * valueWidth, outRow)
      }
    }
    let variable = result(out, from: q.node, k.node, v.node, decays.node, betas?.node) {
      dy, gradients in
      let flows = inputs.map { Tensor<Scalar>(repeating: 0, shape: $0.shape) }
      func flow(_ index: Int, _ row: Int, _ head: Int) -> UnsafeMutablePointer<Scalar>? {
        index < flows.count ? flows[index].mutableBase + place(inputs[index], row, head) : nil
      }
      context.meter?.count(2 * 2 * passes)
      // Heads that share an input share a task, so that their gradients add up in a fixed order.
      context.parallelRanges(segments.count * shared, cost: 4 * cost) { range in
        for task in range {
          let (segment, first) = (segments[task / shared], task % shared * (heads / shared))
          let row = segment.start
          withUnsafeTemporaryAllocation(
            of: Scalar.self, capacity: (segment.count + 2) * (size + valueWidth)
          ) { scratch in
            for head in first..<first + heads / shared {
              kernels.gated_attention_backward(
                segment.count, keyWidth, valueWidth, at(q, row, head), stride(q),
                at(k, row, head), stride(k), at(v, row, head), stride(v), at(decays, row, head),
                stride(decays), step, betas.map { at($0, row, head) },
                betas.map { stride($0) } ?? 1, scale,
                segment.initial.map { $0.matrix.base + head * size },
                dy.base + row * outRow + head * valueWidth, outRow, flow(0, row, head),
                flow(1, row, head), flow(2, row, head), flow(3, row, head), flow(4, row, head),
                scratch.baseAddress)
            }
          }
        }
      }
      for (input, flow) in zip(inputs, flows) {
        gradients.add(flow, to: input.node)
      }
    }
    return (variable, states)
  }

  /// The weight of each token's value in each token's output: what gated attention gives for unit values.
  ///
  /// The state is linear in the values, by the delta rule too, so these weights are exact.
  ///
  /// - Returns: as `linearScores`: for each segment `[H, q, k]`, concatenated flat.
  public func gatedScores(
    q: Tensor<Scalar>, k: Tensor<Scalar>, decays: Tensor<Scalar>, betas: Tensor<Scalar>?,
    segments: [RecurrentSegment<Scalar>], scale: Double
  ) -> Tensor<Scalar> {
    let heads = q.shape[1]
    let plain = Operations(context)
    var scores: [Scalar] = []
    for segment in segments {
      let (rows, count) = (Array(segment.start..<segment.start + segment.count), segment.count)
      func own(_ x: Tensor<Scalar>) -> Variable<Scalar> { plain.rows(rows, of: Variable(x)) }
      let unit = Tensor<Scalar>(repeating: 0, shape: [count, 1, count])
      for row in 0..<count { unit.mutableBase[row * count + row] = 1 }
      let out = plain.gatedAttention(
        q: own(q), k: own(k), v: Variable(unit), decays: own(decays), betas: betas.map(own),
        segments: [RecurrentSegment(start: 0, count: count, initial: nil)], scale: scale
      ).out.tensor
      for head in 0..<heads {
        for row in 0..<count {
          let start = out.base + (row * heads + head) * count
          scores += UnsafeBufferPointer(start: start, count: count)
        }
      }
    }
    return Tensor(shape: [scores.count], values: scores)
  }
}
