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
    out = try withScores(layer, out, phiQ, phiK, v, kind, segments)

    var sums: [Tensor<Scalar>?] = segments.map { _ in nil }
    if kind.normalised {
      let (divisor, ends) = ops.linearNormaliser(
        q: phiQ, k: phiK, segments: segments, decays: kind.decays, scale: kind.scale)
      sums = ends
      out = ops.divide(out, by: hooks.point(layer, .normaliser, divisor), epsilon: 1e-10)
    }
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

  /// Effective attention, read or edited. It is derived from the recurrence, so an edit acts as the difference that
  /// it makes to each output, before normaliser and norm.
  private func withScores(
    _ layer: Int, _ out: Variable<Scalar>, _ q: Variable<Scalar>, _ k: Variable<Scalar>,
    _ v: Variable<Scalar>, _ kind: LinearAttention, _ segments: [RecurrentSegment<Scalar>]
  ) throws -> Variable<Scalar> {
    let names = [HookName.block(layer, .attnScores), .block(layer, .pattern)]
    guard names.contains(where: { hooks.wants($0) }) else { return out }
    guard segments.allSatisfy({ $0.initial == nil }) else {
      throw ModelError.scoresAfterPrefix(model: model.name, layer: layer)
    }
    let layout = AttentionLayout<Scalar>(
      sequences: segments.map { .init(start: $0.start, count: $0.count, past: []) },
      heads: architecture.heads, keyValueHeads: architecture.keyValueHeads)
    let blocks = hooks.scoreBlocks(layout)
    let plain = Operations<Scalar>(ops.context)
    let scores = plain.linearScores(
      q: q.tensor, k: k.tensor, segments: segments, decays: kind.decays, scale: kind.scale)
    let edited = hooks.point(names[0], Variable(scores), blocks: blocks).tensor
    let pattern = hooks.point(names[1], Variable(edited), blocks: blocks).tensor
    guard pattern != scores else { return out }
    let difference = plain.add(
      Variable(pattern), plain.scale(Variable(scores), by: -1))
    return ops.add(
      out,
      plain.attentionMix(
        pattern: difference, v: Variable(v.tensor), layout: layout, everyKey: true))
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
        let next = isStop ? at + 1 : (at + 1..<end).first { writes.contains($0) || reads.contains($0) } ?? end
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
