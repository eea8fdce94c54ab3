// The recurrent state of linear attention as hook points: what it is, what an edit of it reaches, and that it is all
// that demonstrations leave behind.

import HookPoints
import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct StateTests {
  /// Without a mask every token reads every key of its sequence, or all but the last one.
  @Test(arguments: [SmallModel.unmasked, .unmaskedQuery])
  func withoutAMaskTokensReadTheWholeSequence(_ kind: SmallModel) throws {
    let model: Transformer<Double> = kind.model()
    let plan = HookPlan(
      reads: [BlockPoint.pattern, .phiQ, .phiK, .normaliser].map {
        Read(hook: .name(.block(1, $0)))
      })
    let cache = try model.run(model.batch([5]), plan: plan).cache
    func tensor(_ point: BlockPoint) throws -> Tensor<Double> { try cache.tensor(.block(1, point)) }
    let (pattern, q, k) = (try tensor(.pattern), try tensor(.phiQ), try tensor(.phiK))
    let count = kind == .unmasked ? 5 : 4
    #expect(try tensor(.normaliser).values.allSatisfy { $0 == Double(count) })
    for head in 0..<4 {
      for query in 0..<5 {
        for key in 0..<5 {
          let product = zip(q.row(query * 4 + head), k.row(key * 2 + head / 2))
            .reduce(0) { $0 + $1.0 * $1.1 }
          let expected = key < count ? 0.4 * product / Double(count) : 0
          #expect(abs(pattern.row(head * 5 + query)[key] - expected) < 1e-12)
        }
      }
    }
    let alone = try model.run(model.batch([1]), plan: plan).cache
    #expect(
      try alone.tensor(.block(1, .pattern)).values.contains { $0 != 0 } == (kind == .unmasked))
  }

  /// Un-normalised kinds: a normalised one also carries the sum of keys, which is not in the state.
  static let plain: [SmallModel] = [.linearDecay, .linearGrouped, .theory]

  /// Edits that put a run's states after `position` in place of the initial ones, at every layer.
  static func injection(
    _ model: Transformer<Float>, from tokens: [Int], into sequence: Int
  ) throws -> [Intervention] {
    let layers = 0..<model.architecture.layers
    let states = try model.run(
      [BatchSequence(tokens: tokens)],
      plan: HookPlan(reads: layers.map { Read(.ssmState($0), at: .last) }), logitsAt: .none)
    return try layers.map { layer in
      let state = try states.cache.vector(
        .ssmState(layer), sequence: 0, position: tokens.count - 1)
      return .replace(.ssmStateInitial(layer), with: state, at: .all, in: .index(sequence))
    }
  }

  /// Without positions the state is everything that a zero-shot prompt needs to become the in-context prompt.
  @Test(arguments: [SmallModel.linearGrouped, .theory])
  func theStateOfTheDemonstrationsIsTheContext(_ kind: SmallModel) throws {
    let model = kind.float
    let (shown, query) = (model.tokens(7, seed: 1), model.tokens(3, seed: 2))
    let whole = try model.run([BatchSequence(tokens: shown + query)], logitsAt: .all)
    let edits = try Self.injection(model, from: shown, into: 1)
    let zeroShot = model.batch([4]) + [BatchSequence(tokens: query)]
    let clean = try model.run(zeroShot, logitsAt: .all)
    let injected = try model.run(
      zeroShot, plan: HookPlan(interventions: edits), logitsAt: .all)
    for row in 0..<3 {
      #expect(bitDifference(injected.logits.row(4 + row), whole.logits.row(7 + row)) == nil)
      #expect(bitDifference(clean.logits.row(4 + row), whole.logits.row(7 + row)) != nil)
    }
    for row in 0..<4 {
      #expect(bitDifference(injected.logits.row(row), clean.logits.row(row)) == nil)
    }
  }

  /// With rotary positions the query must stand where it stood: after other demonstrations of the same length.
  @Test func withRotaryPositionsTheStateIsTheContextAtTheSamePositions() throws {
    let model = SmallModel.linearDecay.float
    let (shown, query) = (model.tokens(7, seed: 1), model.tokens(3, seed: 2))
    let whole = try model.run([BatchSequence(tokens: shown + query)], logitsAt: .all)
    let edits = try Self.injection(model, from: shown, into: 0)
    func injected(after count: Int) throws -> [Float] {
      let other = try model.prefix(model.tokens(count, seed: 3))
      return try model.run(
        [BatchSequence(tokens: query, after: other)], plan: HookPlan(interventions: edits)
      ).logits.row(0)
    }
    #expect(bitDifference(try injected(after: 7), whole.logits.row(9)) == nil)
    #expect(bitDifference(try injected(after: 6), whole.logits.row(9)) != nil)
  }

  /// S_t = λ S_{t−1} + the write of t.
  @Test(arguments: SmallModel.linear) func theStateIsTheDecayedSumOfWrites(_ kind: SmallModel)
    throws
  {
    let model: Transformer<Double> = kind.model()
    guard case .linear(let linear) = model.architecture.attention[0],
      case .fixed(let decays) = linear.update
    else { return }
    let cache = try model.run(model.batch([6]), plan: model.readingEverything()).cache
    let width = model.architecture.featureWidth(0)
    let shape = [6, 4, width, 5]
    let (writes, states) = (
      try cache.tensor(.block(0, .ssmWrite)), try cache.tensor(.block(0, .ssmState))
    )
    #expect(writes.shape == shape && states.shape == shape)
    #expect(try cache.tensor(.block(0, .ssmStateInitial)).shape == [1, 4, width, 5])
    let (k, v) = (
      try cache.tensor(.block(0, .phiK)).values, try cache.tensor(.block(0, .v)).values
    )
    let shared = model.architecture.keyValueHeads
    let size = 20 * width
    var state = [Double](repeating: 0, count: size)
    for token in 0..<6 {
      for index in 0..<size {
        let (head, row, column) = (index / 5 / width, index / 5 % width, index % 5)
        let own = token * shared + head * shared / 4
        #expect(
          abs(writes.values[token * size + index] - k[own * width + row] * v[own * 5 + column])
            < 1e-14)
        state[index] = decays[head] * state[index] + writes.values[token * size + index]
        #expect(abs(states.values[token * size + index] - state[index]) < 1e-13)
      }
    }
  }

  /// What a gated state keeps of itself: a part from 0 to 1 of each of its rows, by the delta rule of each head.
  @Test(arguments: [SmallModel.gated, .gatedDelta]) func aGatedStateKeepsAPartAndAddsTheWrite(
    _ kind: SmallModel
  ) throws {
    let model: Transformer<Double> = kind.model()
    let cache = try model.run(model.batch([6]), plan: model.readingEverything()).cache
    let (writes, states) = (
      try cache.tensor(.block(1, .ssmWrite)).values, try cache.tensor(.block(1, .ssmState)).values
    )
    let part = kind == .gated ? 5 : 30
    var shares: Set<Int> = []
    for token in 1..<6 {
      for group in 0..<120 / part {
        let at = (0..<part).map { token * 120 + group * part + $0 }
        let ratios = at.map { (states[$0] - writes[$0]) / states[$0 - 120] }
        let share = ratios[0]
        #expect(share > 0 && share <= 1)
        #expect(ratios.allSatisfy { abs($0 - share) < 1e-8 })
        shares.insert(Int(share * 1e6))
      }
    }
    #expect(shares.count > 12)
  }

  static func afterEdit(
    _ model: Transformer<Float>, at point: BlockPoint, position: Int,
    action: InterventionAction = .scale(2), reading: [HookName]
  ) throws -> RunResult<Float> {
    try model.run(
      model.batch([7]),
      plan: HookPlan(
        reads: reading.map { Read(hook: .name($0)) },
        interventions: [
          Intervention(
            hook: .name(.block(0, point)), positions: .index(position), action: action)
        ]))
  }

  @Test(arguments: SmallModel.linear) func anEditOfTheStateReachesItsOwnReadoutOnly(
    _ kind: SmallModel
  )
    throws
  {
    let model = kind.float
    let hooks = [BlockPoint.z, .ssmState].map { HookName.block(0, $0) }
    let clean = try model.run(
      model.batch([7]), plan: HookPlan(reads: hooks.map { Read(hook: .name($0)) }))
    let edited = try Self.afterEdit(model, at: .ssmState, position: 3, reading: hooks)
    for hook in hooks {
      let (found, expected) = (try edited.cache.tensor(hook), try clean.cache.tensor(hook))
      for token in 0..<7 {
        let isSame =
          bitDifference(found.rows(token..<token + 1), expected.rows(token..<token + 1)) == nil
        #expect(isSame == (token != 3), "\(hook), token \(token)")
      }
    }
    // Un-normalised and without a norm behind it, a readout of twice the state is twice the readout.
    if kind == .linearGrouped || kind == .theory {
      let (found, expected) = (
        try edited.cache.tensor(hooks[0]).rows(3..<4), try clean.cache.tensor(hooks[0]).rows(3..<4)
      )
      #expect(found.values == expected.values.map { 2 * $0 })
    }
  }

  @Test(arguments: SmallModel.linear) func anEditOfAWriteReachesEveryLaterToken(_ kind: SmallModel)
    throws
  {
    let model = kind.float
    let hooks = [BlockPoint.z, .ssmState].map { HookName.block(0, $0) }
    let clean = try model.run(
      model.batch([7]), plan: HookPlan(reads: hooks.map { Read(hook: .name($0)) }))
    let edited = try Self.afterEdit(model, at: .ssmWrite, position: 3, reading: hooks)
    for hook in hooks {
      let (found, expected) = (try edited.cache.tensor(hook), try clean.cache.tensor(hook))
      for token in 0..<7 {
        let isSame =
          bitDifference(found.rows(token..<token + 1), expected.rows(token..<token + 1)) == nil
        #expect(isSame == (token < 3), "\(hook), token \(token)")
      }
    }
  }

  /// Writing nothing is a token whose value is zero; by the delta rule such a token would erase.
  @Test(arguments: SmallModel.linear.filter { $0 != .gatedDelta })
  func aZeroWriteIsAZeroValue(_ kind: SmallModel) throws {
    let model: Transformer<Double> = kind.model()
    let z = try [BlockPoint.ssmWrite, .v].map { point in
      try model.run(
        model.batch([7]),
        plan: HookPlan(
          reads: [Read(.z(0))],
          interventions: [
            Intervention(hook: .name(.block(0, point)), positions: .index(2), action: .zero)
          ])
      ).cache.tensor(.block(0, .z)).values
    }
    #expect(Difference(z[0], z[1]).largest < 1e-12)
  }

  /// What is handed on as a prefix is not what an edit of one run made of it.
  @Test func aPrefixIsNotChangedByRunsThatUseIt() throws {
    let model = SmallModel.linearDecay.float
    let prefix = try model.prefix([1, 2, 3])
    let batch = [BatchSequence<Float>(tokens: [4, 5], after: prefix)]
    let before = try model.run(batch, logitsAt: .all)
    _ = try model.run(
      batch,
      plan: HookPlan(interventions: [
        .zero(.ssmStateInitial(0), at: .all), .zero(.ssmWrite(1), at: .all),
      ]))
    #expect(bitDifference(try model.run(batch, logitsAt: .all).logits, before.logits) == nil)
  }

  /// The initial state is that of the prefix.
  @Test func theInitialStateIsThePrefixsLast() throws {
    let model = SmallModel.linearGrouped.float
    let prefix = try model.prefix([1, 2, 3])
    let initial = try model.run(
      [BatchSequence(tokens: [7]), BatchSequence(tokens: [4, 5], after: prefix)],
      plan: HookPlan(reads: [Read(.ssmStateInitial(1))])
    ).cache
    let last = try model.run(
      [BatchSequence(tokens: [1, 2, 3])],
      plan: HookPlan(reads: [Read(.ssmState(1), at: .last)])
    ).cache
    let hook = HookName.block(1, .ssmStateInitial)
    #expect(try initial.tensor(hook).shape == [2, 4, 6, 5])
    #expect(try initial.tensor(hook, sequence: 0).values.allSatisfy { $0 == 0 })
    #expect(
      bitDifference(
        try initial.tensor(hook, sequence: 1).values,
        try last.tensor(.block(1, .ssmState)).values) == nil)
  }
}
