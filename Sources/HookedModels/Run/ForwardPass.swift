// ForwardPass: one run of a batch through the model, block by block, with every hook point in its place.
// With a tape in its operations it is also what gradients flow back through. Legend: T rows of the batch that
// are active, D model width, H heads, K key/value heads, d head width, M MLP width.

import HookPoints
import TensorCore

final class ForwardPass<Scalar: TensorScalar> {
  let model: Transformer<Scalar>
  let ops: Operations<Scalar>
  let order: BatchOrder<Scalar>
  let hooks: HookRun<Scalar>
  let keepsMemory: Bool
  /// Members whose rows are active: those that have joined.
  var active = 0
  var activeRows = 0
  /// The absolute position of each active row.
  var positions: [Int32] = []
  /// What each member leaves behind at each layer, where prefixes are being made.
  var memories: [[Prefix<Scalar>.Memory]]

  var architecture: Architecture { model.architecture }

  init(
    model: Transformer<Scalar>, ops: Operations<Scalar>, order: BatchOrder<Scalar>,
    hooks: HookRun<Scalar>, keepsMemory: Bool
  ) {
    self.model = model
    self.ops = ops
    self.order = order
    self.hooks = hooks
    self.keepsMemory = keepsMemory
    memories = Array(repeating: [], count: order.members.count)
  }

  /// The residual stream before block `stop`, `[T, D]`, or after the last block, where only `hooks.lateRows` are left.
  func residual(stopAt stop: Int) throws -> Variable<Scalar> {
    var stream = embedded()
    let first = order.members.map(\.sequence.firstLayer).min() ?? 0
    for layer in first..<max(first, stop) {
      stream = try block(layer, joined(stream, at: layer))
    }
    return joined(stream, at: stop)
  }

  // MARK: Into the stream

  /// Embeddings of the sequences that enter by their tokens, and those given directly; nil if there are none.
  private func embedded() -> Variable<Scalar>? {
    var tokens: [Int32] = []
    for member in order.members {
      guard case .tokens(let own) = member.sequence.entry else { break }
      tokens += own
      admit(member)
    }
    var found = tokens.isEmpty ? nil : ops.embed(tokens, in: model.weights.embedding)
    if architecture.embeddingScale != 1 {
      found = found.map { ops.scale($0, by: architecture.embeddingScale) }
    }
    let all = joined(found, at: 0)
    guard activeRows > 0 else { return nil }
    let stream = hooks.point(.embed, all)
    // Embeddings given directly have no place to add a position: see `ModelError.positionsInResidual`.
    guard let added = addedPositions() else { return stream }
    return ops.add(stream, hooks.point(.positionEmbed, added))
  }

  /// What positions add to the embedding, `[T, D]`; nil where they add nothing.
  private func addedPositions() -> Variable<Scalar>? {
    if case .learned(_, let offset) = architecture.positions, let table = model.weights.positions {
      return ops.embed(positions.map { $0 + Int32(offset) }, in: table)
    }
    return model.tables.sinusoidal(positions: positionCount).map {
      ops.rows(positions.map { Int($0) }, of: Variable($0))
    }
  }

  /// How many positions, from 0, the active rows reach.
  private var positionCount: Int { (positions.max().map { Int($0) } ?? -1) + 1 }

  /// The stream with the rows of sequences that join before block `layer` below it.
  private func joined(_ stream: Variable<Scalar>?, at layer: Int) -> Variable<Scalar> {
    var joining: [Tensor<Scalar>] = []
    while active < order.members.count {
      let member = order.members[active]
      guard case .residual(let rows, layer) = member.sequence.entry else { break }
      admit(member)
      joining.append(rows)
    }
    guard !joining.isEmpty else {
      return stream ?? Variable(Tensor(uninitialized: [0, architecture.modelWidth]))
    }
    let own = Variable(Tensor(concatenating: joining, width: architecture.modelWidth))
    return stream.map { ops.concatenate($0, own) } ?? own
  }

  private func admit(_ member: BatchOrder<Scalar>.Member) {
    active += 1
    activeRows += member.sequence.count
    positions += (0..<member.sequence.count).map { Int32(member.past + $0) }
  }

  // MARK: A block

  private func block(_ layer: Int, _ input: Variable<Scalar>) throws -> Variable<Scalar> {
    let weights = model.weights.blocks[layer]
    hooks.activeRows = activeRows
    let pre = hooks.point(layer, .residPre, input)
    let normed = norm(pre, weights.attentionNorm, layer, .ln1Scale, .ln1Normalized)
    let raw = hooks.point(layer, .rawAttnOut, try attention(layer, normed, weights))
    let attended = hooks.point(
      layer, .attnOut,
      postNorm(raw, weights.attentionPostNorm, layer, .ln1PostScale, .ln1PostNormalized))
    let entered = late(pre, layer)
    var middle = ops.add(entered, attended)
    guard let up = weights.up, let down = weights.down else {
      return hooks.point(layer, .residPost, middle)
    }
    let second: Variable<Scalar>
    switch architecture.arrangement {
    case .sequential, .sandwich:
      middle = hooks.point(layer, .residMid, middle)
      second = norm(middle, weights.mlpNorm, layer, .ln2Scale, .ln2Normalized)
    case .parallelSharedNorm where !watchesNorms(layer): second = late(normed, layer)
    case .parallel, .parallelSharedNorm:
      second = norm(entered, weights.mlpNorm, layer, .ln2Scale, .ln2Normalized)
    }
    let written = mlp(layer, second, gate: weights.gate, up: up, down: down)
    let out = hooks.point(
      layer, .mlpOut,
      postNorm(written, weights.mlpPostNorm, layer, .ln2PostScale, .ln2PostNormalized))
    return hooks.point(layer, .residPost, ops.add(middle, out))
  }

  /// Whether someone looks at a norm that attention and MLP share. An edit for one does not reach the other, as in
  /// TransformerLens, which has the norm twice.
  private func watchesNorms(_ layer: Int) -> Bool {
    [BlockPoint.ln1Scale, .ln1Normalized, .ln2Scale, .ln2Normalized]
      .contains { hooks.wants(.block(layer, $0)) }
  }

  /// Of an activation of the last block the rows that are still needed once attention has mixed.
  private func late(_ x: Variable<Scalar>, _ layer: Int) -> Variable<Scalar> {
    guard layer == architecture.layers - 1, let needed = hooks.lateRows else { return x }
    let rows = Array(needed.prefix { $0 < activeRows })
    return rows.count == x.shape[0] ? x : ops.rows(rows, of: x)
  }

  private func norm(
    _ x: Variable<Scalar>, _ weights: NormWeights<Scalar>?, _ layer: Int, _ scale: BlockPoint,
    _ normalized: BlockPoint
  ) -> Variable<Scalar> {
    norm(
      x, architecture.norm, weights, scale: .block(layer, scale),
      normalized: .block(layer, normalized))
  }

  /// A norm after attention or MLP, which only some models have.
  private func postNorm(
    _ x: Variable<Scalar>, _ weights: NormWeights<Scalar>?, _ layer: Int, _ scale: BlockPoint,
    _ normalized: BlockPoint
  ) -> Variable<Scalar> {
    architecture.arrangement == .sandwich ? norm(x, weights, layer, scale, normalized) : x
  }

  /// A norm over the last axis of `x`, `[T, …, D]`, with the hook points of its scale `[T, …, 1]` and of what it gives
  /// before the gain.
  func norm(
    _ x: Variable<Scalar>, _ kind: Norm, _ weights: NormWeights<Scalar>?, scale: HookName,
    normalized: HookName
  ) -> Variable<Scalar> {
    let centred: Bool
    let epsilon: Double
    var isOffset = false
    switch kind {
    case .none: return x
    case .layer(let value): (centred, epsilon) = (true, value)
    case .rms(let value): (centred, epsilon) = (false, value)
    case .rmsOnePlus(let value): (centred, epsilon, isOffset) = (false, value, true)
    }
    let (divisor, ordinary) = ops.norm(x, centred: centred, epsilon: epsilon)
    let shape = Array(x.shape.dropLast()) + [1]
    var result = ordinary
    if hooks.differentiates(scale) {
      let own = ops.normScale(x, centred: centred, epsilon: epsilon).reshaped(shape)
      result = ops.norm(x, centred: centred, scale: hooks.point(scale, own))
    } else if hooks.wants(scale) {
      let own = divisor.reshaped(shape)
      let passed = hooks.point(scale, Variable(own))
      if passed.tensor != own { result = ops.norm(x, centred: centred, scale: passed) }
    }
    result = hooks.point(normalized, result)
    guard let weights else { return result }
    return ops.affine(result, gain: weights.gain, isOffset: isOffset, bias: weights.bias)
  }

  private func mlp(
    _ layer: Int, _ x: Variable<Scalar>, gate: LinearWeights<Scalar>?, up: LinearWeights<Scalar>,
    down: LinearWeights<Scalar>
  ) -> Variable<Scalar> {
    let hidden: Variable<Scalar>
    switch architecture.mlp {
    case .none: preconditionFailure("an MLP's weights without an MLP")
    case .plain(let activation):
      hidden = ops.activation(activation, hooks.point(layer, .mlpPre, linear(x, up)))
    case .gated(let activation):
      guard let gate else { preconditionFailure("a gated MLP without its gate") }
      let before = hooks.point(layer, .mlpPre, linear(x, gate))
      let factor = hooks.point(layer, .mlpPreLinear, linear(x, up))
      hidden = ops.multiply(ops.activation(activation, before), factor)
    }
    return linear(hooks.point(layer, .mlpPost, hidden), down)
  }

  func linear(_ x: Variable<Scalar>, _ weights: LinearWeights<Scalar>) -> Variable<Scalar> {
    ops.linear(x, weight: weights.weight, bias: weights.bias)
  }

  // MARK: Attention

  private func attention(
    _ layer: Int, _ x: Variable<Scalar>, _ weights: BlockWeights<Scalar>
  ) throws -> Variable<Scalar> {
    let shape = architecture.attentionShape(layer)
    let kind = architecture.attention[layer]
    let (inputs, recent) = convolved(
      layer, [weights.query, weights.key, weights.value].map { linear(x, $0) }, weights.linear)
    func split(_ input: Int, _ heads: Int, _ width: Int, _ point: BlockPoint) -> Variable<Scalar> {
      hooks.point(layer, point, inputs[input].reshaped([activeRows, heads, width]))
    }
    var q = split(0, shape.heads, shape.headWidth, .q)
    var k = split(1, shape.keyValueHeads, shape.headWidth, .k)
    let v = split(2, shape.keyValueHeads, shape.valueWidth, .v)
    q = norm(
      q, architecture.headNorm, weights.queryNorm, scale: .block(layer, .qNormScale),
      normalized: .block(layer, .qNormNormalized))
    k = norm(
      k, architecture.headNorm, weights.keyNorm, scale: .block(layer, .kNormScale),
      normalized: .block(layer, .kNormNormalized))
    if let rotary = shape.rotary {
      let table = model.tables.rotary(rotary, positions: positionCount)
      q = hooks.point(layer, .rotQ, ops.rotary(q, table: table, positions: positions))
      k = hooks.point(layer, .rotK, ops.rotary(k, table: table, positions: positions))
    }
    var (mixed, kept) =
      switch kind {
      case .softmax(let scale, let window, let cap):
        try softmaxAttention(layer, q, k, v, scale: scale, window: window, cap: cap)
      case .momentumSoftmax(let scale, _):
        try softmaxAttention(layer, q, k, v, scale: scale, window: nil, cap: nil)
      case .linear(let linear): try linearAttention(layer, q, k, v, linear, x, weights.linear)
      }
    var sums: [Tensor<Scalar>] = []
    if let decay = kind.momentum { (mixed, sums) = withMomentum(layer, mixed, v, decay: decay) }
    if case .linear(let linear) = kind { mixed = finished(mixed, linear, x, weights.linear) }
    if keepsMemory {
      for place in 0..<active {
        memories[place].append(
          Prefix.Memory(
            attention: kept[place], convolved: recent.map { $0[place] },
            momentum: sums.isEmpty ? nil : sums[place]))
      }
    }
    let z = late(hooks.point(layer, .z, mixed), layer)
    let joined = z.reshaped([z.shape[0], shape.heads * shape.valueWidth])
    let out = linear(joined, weights.output)
    return hooks.wants(.block(layer, .result)) ? withHeadResults(layer, joined, weights, out) : out
  }

  private func softmaxAttention(
    _ layer: Int, _ q: Variable<Scalar>, _ k: Variable<Scalar>, _ v: Variable<Scalar>,
    scale: Double, window: Int?, cap: Double?
  ) throws -> (Variable<Scalar>, [Prefix<Scalar>.Attention]) {
    let members = order.members[..<active]
    let shape = architecture.attentionShape(layer)
    let kept = (keepsMemory ? members : []).map { member in
      let rows = Array(member.start..<member.start + member.sequence.count)
      return Prefix<Scalar>.Attention.keysAndValues(
        PastSpan(
          keys: ops.rows(rows, of: k).tensor, values: ops.rows(rows, of: v).tensor,
          count: rows.count))
    }
    let isNeeded = architecture.attention[layer].momentum != nil
    if keepsMemory, layer == architecture.layers - 1, hooks.lateRows == [], !isNeeded {
      return (Variable(Tensor(uninitialized: [0] + q.shape.dropFirst())), kept)
    }
    let layout = AttentionLayout<Scalar>(
      sequences: members.map {
        .init(
          start: $0.start, count: $0.sequence.count,
          past: $0.sequence.prefix?.spans(layer: layer) ?? [])
      }, heads: shape.heads, keyValueHeads: shape.keyValueHeads, window: window)
    let (scoresName, patternName) = (
      HookName.block(layer, .attnScores), HookName.block(layer, .pattern)
    )
    guard ops.tape != nil || hooks.wants(scoresName) || hooks.wants(patternName) else {
      let out = ops.attention(
        q: q.tensor, k: k.tensor, v: v.tensor, layout: layout, scale: scale, cap: cap)
      return (Variable(out), kept)
    }
    let blocks = hooks.scoreBlocks(layout)
    var raw = ops.attentionScores(q: q, k: k, layout: layout, scale: scale)
    if let cap { raw = ops.softCap(raw, at: cap) }
    let scores = hooks.point(scoresName, raw, blocks: blocks)
    // An edit may let a token look ahead: then keys behind the query count too.
    let scored = ops.attentionSoftmax(
      scores, layout: layout, everyKey: hooks.edits(scoresName))
    let pattern = hooks.point(patternName, scored, blocks: blocks)
    var everyKey = hooks.edits(scoresName) || hooks.edits(patternName)
    if everyKey, ops.tape != nil {
      guard !layout.looksAhead(pattern.tensor) else {
        throw ModelError.gradientThroughEdit(
          model: model.name, hook: hooks.edits(patternName) ? patternName : scoresName,
          instead: "leave the keys behind each query masked")
      }
      everyKey = false
    }
    return (ops.attentionMix(pattern: pattern, v: v, layout: layout, everyKey: everyKey), kept)
  }

  /// `hook_result`: what each head adds to the output, z_h · W_O[h], without the bias: `[T, H, D]`. It is derived,
  /// so an edit acts as the difference that it makes.
  private func withHeadResults(
    _ layer: Int, _ z: Variable<Scalar>, _ weights: BlockWeights<Scalar>, _ out: Variable<Scalar>
  ) -> Variable<Scalar> {
    let isLive = hooks.differentiates(.block(layer, .result))
    let own = isLive ? ops : Operations(ops.context)
    let results = own.headResults(
      isLive ? z : Variable(z.tensor), weight: weights.output.weight,
      heads: architecture.attentionShape(layer).heads)
    // Times 1: a place of its own on the tape, which the change below does not reach.
    let passed = hooks.point(layer, .result, isLive ? ops.scale(results, by: 1) : results)
    return isLive || passed.tensor != results.tensor
      ? ops.addChange(of: results, to: passed, overHeadsInto: out) : out
  }

  // MARK: Out of the stream

  /// Logits `[wanted, V]` of the first `wanted` of some rows of the stream; the others end at the final norm.
  func logits(_ stream: Variable<Scalar>, rows: [Int], unembedding wanted: Int) throws
    -> Variable<Scalar>
  {
    hooks.finalRows = rows
    let places = hooks.lateRows.map { late in
      let place = Dictionary(uniqueKeysWithValues: zip(late, late.indices))
      return rows.compactMap { place[$0] }
    }
    let wantedRows = places ?? rows
    let chosen =
      wantedRows == Array(0..<stream.shape[0]) ? stream : ops.rows(wantedRows, of: stream)
    let normed = norm(
      chosen, architecture.norm, model.weights.finalNorm, scale: .finalScale,
      normalized: .finalNormalized)
    try hooks.check()
    let ending = wanted == rows.count ? normed : ops.rows(Array(0..<wanted), of: normed)
    let logits = linear(ending, model.weights.unembedding)
    return architecture.logitCap.map { ops.softCap(logits, at: $0) } ?? logits
  }
}
