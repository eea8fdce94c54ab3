// Interventions against ragged batches: rows, heads, widths of values, means.

import HookPoints
import Testing

@Suite struct EditResolutionTests {
  let llama = Catalogs.llama()
  /// Rows 0…2 (keys 3), 3…4 (prefix 1, keys 3), 5…8 (keys 4).
  let batch = [
    SequenceShape(count: 3), SequenceShape(past: 1, count: 2), SequenceShape(count: 4),
  ]

  private func edits(_ interventions: [Intervention]) throws -> [ResolvedEdit] {
    let resolved = try HookPlan(interventions: interventions).resolved(
      catalog: llama, sequences: batch)
    #expect(resolved.hooks.count == 1 && !resolved.readsOnly)
    return try #require(resolved[resolved.hooks[0]]).edits
  }

  private func ramp(_ count: Int, from start: Float = 0) -> [Float] {
    (0..<count).map { start + Float($0) }
  }

  @Test func aValueForAllRowsAndOneForEach() throws {
    let value = ActivationVector<Residual>(ramp(12))
    #expect(
      try edits([.replace(.residPost(1), with: value, at: .last)])
        == [
          ResolvedEdit(rows: [2, 4, 8], heads: nil, action: .replace([ramp(12)]), intervention: 0)
        ])
    // Rows of values follow the order in which sequences are named; rows ascend.
    let rows = ActivationRows<Residual>([ramp(12, from: 20), ramp(12, from: 0)])
    #expect(
      try edits([.replace(.residPost(1), with: rows, at: .last, in: .indices([2, 0]))])
        == [
          ResolvedEdit(
            rows: [2, 8], heads: nil, action: .replace([ramp(12, from: 0), ramp(12, from: 20)]),
            intervention: 0)
        ])
    #expect(
      hookError { try edits([.replace(.residPost(1), with: rows, at: .last)]) }
        == .wrongRowCount(hook: .block(1, .residPost), found: 2, selected: 3))
  }

  @Test func editsKeepTheOrderOfThePlanAndMayOverlap() throws {
    let resolved = try edits([
      .scale(.residPost(1), by: 2, at: .all, in: .index(0)),
      .zero(.residPost(1), at: .last),
      .add(
        ActivationVector(ramp(12)), scaled: 0.5, to: .residPost(1), at: .index(1), in: .index(0)),
    ])
    #expect(resolved.map(\.rows) == [[0, 1, 2], [2, 4, 8], [1]])
    #expect(resolved.map(\.intervention) == [0, 1, 2])
    #expect(resolved.map(\.action) == [.scale(2), .zero, .add([ramp(12)], 0.5)])
  }

  @Test func headsAreChosenAndValuesWidened() throws {
    // One head's value serves each chosen head.
    let one = ActivationVector<HeadOutputs>([1, 2, 3])
    #expect(
      try edits([.replace(.z(0), with: one, at: .last, in: .index(0), heads: .indices([3, 1]))])
        == [
          ResolvedEdit(
            rows: [2], heads: [3, 1], action: .replace([[1, 2, 3, 1, 2, 3]]), intervention: 0)
        ])
    // A value for each chosen head, and for the whole width.
    let two = ActivationVector<HeadOutputs>(ramp(6))
    #expect(
      try edits([.replace(.z(0), with: two, at: .last, in: .index(0), heads: .indices([3, 1]))])[0]
        .action == .replace([ramp(6)]))
    let whole = ActivationVector<HeadOutputs>(ramp(12))
    let edit = try edits([.replace(.z(0), with: whole, at: .last, in: .index(0))])[0]
    #expect(edit.heads == nil && edit.action == .replace([ramp(12)]))
    #expect(
      try edits([.replace(.z(0), with: one, at: .last, in: .index(0))])[0].action
        == .replace([[1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]]))
  }

  @Test func keyValueHeadsAreCountedByThemselves() throws {
    let value = ActivationVector<KeyValueHeads>([1, 2, 3])
    #expect(
      try edits([.add(value, to: .k(2), at: .last, in: .index(0), heads: .index(1))])
        == [ResolvedEdit(rows: [2], heads: [1], action: .add([[1, 2, 3]], 1), intervention: 0)])
    #expect(
      hookError { try edits([.add(value, to: .k(2), at: .last, heads: .index(2))]) }
        == .noHead(hook: .block(2, .k), head: 2, heads: 2))
    #expect(
      hookError { try edits([.zero(.q(2), at: .last, heads: .index(4))]) }
        == .noHead(hook: .block(2, .q), head: 4, heads: 4))
  }

  @Test func headsThatMakeNoSenseAreRefused() {
    #expect(
      hookError { try edits([.zero(.residPost(2), at: .last, heads: .index(0))]) }
        == .noHeadAxis(hook: .block(2, .residPost)))
    #expect(
      hookError { try edits([.zero(.z(2), at: .last, heads: .index(-1))]) }
        == .noHead(hook: .block(2, .z), head: -1, heads: 4))
    #expect(
      hookError { try edits([.zero(.z(2), at: .last, heads: .indices([1, 1]))]) }
        == .namedTwice(hook: .block(2, .z), what: "head", index: 1))
    #expect(
      hookError { try edits([.zero(.z(2), at: .last, heads: .indices([]))]) }
        == .selectsNothing(hook: .block(2, .z), what: "intervention's list of heads"))
  }

  @Test func widthsAreChecked() {
    #expect(
      hookError {
        try edits([.replace(.residPost(1), with: ActivationVector(ramp(11)), at: .last)])
      } == .wrongWidth(hook: .block(1, .residPost), found: 11, expected: [12], sequence: nil))
    #expect(
      hookError { try edits([.replace(.z(1), with: ActivationVector(ramp(5)), at: .last)]) }
        == .wrongWidth(hook: .block(1, .z), found: 5, expected: [3, 12], sequence: nil))
    #expect(
      hookError {
        try edits([
          .replace(.z(1), with: ActivationVector(ramp(12)), at: .last, heads: .index(1))
        ])
      } == .wrongWidth(hook: .block(1, .z), found: 12, expected: [3], sequence: nil))
    #expect(
      hookError { try edits([.replace(.z(1), with: ActivationVector([]), at: .last)]) }
        == .wrongWidth(hook: .block(1, .z), found: 0, expected: [3, 12], sequence: nil))
  }

  @Test func numbersThatAreNoneAreRefused() throws {
    let hook = HookName.block(1, .z)
    #expect(
      hookError { try edits([.replace(.z(1), with: ActivationVector([1, .nan, 2]), at: .last)]) }
        == .notANumber(hook: hook))
    #expect(
      hookError { try edits([.scale(.z(1), by: .nan, at: .last)]) } == .notANumber(hook: hook))
    #expect(
      hookError {
        try edits([.add(ActivationVector([1, 2, 3]), scaled: .infinity, to: .z(1), at: .last)])
      } == .notANumber(hook: hook))
    // Knocking a score out is done with −inf.
    let knocked = ActivationVector<Scores>([-.infinity, 0, 0])
    #expect(
      try edits([.add(knocked, to: .attnScores(1), at: .last, in: .index(0))])[0].heads == nil)
  }

  @Test func patternsHaveOneNumberForEachKey() throws {
    // Three keys: a value over the keys serves all heads or the chosen ones.
    let value = ActivationVector<Pattern>([0.5, 0.25, 0.25])
    #expect(
      try edits([.replace(.pattern(1), with: value, at: .last, in: .indices([0, 1]))])
        == [
          ResolvedEdit(
            rows: [2, 4], heads: nil,
            action: .replace([
              [0.5, 0.25, 0.25, 0.5, 0.25, 0.25, 0.5, 0.25, 0.25, 0.5, 0.25, 0.25]
            ]), intervention: 0)
        ])
    #expect(
      try edits([
        .replace(.pattern(1), with: value, at: .index(1), in: .index(0), heads: .index(2))
      ]) == [
        ResolvedEdit(rows: [1], heads: [2], action: .replace([[0.5, 0.25, 0.25]]), intervention: 0)
      ])
    // The third sequence has four keys.
    #expect(
      hookError {
        try edits([.replace(.pattern(1), with: value, at: .last, heads: .index(2))])
      } == .wrongWidth(hook: .block(1, .pattern), found: 3, expected: [3 + 1], sequence: 2))
    // One row for each may differ in length.
    let rows = ActivationRows<Pattern>([[1, 0, 0], [1, 0, 0, 0]])
    #expect(
      try edits([
        .replace(.pattern(1), with: rows, at: .last, in: .indices([0, 2]), heads: .index(0))
      ])[0].action == .replace([[1, 0, 0], [1, 0, 0, 0]]))
  }

  @Test func aValueCannotMeanKeysHereAndHeadsTimesKeysThere() {
    // Two heads over 2 keys, or one vector over 4: the same four numbers must not mean both.
    let plan = HookPlan(interventions: [
      .replace(
        .pattern(0), with: ActivationVector([1, 0, 0, 0]), at: .last, heads: .indices([0, 1]))
    ])
    let batch = [SequenceShape(count: 4), SequenceShape(count: 2)]
    #expect(
      hookError { try plan.resolved(catalog: llama, sequences: batch) }
        == .wrongWidth(hook: .block(0, .pattern), found: 4, expected: [2, 4], sequence: 1))
  }

  @Test func aMeanIsOfRowsOfTheBatch() throws {
    let source = RowSelector(sequences: .indices([2, 1]), positions: .last)
    #expect(
      try edits([.mean(.residPost(3), of: source, at: .last, in: .index(0))])
        == [ResolvedEdit(rows: [2], heads: nil, action: .mean(rows: [4, 8]), intervention: 0)])
    #expect(
      try edits([.mean(.z(3), of: source, at: .last, in: .index(0), heads: .index(1))])
        == [ResolvedEdit(rows: [2], heads: [1], action: .mean(rows: [4, 8]), intervention: 0)])
    // The rows of a mean are checked like any others.
    #expect(
      hookError {
        try edits([
          .mean(
            .residPost(3), of: RowSelector(sequences: .index(1), positions: .index(0)), at: .last)
        ])
      } == .inPrefix(hook: .block(3, .residPost), sequence: 1, position: 0, past: 1))
    #expect(
      hookError {
        try edits([
          .mean(.residPost(3), of: RowSelector(sequences: .indices([]), positions: .all), at: .last)
        ])
      } == .selectsNothing(hook: .block(3, .residPost), what: "mean's selection"))
  }

  @Test func aMeanOfPatternsNeedsEqualKeys() throws {
    let three = RowSelector(sequences: .index(1), positions: .last)
    #expect(
      try edits([.mean(.pattern(3), of: three, at: .last, in: .index(0))])[0].action
        == .mean(rows: [4]))
    #expect(
      hookError {
        try edits([
          .mean(.pattern(3), of: RowSelector(sequences: .index(2), positions: .last), at: .last)
        ])
      } == .unequalKeys(hook: .block(3, .pattern), counts: [3, 4]))
  }

  @Test func theRowsOfAHookAreAllThatItNeeds() throws {
    let source = RowSelector(sequences: .index(2), positions: .all)
    let plan = HookPlan(
      reads: [Read(.z(3), at: .index(-1), in: .indices([0, 2]))],
      interventions: [.mean(.z(3), of: source, at: .last, in: .index(1)), .zero(.z(3), at: .last)])
    let hook = try plan.resolved(catalog: llama, sequences: batch)[.block(3, .z)]
    #expect(hook?.readRows == [2, 8])
    #expect(hook?.rows == [2, 4, 5, 6, 7, 8])
  }

  @Test func rowsAreAddedOneByOne() throws {
    let rows = ActivationRows<Residual>([ramp(12), ramp(12, from: 5), ramp(12, from: 9)])
    #expect(
      try edits([.add(rows, scaled: -1, to: .residPost(1), at: .last)])[0].action
        == .add([ramp(12), ramp(12, from: 5), ramp(12, from: 9)], -1))
  }

  @Test func aWildcardEditsEveryLayer() throws {
    let plan = HookPlan(interventions: [
      Intervention(hook: HookReference("blocks.1-3.attn.hook_z"), positions: .last, action: .zero)
    ])
    let resolved = try plan.resolved(catalog: llama, sequences: batch)
    #expect(resolved.hooks == [.block(1, .z), .block(2, .z), .block(3, .z)])
    for hook in resolved.hooks {
      #expect(
        resolved[hook]?.edits
          == [ResolvedEdit(rows: [2, 4, 8], heads: nil, action: .zero, intervention: 0)])
    }
  }

  @Test func aClosureComesThrough() throws {
    let edit = try edits([
      .custom(.z(0), label: "negate", at: .last, heads: .index(1)) { $0 = $0.map { -$0 } }
    ])[0]
    guard case .custom(let custom) = edit.action else {
      Issue.record("\(edit)")
      return
    }
    var row: [Float] = [1, -2]
    custom.body(&row)
    #expect(row == [-1, 2])
  }
}
