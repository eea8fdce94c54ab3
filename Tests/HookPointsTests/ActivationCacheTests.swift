// What was recorded is found under every name, and what was not is an error.

import HookPoints
import TensorCore
import Testing

@Suite struct ActivationCacheTests {
  let catalog = Catalogs.hybrid()
  let batch = [SequenceShape(count: 2), SequenceShape(past: 3, count: 1), SequenceShape(count: 2)]

  /// Values 0, 1, 2, … in the order of the tensor.
  private func ramp(_ shape: [Int], from start: Double = 0) -> Tensor<Double> {
    let count = shape.reduce(1, *)
    return Tensor(shape: shape, values: (0..<count).map { start + Double($0) })
  }

  private func cache() throws -> (ResolvedPlan, ActivationCache<Double>) {
    let plan = try HookPlan(reads: [
      Read(.residPost(0), at: .last), Read(.residPost(0), in: .index(0)), Read(.z(2), at: .last),
      Read(.pattern(2), in: .indices([0, 2])), Read(.ssmStateInitial(1)),
      Read(.pattern(0), in: .index(1)),
    ]).resolved(catalog: catalog, sequences: batch)
    var cache = ActivationCache<Double>(catalog: catalog)
    cache.record(.block(0, .residPost), reading: plan, values: ramp([4, 12]))
    cache.record(.block(2, .z), reading: plan, values: ramp([3, 6]))
    cache.record(
      .block(2, .pattern), sequence: 2, positions: [0, 1], values: ramp([2, 2, 2], from: 10))
    cache.record(.block(2, .pattern), sequence: 0, positions: [0, 1], values: ramp([2, 2, 2]))
    cache.record(.block(0, .pattern), sequence: 1, positions: [3], values: ramp([2, 1, 4]))
    cache.record(.block(1, .ssmStateInitial), reading: plan, values: ramp([3, 18]))
    return (plan, cache)
  }

  @Test func sitesNamesAndAliasesFindTheSame() throws {
    let (_, cache) = try cache()
    let tensor = try cache[.residPost(0)]
    #expect(tensor.shape == [4, 12])
    #expect(try cache.tensor(.block(0, .residPost)) == tensor)
    for text in ["blocks.0.hook_resid_post", "resid_post.0", "blocks.0.hook_out", "resid_post.-3"] {
      #expect(try cache.tensor(text) == tensor)
    }
    #expect(try cache[.z(2)].shape == [3, 2, 3])
    #expect(try cache[.ssmStateInitial(1)].shape == [3, 2, 3, 3])
    #expect(
      hookError { try cache.tensor("resid_post.*") }
        == .severalHooks(text: "resid_post.*", count: 3))
  }

  @Test func rowsKnowWhichTokenTheyAre() throws {
    let (_, cache) = try cache()
    // Rows 0, 1 (sequence 0), 2 (sequence 1 at position 3), 4 (sequence 2).
    let addresses = try cache.addresses(.block(0, .residPost))
    #expect(addresses.map(\.sequence) == [0, 0, 1, 2])
    #expect(addresses.map(\.position) == [0, 1, 3, 1])
    #expect(try cache.tensor(.block(0, .residPost), sequence: 0) == ramp([2, 12]))
    #expect(try cache.tensor(.block(0, .residPost), sequence: 1) == ramp([1, 12], from: 24))
    #expect(
      try cache.vector(.residPost(0), sequence: 2, position: 1).values
        == (36..<48).map { Float($0) })
    #expect(try cache.addresses(.block(1, .ssmStateInitial)).map(\.position) == [nil, nil, nil])
    #expect(
      try cache.vector(.ssmStateInitial(1), sequence: 1, position: nil).values
        == (18..<36).map { Float($0) })
  }

  @Test func patternsAreOneTensorASequence() throws {
    let (_, cache) = try cache()
    #expect(try cache.tensor(.block(2, .pattern), sequence: 2) == ramp([2, 2, 2], from: 10))
    #expect(
      hookError { try cache[.pattern(2)] }
        == .onePerSequence(hook: .block(2, .pattern), sequences: [0, 2]))
    #expect(try cache[.pattern(0)] == ramp([2, 1, 4]))
    // Query 1 of sequence 2: head 0 over its keys, then head 1.
    #expect(
      try cache.vector(.pattern(2), sequence: 2, position: 1).values == [12, 13, 16, 17])
    let addresses = try cache.addresses(.block(2, .pattern))
    #expect(
      addresses.map(\.sequence) == [0, 0, 2, 2] && addresses.map(\.position) == [0, 1, 0, 1])
    #expect(
      try cache.rows(.pattern(2)).rows == [
        [0, 1, 4, 5], [2, 3, 6, 7], [10, 11, 14, 15], [12, 13, 16, 17],
      ])
  }

  @Test func whatWasNotRecordedIsAnError() throws {
    let (_, cache) = try cache()
    guard
      case .notRecorded(.block(1, .residPost), let recorded)? = hookError({
        try cache[.residPost(1)]
      })
    else {
      Issue.record("a hook that was not read")
      return
    }
    #expect(recorded == cache.hooks)
    #expect(
      hookError { try cache.tensor(.block(0, .pattern), sequence: 0) }
        == .notRecordedFor(hook: .block(0, .pattern), sequence: 0, position: nil))
    #expect(
      hookError { try cache.vector(.residPost(0), sequence: 2, position: 0) }
        == .notRecordedFor(hook: .block(0, .residPost), sequence: 2, position: 0))
    #expect(
      hookError { try cache.tensor(.block(2, .z), sequence: 3) }
        == .notRecordedFor(hook: .block(2, .z), sequence: 3, position: nil))
    // A hook that the model does not have is refused as such, not as unread.
    #expect(
      hookError { try cache[.ssmState(2)] }
        == .absent(
          name: "blocks.2.attn.hook_ssm_state", model: "hybrid",
          reason: "layer 2 is softmax attention and has no state"))
  }

  @Test func arraysHaveTheNamesOfAnNpz() throws {
    let (_, cache) = try cache()
    #expect(
      cache.arrays.map(\.name) == [
        "blocks.0.attn.hook_pattern/seq1", "blocks.0.hook_resid_post",
        "blocks.1.attn.hook_ssm_state_initial", "blocks.2.attn.hook_pattern/seq0",
        "blocks.2.attn.hook_pattern/seq2", "blocks.2.attn.hook_z",
      ])
    #expect(cache.arrays.map(\.values.shape)[4] == [2, 2, 2])
  }

  @Test func recordedRowsGoBackAsAReplacementOfTheSameRows() throws {
    let (_, cache) = try cache()
    let plan = HookPlan(interventions: [
      .replace(.pattern(2), with: try cache.rows(.pattern(2)), at: .all, in: .indices([0, 2])),
      .replace(.z(2), with: try cache.rows(.z(2)), at: .last),
    ])
    let resolved = try plan.resolved(catalog: catalog, sequences: batch)
    #expect(resolved[.block(2, .pattern)]?.edits.first?.rows == [0, 1, 3, 4])
    guard case .replace(let rows)? = resolved[.block(2, .z)]?.edits.first?.action else {
      Issue.record("no replacement")
      return
    }
    #expect(rows.joined().map { Double($0) } == ramp([3, 6]).values)
  }
}
