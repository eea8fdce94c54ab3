// TaskVectorPass: task vectors of a linear transformer on triplets: taken at the query's arrow after the first layer, put
// in at the arrow of a query alone.

import TensorCore

/// Runs whole prompts and queries alone with one stack, eight at a time.
package final class TaskVectorPass {
  package let triplets: Triplets
  private let stack, short: LinearStack
  package let whole: StackPass
  private let alone: StackPass

  package init(_ triplets: Triplets, _ stack: LinearStack) {
    self.triplets = triplets
    self.stack = stack
    short = stack.last(3)
    whole = StackPass(stack.shape, tokens: triplets.tokens)
    alone = StackPass(short.shape, tokens: 3)
  }

  /// ŷ `[d]` of the prompts in `whole`: the target is −y, as in the paper.
  package func inContext() -> [Lanes] {
    whole.forward(stack, tokens: triplets.tokens)
    return prediction(whole)
  }

  /// The task vector `[2d]` of the prompts that were run: the stream at the query's arrow after the first layer; nil for
  /// a model of one layer, after which nothing reads it.
  package func vector() -> [Lanes]? {
    guard stack.shape.layers > 1 else { return nil }
    let arrow = whole.stream(1) + triplets.arrow * triplets.width
    return (0..<triplets.width).map { arrow[$0] }
  }

  /// ŷ `[d]` of [x, →, 0] with a vector in place of the arrow's stream after the first layer.
  package func injected(_ vector: [Lanes]?, query: [Lanes]) -> [Lanes] {
    alone.input.update(repeating: Lanes(), count: 3 * triplets.width)
    for column in query.indices { alone.input[column] = query[column] }
    alone.forward(short, tokens: 3)
    if let vector, stack.shape.layers > 1 {
      let arrow = alone.stream(1) + triplets.width
      for column in vector.indices { arrow[column] = vector[column] }
      alone.forward(short, tokens: 3, from: 1)
    }
    return prediction(alone)
  }

  /// The derivative of the injected prediction by the query's x at x = 0, for each lane `[d][d]`, backwards through the
  /// layers. Differences of predictions would not do: the vector alone adds a constant to them, against which the map may
  /// be small, and from three layers on they are cubic in x and more.
  package func map(_ vector: [Lanes]) -> [[[Double]]] {
    let d = triplets.dimension
    _ = injected(vector, query: Array(repeating: Lanes(), count: d))
    let slope = StackSlope(width: triplets.width)
    var lanes = Array(
      repeating: Array(repeating: Array(repeating: 0.0, count: d), count: d),
      count: RegressionPrompts.lanes)
    for row in 0..<d {
      slope.base[d + row] = Lanes(repeating: -1)
      alone.backward(short, slope: slope.base, into: nil, replaced: (layer: 1, token: 1))
      slope.base[d + row] = Lanes()
      for column in 0..<d {
        for lane in lanes.indices {
          lanes[lane][row][column] = alone.inputGradient(at: 0)[column][lane]
        }
      }
    }
    return lanes
  }

  private func prediction(_ pass: StackPass) -> [Lanes] {
    (0..<triplets.dimension).map { -pass.output[triplets.dimension + $0] }
  }
}
