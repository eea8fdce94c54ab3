// Laws of batches: what is computed for a row does not depend on which rows are beside it, on what was computed before
// as a prefix or up to a layer, on threads, or on the instruction set.

import HookPoints
import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct BatchLawTests {
  /// The recorded values of one sequence, and its logits.
  typealias Rows = [(name: String, values: Tensor<Float>)]

  static func rows(_ result: RunResult<Float>, sequence: Int) throws -> Rows {
    let places = result.logitPositions.indices.filter {
      result.logitPositions[$0].sequence == sequence
    }
    let logits = places.flatMap { result.logits.row($0) }
    return try result.cache.hooks.map { ("\($0)", try result.cache.tensor($0, sequence: sequence)) }
      + [("logits", Tensor(shape: [places.count, result.logits.width], values: logits))]
  }

  @Test(arguments: SmallModel.allCases) func aSequenceDoesNotSeeItsNeighbours(_ kind: SmallModel)
    throws
  {
    let model = kind.float
    let batch = model.batch([5, 1, 9, 3, 2])
    let plan = model.readingEverything()
    let together = try model.run(batch, plan: plan, logitsAt: .all)
    let reversed = try model.run(batch.reversed(), plan: plan, logitsAt: .all)
    for index in batch.indices {
      let alone = try model.run([batch[index]], plan: plan, logitsAt: .all)
      let own = try Self.rows(alone, sequence: 0)
      #expect(bitDifferences(try Self.rows(together, sequence: index), own) == [])
      #expect(
        bitDifferences(try Self.rows(reversed, sequence: batch.count - 1 - index), own) == [])
    }
  }

  @Test(arguments: SmallModel.causal) func aPrefixGivesWhatTheWholePromptGives(_ kind: SmallModel)
    throws
  {
    let model = kind.float
    let tokens = model.tokens(11, seed: 3)
    let other = model.tokens(4, seed: 4)
    // Linear attention's scores need keys, which its prefix does not hold; the initial state is of the own tokens.
    let isLinear = model.architecture.attentionName != "softmax"
    let plan = model.readingEverything(
      but: isLinear ? [.attnScores, .pattern, .ssmStateInitial] : [])
    func tail(_ tokens: [Int], from first: Int) throws -> [String: [Float]] {
      let result = try model.run([BatchSequence(tokens: tokens)], plan: plan, logitsAt: .all)
      return try Self.values(result, sequence: 0, from: first)
    }
    let root = try model.prefix(Array(tokens[..<3]))
    let child = try model.prefix(Array(tokens[3..<7]), after: root)
    let leaf = try model.prefix([tokens[7]], after: child)
    #expect(leaf.count == 8 && root.count == 3)
    let result = try model.run(
      [
        BatchSequence(tokens: Array(tokens[3...]), after: root),
        BatchSequence(tokens: Array(tokens[7...]), after: child),
        BatchSequence(tokens: other),
        BatchSequence(tokens: Array(tokens[8...]), after: leaf),
        BatchSequence(tokens: other, after: child),
      ], plan: plan, logitsAt: .all)
    func expect(_ sequence: Int, _ whole: [Int], from first: Int) throws {
      let found = try Self.values(result, sequence: sequence, from: first)
      let expected = try tail(whole, from: first)
      #expect(found.count == expected.count && found.count >= 12)
      for (name, values) in expected {
        #expect(bitDifference(found[name] ?? [], values) == nil, "\(name) of \(sequence)")
      }
    }
    try expect(0, tokens, from: 3)
    try expect(1, tokens, from: 7)
    try expect(2, other, from: 0)
    try expect(3, tokens, from: 8)
    try expect(4, tokens[..<7] + other, from: 7)
    // Prefixes made together are those made alone.
    let both = try model.prefixes([
      BatchSequence(tokens: other), BatchSequence(tokens: Array(tokens[3..<7]), after: root),
    ])
    let again = try model.run(
      [BatchSequence(tokens: Array(tokens[7...]), after: both[1])], plan: plan, logitsAt: .all)
    let expected = try tail(tokens, from: 7)
    for (name, values) in try Self.values(again, sequence: 0, from: 7) {
      #expect(bitDifference(values, expected[name] ?? []) == nil, "\(name)")
    }
  }

  /// Every recorded value of a sequence at a position, and its logits, by name.
  static func values(_ result: RunResult<Float>, sequence: Int, from first: Int) throws
    -> [String: [Float]]
  {
    var found: [String: [Float]] = [:]
    for hook in result.cache.hooks {
      for address in try result.cache.addresses(hook) where address.sequence == sequence {
        guard let position = address.position, position >= first else { continue }
        found["\(hook) at \(position)"] = try result.cache.value(hook, address)
      }
    }
    for (row, place) in result.logitPositions.enumerated()
    where place.sequence == sequence && place.position >= first {
      found["logits at \(place.position)"] = result.logits.row(row)
    }
    return found
  }

  @Test(arguments: SmallModel.allCases) func resumingFromALayerChangesNoBit(_ kind: SmallModel)
    throws
  {
    let model = kind.float
    let batch = model.batch([4, 1, 6])
    let whole = try model.run(batch, logitsAt: .all)
    for layer in 0...model.architecture.layers where !(kind == .gpt2 && layer == 0) {
      let stopped = try model.run(batch, stopAt: layer)
      #expect(stopped.logits.shape == [0, 37] && stopped.stream.shape == [11, 21])
      let starts = [0, 4, 5, 11]
      let resumed = batch.indices.map { index in
        BatchSequence<Float>(
          .residual(stopped.stream.rows(starts[index]..<starts[index + 1]), layer: layer))
      }
      #expect(
        bitDifference(try model.run(resumed, logitsAt: .all).logits, whole.logits) == nil,
        "from layer \(layer)")
      guard SmallModel.causal.contains(kind) else { continue }
      // The last token alone, after a prefix of the others.
      let tokens = model.tokens(6, seed: 102)
      let prefix = try model.prefix(Array(tokens.dropLast()))
      let last = try model.run(
        [BatchSequence(.residual(stopped.stream.rows(10..<11), layer: layer), after: prefix)])
      #expect(bitDifference(last.logits.row(0), whole.logits.row(10)) == nil, "layer \(layer)")
    }
  }

  @Test(arguments: SmallModel.causal) func aStaircaseIsItsStepsOneByOne(_ kind: SmallModel) throws {
    let model = kind.float
    let layers = model.architecture.layers
    let stream = try model.run(model.batch([7]), stopAt: layers).stream
    let prefix = try model.prefix(model.tokens(3, seed: 9))
    let lowest = kind == .gpt2 ? 1 : 0
    // Joining layers out of order, with and without a prefix, among sequences that enter by tokens.
    var batch = model.batch([3, 2])
    for (step, layer) in (lowest...layers).reversed().enumerated() {
      batch.insert(
        BatchSequence(
          .residual(stream.rows(step..<step + 2), layer: layer),
          after: step.isMultiple(of: 2) ? prefix : nil),
        at: step.isMultiple(of: 2) ? 0 : batch.count)
    }
    let skipped: [BlockPoint] =
      model.architecture.attentionName == "softmax" ? [] : [.attnScores, .pattern]
    func readable(_ sequences: [BatchSequence<Float>]) -> HookPlan {
      var plan = model.readingEverything(but: skipped)
      plan.reads.removeAll { read in
        guard case .name(let name) = read.hook else { return true }
        return !sequences.contains {
          $0.shape.firstLayer <= (name.layer ?? (name < .block(0, .residPre) ? 0 : layers))
        }
      }
      return plan
    }
    let together = try model.run(batch, plan: readable(batch), logitsAt: .all)
    for (index, sequence) in batch.enumerated() {
      let alone = try model.run([sequence], plan: readable([sequence]), logitsAt: .all)
      let expected = try Self.values(alone, sequence: 0, from: 0)
      let found = try Self.values(together, sequence: index, from: 0)
      #expect(found.count == expected.count)
      for (name, values) in expected {
        #expect(bitDifference(found[name] ?? [], values) == nil, "\(name) of sequence \(index)")
      }
    }
    // Stopping below some steps leaves their rows out of the stream.
    let stopped = try model.run(batch, stopAt: lowest)
    #expect(stopped.stream.shape == [5 + 2, 21])
    let captured = try model.capture(batch, plan: HookPlan(reads: [Read(.residPost(0))]))
    let expected = try together.cache.tensor(.block(0, .residPost))
    #expect(bitDifference(try captured.cache.tensor(.block(0, .residPost)), expected) == nil)
  }

  @Test func logitsWhereAskedAreThoseOfAll() throws {
    let model = SmallModel.groupedQuery.float
    let batch = model.batch([4, 1, 6])
    let all = try model.run(batch, logitsAt: .all)
    #expect(all.logits.shape == [11, 37] && all.logitPositions.count == 11)
    let last = try model.run(batch)
    #expect(last.logitPositions.map(\.position) == [3, 0, 5])
    let places = [(2, 5), (0, 1), (2, 5), (1, 0), (2, 0)].map {
      BatchPosition(sequence: $0, position: $1)
    }
    let some = try model.run(batch, logitsAt: .at(places))
    #expect(some.logitPositions == places)
    for (result, from) in [(last, [3, 4, 10]), (some, [10, 1, 10, 4, 5])] {
      for (row, expected) in from.enumerated() {
        #expect(bitDifference(result.logits.row(row), all.logits.row(expected)) == nil)
      }
    }
    #expect(try model.run(batch, logitsAt: .none).logits.shape == [0, 37])
  }

  /// Wide enough for the work to be split over threads.
  static func wide(_ kind: SmallModel) -> Transformer<Float> {
    kind.model {
      ($0.modelWidth, $0.headWidth, $0.valueWidth, $0.mlpWidth, $0.vocabulary) = (
        99, 26, 33, 301, 411
      )
      if case .rotary(var rotary) = $0.positions {
        rotary.dimensions = 26
        $0.positions = .rotary(rotary)
      }
    }
  }

  @Test(arguments: [
    SmallModel.gpt2, .groupedQuery, .linearDecay, .linearNormalised, .gated, .gatedDelta, .hedgehog,
    .momentum,
  ])
  func threadsAndInstructionSetsChangeNoBit(_ kind: SmallModel) throws {
    let model = Self.wide(kind)
    let batch = model.batch([40, 3, 21])
    let plan = model.readingEverything(but: [.result, .ssmState, .ssmWrite])
    let expected = try model.on(ComputeContext(threads: 1)).run(batch, plan: plan, logitsAt: .all)
    var contexts = [ComputeContext(threads: 2), ComputeContext(threads: 3)]
    for set in InstructionSet.allCases where set.isAvailable && set != .best {
      contexts.append(ComputeContext(threads: 2, instructionSet: set))
    }
    #expect(contexts.count >= 3)
    for context in contexts {
      let found = try model.on(context).run(batch, plan: plan, logitsAt: .all)
      let what = "\(context.instructionSet), \(context.threads) threads"
      #expect(bitDifference(found.logits, expected.logits) == nil, "\(what)")
      #expect(bitDifferences(found.cache.arrays, expected.cache.arrays) == [], "\(what)")
    }
  }

  @Test(arguments: SmallModel.causal) func aLaterTokenChangesNothingBefore(_ kind: SmallModel)
    throws
  {
    let model = kind.float
    let tokens = model.tokens(9, seed: 5)
    var changed = tokens
    changed[6] = (tokens[6] + 1) % 37
    changed.removeLast()
    let plan = model.readingEverything()
    let results = try [tokens, changed].map {
      try model.run([BatchSequence(tokens: $0)], plan: plan, logitsAt: .all)
    }
    let (found, expected) = (
      try Self.values(results[1], sequence: 0, from: 0),
      try Self.values(results[0], sequence: 0, from: 0)
    )
    var differing: Set<Int> = []
    for (name, values) in found {
      let position = Int(name.split(separator: " ").last ?? "") ?? -1
      // Rows of scores and patterns have one number for each key; those behind the query say nothing.
      let isScore = name.contains("attn_scores") || name.contains("pattern")
      let hook = name.split(separator: " ").first.flatMap { HookName(canonical: String($0)) }
      let heads = isScore ? hook.flatMap { try? model.catalog.entry($0).heads } ?? 4 : 1
      let (own, other) = (values.count / heads, (expected[name] ?? []).count / heads)
      let isSame = (0..<heads).allSatisfy { head in
        let visible = isScore ? position + 1 : own
        return bitDifference(
          Array(values[head * own..<head * own + visible]),
          Array((expected[name] ?? [])[head * other..<head * other + visible])) == nil
      }
      if position < 6 { #expect(isSame, "\(name)") } else if !isSame { differing.insert(position) }
    }
    #expect(differing == [6, 7])
  }
}
