// Laws of hook plans: reading changes nothing, replacing a value by itself changes nothing, and what a plan asks for
// is what happens, once.

import HookPoints
import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct PlanLawTests {
  static let lengths = [5, 1, 8]

  @Test(arguments: SmallModel.allCases) func readingEveryHookChangesNoBit(_ kind: SmallModel) throws
  {
    let model = kind.float
    let batch = model.batch(Self.lengths)
    let plain = try model.run(batch, logitsAt: .all)
    let read = try model.run(batch, plan: model.readingEverything(), logitsAt: .all)
    #expect(bitDifference(read.logits, plain.logits) == nil)
    #expect(read.cache.hooks == model.catalog.entries.map(\.name))
    #expect(plain.cache.hooks.isEmpty && plain.fireCounts == FireCounts())
    // The values are those of an ordinary forward pass, not zeros; a query alone reads nothing.
    for (name, values) in read.cache.arrays
    where !name.contains("state_initial") && !(kind == .unmaskedQuery && name.hasSuffix("/seq1")) {
      #expect(values.values.contains { $0 != 0 }, "\(name)")
    }
  }

  @Test(arguments: SmallModel.allCases) func replacingByItselfChangesNoBit(_ kind: SmallModel)
    throws
  {
    let model = kind.float
    let batch = model.batch(Self.lengths)
    let everything = model.readingEverything()
    let first = try model.run(batch, plan: everything, logitsAt: .all)
    for entry in model.catalog.entries {
      let rows = try first.cache.addresses(entry.name).map {
        try first.cache.value(entry.name, $0)
      }
      let edit = Intervention(
        hook: .name(entry.name), positions: .all, action: .replace(HookValues(rows: rows)))
      let edited = try model.run(
        batch, plan: HookPlan(interventions: [edit]), logitsAt: .all)
      #expect(bitDifference(edited.logits, first.logits) == nil, "\(entry.name)")
      #expect(edited.fireCounts.counts[entry.name]?.edits == [0: rows.count], "\(entry.name)")
      let again = try model.run(
        batch, plan: HookPlan(reads: everything.reads, interventions: [edit]), logitsAt: .all)
      #expect(bitDifferences(again.cache.arrays, first.cache.arrays) == [], "\(entry.name)")
    }
  }

  @Test(arguments: SmallModel.allCases) func capturingGivesWhatARunRecords(_ kind: SmallModel)
    throws
  {
    let model = kind.float
    let batch = model.batch(Self.lengths)
    let run = try model.run(batch, plan: model.readingEverything(), logitsAt: .none)
    for entry in model.catalog.entries {
      let captured = try model.capture(
        batch, plan: HookPlan(reads: [Read(hook: .name(entry.name))]))
      let expected = run.cache.arrays.filter { $0.name.hasPrefix("\(entry.name)") }
      #expect(
        bitDifferences(
          captured.cache.arrays,
          expected.filter { name, _ in
            name == "\(entry.name)" || name.hasPrefix("\(entry.name)/")
          }) == [], "\(entry.name)")
      #expect(captured.logits.shape == [0, 37])
    }
    let together = try model.capture(batch, plan: model.readingEverything())
    #expect(bitDifferences(together.cache.arrays, run.cache.arrays) == [])
  }

  @Test(arguments: SmallModel.allCases) func everyRowFiresOnce(_ kind: SmallModel) throws {
    let model = kind.float
    let result = try model.run(
      model.batch(Self.lengths), plan: model.readingEverything(), logitsAt: .none)
    for entry in model.catalog.entries {
      let expected = entry.rowKind == .sequence ? Self.lengths.count : Self.lengths.reduce(0, +)
      let count = result.fireCounts.counts[entry.name]
      #expect(count?.reads == expected && count?.edits == [:], "\(entry.name)")
    }
  }

  @Test func readsSeeTheValueAfterTheEdit() throws {
    let model = SmallModel.groupedQuery.float
    let hook = HookName.block(1, .mlpPost)
    let result = try model.run(
      model.batch([4]),
      plan: HookPlan(
        reads: [Read(hook: .name(hook))],
        interventions: [Intervention(hook: .name(hook), positions: .index(2), action: .zero)]))
    let values = try result.cache.tensor(hook)
    #expect(values.row(2).allSatisfy { $0 == 0 })
    #expect(values.row(1).contains { $0 != 0 })
  }

  @Test func aHookBehindTheStopFailsTheRun() throws {
    let model = SmallModel.multiHead.float
    let said = sentence {
      try model.run(
        model.batch([4]), plan: HookPlan(reads: [Read(.residPost(2))]), stopAt: 2)
    }
    #expect(
      said == "blocks.2.hook_resid_post: a read was asked for and never fired; the run does not "
        + "pass this hook point")
  }
}
