// A requested hook that never fired fails the run, and says which.

import HookPoints
import Testing

@Suite struct FireCountsTests {
  private func plan() throws -> ResolvedPlan {
    try HookPlan(
      reads: [Read(.residPost(1)), Read(.z(3), at: .last)],
      interventions: [
        .zero(.z(3), at: .last), .scale(.residPost(1), by: 2, at: .last, in: .index(0)),
      ]
    ).resolved(
      catalog: Catalogs.gpt2(), sequences: [SequenceShape(count: 3), SequenceShape(count: 2)])
  }

  /// What an engine that does its duty counts, but for the hooks left out.
  private func counts(_ plan: ResolvedPlan, without skipped: [HookName] = []) -> FireCounts {
    var counts = FireCounts()
    for name in plan.hooks where !skipped.contains(name) {
      if let hook = plan[name] {
        counts.fired(name, reads: hook.readRows.count, edits: hook.edits)
      }
    }
    return counts
  }

  @Test func aRunThatFiredEverythingPasses() throws {
    let plan = try plan()
    try counts(plan).verify(plan: plan)
    #expect(counts(plan).counts[.block(3, .z)]?.edits == [0: 2])
    #expect(counts(plan).counts[.block(1, .residPost)]?.reads == 5)
  }

  @Test func whatNeverFiredIsNamed() throws {
    let plan = try plan()
    #expect(
      hookError { try counts(plan, without: [.block(1, .residPost)]).verify(plan: plan) }
        == .neverFired(hook: .block(1, .residPost), what: "a read"))
    var readOnly = counts(plan, without: [.block(3, .z)])
    readOnly.fired(.block(3, .z), reads: 2)
    let error = hookError { try readOnly.verify(plan: plan) }
    #expect(error == .neverFired(hook: .block(3, .z), what: "intervention 0 (zero)"))
    #expect(
      error?.description
        == "blocks.3.attn.hook_z: intervention 0 (zero) was asked for and never fired; "
        + "the run does not pass this hook point")
    #expect(hookError { try FireCounts().verify(plan: plan) } != nil)
  }

  @Test func whatFiredForOtherRowsOrTwiceIsNamed() throws {
    let plan = try plan()
    var twice = counts(plan)
    twice.fired(.block(1, .residPost), reads: 5)
    #expect(
      hookError { try twice.verify(plan: plan) }
        == .firedForOthers(hook: .block(1, .residPost), what: "a read", fired: 10, expected: 5))
    var fewer = counts(plan, without: [.block(1, .residPost)])
    fewer.fired(.block(1, .residPost), reads: 4)
    #expect(
      hookError { try fewer.verify(plan: plan) }
        == .firedForOthers(hook: .block(1, .residPost), what: "a read", fired: 4, expected: 5))
  }

  @Test func countsAddUp() throws {
    let plan = try plan()
    var sum = counts(plan)
    sum.add(counts(plan))
    #expect(sum.counts[.block(1, .residPost)]?.reads == 10)
    #expect(sum.counts[.block(3, .z)]?.edits == [0: 4])
  }

  @Test func countsAreWrittenInFiringOrder() throws {
    let counts = counts(try plan())
    let json = try encode(counts)
    #expect(
      json
        == #"[{"edits":[{"intervention":1,"rows":1}],"hook":"blocks.1.hook_resid_post","reads":5},"#
        + #"{"edits":[{"intervention":0,"rows":2}],"hook":"blocks.3.attn.hook_z","reads":2}]"#)
    #expect(try decode(FireCounts.self, json) == counts)
  }
}
