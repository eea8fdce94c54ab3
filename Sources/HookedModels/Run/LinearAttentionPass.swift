// The linear-attention part of a forward pass: feature map, recurrence, normaliser, output norm, and the hook
// points that only linear attention has. Where someone looks at or edits the state, the recurrence is run in
// pieces that end there; pieces give the same bits as the whole.

import HookPoints
import TensorCore

extension ForwardPass {
  func linearAttention(
    _ layer: Int, _ q: Variable<Scalar>, _ k: Variable<Scalar>, _ v: Variable<Scalar>,
    _ kind: LinearAttention, gain: Parameter<Scalar>?
  ) throws -> Variable<Scalar> {
    let phiQ = hooks.point(layer, .phiQ, ops.activation(kind.featureMap, q))
    let phiK = hooks.point(layer, .phiK, ops.activation(kind.featureMap, k))
    let members = order.members[..<active]
    let segments = members.map {
      RecurrentSegment<Scalar>(
        start: $0.start, count: $0.sequence.count, initial: $0.sequence.prefix?.state(layer: layer))
    }
    let recurrence = Recurrence(
      ops: ops, q: phiQ, k: phiK, v: v, decays: kind.decays, scale: kind.scale)
    let watched: [BlockPoint] = [.ssmStateInitial, .ssmWrite, .ssmState]
    var (out, states): (Variable<Scalar>, [Tensor<Scalar>])
    if watched.contains(where: { hooks.wants(.block(layer, $0)) }) {
      (out, states) = try watchedRecurrence(layer, recurrence, segments)
    } else {
      (out, states) = recurrence.run(segments)
    }
    let effective = try EffectiveAttention(self, layer, phiQ, phiK, v, kind, segments)
    if let effective { out = effective.addEdits(of: .attnScores, to: out, dividedBy: nil) }
    var divisor: Variable<Scalar>?
    var sums: [Tensor<Scalar>?] = segments.map { _ in nil }
    if kind.normalised {
      let (normaliser, ends) = ops.linearNormaliser(
        q: phiQ, k: phiK, segments: segments, decays: kind.decays, scale: kind.scale)
      sums = ends
      let passed = hooks.point(layer, .normaliser, normaliser)
      divisor = passed
      out = ops.divide(out, by: passed, epsilon: LinearAttention.normaliserEpsilon)
    }
    if let effective { out = effective.addEdits(of: .pattern, to: out, dividedBy: divisor) }
    if keepsMemory {
      for place in members.indices {
        memories[place].append(
          .recurrent(RecurrentState(matrix: states[place], keySum: sums[place])))
      }
    }
    guard case .rms(let epsilon, _) = kind.outputNorm else { return out }
    let normed = ops.norm(out, centred: false, epsilon: epsilon).normalized
    return gain.map { ops.affine(normed, gain: $0) } ?? normed
  }

  /// The recurrence in pieces: each ends where a state is read, edited or written to.
  private func watchedRecurrence(
    _ layer: Int, _ recurrence: Recurrence<Scalar>, _ segments: [RecurrentSegment<Scalar>]
  ) throws -> (Variable<Scalar>, [Tensor<Scalar>]) {
    let names = [BlockPoint.ssmStateInitial, .ssmWrite, .ssmState].map { HookName.block(layer, $0) }
    let editing = names.contains { hooks.edits($0) }
    guard !(editing && ops.tape != nil) else {
      throw ModelError.gradientThroughState(model: model.name, layer: layer)
    }
    for name in names[1...] where hooks.means(name) {
      throw ModelError.meanOfStates(model: model.name, hook: name)
    }
    // With a tape the pieces are for reading only, beside the recurrence that gradients flow through.
    let pieces = recurrence.without(tape: ops.tape != nil)
    let size = architecture.heads * architecture.headWidth * architecture.valueWidth
    let zero = Tensor<Scalar>(
      repeating: 0,
      shape: [architecture.heads, architecture.headWidth, architecture.valueWidth])
    var initial = segments.map { $0.initial?.matrix ?? zero }
    if hooks.wants(names[0]) {
      let flat = Tensor(shape: [initial.count, size], values: initial.flatMap(\.values))
      let edited = hooks.point(names[0], Variable(flat)).tensor
      initial = initial.indices.map { Tensor(shape: zero.shape, values: edited.row($0)) }
    }
    let writes = hooks.rows(names[1])
    let reads = hooks.rows(names[2])
    var outputs: [Variable<Scalar>] = []
    var states: [Tensor<Scalar>] = []
    var writeRows: [Int: Tensor<Scalar>] = [:]
    var readRows: [Int: Tensor<Scalar>] = [:]
    for (segment, start) in zip(segments, initial) {
      var state = start
      var at = segment.start
      let end = segment.start + segment.count
      while at < end {
        let isStop = writes.contains(at) || reads.contains(at)
        let next =
          isStop
          ? at + 1 : (at + 1..<end).first { writes.contains($0) || reads.contains($0) } ?? end
        var (out, after) = pieces.run(rows: at..<next, from: state)
        if writes.contains(at) {
          let write = pieces.run(rows: at..<next, from: zero).1
          let edited = hooks.row(names[1], at, write.reshaped([1, size])).reshaped(zero.shape)
          writeRows[at] = edited
          if edited != write {
            after = recurrence.sum(after, edited, minus: write)
            out = pieces.readout(row: at, state: after)
          }
        }
        state = after
        if reads.contains(at) {
          let edited = hooks.row(names[2], at, after.reshaped([1, size])).reshaped(zero.shape)
          readRows[at] = edited
          if edited != after { out = pieces.readout(row: at, state: edited) }
        }
        outputs.append(out)
        at = next
      }
      states.append(state)
    }
    hooks.record(names[1], rows: writeRows)
    hooks.record(names[2], rows: readRows)
    guard ops.tape == nil, var joined = outputs.first else { return recurrence.run(segments) }
    for out in outputs.dropFirst() { joined = ops.concatenate(joined, out) }
    return (joined, states)
  }
}

/// The inputs of a layer's recurrence, which can be run over whole segments or over any rows of one.
struct Recurrence<Scalar: TensorScalar> {
  let ops: Operations<Scalar>
  let q, k, v: Variable<Scalar>
  let decays: [Double]
  let scale: Double

  func run(_ segments: [RecurrentSegment<Scalar>]) -> (Variable<Scalar>, [Tensor<Scalar>]) {
    ops.linearAttention(q: q, k: k, v: v, segments: segments, decays: decays, scale: scale)
  }

  /// Outputs `[rows, H, dv]` of some rows, and the state after them.
  func run(rows: Range<Int>, from state: Tensor<Scalar>) -> (Variable<Scalar>, Tensor<Scalar>) {
    let list = Array(rows)
    let (out, states) = ops.linearAttention(
      q: ops.rows(list, of: q), k: ops.rows(list, of: k), v: ops.rows(list, of: v),
      segments: [
        RecurrentSegment(
          start: 0, count: rows.count, initial: RecurrentState(matrix: state, keySum: nil))
      ], decays: decays, scale: scale)
    return (out, states[0])
  }

  /// scale · φ(q_row) · state: a step that forgets and writes nothing.
  func readout(row: Int, state: Tensor<Scalar>) -> Variable<Scalar> {
    func one(_ x: Variable<Scalar>) -> Variable<Scalar> {
      Variable(Tensor(repeating: 0, shape: [1] + x.shape.dropFirst()))
    }
    return ops.linearAttention(
      q: ops.rows([row], of: q), k: one(k), v: one(v),
      segments: [
        RecurrentSegment(start: 0, count: 1, initial: RecurrentState(matrix: state, keySum: nil))
      ], decays: decays.map { _ in 1 }, scale: scale
    ).out
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
    return Recurrence(
      ops: Operations(ops.context), q: Variable(q.tensor), k: Variable(k.tensor),
      v: Variable(v.tensor), decays: decays, scale: scale)
  }
}

/// Linear attention as weights of tokens on tokens: scores are the weights in the numerator, the pattern is what they
/// are after the normaliser. Both are derived from the recurrence, so an edit acts as the difference that it makes.
final class EffectiveAttention<Scalar: TensorScalar> {
  private let hooks: HookRun<Scalar>
  private let ops: Operations<Scalar>
  private let layer: Int
  private let v: Tensor<Scalar>
  private let layout: AttentionLayout<Scalar>
  private var weights: Tensor<Scalar>

  /// Nil where nobody looks.
  ///
  /// - Throws: `ModelError.scoresAfterPrefix`, because a prefix holds no keys.
  init?(
    _ pass: ForwardPass<Scalar>, _ layer: Int, _ q: Variable<Scalar>, _ k: Variable<Scalar>,
    _ v: Variable<Scalar>, _ kind: LinearAttention, _ segments: [RecurrentSegment<Scalar>]
  ) throws {
    let names = [BlockPoint.attnScores, .pattern].map { HookName.block(layer, $0) }
    guard names.contains(where: { pass.hooks.wants($0) }) else { return nil }
    for name in names where pass.hooks.differentiates(name) {
      throw ModelError.gradientThroughEdit(
        model: pass.model.name, hook: name, instead: "edit hook_phi_q, hook_phi_k or hook_z")
    }
    guard segments.allSatisfy({ $0.initial == nil }) else {
      throw ModelError.scoresAfterPrefix(model: pass.model.name, layer: layer)
    }
    hooks = pass.hooks
    ops = Operations(pass.ops.context)
    self.layer = layer
    self.v = v.tensor
    layout = AttentionLayout(
      sequences: segments.map { .init(start: $0.start, count: $0.count, past: []) },
      heads: pass.architecture.heads, keyValueHeads: pass.architecture.keyValueHeads)
    weights = ops.linearScores(
      q: q.tensor, k: k.tensor, segments: segments, decays: kind.decays, scale: kind.scale)
  }

  /// Passes the weights through a hook point and adds to the output what an edit changes.
  ///
  /// - Parameter divisor: the normaliser `[T, H]` that the weights are divided by first.
  func addEdits(
    of point: BlockPoint, to out: Variable<Scalar>, dividedBy divisor: Variable<Scalar>?
  ) -> Variable<Scalar> {
    if let divisor { divide(by: divisor.tensor) }
    let edited = hooks.point(
      .block(layer, point), Variable(weights), blocks: hooks.scoreBlocks(layout)
    ).tensor
    guard edited != weights else { return out }
    let difference = ops.add(Variable(edited), ops.scale(Variable(weights), by: -1))
    weights = edited
    let change = ops.attentionMix(
      pattern: difference, v: Variable(v), layout: layout, everyKey: true)
    // On the tape's operations, so that gradients go on through `out`.
    return hooks.ops.add(out, change)
  }

  private func divide(by divisor: Tensor<Scalar>) {
    let heads = layout.heads
    divisor.withUnsafeBufferPointer { divisor in
      weights.withUnsafeMutableBufferPointer { weights in
        for (index, sequence) in layout.sequences.enumerated() {
          for head in 0..<heads {
            for query in 0..<sequence.count {
              let n =
                divisor[(sequence.start + query) * heads + head]
                + Scalar(LinearAttention.normaliserEpsilon)
              let start =
                layout.scoreOffsets[index] + (head * sequence.count + query) * sequence.total
              for key in 0..<sequence.total { weights[start + key] /= n }
            }
          }
        }
      }
    }
  }
}
