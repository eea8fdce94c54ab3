// What interventions do, against what they should do: actions by hand, patches against the runs they stand for, means
// over rows of the batch, and edits at every place where rows are few.

import HookPoints
import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct InterventionTests {
  static func run(
    _ model: Transformer<Float>, _ batch: [BatchSequence<Float>], _ edits: [Intervention],
    reading hooks: [HookName] = [], logitsAt places: LogitPositions = .all
  ) throws -> RunResult<Float> {
    try model.run(
      batch,
      plan: HookPlan(reads: hooks.map { Read(hook: .name($0)) }, interventions: edits),
      logitsAt: places)
  }

  // MARK: Patches

  @Test(arguments: SmallModel.allCases) func aVectorPatchedWhereItComesFromChangesNoBit(
    _ kind: SmallModel
  ) throws {
    let model = kind.float
    let batch = model.batch([5, 3])
    let layers = 0..<model.architecture.layers
    let clean = try Self.run(model, batch, [], reading: layers.map { .block($0, .residPost) })
    for layer in layers {
      let site = Site<Residual>.residPost(layer)
      let theta = try clean.cache.vector(site, sequence: 1, position: 2)
      let edit = Intervention.replace(site, with: theta, at: .last, in: .index(1))
      #expect(bitDifference(try Self.run(model, batch, [edit]).logits, clean.logits) == nil)
    }
  }

  @Test(arguments: SmallModel.allCases) func thetaOfTheLastLayerGivesTheDonorsLogits(
    _ kind: SmallModel
  )
    throws
  {
    let model = kind.float
    let site = Site<Residual>.residPost(model.architecture.layers - 1)
    let donor = try model.run(model.batch([6]), plan: HookPlan(reads: [Read(site, at: .last)]))
    let theta = try donor.cache.vector(site, sequence: 0, position: 5)
    let batch = [BatchSequence<Float>(tokens: model.tokens(4, seed: 8))] + model.batch([3])
    let clean = try model.run(batch)
    let patched = try Self.run(
      model, batch, [.replace(site, with: theta, at: .last, in: .index(0))], logitsAt: .last)
    #expect(bitDifference(patched.logits.row(0), donor.logits.row(0)) == nil)
    #expect(bitDifference(patched.logits.row(0), clean.logits.row(0)) != nil)
    #expect(bitDifference(patched.logits.row(1), clean.logits.row(1)) == nil)
  }

  /// A patch at the last position is the same as joining the batch there, after the other tokens as a prefix.
  @Test(arguments: SmallModel.causal) func aPatchIsAStepOfAStaircase(_ kind: SmallModel) throws {
    let model = kind.float
    let tokens = model.tokens(6, seed: 12)
    let theta = try model.run(model.batch([1]), stopAt: 1).stream.values
    let prefix = try model.prefix(Array(tokens.dropLast()))
    let layers = 0..<model.architecture.layers
    let steps = try model.run(
      layers.map {
        BatchSequence(
          .residual(Tensor(shape: [1, 21], values: theta), layer: $0 + 1), after: prefix)
      })
    for layer in layers {
      let edit = Intervention.replace(
        Site.residPost(layer), with: ActivationVector<Residual>(theta), at: .last)
      let patched = try Self.run(
        model, [BatchSequence(tokens: tokens)], [edit], logitsAt: .last)
      #expect(bitDifference(patched.logits.row(0), steps.logits.row(layer)) == nil)
    }
  }

  // MARK: Actions

  @Test func actionsDoWhatTheySay() throws {
    let model = SmallModel.groupedQuery.float
    let batch = model.batch([3, 2])
    let hook = HookName.block(1, .mlpPre)
    let before = try Self.run(model, batch, [], reading: [hook]).cache.tensor(hook)
    let vector = (0..<35).map { Float($0) / 8 - 2 }
    func edited(_ action: InterventionAction, _ heads: HeadSelector = .all) throws -> [[Float]] {
      let edit = Intervention(
        hook: .name(hook), sequences: .index(1), positions: .last, heads: heads, action: action)
      let after = try Self.run(model, batch, [edit], reading: [hook]).cache.tensor(hook)
      for row in 0..<4 { #expect(bitDifference(after.row(row), before.row(row)) == nil) }
      return [before.row(4), after.row(4)]
    }
    #expect(try edited(.replace(HookValues(vector)))[1] == vector)
    #expect(try edited(.zero)[1].allSatisfy { $0 == 0 })
    let scaled = try edited(.scale(-1.5))
    #expect(scaled[1] == scaled[0].map { $0 * -1.5 })
    let added = try edited(.add(HookValues(vector), scaled: 0.5))
    #expect(added[1] == zip(added[0], vector).map { $0 + 0.5 * $1 })
    let custom = try edited(.custom(CustomEdit(label: "reverse") { $0.reverse() }))
    #expect(custom[1] == custom[0].reversed())
  }

  @Test func editsAtOneHookComeInTheOrderOfThePlan() throws {
    let model = SmallModel.multiHead.float
    let site = Site<Residual>.residMid(0)
    let one = ActivationVector<Residual>(Array(repeating: 1, count: 21))
    let edits = [
      Intervention.replace(site, with: one, at: .last), .scale(site, by: 3, at: .last),
      .add(one, to: site, at: .last),
    ]
    func last(_ edits: [Intervention]) throws -> [Float] {
      try Self.run(model, model.batch([4]), edits, reading: [site.name]).cache[site].row(3)
    }
    #expect(try last(edits) == Array(repeating: 4, count: 21))
    #expect(try last([edits[0], edits[2], edits[1]]) == Array(repeating: 6, count: 21))
  }

  @Test func headsAreChosenOneByOne() throws {
    for (kind, point, width) in [
      (SmallModel.groupedQuery, BlockPoint.z, 5), (.groupedQuery, .rotQ, 6), (.groupedQuery, .v, 5),
      (.groupedQuery, .result, 21), (.linearNormalised, .normaliser, 1), (.linearDecay, .phiK, 6),
      (.linearDecay, .ssmState, 30), (.linearDecay, .ssmStateInitial, 30),
    ] {
      let model = kind.float
      let hook = HookName.block(0, point)
      let count = try #require(try model.catalog.entry(hook).heads)
      let prefix = try model.prefix([3, 5])
      let batch = [BatchSequence<Float>(tokens: model.tokens(4, seed: 2), after: prefix)]
      let before = try Self.run(model, batch, [], reading: [hook]).cache.tensor(hook)
      let chosen = [count - 1, 0]
      let values = (0..<2 * width).map { Float($0) + 1 }
      let edit = Intervention(
        hook: .name(hook), positions: .all, heads: .indices(chosen),
        action: .replace(HookValues(values)))
      let after = try Self.run(model, batch, [edit], reading: [hook]).cache.tensor(hook)
      #expect(before.shape == after.shape && before.count % (count * width) == 0)
      for row in 0..<before.count / (count * width) {
        for head in 0..<count {
          let at = (row * count + head) * width..<(row * count + head + 1) * width
          let expected =
            chosen.firstIndex(of: head).map { Array(values[$0 * width..<($0 + 1) * width]) }
            ?? Array(before.values[at])
          #expect(Array(after.values[at]) == expected, "\(hook) row \(row) head \(head)")
        }
      }
    }
  }

  /// A head's result is its z through W_O: without it, the output is what the other heads add.
  @Test(arguments: [SmallModel.gpt2, .groupedQuery, .linearDecay])
  func removingAHeadsResultIsRemovingItsZ(_ kind: SmallModel) throws {
    let model: Transformer<Double> = kind.model()
    let batch = model.batch([5])
    let logits = try [BlockPoint.z, .result].map { point in
      try model.run(
        batch,
        plan: HookPlan(interventions: [
          Intervention(
            hook: .name(.block(1, point)), positions: .all, heads: .indices([1, 3]), action: .zero)
        ]), logitsAt: .all
      ).logits
    }
    let clean = try model.run(batch, logitsAt: .all).logits
    #expect(Difference(logits[0].values, logits[1].values).largest < 1e-12)
    #expect(Difference(logits[0].values, clean.values).largest > 1e-2)
  }

  @Test(arguments: [SmallModel.gpt2, .multiQuery, .linearDecay])
  func headResultsSumToTheOutput(_ kind: SmallModel) throws {
    let model: Transformer<Double> = kind.model()
    let result = try model.run(model.batch([5]), plan: model.readingEverything())
    let parts = try result.cache.tensor(.block(1, .result))
    let bias = model.parameter("layers.1.attn.o_proj.bias")?.tensor().values
    var sums: [Double] = []
    for row in 0..<5 {
      for column in 0..<21 {
        var sum = bias.map { $0[column] } ?? 0
        for head in 0..<4 { sum += parts.values[(row * 4 + head) * 21 + column] }
        sums.append(sum)
      }
    }
    let out = try result.cache.tensor(.block(1, .rawAttnOut))
    #expect(Difference(sums, out.values).largest < 1e-13)
  }

  // MARK: Means

  /// A mean is a replacement by the mean, at every hook point, over rows of other sequences too.
  @Test(arguments: [SmallModel.gpt2, .groupedQuery, .linearDecay, .linearNormalised, .hybrid])
  func aMeanIsAReplacementByTheMean(_ kind: SmallModel) throws {
    let model = kind.float
    let batch = model.batch([5, 5, 5])
    let clean = try Self.run(model, batch, [], reading: model.catalog.entries.map(\.name))
    var states = 0
    for entry in model.catalog.entries {
      let isSequence = entry.rowKind == .sequence
      let position: PositionSelector = isSequence ? .all : .index(2)
      let source = RowSelector(sequences: .indices([0, 2]), positions: position)
      let edit = Intervention(
        hook: .name(entry.name), sequences: .index(1), positions: position,
        action: .mean(of: source))
      if [.ssmWrite, .ssmState].contains(entry.name.point) {
        states += 1
        #expect(
          sentence { try Self.run(model, batch, [edit]) }
            == "\(kind): a mean at \(entry.name) is not supported, because states exist one token "
            + "at a time; read them and replace by their mean")
        continue
      }
      let rows = try [0, 2].map {
        try clean.cache.value(
          entry.name, RowAddress(sequence: $0, position: isSequence ? nil : 2))
      }
      let mean = zip(rows[0], rows[1]).map { Float((Double($0) + Double($1)) / 2) }
      let replacement = Intervention(
        hook: .name(entry.name), sequences: .index(1), positions: position,
        action: .replace(HookValues(mean)))
      let (found, expected) = (
        try Self.run(model, batch, [edit]), try Self.run(model, batch, [replacement])
      )
      #expect(bitDifference(found.logits, expected.logits) == nil, "\(entry.name)")
    }
    #expect(states == (kind == .hybrid ? 2 : SmallModel.linear.contains(kind) ? 6 : 0))
  }

  /// The rows that a mean needs pass the final norm even where nobody asks for their logits.
  @Test(arguments: [HookName.finalScale, .finalNormalized])
  func meansAtTheFinalNormSeeRowsWithoutLogits(_ hook: HookName) throws {
    let model = SmallModel.gpt2.float
    let batch = model.batch([4, 3, 6])
    let edit = Intervention(
      hook: .name(hook), sequences: .index(0), positions: .last,
      action: .mean(of: RowSelector(sequences: .indices([1, 2]), positions: .index(1))))
    let few = try Self.run(model, batch, [edit], reading: [hook], logitsAt: .last)
    let all = try Self.run(model, batch, [edit], reading: [hook])
    for (row, from) in [3, 6, 12].enumerated() {
      #expect(bitDifference(few.logits.row(row), all.logits.row(from)) == nil)
    }
    #expect(bitDifference(try few.cache.tensor(hook), try all.cache.tensor(hook)) == nil)
    let none = try Self.run(model, batch, [edit], reading: [hook], logitsAt: .none)
    #expect(bitDifference(try none.cache.tensor(hook), try all.cache.tensor(hook)) == nil)
    #expect(
      bitDifference(few.logits.row(0), try model.run(batch).logits.row(0)) != nil)
  }

  /// Each mean takes rows as the earlier ones of the plan left them.
  @Test func laterMeansSeeEarlierOnes() throws {
    let model = SmallModel.multiHead.float
    let site = Site<Residual>.residPost(0)
    func mean(_ from: Int, _ to: Int) -> Intervention {
      .mean(site, of: RowSelector(positions: .index(from)), at: .index(to))
    }
    let clean = try Self.run(model, model.batch([4]), [], reading: [site.name]).cache[site]
    func after(_ edits: [Intervention]) throws -> [Int?] {
      let found = try Self.run(model, model.batch([4]), edits, reading: [site.name]).cache[site]
      return (0..<4).map { row in
        (0..<4).first { bitDifference(found.row(row), clean.row($0)) == nil }
      }
    }
    #expect(try after([mean(0, 1), mean(1, 2)]) == [0, 0, 0, 3])
    #expect(try after([mean(1, 2), mean(0, 1)]) == [0, 0, 1, 3])
    #expect(try after([mean(0, 1), mean(3, 1)]) == [0, 3, 2, 3])
    #expect(try after([mean(0, 1), mean(1, 0)]) == [0, 0, 2, 3])
  }

  // MARK: Places where rows are few or keys are hidden

  @Test func anEditAtTheFinalNormHoldsForAPositionAskedForTwice() throws {
    let model = SmallModel.groupedQuery.float
    let place = BatchPosition(sequence: 0, position: 3)
    let result = try Self.run(
      model, model.batch([4]),
      [Intervention(hook: .name(.finalNormalized), positions: .last, action: .zero)],
      logitsAt: .at([place, BatchPosition(sequence: 0, position: 1), place]))
    #expect(result.logits.shape == [3, 37])
    #expect(result.logits.row(0).allSatisfy { $0 == 0 })
    #expect(result.logits.row(2).allSatisfy { $0 == 0 })
    #expect(result.logits.row(1).contains { $0 != 0 })
  }

  @Test func embeddingsGivenDirectlyPassTheEmbeddingsHook() throws {
    let model = SmallModel.theory.float
    let table = try #require(model.parameter("embed_tokens.weight")).tensor()
    let tokens = model.tokens(5, seed: 100)
    let given = BatchSequence<Float>(
      .residual(Tensor(shape: [5, 21], values: tokens.flatMap { table.row($0) }), layer: 0))
    let plan = model.readingEverything()
    let (direct, usual) = (
      try model.run([given], plan: plan, logitsAt: .all),
      try model.run(model.batch([5]), plan: plan, logitsAt: .all)
    )
    #expect(bitDifferences(direct.cache.arrays, usual.cache.arrays) == [])
    #expect(bitDifference(direct.logits, usual.logits) == nil)
    // Beside sequences of tokens, and edited.
    let mixed = try Self.run(
      model, [given] + model.batch([3]),
      [Intervention(hook: .name(.embed), sequences: .index(0), positions: .last, action: .zero)],
      reading: [.embed, .block(0, .residPre)])
    #expect(
      bitDifference(
        try mixed.cache.tensor(.embed), try mixed.cache.tensor(.block(0, .residPre))) == nil)
    #expect(try mixed.cache.tensor(.embed, sequence: 0).row(4).allSatisfy { $0 == 0 })
    #expect(
      bitDifference(
        try mixed.cache.tensor(.embed, sequence: 1),
        try usual.cache.tensor(.embed).rows(0..<3)) == nil)
  }

  /// A score that an edit gives to a key behind the query counts, as it does in the field's own tools.
  @Test(arguments: [BlockPoint.attnScores, .pattern])
  func anEditMayLetATokenLookAhead(_ point: BlockPoint) throws {
    let model = SmallModel.groupedQuery.float
    let batch = model.batch([4])
    let hook = HookName.block(1, point)
    // The second token attends to the last one alone.
    let hidden: Float = point == .pattern ? 0 : -.infinity
    let row = [hidden, hidden, hidden, 1]
    let edit = Intervention(
      hook: .name(hook), positions: .index(1), action: .replace(HookValues(row)))
    let names: [HookName] = [.block(1, .pattern), .block(1, .z), .block(1, .v)]
    let cache = try Self.run(model, batch, [edit], reading: names).cache
    let pattern = try cache.tensor(names[0])
    let (z, v) = (try cache.tensor(names[1]).values, try cache.tensor(names[2]).values)
    for head in 0..<4 {
      #expect(pattern.row(head * 4 + 1) == [0, 0, 0, 1])
      let at = (4 + head) * 5  // the second token's
      let from = (3 * 2 + head / 2) * 5  // the last token's, of the shared head
      #expect(Array(z[at..<at + 5]) == Array(v[from..<from + 5]))
    }
  }

  @Test(arguments: SmallModel.causal) func patternsAreCausalAndSumToOne(_ kind: SmallModel) throws {
    let model = kind.float
    let result = try model.run(model.batch([5]), plan: model.readingEverything())
    for layer in 0..<model.architecture.layers {
      let pattern = try result.cache.tensor(.block(layer, .pattern))
      let scores = try result.cache.tensor(.block(layer, .attnScores))
      let isSoftmax =
        if case .linear = model.architecture.attention[layer] { false } else { true }
      let heads = model.architecture.attentionShape(layer).heads
      #expect(pattern.shape == [heads, 5, 5] && scores.shape == [heads, 5, 5])
      for row in 0..<5 * heads {
        let ahead = (row % 5 + 1)..<5
        #expect(pattern.row(row)[ahead].allSatisfy { $0 == 0 })
        #expect(scores.row(row)[ahead].allSatisfy { $0 == (isSoftmax ? -.infinity : 0) })
        guard isSoftmax || [.linearNormalised, .hedgehog].contains(kind) else { continue }
        #expect(abs(pattern.row(row).reduce(0, +) - 1) < 1e-5)
      }
    }
  }

  /// Linear attention's pattern is exact: its mix of values is the output before the norm.
  @Test(arguments: [
    SmallModel.linearNormalised, .linearGrouped, .gated, .gatedDelta, .hedgehog, .theory, .unmasked,
    .unmaskedQuery,
  ])
  func theEffectivePatternGivesTheOutput(_ kind: SmallModel) throws {
    let model: Transformer<Double> = kind.model {
      // What comes between the mix of values and hook_z.
      guard case .linear(var linear) = $0.attention[0] else { return }
      (linear.outputNorm, linear.outputGate) = (.none, nil)
      $0.attention = $0.attention.map { _ in .linear(linear) }
    }
    let cache = try model.run(model.batch([6]), plan: model.readingEverything()).cache
    let layer = model.architecture.layers - 1
    let shared = model.architecture.keyValueHeads
    let (pattern, v) = (
      try cache.tensor(.block(layer, .pattern)), try cache.tensor(.block(layer, .v)).values
    )
    var expected: [Double] = []
    for token in 0..<6 {
      for head in 0..<4 {
        let weights = pattern.row(head * 6 + token)
        for column in 0..<5 {
          var sum = 0.0
          for key in 0..<6 {
            sum += weights[key] * v[(key * shared + head * shared / 4) * 5 + column]
          }
          expected.append(sum)
        }
      }
    }
    #expect(Difference(try cache.tensor(.block(layer, .z)).values, expected).largest < 1e-12)
  }

  /// An edit of linear attention's weights acts as the difference it makes.
  @Test(arguments: [SmallModel.linearNormalised, .linearGrouped, .gated, .gatedDelta])
  func zeroingAWeightRemovesItsValue(_ kind: SmallModel) throws {
    let model: Transformer<Double> = kind.model()
    let batch = model.batch([5])
    let names = [BlockPoint.pattern, .v, .z].map { HookName.block(0, $0) }
    let reads = names.map { Read(hook: .name($0)) }
    let clean = try model.run(batch, plan: HookPlan(reads: reads)).cache
    let edit = Intervention(
      hook: .name(names[0]), positions: .index(3), heads: .index(2), action: .zero)
    let z = try model.run(batch, plan: HookPlan(reads: reads, interventions: [edit])).cache
      .tensor(names[2])
    var expected = try clean.tensor(names[2]).values
    for column in 0..<5 { expected[(3 * 4 + 2) * 5 + column] = 0 }
    #expect(Difference(z.values, expected).largest < 1e-13)
  }
}
