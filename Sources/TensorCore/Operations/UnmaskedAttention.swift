// Operations: linear attention without a causal mask: every token of a sequence reads the same state, the sum over the
// sequence's tokens or over all of them but the last.

import CKernels

extension Operations {
  /// out_t = s φ(q_t) S with S = Σ φ(k_j) ⊗ v_j over the segment's tokens, of which the last does not count where it is
  /// the query.
  ///
  /// - Parameters:
  ///   - q: φ(q), `[T, H, dk]`.
  ///   - k: φ(k), `[T, K, dk]`.
  ///   - v: `[T, K, dv]`.
  ///   - segments: each sequence's first row and count.
  ///   - withoutLast: whether no token reads a segment's last token.
  ///   - scale: s.
  /// - Returns: `[T, H, dv]`, and S of each segment, `[H, dk, dv]`.
  public func unmaskedAttention(
    q: Variable<Scalar>, k: Variable<Scalar>, v: Variable<Scalar>,
    segments: [(start: Int, count: Int)], withoutLast: Bool, scale: Double
  ) -> (out: Variable<Scalar>, states: [Tensor<Scalar>]) {
    let (heads, shared, keyWidth, valueWidth) = (
      q.shape[1], k.shape[1], q.tensor.width, v.tensor.width
    )
    precondition(
      k.tensor.width == keyWidth && v.shape[1] == shared && heads % shared == 0,
      "linear attention of \(q.shape), \(k.shape), \(v.shape)")
    let group = heads / shared
    let out = Tensor<Scalar>(repeating: 0, shape: [q.shape[0], heads, valueWidth])
    let states = segments.map { _ in
      Tensor<Scalar>(repeating: 0, shape: [heads, keyWidth, valueWidth])
    }
    // As of causal attention: every token is written and reads.
    let size = q.shape[0] * heads * keyWidth * valueWidth
    let cost = size / 8
    context.meter?.count(2 * 2 * size)
    func rows(_ segment: (start: Int, count: Int)) -> Range<Int> {
      segment.start..<segment.start + segment.count
    }
    func keys(_ segment: (start: Int, count: Int)) -> Range<Int> {
      withoutLast ? rows(segment).dropLast() : rows(segment)
    }
    context.parallelRanges(segments.count * heads, cost: cost) { range in
      for task in range {
        let (index, head) = (task / heads, task % heads)
        let state = states[index].mutableBase + head * keyWidth * valueWidth
        for row in keys(segments[index]) {
          let key = k.tensor.base + (row * shared + head / group) * keyWidth
          let value = v.tensor.base + (row * shared + head / group) * valueWidth
          for a in 0..<keyWidth {
            kernels.add_scaled(valueWidth, Double(key[a]), value, state + a * valueWidth)
          }
        }
        for row in rows(segments[index]) {
          let query = q.tensor.base + (row * heads + head) * keyWidth
          let target = out.mutableBase + (row * heads + head) * valueWidth
          for a in 0..<keyWidth {
            kernels.add_scaled(valueWidth, Double(query[a]), state + a * valueWidth, target)
          }
          kernels.scale(valueWidth, scale, target, target)
        }
      }
    }
    let variable = result(out, from: q.node, k.node, v.node) { dy, gradients in
      context.meter?.count(2 * 2 * 2 * size)
      let dq = Tensor<Scalar>(repeating: 0, shape: q.shape)
      let dk = Tensor<Scalar>(repeating: 0, shape: k.shape)
      let dv = Tensor<Scalar>(repeating: 0, shape: v.shape)
      context.parallelRanges(segments.count * shared, cost: 3 * cost) { range in
        for task in range {
          let (index, one) = (task / shared, task % shared)
          let flow = Tensor<Scalar>(repeating: 0, shape: [keyWidth, valueWidth])
          for head in one * group..<(one + 1) * group {
            let state = states[index].base + head * keyWidth * valueWidth
            kernels.scale(flow.count, 0, flow.base, flow.mutableBase)
            for row in rows(segments[index]) {
              let place = (row * heads + head) * keyWidth
              let arrived = dy.base + (row * heads + head) * valueWidth
              for a in 0..<keyWidth {
                dq.mutableBase[place + a] = Scalar(
                  scale * kernels.dot(valueWidth, state + a * valueWidth, arrived))
                kernels.add_scaled(
                  valueWidth, scale * Double(q.tensor.base[place + a]), arrived,
                  flow.mutableBase + a * valueWidth)
              }
            }
            for row in keys(segments[index]) {
              let (key, value) = (
                (row * shared + one) * keyWidth, (row * shared + one) * valueWidth
              )
              for a in 0..<keyWidth {
                let own = flow.base + a * valueWidth
                dk.mutableBase[key + a] += Scalar(
                  kernels.dot(valueWidth, own, v.tensor.base + value))
                kernels.add_scaled(
                  valueWidth, Double(k.tensor.base[key + a]), own, dv.mutableBase + value)
              }
            }
          }
        }
      }
      gradients.add(dq, to: q.node)
      gradients.add(dk, to: k.node)
      gradients.add(dv, to: v.node)
    }
    withExtendedLifetime((out, states)) {}
    return (variable, states)
  }

  /// s φ(q_i)·φ(k_j) of every pair of tokens of a segment, 0 for keys that do not count; for each segment
  /// `[H, q, k]`, concatenated flat.
  public func unmaskedScores(
    q: Tensor<Scalar>, k: Tensor<Scalar>, segments: [(start: Int, count: Int)], withoutLast: Bool,
    scale: Double
  ) -> Tensor<Scalar> {
    let (heads, shared, width) = (q.shape[1], k.shape[1], q.width)
    var values: [Scalar] = []
    for segment in segments {
      let keys = segment.count - (withoutLast ? 1 : 0)
      for head in 0..<heads {
        for query in 0..<segment.count {
          let own = q.base + ((segment.start + query) * heads + head) * width
          for key in 0..<segment.count {
            let other = k.base + ((segment.start + key) * shared + head * shared / heads) * width
            values.append(key < keys ? Scalar(scale * kernels.dot(width, own, other)) : 0)
          }
        }
      }
    }
    return Tensor(shape: [values.count], values: values)
  }
}
