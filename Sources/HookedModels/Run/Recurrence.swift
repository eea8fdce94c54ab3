// Recurrence: the inputs of a layer's recurrence, which can be run over whole segments, over any rows of one, or step
// by step where someone looks at the state.

import TensorCore

/// What the state forgets, and how strongly tokens write.
enum Forgetting<Scalar: TensorScalar> {
  /// λ of each head.
  case fixed([Double])
  /// Of each token: decays `[T, n, dk or 1]`, and β `[T, n]` of the delta rule.
  case gated(Variable<Scalar>, Variable<Scalar>?)
}

/// The inputs of a layer's recurrence.
struct Recurrence<Scalar: TensorScalar> {
  let ops: Operations<Scalar>
  let q, k, v: Variable<Scalar>
  let forgetting: Forgetting<Scalar>
  let scale: Double
  let reach: LinearAttention.Reach

  func run(_ segments: [RecurrentSegment<Scalar>]) -> (Variable<Scalar>, [Tensor<Scalar>]) {
    guard reach == .causal else {
      precondition(forgetting.forgetsNothing, "only a causal recurrence forgets")
      return ops.unmaskedAttention(
        q: q, k: k, v: v, segments: segments.map { ($0.start, $0.count) },
        withoutLast: reach == .demonstrations, scale: scale)
    }
    return switch forgetting {
    case .fixed(let decays):
      ops.linearAttention(q: q, k: k, v: v, segments: segments, decays: decays, scale: scale)
    case .gated(let decays, let betas):
      ops.gatedAttention(
        q: q, k: k, v: v, decays: decays, betas: betas, segments: segments, scale: scale)
    }
  }

  /// Outputs `[rows, H, dv]` of some rows, and the state after them.
  func run(rows: Range<Int>, from state: Tensor<Scalar>) -> (Variable<Scalar>, Tensor<Scalar>) {
    let (out, states) = only(rows).run([segment(rows.count, from: state)])
    return (out, states[0])
  }

  /// scale · φ(q_row) · state: a step that forgets and writes nothing.
  func readout(row: Int, state: Tensor<Scalar>) -> Variable<Scalar> {
    read(ops.rows([row], of: q), state: state, scale: scale)
  }

  /// What a row adds to the state before it, `[H, dk, dv]`.
  func write(row: Int, before state: Tensor<Scalar>, zero: Tensor<Scalar>) -> Tensor<Scalar> {
    let own = only(row..<row + 1)
    var value = own.v
    if case .gated(let decays, let betas?) = own.forgetting {
      // The delta rule writes what the decayed state does not give for the key yet.
      let nothing = Tensor<Scalar>(repeating: 0, shape: own.k.shape)
      let decayed = ops.gatedAttention(
        q: own.q, k: Variable(nothing), v: own.v, decays: decays, betas: nil,
        segments: [segment(1, from: state)], scale: 1
      ).states[0]
      let given = read(own.k, state: decayed, scale: 1).tensor
      let (width, old) = (given.width, own.v.tensor.values)
      value = Variable(
        Tensor(
          shape: given.shape,
          values: given.values.indices.map {
            betas.tensor.values[$0 / width] * (old[$0] - given.values[$0])
          }))
    }
    return ops.linearAttention(
      q: own.q, k: own.k, v: value, segments: [segment(1, from: zero)],
      decays: Array(repeating: 1, count: zero.shape[0]), scale: 1
    ).states[0]
  }

  /// The weight of each token's value in each token's output, before any normaliser.
  func weights(_ segments: [RecurrentSegment<Scalar>]) -> Tensor<Scalar> {
    guard reach == .causal else {
      return ops.unmaskedScores(
        q: q.tensor, k: k.tensor, segments: segments.map { ($0.start, $0.count) },
        withoutLast: reach == .demonstrations, scale: scale)
    }
    return switch forgetting {
    case .fixed(let decays):
      ops.linearScores(
        q: q.tensor, k: k.tensor, segments: segments, decays: decays, scale: scale)
    case .gated(let decays, let betas):
      ops.gatedScores(
        q: q.tensor, k: k.tensor, decays: decays.tensor, betas: betas?.tensor, segments: segments,
        scale: scale)
    }
  }

  /// state + (edited − original): exactly `state` where nothing changed.
  func sum(_ state: Tensor<Scalar>, _ edited: Tensor<Scalar>, minus original: Tensor<Scalar>)
    -> Tensor<Scalar>
  {
    let difference = ops.add(Variable(edited), ops.scale(Variable(original), by: -1))
    return ops.add(Variable(state), difference).tensor
  }

  func without(tape drops: Bool) -> Recurrence {
    guard drops else { return self }
    func constant(_ x: Variable<Scalar>) -> Variable<Scalar> { Variable(x.tensor) }
    return Recurrence(
      ops: Operations(ops.context), q: constant(q), k: constant(k), v: constant(v),
      forgetting: forgetting.mapped(constant), scale: scale, reach: reach)
  }

  private func only(_ rows: Range<Int>) -> Recurrence {
    func own(_ x: Variable<Scalar>) -> Variable<Scalar> { ops.rows(Array(rows), of: x) }
    return Recurrence(
      ops: ops, q: own(q), k: own(k), v: own(v), forgetting: forgetting.mapped(own), scale: scale,
      reach: reach)
  }

  private func segment(_ count: Int, from state: Tensor<Scalar>) -> RecurrentSegment<Scalar> {
    RecurrentSegment(
      start: 0, count: count, initial: RecurrentState(matrix: state, keySum: nil))
  }

  private func read(_ query: Variable<Scalar>, state: Tensor<Scalar>, scale: Double) -> Variable<
    Scalar
  > {
    func nothing(_ x: Variable<Scalar>) -> Variable<Scalar> {
      Variable(Tensor(repeating: 0, shape: [1] + x.shape.dropFirst()))
    }
    return ops.linearAttention(
      q: query, k: nothing(k), v: nothing(v), segments: [segment(1, from: state)],
      decays: Array(repeating: 1, count: query.shape[1]), scale: scale
    ).out
  }
}

extension Forgetting {
  var forgetsNothing: Bool {
    if case .fixed(let decays) = self { decays.allSatisfy { $0 == 1 } } else { false }
  }

  fileprivate func mapped(_ change: (Variable<Scalar>) -> Variable<Scalar>) -> Forgetting {
    switch self {
    case .fixed: self
    case .gated(let decays, let betas): .gated(change(decays), betas.map(change))
    }
  }
}
