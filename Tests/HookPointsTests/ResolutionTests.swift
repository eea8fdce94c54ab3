// Plans against ragged batches, with rows worked out by hand.

import HookPoints
import Testing

@Suite struct ResolutionTests {
  let gpt2 = Catalogs.gpt2()

  /// Four sequences; own tokens 3 + 2 + 4 + 1, so rows 0…2, 3…4, 5…8, 9.
  /// The second has a prefix of 6 (positions 6, 7), the fourth one of 2 (position 2) and joins at block 5.
  let batch = [
    SequenceShape(count: 3, roles: [.query: [1], .arrow: [2]]),
    SequenceShape(past: 6, count: 2, roles: [.arrow: [1, 4, 7], .label: [2, 5], .query: [6]]),
    SequenceShape(count: 4, roles: [.arrow: [1, 3], .query: [2]]),
    SequenceShape(past: 2, count: 1, firstLayer: 5, roles: [.query: [1], .arrow: [2]]),
  ]

  private func rows(
    _ hook: HookName, _ positions: PositionSelector, _ sequences: SequenceSelector = .all,
    in catalog: HookCatalog? = nil
  ) throws -> [Int] {
    let plan = HookPlan(
      reads: [Read(hook: .name(hook), sequences: sequences, positions: positions)])
    let resolved = try plan.resolved(catalog: catalog ?? gpt2, sequences: batch)
    return try #require(resolved[hook]).readRows
  }

  @Test func positionsBecomeRows() throws {
    let late = HookName.block(6, .residPost)
    #expect(try rows(late, .last) == [2, 4, 8, 9])
    #expect(try rows(late, .all) == Array(0..<10))
    #expect(try rows(late, .index(-1)) == [2, 4, 8, 9])
    #expect(try rows(late, .index(0), .index(0)) == [0])
    #expect(try rows(late, .index(6), .index(1)) == [3])
    #expect(try rows(late, .index(7), .index(1)) == [4])
    #expect(try rows(late, .index(-2), .indices([2, 0])) == [1, 7])
    #expect(try rows(late, .role(.arrow, -1)) == [2, 4, 8, 9])
    #expect(try rows(late, .role(.arrow, 1), .index(2)) == [8])
    #expect(try rows(late, .role(.query, nil), .indices([0, 1, 2])) == [1, 3, 7])
    #expect(try rows(late, .role(.arrow, nil), .indices([0, 2])) == [2, 6, 8])
    #expect(try rows(late, .index(2), .index(3)) == [9])
  }

  @Test func sequencesThatJoinLaterAreLeftOutOfAllAndAnErrorWhenNamed() throws {
    #expect(try rows(.block(4, .residPost), .last) == [2, 4, 8])
    #expect(try rows(.block(5, .residPre), .last) == [2, 4, 8, 9])
    #expect(try rows(.embed, .last) == [2, 4, 8])
    #expect(try rows(.finalScale, .last) == [2, 4, 8, 9])
    #expect(
      hookError { try rows(.block(4, .residPost), .last, .index(3)) }
        == .joinsLater(hook: .block(4, .residPost), sequence: 3, firstLayer: 5))
    #expect(
      hookError { try rows(.embed, .last, .indices([0, 3])) }
        == .joinsLater(hook: .embed, sequence: 3, firstLayer: 5))
  }

  @Test func positionsInThePrefixAreRefused() throws {
    let hook = HookName.block(6, .residPost)
    #expect(
      hookError { try rows(hook, .index(3), .index(1)) }
        == .inPrefix(hook: hook, sequence: 1, position: 3, past: 6))
    #expect(
      hookError { try rows(hook, .index(3), .index(1)) }?.description.contains(
        "position 3 of sequence 1 lies in the shared prefix of 6 tokens, which is not recomputed")
        == true)
    // By role, by index from the end, and for every label at once.
    #expect(
      hookError { try rows(hook, .role(.arrow, 1), .index(1)) }
        == .inPrefix(hook: hook, sequence: 1, position: 4, past: 6))
    #expect(
      hookError { try rows(hook, .index(-3), .index(1)) }
        == .inPrefix(hook: hook, sequence: 1, position: 5, past: 6))
    #expect(
      hookError { try rows(hook, .role(.arrow, nil), .index(1)) }
        == .inPrefix(hook: hook, sequence: 1, position: 1, past: 6))
    #expect(
      hookError { try rows(hook, .role(.query, nil)) }
        == .inPrefix(hook: hook, sequence: 3, position: 1, past: 2))
  }

  @Test func positionsThatAreNotThereNameTheSequenceAndWhatItHas() throws {
    let hook = HookName.block(6, .residPost)
    #expect(
      hookError { try rows(hook, .index(3)) }
        == .noPosition(
          hook: hook, sequence: 0, selector: .index(3), has: "3 own tokens, 1 × arrow, 1 × query"))
    #expect(
      hookError { try rows(hook, .role(.label, 7), .index(1)) }
        == .noPosition(
          hook: hook, sequence: 1, selector: .role(.label, 7),
          has: "2 own tokens, a shared prefix of 6, 3 × arrow, 2 × label, 1 × query"))
    #expect(
      hookError { try rows(hook, .index(-5), .index(2)) }
        == .noPosition(
          hook: hook, sequence: 2, selector: .index(-5), has: "4 own tokens, 2 × arrow, 1 × query"))
    #expect(hookError { try rows(hook, .role(.separator, nil)) } != nil)
    #expect(hookError { try rows(hook, .role(.arrow, -3), .index(2)) } != nil)
  }

  @Test func sequencesThatAreNotThereAreRefused() {
    let hook = HookName.block(6, .residPost)
    #expect(
      hookError { try rows(hook, .last, .index(4)) }
        == .noSequence(hook: hook, sequence: 4, sequences: 4))
    #expect(
      hookError { try rows(hook, .last, .index(-1)) }
        == .noSequence(hook: hook, sequence: -1, sequences: 4))
    #expect(
      hookError { try rows(hook, .last, .indices([1, 1])) }
        == .namedTwice(hook: hook, what: "sequence", index: 1))
    #expect(
      hookError { try rows(hook, .last, .indices([])) }
        == .selectsNothing(hook: hook, what: "read"))
  }

  @Test func aSelectionOfNothingIsAnError() {
    let plan = HookPlan(interventions: [.zero(.residPost(0), at: .last)])
    #expect(
      hookError { try plan.resolved(catalog: gpt2, sequences: []) }
        == .selectsNothing(hook: .block(0, .residPost), what: "intervention"))
    #expect(
      hookError {
        try plan.resolved(catalog: gpt2, sequences: [SequenceShape(count: 2, firstLayer: 1)])
      } == .selectsNothing(hook: .block(0, .residPost), what: "intervention"))
    let all = HookPlan(reads: [Read(.residPost(0))])
    #expect(
      hookError { try all.resolved(catalog: gpt2, sequences: [SequenceShape(past: 3, count: 0)]) }
        == .selectsNothing(hook: .block(0, .residPost), what: "read"))
    #expect(
      hookError {
        try HookPlan(reads: [Read(.residPost(0), at: .last)])
          .resolved(catalog: gpt2, sequences: [SequenceShape(count: 0)])
      }
        == .noPosition(
          hook: .block(0, .residPost), sequence: 0, selector: .last, has: "0 own tokens"))
  }

  @Test func readsOfAHookAreUnited() throws {
    let plan = HookPlan(reads: [
      Read(.residPost(6), at: .last), Read(.residPost(6), at: .all, in: .index(2)),
      Read(hook: .text("resid_post.5-6"), sequences: .index(0), positions: .index(0)),
    ])
    let resolved = try plan.resolved(catalog: gpt2, sequences: batch)
    #expect(resolved[.block(6, .residPost)]?.readRows == [0, 2, 4, 5, 6, 7, 8, 9])
    #expect(resolved[.block(5, .residPost)]?.readRows == [0])
    #expect(resolved[.block(6, .residPost)]?.edits == [])
    #expect(resolved.hooks == [.block(5, .residPost), .block(6, .residPost)])
    #expect(resolved.lastHook == .block(6, .residPost))
    #expect(resolved.readsOnly && !resolved.isEmpty)
  }

  @Test func anEmptyPlanAsksForNothing() throws {
    let resolved = try HookPlan.empty.resolved(catalog: gpt2, sequences: batch)
    #expect(resolved.isEmpty && resolved.lastHook == nil && resolved.readsOnly)
    for entry in gpt2.entries { #expect(resolved[entry.name] == nil) }
    #expect(resolved[.block(1000, .z)] == nil)
    try FireCounts().verify(plan: resolved)
  }

  @Test func lookUpFindsItsHookOnly() throws {
    let wanted: [HookName] = [.embed, .block(3, .z), .block(11, .residPost), .finalNormalized]
    let plan = HookPlan(reads: wanted.map { Read(hook: .name($0), sequences: .index(0)) })
    let resolved = try plan.resolved(catalog: gpt2, sequences: batch)
    for entry in gpt2.entries {
      #expect((resolved[entry.name] != nil) == wanted.contains(entry.name), "\(entry.name)")
    }
    #expect(resolved.hooks == wanted)
  }

  @Test func rowsHaveAddresses() throws {
    let resolved = try HookPlan(reads: [Read(.residPost(6))]).resolved(
      catalog: gpt2, sequences: batch)
    let addresses = (0..<resolved.rowCount).map(resolved.address(ofRow:))
    #expect(addresses.map(\.sequence) == [0, 0, 0, 1, 1, 2, 2, 2, 2, 3])
    #expect(addresses.map(\.position) == [0, 1, 2, 6, 7, 0, 1, 2, 3, 2])
    #expect((0..<4).map(resolved.firstRow(ofSequence:)) == [0, 3, 5, 9])
    // Sequences without own tokens are passed over.
    let gaps = [
      SequenceShape(count: 0), SequenceShape(count: 1), SequenceShape(past: 4, count: 0),
      SequenceShape(count: 2), SequenceShape(count: 0),
    ]
    let resolvedGaps = try HookPlan.empty.resolved(catalog: gpt2, sequences: gaps)
    #expect((0..<3).map { resolvedGaps.address(ofRow: $0).sequence } == [1, 3, 3])
  }

  @Test func aStateOfASequenceHasNoPositions() throws {
    let hybrid = Catalogs.hybrid()
    let batch = [
      SequenceShape(past: 3, count: 2), SequenceShape(count: 1),
      SequenceShape(count: 4, firstLayer: 2),
    ]
    let hook = HookName.block(1, .ssmStateInitial)
    func resolved(_ read: Read) throws -> ResolvedHook? {
      try HookPlan(reads: [read]).resolved(catalog: hybrid, sequences: batch)[hook]
    }
    #expect(try resolved(Read(.ssmStateInitial(1)))?.readRows == [0, 1])
    #expect(try resolved(Read(.ssmStateInitial(1), in: .index(1)))?.readRows == [1])
    #expect(
      hookError { try resolved(Read(.ssmStateInitial(1), at: .last)) }
        == .noPositions(hook: hook, selector: .last))
    #expect(
      hookError { try resolved(Read(.ssmStateInitial(1), in: .index(2))) }
        == .joinsLater(hook: hook, sequence: 2, firstLayer: 2))
  }

  @Test func namesAreResolvedWithThePlan() {
    #expect(
      hookError {
        try HookPlan(reads: [Read(hook: HookReference("resid_psot.3"))])
          .resolved(catalog: gpt2, sequences: batch)
      } == .unknownName(text: "resid_psot.3", model: "gpt2", nearest: "resid_post.3"))
    // A typed site can be out of range or absent too.
    #expect(
      hookError {
        try HookPlan(reads: [Read(.residPost(12))]).resolved(catalog: gpt2, sequences: batch)
      }
        == .layerOutOfRange(
          text: "blocks.12.hook_resid_post", layer: 12, layers: 12, model: "gpt2"))
    #expect(
      hookError {
        try HookPlan(reads: [Read(.rotQ(0))]).resolved(catalog: gpt2, sequences: batch)
      }
        == .absent(
          name: "blocks.0.attn.hook_rot_q", model: "gpt2",
          reason: "its positions are learned, not rotary"))
  }
}
