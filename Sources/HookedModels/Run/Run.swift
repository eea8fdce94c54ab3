// Running a model: the public face of a forward pass. Hooks are an argument of one run; there is nothing to
// reset afterwards, and a plan that only reads changes no bit of the result.

import CheckpointIO
import HookPoints
import TensorCore

/// What a run gives back.
public struct RunResult<Scalar: TensorScalar>: Sendable {
  /// `[n, V]`, one row for each entry of `logitPositions`; no rows where none were asked for.
  public let logits: Tensor<Scalar>
  /// The position of each row of `logits`.
  public let logitPositions: [BatchPosition]
  /// The activations that the plan reads.
  public let cache: ActivationCache<Scalar>
  /// The rows that were recorded and changed at each hook.
  public let fireCounts: FireCounts
  /// The residual stream where the run stopped, `[T, D]`: rows in the caller's order, without those of sequences
  /// that join at a later block. No rows where the run did not stop.
  public let stream: Tensor<Scalar>
  /// In a rehearsal, the memory of all this at full size.
  var held: HeldMemory?
}

extension Transformer {
  /// Runs a ragged batch.
  ///
  /// - Parameters:
  ///   - batch: sequences of any lengths, each perhaps after a prefix, each perhaps joining at a later block.
  ///   - plan: what to read and what to change.
  ///   - stop: the block before which to stop, or nil to go through all of them.
  ///   - logitPositions: which positions go through the unembedding, unless the run stops before.
  /// - Throws: `ModelError` for a batch that this model cannot run, `HookError` for a plan that does not fit it.
  public func run(
    _ batch: [BatchSequence<Scalar>], plan: HookPlan = .empty, stopAt stop: Int? = nil,
    logitsAt logitPositions: LogitPositions = .last
  ) throws -> RunResult<Scalar> {
    try result(
      of: forward(batch, plan: plan, stopAt: stop, logitsAt: logitPositions, tape: nil),
      stopped: stop != nil)
  }

  private func result(
    of forward: (
      pass: ForwardPass<Scalar>, logits: Variable<Scalar>?, stream: Variable<Scalar>,
      places: [BatchPosition]
    ), stopped: Bool
  ) throws -> RunResult<Scalar> {
    let (pass, logits, stream, places) = forward
    try pass.hooks.verify()
    let rows = stopped ? pass.order.rowOf.filter { $0 < stream.shape[0] } : []
    return RunResult(
      logits: logits?.tensor ?? Tensor(uninitialized: [0, architecture.vocabulary]),
      logitPositions: places, cache: pass.hooks.cache, fireCounts: pass.hooks.counts,
      stream: rows == Array(0..<stream.shape[0])
        ? stream.tensor : Operations(context).rows(rows, of: Variable(stream.tensor)).tensor,
      held: pass.held(logits: places.count))
  }

  /// Reads activations and stops after the last block that the plan needs.
  public func capture(_ batch: [BatchSequence<Scalar>], plan: HookPlan) throws -> RunResult<Scalar>
  {
    let resolved = try plan.resolved(catalog: catalog, sequences: batch.map(\.shape))
    switch resolved.lastHook {
    case .some(.finalScale), .some(.finalNormalized):
      return try run(batch, plan: plan, logitsAt: .none)
    case .some(.block(let layer, _)):
      return try run(batch, plan: plan, stopAt: layer + 1, logitsAt: .none)
    case .some(.embed), .some(.positionEmbed), .none:
      return try run(batch, plan: plan, stopAt: 0, logitsAt: .none)
    }
  }

  /// Runs token sequences once and keeps what those that follow them need.
  public func prefixes(_ batch: [BatchSequence<Scalar>]) throws -> [Prefix<Scalar>] {
    try prefixes(batch, plan: .empty, logitsAt: .none).prefixes
  }

  /// The same, with what a run of the sequences gives.
  public func prefixes(
    _ batch: [BatchSequence<Scalar>], plan: HookPlan, logitsAt logitPositions: LogitPositions
  ) throws -> (prefixes: [Prefix<Scalar>], result: RunResult<Scalar>) {
    for (index, sequence) in batch.enumerated() {
      guard case .tokens = sequence.entry else {
        throw ModelError.prefixFromLayer(model: name, sequence: index)
      }
    }
    let forward = try forward(
      batch, plan: plan, stopAt: nil, logitsAt: logitPositions, tape: nil, keepsMemory: true)
    // Sequences that enter by tokens are in the caller's order.
    let prefixes = zip(batch, forward.pass.memories).map {
      Prefix(parent: $0.prefix, ownCount: $0.count, layers: $1, held: heldPrefix($0.count))
    }
    return (prefixes, try result(of: forward, stopped: false))
  }

  /// Runs tokens once and keeps what those that follow them need.
  ///
  /// - Throws: `ModelError` for tokens that this model cannot run, or a parent of another model.
  public func prefix(_ tokens: [Int], after parent: Prefix<Scalar>? = nil) throws -> Prefix<Scalar>
  {
    try prefixes([BatchSequence(tokens: tokens, after: parent)])[0]
  }

  /// The prefixes of token sequences. Where attention is softmax, a sequence that another begins with is not run: it
  /// shares the other's keys and values.
  public func prefixes(of sequences: [[Int]]) throws -> [Prefix<Scalar>] {
    var host = Array(sequences.indices)
    if architecture.attention.allSatisfy({ if case .softmax = $0 { true } else { false } }) {
      // In this order a sequence is directly before one that begins with it, if there is any.
      let order = host.sorted { sequences[$0].lexicographicallyPrecedes(sequences[$1]) }
      for (own, next) in zip(order, order.dropFirst()).reversed()
      where sequences[next].starts(with: sequences[own]) {
        host[own] = host[next]
      }
    }
    let hosts = host.indices.filter { host[$0] == $0 }
    let made = try prefixes(hosts.map { BatchSequence(tokens: sequences[$0]) })
    let prefixOf = Dictionary(uniqueKeysWithValues: zip(hosts, made))
    return host.indices.compactMap { prefixOf[host[$0]]?.first(sequences[$0].count) }
  }

  /// One forward pass: everything that `run`, `prefixes` and gradients share.
  func forward(
    _ batch: [BatchSequence<Scalar>], plan: HookPlan, stopAt stop: Int?,
    logitsAt logitPositions: LogitPositions, tape: Tape<Scalar>?, keepsMemory: Bool = false,
    gradientsAt gradientHooks: [HookName] = [], of gradientParameters: Set<String> = []
  ) throws -> (
    pass: ForwardPass<Scalar>, logits: Variable<Scalar>?, stream: Variable<Scalar>,
    places: [BatchPosition]
  ) {
    try validate(batch)
    if keepsMemory || batch.contains(where: { $0.prefix != nil }),
      architecture.attention.contains(where: \.looksAhead)
    {
      throw ModelError.prefixLooksAhead(model: name)
    }
    if let stop, stop < 0 || stop > architecture.layers {
      throw ModelError.layerOutOfRange(model: name, layer: stop, layers: architecture.layers)
    }
    let resolved = try plan.resolved(catalog: catalog, sequences: batch.map(\.shape))
    let order = BatchOrder(batch)
    let ops = Operations(context, tape: tape)
    let hooks = HookRun(
      plan: resolved, catalog: catalog, ops: ops, order: order, model: name,
      gradientHooks: gradientHooks)
    let places = stop == nil ? positions(logitPositions, of: batch) : []
    let rows = try places.map { place in
      guard let row = order.row(place) else {
        throw ModelError.noSuchPosition(
          model: name, sequence: place.sequence, position: place.position)
      }
      return row
    }
    // A position may be asked for twice, but passes the final norm once, where its hooks are.
    var place: [Int: Int] = [:]
    var passing: [Int] = []
    for row in rows where place[row] == nil {
      place[row] = passing.count
      passing.append(row)
    }
    // The hooks there may also ask for rows whose logits nobody wants; those come after the wanted ones.
    let extra = hooks.finalHookRows().filter { place[$0] == nil }
    // A prefix needs no row of the last block once its keys and values, or its state, are there.
    if stop == nil || keepsMemory, architecture.layers > 0 {
      hooks.lateRows = order.rows(
        passing + extra + hooks.lateHookRows(), andFrom: architecture.layers)
    }
    let pass = ForwardPass(
      model: self, ops: ops, order: order, hooks: hooks, keepsMemory: keepsMemory)
    pass.report(
      stopAt: stop, logits: passing.count,
      tape == nil ? nil : (gradientParameters, gradientHooks))
    let stream = try pass.residual(stopAt: stop ?? architecture.layers)
    try hooks.check()
    guard stop == nil, !(passing.isEmpty && extra.isEmpty) else {
      return (pass, nil, stream, places)
    }
    let logits = try pass.logits(stream, rows: passing + extra, unembedding: passing.count)
    let wanted = rows.compactMap { place[$0] }
    return (
      pass, wanted.count == passing.count ? logits : ops.rows(wanted, of: logits), stream, places
    )
  }

  private func positions(_ wanted: LogitPositions, of batch: [BatchSequence<Scalar>])
    -> [BatchPosition]
  {
    switch wanted {
    case .none: []
    case .at(let places): places
    case .last:
      batch.enumerated().map { BatchPosition(sequence: $0, position: $1.shape.length - 1) }
    case .all:
      batch.enumerated().flatMap { index, sequence in
        (sequence.shape.past..<sequence.shape.length).map {
          BatchPosition(sequence: index, position: $0)
        }
      }
    }
  }

  /// Throws `ModelError.tooLong` for the first sequence that has more tokens than the model has positions.
  public func verify(lengths: [Int]) throws {
    for (index, length) in lengths.enumerated() { try verify(length: length, of: index) }
  }

  private func verify(length: Int, of sequence: Int) throws {
    let maximum = min(architecture.maximumPositions ?? .max, InputLimits.promptTokens)
    if length > maximum {
      throw ModelError.tooLong(model: name, sequence: sequence, length: length, maximum: maximum)
    }
  }

  private func validate(_ batch: [BatchSequence<Scalar>]) throws {
    guard !batch.isEmpty else { throw ModelError.emptyBatch(model: name) }
    for (index, sequence) in batch.enumerated() {
      guard sequence.count > 0 else { throw ModelError.emptySequence(model: name, sequence: index) }
      if let prefix = sequence.prefix, !prefix.fits(architecture) {
        throw ModelError.foreignPrefix(model: name, sequence: index)
      }
      try verify(length: (sequence.prefix?.count ?? 0) + sequence.count, of: index)
      switch sequence.entry {
      case .tokens(let tokens):
        for token in tokens where token < 0 || token >= architecture.vocabulary {
          throw ModelError.tokenOutOfVocabulary(
            model: name, token: Int(token), vocabulary: architecture.vocabulary)
        }
      case .residual(let rows, let layer):
        guard (0...architecture.layers).contains(layer) else {
          throw ModelError.layerOutOfRange(model: name, layer: layer, layers: architecture.layers)
        }
        guard rows.shape.count == 2, rows.width == architecture.modelWidth else {
          throw ModelError.residualShape(
            model: name, sequence: index, shape: rows.shape, width: architecture.modelWidth)
        }
        if layer == 0, architecture.positions.isAdded {
          throw ModelError.positionsInResidual(model: name, sequence: index)
        }
      }
    }
  }
}
