// Operations: softmax attention over a ragged batch. Scores, softmax and mix are three operations whose results
// can be read and edited between them; `attention` is the three at once for when nobody looks, the same bits.

import CKernels

/// Keys and values that a sequence sees before its own: part of a shared prefix.
public struct PastSpan<Scalar: TensorScalar>: Sendable {
  /// `[n, K, d]`; only the first `count` of the n rows count.
  public let keys: Tensor<Scalar>
  /// `[n, K, dv]`, rows as in `keys`.
  public let values: Tensor<Scalar>
  /// Tokens.
  public let count: Int

  public init(keys: Tensor<Scalar>, values: Tensor<Scalar>, count: Int) {
    self.keys = keys
    self.values = values
    self.count = count
  }
}

/// Where each sequence's rows lie in a ragged batch, and what it sees before them.
public struct AttentionLayout<Scalar: TensorScalar>: Sendable {
  /// One sequence of the batch.
  public struct Sequence: Sendable {
    /// The batch's row of its first own token.
    public let start: Int
    /// Its own tokens.
    public let count: Int
    /// What it sees before its own tokens, oldest first.
    public let past: [PastSpan<Scalar>]
    /// Tokens before its own.
    public var pastCount: Int { past.reduce(0) { $0 + $1.count } }
    /// All tokens that it has.
    public var total: Int { pastCount + count }

    public init(start: Int, count: Int, past: [PastSpan<Scalar>]) {
      self.start = start
      self.count = count
      self.past = past
    }
  }

  /// In the order of the batch's rows.
  public let sequences: [Sequence]
  /// H: heads of queries.
  public let heads: Int
  /// K: heads of keys and values; divides `heads`.
  public let keyValueHeads: Int
  /// How many keys a query sees at most, its own included; nil for all that come before.
  public let window: Int?
  /// Where sequence i's scores `[H, q, k]` begin in a flat score tensor; one more entry than sequences.
  public let scoreOffsets: [Int]

  /// - Parameters:
  ///   - sequences: in the order of the batch's rows.
  ///   - heads: H.
  ///   - keyValueHeads: K, a divisor of H; H / K neighbouring heads of queries share one.
  ///   - window: how many keys a query sees at most, its own included; at least 1.
  public init(sequences: [Sequence], heads: Int, keyValueHeads: Int, window: Int? = nil) {
    precondition(heads % keyValueHeads == 0, "\(heads) heads over \(keyValueHeads) key/value heads")
    precondition(window.map { $0 > 0 } ?? true, "a window of \(window ?? 1) keys")
    self.window = window
    self.sequences = sequences
    self.heads = heads
    self.keyValueHeads = keyValueHeads
    scoreOffsets = sequences.reduce(into: [0]) { offsets, sequence in
      offsets.append(offsets[offsets.count - 1] + heads * sequence.count * sequence.total)
    }
  }

  var group: Int { heads / keyValueHeads }
  /// For the kernels: 0 where there is no window.
  var windowSize: Int { if let window { window } else { 0 } }

  /// Whether a pattern has weight on keys behind their query, as only an edit can put there.
  public func looksAhead(_ pattern: Tensor<Scalar>) -> Bool {
    pattern.withUnsafeBufferPointer { pattern in
      sequences.enumerated().contains { index, sequence in
        (0..<heads * sequence.count).contains { row in
          let start = scoreOffsets[index] + row * sequence.total
          let seen = sequence.pastCount + row % sequence.count + 1
          return pattern[start + seen..<start + sequence.total].contains { $0 != 0 }
        }
      }
    }
  }

  /// How many keys all queries of one head see, together.
  var visiblePairs: Int {
    sequences.reduce(0) { sum, sequence in
      let (count, past) = (sequence.count, sequence.pastCount)
      guard let window else { return sum + count * past + count * (count + 1) / 2 }
      return sum + (0..<count).reduce(0) { $0 + min(window, past + $1 + 1) }
    }
  }

  /// Rough nanoseconds of one pass over all scores with heads of `width`.
  func cost(width: Int) -> Int { scoreOffsets[sequences.count] * max(1, width / 16) }

  /// Calls `body` with the spans of sequence `index` as key/value head `head` sees them.
  func withSpans(
    _ index: Int, head: Int, keys: Tensor<Scalar>, values: Tensor<Scalar>,
    _ body: (UnsafePointer<ck_span>, Int) -> Void
  ) {
    let sequence = sequences[index]
    let (keyWidth, valueWidth) = (keys.width, values.width)
    withUnsafeTemporaryAllocation(of: ck_span.self, capacity: sequence.past.count + 1) { spans in
      func fill(_ place: Int, _ k: Tensor<Scalar>, _ v: Tensor<Scalar>, row: Int, count: Int) {
        let keyRow = keyValueHeads * keyWidth
        let valueRow = keyValueHeads * valueWidth
        spans.initializeElement(
          at: place,
          to: ck_span(
            keys: k.base + row * keyRow + head * keyWidth,
            values: v.base + row * valueRow + head * valueWidth, count: count, key_stride: keyRow,
            value_stride: valueRow))
      }
      for (place, past) in sequence.past.enumerated() {
        fill(place, past.keys, past.values, row: 0, count: past.count)
      }
      fill(sequence.past.count, keys, values, row: sequence.start, count: sequence.count)
      if let first = spans.baseAddress { body(UnsafePointer(first), spans.count) }
    }
  }
}

extension Operations {
  /// Softmax attention without looking inside; for runs without a tape.
  ///
  /// - Parameters:
  ///   - q: `[T, H, d]`.
  ///   - k: `[T, K, d]`.
  ///   - v: `[T, K, dv]`.
  ///   - layout: where sequences lie, and what they see before themselves.
  ///   - scale: what scores are multiplied by, usually 1/√d.
  ///   - cap: what `softCap` does to the scores, if anything.
  /// - Returns: `[T, H, dv]`.
  public func attention(
    q: Tensor<Scalar>, k: Tensor<Scalar>, v: Tensor<Scalar>, layout: AttentionLayout<Scalar>,
    scale: Double, cap: Double? = nil
  ) -> Tensor<Scalar> {
    let limit: Double = if let cap { cap } else { 0 }
    let (heads, width, valueWidth) = (layout.heads, q.width, v.width)
    let out = Tensor<Scalar>(uninitialized: [q.shape[0], heads, valueWidth])
    count(layout, width: width + valueWidth)
    forEachHead(layout, cost: 2 * layout.cost(width: width)) { index, head in
      let sequence = layout.sequences[index]
      let row = sequence.start * heads + head
      layout.withSpans(index, head: head / layout.group, keys: k, values: v) { spans, count in
        withUnsafeTemporaryAllocation(of: Scalar.self, capacity: 4 * (sequence.total + 64)) {
          kernels.attention(
            sequence.count, sequence.pastCount, sequence.total, spans, count, width, valueWidth,
            q.base + row * width, heads * width, scale, limit, layout.windowSize,
            out.mutableBase + row * valueWidth, heads * valueWidth, $0.baseAddress)
        }
      }
    }
    return out
  }

  /// q·k·scale for every visible key, −inf for the others: for each sequence `[H, q, k]`, concatenated flat.
  ///
  /// Gradients flow to q and to the batch's own keys; keys of a prefix are constants.
  public func attentionScores(
    q: Variable<Scalar>, k: Variable<Scalar>, layout: AttentionLayout<Scalar>, scale: Double
  ) -> Variable<Scalar> {
    let (heads, width) = (layout.heads, q.tensor.width)
    let keyRow = layout.keyValueHeads * width
    let scores = Tensor<Scalar>(uninitialized: [layout.scoreOffsets[layout.sequences.count]])
    count(layout, width: width)
    forEachHead(layout, cost: layout.cost(width: width)) { index, head in
      let sequence = layout.sequences[index]
      let at = layout.scoreOffsets[index] + head * sequence.count * sequence.total
      layout.withSpans(index, head: head / layout.group, keys: k.tensor, values: k.tensor) {
        kernels.attention_scores(
          sequence.count, sequence.pastCount, sequence.total, $0, $1, width,
          q.tensor.base + (sequence.start * heads + head) * width, heads * width, scale,
          layout.windowSize, scores.mutableBase + at, sequence.total)
      }
    }
    return result(scores, from: q.node, k.node) { dScores, gradients in
      let dq = Tensor<Scalar>(repeating: 0, shape: q.shape)
      let dk = Tensor<Scalar>(repeating: 0, shape: k.shape)
      count(layout, width: 2 * width)
      forEachKeyValueHead(layout, cost: 2 * layout.cost(width: width)) { index, shared, head in
        let sequence = layout.sequences[index]
        let at = layout.scoreOffsets[index] + head * sequence.count * sequence.total
        let row = (sequence.start * heads + head) * width
        layout.withSpans(index, head: shared, keys: k.tensor, values: k.tensor) {
          kernels.attention_scores_backward(
            sequence.count, sequence.pastCount, sequence.total, $0, $1, width, q.tensor.base + row,
            heads * width, scale, dScores.base + at, sequence.total, dq.mutableBase + row,
            heads * width, dk.mutableBase + sequence.start * keyRow + shared * width, keyRow)
        }
      }
      gradients.add(dq, to: q.node)
      gradients.add(dk, to: k.node)
    }
  }

  /// Softmax over the visible scores of each query; 0 for the others.
  ///
  /// - Parameters:
  ///   - scores: `[H, q, k]` of each sequence, one after the other, flat.
  ///   - layout: the one that the scores were made with.
  ///   - everyKey: also over keys behind the query, whose scores are −inf unless they were edited.
  public func attentionSoftmax(
    _ scores: Variable<Scalar>, layout: AttentionLayout<Scalar>, everyKey: Bool = false
  ) -> Variable<Scalar> {
    func past(_ sequence: AttentionLayout<Scalar>.Sequence) -> Int {
      everyKey ? sequence.total : sequence.pastCount
    }
    let pattern = Tensor<Scalar>(uninitialized: scores.shape)
    forEachHead(layout, cost: 2 * layout.cost(width: 1)) { index, head in
      let sequence = layout.sequences[index]
      let at = layout.scoreOffsets[index] + head * sequence.count * sequence.total
      kernels.attention_softmax(
        sequence.count, past(sequence), sequence.total, scores.tensor.base + at,
        pattern.mutableBase + at, sequence.total)
    }
    let node = scores.node
    return result(pattern, from: node) { dPattern, gradients in
      let flow = Tensor<Scalar>(uninitialized: pattern.shape)
      forEachHead(layout, cost: 2 * layout.cost(width: 1)) { index, head in
        let sequence = layout.sequences[index]
        let at = layout.scoreOffsets[index] + head * sequence.count * sequence.total
        kernels.attention_softmax_backward(
          sequence.count, past(sequence), sequence.total, pattern.base + at,
          dPattern.base + at, flow.mutableBase + at, sequence.total)
      }
      gradients.add(flow, to: node)
    }
  }

  /// Σ pattern · v for each query and head.
  ///
  /// - Parameters:
  ///   - pattern: weights `[H, q, k]` of each sequence, one after the other, flat.
  ///   - v: `[T, K, dv]`.
  ///   - layout: the one that the pattern was made with.
  ///   - everyKey: also sum over keys behind the query, which an edited pattern may have weight on.
  /// - Returns: `[T, H, dv]`.
  public func attentionMix(
    pattern: Variable<Scalar>, v: Variable<Scalar>, layout: AttentionLayout<Scalar>,
    everyKey: Bool = false
  ) -> Variable<Scalar> {
    let (heads, width, rows) = (layout.heads, v.tensor.width, v.shape[0])
    let valueRow = layout.keyValueHeads * width
    func past(_ sequence: AttentionLayout<Scalar>.Sequence) -> Int {
      everyKey ? sequence.total : sequence.pastCount
    }
    let out = Tensor<Scalar>(uninitialized: [rows, heads, width])
    count(layout, width: width)
    forEachHead(layout, cost: layout.cost(width: width)) { index, head in
      let sequence = layout.sequences[index]
      let at = layout.scoreOffsets[index] + head * sequence.count * sequence.total
      layout.withSpans(index, head: head / layout.group, keys: v.tensor, values: v.tensor) {
        kernels.attention_mix(
          sequence.count, past(sequence), sequence.total, $0, $1, width, pattern.tensor.base + at,
          sequence.total, out.mutableBase + (sequence.start * heads + head) * width, heads * width)
      }
    }
    return result(out, from: pattern.node, v.node) { dy, gradients in
      precondition(!everyKey, "no gradient flows through a pattern that was edited")
      let dPattern = Tensor<Scalar>(uninitialized: pattern.shape)
      let dv = Tensor<Scalar>(repeating: 0, shape: v.shape)
      count(layout, width: 2 * width)
      forEachKeyValueHead(layout, cost: 2 * layout.cost(width: width)) { index, shared, head in
        let sequence = layout.sequences[index]
        let at = layout.scoreOffsets[index] + head * sequence.count * sequence.total
        layout.withSpans(index, head: shared, keys: v.tensor, values: v.tensor) {
          kernels.attention_mix_backward(
            sequence.count, sequence.pastCount, sequence.total, $0, $1, width,
            pattern.tensor.base + at, sequence.total,
            dy.base + (sequence.start * heads + head) * width, heads * width,
            dPattern.mutableBase + at, dv.mutableBase + sequence.start * valueRow + shared * width,
            valueRow)
        }
      }
      gradients.add(dPattern, to: pattern.node)
      gradients.add(dv, to: v.node)
    }
  }

  /// Tells the meter of one product of numbers for each visible key, head and element of `width`.
  private func count(_ layout: AttentionLayout<Scalar>, width: Int) {
    context.meter?.count(2 * layout.visiblePairs * layout.heads * width)
  }

  /// Every (sequence, head), in any order, over threads.
  func forEachHead(_ layout: AttentionLayout<Scalar>, cost: Int, _ body: (Int, Int) -> Void) {
    context.parallelRanges(layout.sequences.count * layout.heads, cost: cost) { range in
      for task in range { body(task / layout.heads, task % layout.heads) }
    }
  }

  /// Every (sequence, key/value head), over threads; its query heads one after the other, in order.
  func forEachKeyValueHead(
    _ layout: AttentionLayout<Scalar>, cost: Int, _ body: (Int, Int, Int) -> Void
  ) {
    context.parallelRanges(layout.sequences.count * layout.keyValueHeads, cost: cost) { range in
      for task in range {
        let (index, shared) = (task / layout.keyValueHeads, task % layout.keyValueHeads)
        for head in shared * layout.group..<(shared + 1) * layout.group {
          body(index, shared, head)
        }
      }
    }
  }
}
