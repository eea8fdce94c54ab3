// What vectors of the residual stream mean to the model: the logits they would give (the lens), how far they push the
// logit of a token (direct attribution), and what each head writes.

import HookPoints
import TensorCore

extension Transformer {
  /// The logits that rows of the residual stream give if nothing follows them but the unembedding.
  ///
  /// Through the final norm this is how the model itself ends, so of the last layer's residual it is the model's own
  /// logits, bit for bit. A bias of the unembedding and a cap of logits apply either way.
  ///
  /// - Parameters:
  ///   - stream: `[n, D]`.
  ///   - normed: whether the rows pass the final norm first.
  /// - Returns: `[n, V]`.
  /// - Throws: `ModelError` for rows of another width.
  /// - Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
  public func lens(_ stream: Tensor<Scalar>, normed: Bool = true) throws -> Tensor<Scalar> {
    if normed {
      // A sequence each: they are no text, so no limit of positions is theirs.
      let rows = (0..<stream.rows).map { index in
        BatchSequence<Scalar>(
          .residual(
            Tensor(shape: [1, stream.width], values: stream.row(index)), layer: architecture.layers)
        )
      }
      return try run(rows).logits
    }
    guard stream.width == architecture.modelWidth else {
      throw ModelError.residualShape(
        model: name, sequence: 0, shape: stream.shape, width: architecture.modelWidth)
    }
    let ops = Operations<Scalar>(context)
    let last = weights.unembedding
    let logits = ops.linear(Variable(stream), weight: last.weight, bias: last.bias)
    return (architecture.logitCap.map { ops.softCap(logits, at: $0) } ?? logits).tensor
  }

  /// The direction, behind the final norm, in which the logit of a token grows against the mean logit of the vocabulary,
  /// before any cap: its row of the unembedding minus the mean row, `[D]`.
  public func unembeddingDirections(of tokens: [Int]) -> [[Double]] {
    let matrix = weights.unembedding.weight
    let ops = Operations<Scalar>(context)
    var mean = [Double](repeating: 0, count: matrix.shape[1])
    for start in stride(from: 0, to: matrix.shape[0], by: 1024) {
      let end = min(start + 1024, matrix.shape[0])
      let rows = ops.embed((start..<end).map { Int32($0) }, in: matrix).tensor
      for row in 0..<rows.rows {
        for (column, value) in rows.row(row).enumerated() { mean[column] += Double(value) }
      }
    }
    let own = ops.embed(tokens.map { Int32($0) }, in: matrix).tensor
    let count = Double(matrix.shape[0])
    return tokens.indices.map { index in
      zip(own.row(index), mean).map { value, sum in Double(value) - sum / count }
    }
  }

  /// A direction behind a norm as one before it, the norm's divisor held: ⟨d, norm(x)⟩ is ⟨d′, x⟩ over the divisor, plus
  /// a number that does not depend on x.
  ///
  /// - Parameters:
  ///   - direction: d behind the norm, `[D]`.
  ///   - layer: of the norm behind attention; nil for the final norm. A model without that norm gives `direction`.
  public func direction(_ direction: [Double], beforeNormOfAttentionIn layer: Int?) -> [Double] {
    let norm =
      layer.map { weights.blocks[$0].attentionPostNorm } ?? weights.finalNorm
    guard let norm, architecture.norm != .none else { return direction }
    let gain = norm.gain.tensor().values
    let offset: Double = architecture.hasOffsetGains ? 1 : 0
    var own = zip(direction, gain).map { value, gain in value * (Double(gain) + offset) }
    if case .layer = architecture.norm {
      let mean = own.reduce(0, +) / Double(own.count)
      own = own.map { $0 - mean }
    }
    return own
  }

  /// What each head writes, z_h · W_O[h] without the bias, `[H, D]`: the sum over heads, plus the bias, is
  /// `attn.hook_out`. Of linear attention z is behind the norm and the gate of each head, which come before W_O.
  ///
  /// - Parameters:
  ///   - z: a row of `attn.hook_z`, `[H · dv]`; linear in it, so of a mean z this is the mean of what is written.
  ///   - layer: the block whose W_O is meant.
  public func headWrites(_ z: [Scalar], layer: Int) -> Tensor<Scalar> {
    let heads = architecture.attentionShape(layer).heads
    return Operations<Scalar>(context).headResults(
      Variable(Tensor(shape: [1, z.count], values: z)),
      weight: weights.blocks[layer].output.weight, heads: heads
    ).tensor.reshaped([heads, architecture.modelWidth])
  }
}
