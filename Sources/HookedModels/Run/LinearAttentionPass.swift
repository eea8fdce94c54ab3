// The linear-attention part of a forward pass: feature map, recurrence, normaliser, output norm, and the hook
// points that only linear attention has. Where someone looks at or edits the state, the recurrence is run in
// pieces that end there; pieces give the same bits as the whole.

import HookPoints
import TensorCore

extension ForwardPass {
  /// Queries, keys and values after the short convolution and its SiLU, where the layer has one, and what the next
  /// tokens need of their inputs: for each of the three, one tensor a member.
  func convolved(
    _ layer: Int, _ inputs: [Variable<Scalar>], _ weights: LinearAttentionWeights<Scalar>
  ) -> ([Variable<Scalar>], [[Tensor<Scalar>]]) {
    guard !weights.convolutions.isEmpty else { return (inputs, []) }
    let members = order.members[..<active]
    let results = inputs.indices.map { input in
      ops.shortConvolution(
        inputs[input], weight: weights.convolutions[input],
        segments: members.map { ($0.start, $0.sequence.count) },
        pasts: members.map { $0.sequence.prefix?.layers[layer].convolved[input] })
    }
    return (results.map { ops.activation(.silu, $0.out) }, results.map(\.pasts))
  }

  /// The recurrence and its normaliser, `[T, H, dv]`.
  ///
  /// - Parameter input: what the layer's projections read.
  func linearAttention(
    _ layer: Int, _ q: Variable<Scalar>, _ k: Variable<Scalar>, _ v: Variable<Scalar>,
    _ kind: LinearAttention, _ input: Variable<Scalar>, _ weights: LinearAttentionWeights<Scalar>
  ) throws -> (Variable<Scalar>, [Prefix<Scalar>.Attention]) {
    let phiQ = hooks.point(
      layer, .phiQ, mapped(q, kind.featureMap, weights.queryMaps, toOne: kind.queriesSumToOne))
    let phiK = hooks.point(
      layer, .phiK, mapped(k, kind.featureMap, weights.keyMaps, toOne: kind.keysSumToOne))
    let members = order.members[..<active]
    let segments = members.map {
      RecurrentSegment<Scalar>(
        start: $0.start, count: $0.sequence.count, initial: $0.sequence.prefix?.state(layer: layer))
    }
    let recurrence = Recurrence(
      ops: ops, q: phiQ, k: phiK, v: v,
      forgetting: forgetting(kind.update, input, weights, shared: phiK.shape[1]),
      scale: kind.scale, reach: kind.reach)
    let watched: [BlockPoint] = [.ssmStateInitial, .ssmWrite, .ssmState]
    var (out, states): (Variable<Scalar>, [Tensor<Scalar>])
    if watched.contains(where: { hooks.wants(.block(layer, $0)) }) {
      (out, states) = try watchedRecurrence(layer, recurrence, segments)
    } else {
      (out, states) = recurrence.run(segments)
    }
    let effective = try EffectiveAttention(self, layer, recurrence, segments)
    if let effective { out = effective.addEdits(of: .attnScores, to: out, dividedBy: nil) }
    var divisor: (value: Variable<Scalar>, epsilon: Double)?
    var sums: [Tensor<Scalar>?] = segments.map { _ in nil }
    if kind.normalised, case .fixed(let decays) = kind.update {
      let (normaliser, ends) = ops.linearNormaliser(
        q: phiQ, k: phiK, segments: segments, decays: decays, scale: kind.scale)
      sums = ends
      let passed = hooks.point(layer, .normaliser, normaliser)
      divisor = (passed, LinearAttention.normaliserEpsilon)
      out = ops.divide(out, by: passed, epsilon: LinearAttention.normaliserEpsilon)
    } else if kind.averaged {
      let heads = out.shape[1]
      let counts = members.flatMap { member in
        (0..<member.sequence.count).flatMap {
          let count = kind.reach.tokensRead(position: member.past + $0, of: member.sequence.count)
          return Array(repeating: Scalar(count), count: heads)
        }
      }
      let passed = hooks.point(
        layer, .normaliser, Variable(Tensor(shape: [activeRows, heads], values: counts)))
      divisor = (passed, 0)
      out = ops.divide(out, by: passed, epsilon: 0)
    }
    if let effective { out = effective.addEdits(of: .pattern, to: out, dividedBy: divisor) }
    return (
      out, zip(states, sums).map { .recurrent(RecurrentState(matrix: $0, keySum: $1)) }
    )
  }

  /// The norm of each head's output and the output gate.
  func finished(
    _ out: Variable<Scalar>, _ kind: LinearAttention, _ input: Variable<Scalar>,
    _ weights: LinearAttentionWeights<Scalar>
  ) -> Variable<Scalar> {
    var out = out
    if case .rms(let epsilon, _) = kind.outputNorm {
      out = ops.norm(out, centred: false, epsilon: epsilon).normalized
      if let gain = weights.gain { out = ops.affine(out, gain: gain) }
    }
    guard let activation = kind.outputGate, let gate = weights.gate else { return out }
    return ops.multiply(out, ops.activation(activation, linear(input, gate)).reshaped(out.shape))
  }

  /// Attention's output plus the decaying sum of the values before each token, and that sum as the next token of
  /// each member meets it.
  func withMomentum(
    _ layer: Int, _ out: Variable<Scalar>, _ v: Variable<Scalar>, decay: Double
  ) -> (Variable<Scalar>, [Tensor<Scalar>]) {
    let members = order.members[..<active]
    let (sum, next) = ops.momentum(
      v, decay: decay, segments: members.map { ($0.start, $0.sequence.count) },
      initial: members.map { $0.sequence.prefix?.layers[layer].momentum })
    let passed = hooks.point(layer, .momentum, sum)
    let (rows, heads, shared, width) = (v.shape[0], out.shape[1], v.shape[1], v.shape[2])
    guard shared < heads else { return (ops.add(out, passed), next) }
    // Heads that share values share their sum.
    let spread = (0..<rows * heads).map {
      $0 / heads * shared + $0 % heads / (heads / shared)
    }
    let each = ops.rows(spread, of: passed.reshaped([rows * shared, width]))
    return (ops.add(out, each.reshaped(out.shape)), next)
  }

  /// φ of every head, `[T, n, width of φ]`.
  private func mapped(
    _ x: Variable<Scalar>, _ map: FeatureMap, _ weights: [LinearWeights<Scalar>], toOne: Bool
  ) -> Variable<Scalar> {
    let width = x.shape[2]
    func linear(_ index: Int) -> Variable<Scalar> { self.linear(x, weights[index]) }
    var phi: Variable<Scalar>
    switch map {
    case .elementwise(let activation): phi = ops.activation(activation, x)
    case .unitLength(let epsilon):
      let inner = ops.norm(x, centred: false, epsilon: epsilon / Double(width)).normalized
      phi = ops.scale(inner, by: 1 / Double(width).squareRoot())
    case .transformerToRNN: phi = ops.activation(.relu, linear(0))
    case .hedgehog:
      let factors = Array(repeating: Scalar(2), count: width)
      phi = ops.softmax(
        ops.columns(
          linear(0), sources: Array(0..<width) + Array(0..<width),
          factors: factors + factors.map { -$0 }))
    case .product: phi = ops.multiply(linear(0), linear(1))
    case .dpfp(let order):
      let one = Array(repeating: Scalar(1), count: 2 * width * order)
      let halves = ops.columns(
        x, sources: Array(0..<width) + Array(0..<width),
        factors: one[..<width] + one[..<width].map { -$0 })
      let u = ops.activation(.relu, halves)
      let rolled = (1...order).flatMap { shift in
        (0..<2 * width).map { ($0 - shift % (2 * width) + 2 * width) % (2 * width) }
      }
      phi = ops.multiply(
        ops.columns(u, sources: (0..<order).flatMap { _ in 0..<2 * width }, factors: one),
        ops.columns(u, sources: rolled, factors: one))
    }
    phi = phi.reshaped([x.shape[0], x.shape[1], map.width(of: width)])
    return toOne ? ops.divide(phi, by: ops.sums(phi), epsilon: LinearAttention.sumEpsilon) : phi
  }

  /// What each token forgets and how strongly it writes.
  private func forgetting(
    _ update: StateUpdate, _ input: Variable<Scalar>, _ weights: LinearAttentionWeights<Scalar>,
    shared: Int
  ) -> Forgetting<Scalar> {
    switch (update, weights.decayDown, weights.decayUp, weights.decay, weights.strength) {
    case (.fixed(let decays), _, _, _, _): return .fixed(decays)
    case (.gated(_, let temper, let least), let down?, let up?, _, _):
      let logits = ops.scale(linear(linear(input, down), up), by: -1)
      let decays = ops.decay(logits, rate: .fixed(1 / temper), least: least)
      return .gated(decays.reshaped([activeRows, shared, decays.tensor.width / shared]), nil)
    case (.gatedDelta(let strength), _, _, let decay?, let write?):
      guard let bias = weights.decayBias, let rate = weights.decayRate else { break }
      let decays = ops.decay(
        ops.add(linear(input, decay), bias: bias), rate: .exponential(rate))
      let betas = ops.scale(ops.activation(.logistic, linear(input, write)), by: strength)
      return .gated(decays.reshaped([activeRows, decays.tensor.width, 1]), betas)
    default: break
    }
    preconditionFailure("a gated layer without the weights of its gates")
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
    let zero = Tensor<Scalar>(
      repeating: 0, shape: [recurrence.q.shape[1], recurrence.q.shape[2], recurrence.v.shape[2]])
    let size = zero.count
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
          let write = pieces.write(row: at, before: state, zero: zero)
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
