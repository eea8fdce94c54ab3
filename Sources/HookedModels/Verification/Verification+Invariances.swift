// What must not change a bit: the batch, a prefix, resuming, steps, threads, instruction sets, reading, and replacing
// a value by itself.

import HookPoints
import TensorCore

extension Verification {
  func batching() throws -> BitComparison {
    var comparison = BitComparison()
    let batch = batch([5, 1, 9, 3, 2])
    let plan = everything()
    let together = try model.run(batch, plan: plan, logitsAt: .all)
    let reversed = try model.run(batch.reversed(), plan: plan, logitsAt: .all)
    for index in batch.indices {
      let alone = try RecordedSequence(
        model.run([batch[index]], plan: plan, logitsAt: .all), sequence: 0)
      comparison.compare(
        "sequence \(index) batched", try RecordedSequence(together, sequence: index), alone)
      comparison.compare(
        "sequence \(index) in a reversed batch",
        try RecordedSequence(reversed, sequence: batch.count - 1 - index), alone)
    }
    return comparison
  }

  /// A tree of prefixes, and sequences that start from each of its nodes, in one batch.
  func prefixes() throws -> BitComparison {
    var comparison = BitComparison()
    let tokens = tokens(11, seed: 20)
    let other = self.tokens(4, seed: 21)
    guard tokens.count == 11 else { return comparison }
    let plan = everythingAfterPrefix
    let root = try model.prefix(Array(tokens[..<3]))
    let child = try model.prefix(Array(tokens[3..<7]), after: root)
    let leaf = try model.prefix([tokens[7]], after: child)
    let together = try model.prefixes([
      BatchSequence(tokens: other), BatchSequence(tokens: Array(tokens[3..<7]), after: root),
    ])
    let sequences: [(past: [Int], prefix: Prefix<Float>?, own: [Int])] = [
      (Array(tokens[..<3]), root, Array(tokens[3...])),
      (Array(tokens[..<7]), child, Array(tokens[7...])),
      ([], nil, other),
      (Array(tokens[..<8]), leaf, Array(tokens[8...])),
      (Array(tokens[..<7]), child, other),
      (Array(tokens[..<7]), together[1], Array(tokens[7...])),
      (other, together[0], Array(tokens[..<3])),
    ]
    let result = try model.run(
      sequences.map { BatchSequence(tokens: $0.own, after: $0.prefix) }, plan: plan, logitsAt: .all)
    for (index, sequence) in sequences.enumerated() {
      let whole = try model.run(
        [BatchSequence(tokens: sequence.past + sequence.own)], plan: plan, logitsAt: .all)
      let first = sequence.past.count
      comparison.compare(
        "after a prefix of \(first) tokens",
        try RecordedSequence(result, sequence: index, from: first),
        try RecordedSequence(whole, sequence: 0, from: first))
    }
    return comparison
  }

  /// From the stream before every block: all tokens, and the last one after a prefix of the others.
  func resuming() throws -> BitComparison {
    var comparison = BitComparison()
    let batch = batch([4, 1, 6])
    let whole = try model.run(batch, logitsAt: .all)
    let starts = batch.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    let last = tokens(6, seed: 2)
    let prefix = try model.prefix(Array(last.dropLast()))
    for layer in firstLayer...model.architecture.layers {
      let stream = try model.run(batch, stopAt: layer).stream
      func rows(_ range: Range<Int>) -> BatchSequence<Float>.Entry {
        let values = range.flatMap { stream.row($0) }
        return .residual(Tensor(shape: [range.count, stream.width], values: values), layer: layer)
      }
      let resumed = try model.run(
        batch.indices.map { BatchSequence(rows(starts[$0]..<starts[$0 + 1])) }, logitsAt: .all)
      comparison.compare(
        "logits resumed before block \(layer)", resumed.logits.values, whole.logits.values)
      let end = starts[batch.count]
      let after = try model.run([BatchSequence(rows(end - 1..<end), after: prefix)])
      comparison.compare(
        "logits of the last token resumed before block \(layer)", after.logits.row(0),
        whole.logits.row(end - 1))
    }
    return comparison
  }

  /// The first layer a residual can enter at: positions that are added to the stream come before it.
  private var firstLayer: Int { catalog.contains(.positionEmbed) ? 1 : 0 }

  func stepwise() throws -> BitComparison {
    var comparison = BitComparison()
    let tokens = tokens(7, seed: 30)
    let plan = everythingAfterPrefix
    let whole = try model.run([BatchSequence(tokens: tokens)], plan: plan, logitsAt: .all)
    var prefix: Prefix<Float>?
    var steps: [RecordedSequence] = []
    for token in tokens {
      let (own, result) = try model.step([token], after: prefix, plan: plan)
      prefix = own
      steps.append(try RecordedSequence(result, sequence: 0))
    }
    let expected = try RecordedSequence(whole, sequence: 0)
    for (key, values) in expected.values.sorted(by: { $0.key < $1.key }) {
      var seen = values
      if let entry = try key.hook.map({ try catalog.entry($0) }), entry.rowKind == .query {
        // Keys that a step has not come to yet are masked in the whole.
        seen = []
        for start in stride(from: 0, to: values.count, by: tokens.count) {
          seen += values[start...start + key.position]
        }
      }
      comparison.compare("\(key), token by token", steps[key.position].values[key], seen)
    }
    return comparison
  }

  /// The same model under several contexts; the first is what the others are compared with.
  func contexts(_ contexts: [ComputeContext]) throws -> BitComparison {
    var comparison = BitComparison()
    let batch = batch(lengths)
    let plan = everything()
    var expected: [RecordedSequence] = []
    for context in contexts {
      let result = try model.on(context).run(batch, plan: plan, logitsAt: .all)
      let found = try batch.indices.map { try RecordedSequence(result, sequence: $0) }
      for (index, sequence) in expected.enumerated() {
        comparison.compare(
          "\(context.instructionSet.rawValue), threads \(context.threads), sequence \(index)",
          found[index], sequence)
      }
      if expected.isEmpty { expected = found }
    }
    return comparison
  }

  func instructionSets() throws -> VerificationOutcome {
    let sets = InstructionSet.allCases.filter(\.isAvailable)
    guard sets.count > 1 else {
      return VerificationOutcome(
        check: .instructionSets, verdict: .skipped("this CPU has one instruction set only"),
        compared: 0, largestError: nil)
    }
    return try contexts(
      sets.map { ComputeContext(threads: model.context.threads, instructionSet: $0) }
    ).outcome(of: .instructionSets)
  }

  func reading() throws -> BitComparison {
    var comparison = BitComparison()
    let batch = batch([5, 1, 8])
    let plain = try model.run(batch, logitsAt: .all)
    let read = try model.run(batch, plan: everything(), logitsAt: .all)
    comparison.compare("logits", read.logits.values, plain.logits.values)
    return comparison
  }

  /// Point by point, at every layer at once: what follows in the same layer shows a change.
  func replacing() throws -> BitComparison {
    var comparison = BitComparison()
    let batch = batch([5, 1, 4])
    let plan = everything()
    let first = try model.run(batch, plan: plan, logitsAt: .all)
    let expected = try batch.indices.map { try RecordedSequence(first, sequence: $0) }
    let groups = Dictionary(grouping: catalog.entries.map(\.name)) { $0.point?.rawValue ?? "\($0)" }
    for (point, hooks) in groups.sorted(by: { $0.value[0] < $1.value[0] }) {
      let edits = try hooks.map { hook in
        Intervention(
          hook: .name(hook), positions: .all,
          action: .replace(
            HookValues(
              rows: try first.cache.addresses(hook).map { try first.cache.value(hook, $0) })))
      }
      let edited = try model.run(
        batch, plan: HookPlan(reads: plan.reads, interventions: edits), logitsAt: .all)
      for index in batch.indices {
        comparison.compare(
          "\(point) replaced by itself, sequence \(index)",
          try RecordedSequence(edited, sequence: index), expected[index])
      }
    }
    return comparison
  }
}
