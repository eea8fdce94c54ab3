// Generation: tokens one after the other, each computed once; what came before is a prefix.

import TensorCore

extension Transformer<Float> {
  /// The most probable continuation, token by token.
  ///
  /// - Parameters:
  ///   - tokens: the prompt, at least one token.
  ///   - count: how many tokens to add.
  /// - Throws: `ModelError.tooLong` when the model's positions do not suffice, before anything is computed.
  public func generate(_ tokens: [Int], count: Int) throws -> [Int] {
    if let maximum = architecture.maximumPositions, tokens.count + count > maximum {
      throw ModelError.tooLong(
        model: name, sequence: 0, length: tokens.count + count, maximum: maximum)
    }
    guard count > 0 else { return [] }
    var prefix: Prefix<Float>?
    var next = tokens
    var added: [Int] = []
    while added.count < count {
      let (own, result) = try step(next, after: prefix)
      prefix = own
      added.append(result.logits.argmax(row: 0))
      next = [added[added.count - 1]]
    }
    return added
  }

  /// Runs tokens after a prefix: the prefix that they make, and the logits of the last.
  func step(_ tokens: [Int], after prefix: Prefix<Float>?) throws -> (
    Prefix<Float>, RunResult<Float>
  ) {
    let batch = [BatchSequence<Float>(tokens: tokens, after: prefix)]
    let (pass, logits, stream, places) = try forward(
      batch, plan: .empty, stopAt: nil, logitsAt: .last, tape: nil, keepsMemory: true)
    let made = Prefix(parent: prefix, ownCount: tokens.count, layers: pass.memories[0])
    let result = RunResult(
      logits: logits?.tensor ?? Tensor(repeating: 0, shape: [0, architecture.vocabulary]),
      logitPositions: places, cache: pass.hooks.cache, fireCounts: pass.hooks.counts,
      stream: stream.tensor)
    return (made, result)
  }
}

extension Tensor<Float> {
  /// The place of the largest element of a row; of several equal ones the first.
  public func argmax(row: Int) -> Int {
    withUnsafeBufferPointer { values in
      let own = values[row * width..<(row + 1) * width]
      return own.indices.reduce(own.startIndex) { own[$1] > own[$0] ? $1 : $0 } - own.startIndex
    }
  }
}
