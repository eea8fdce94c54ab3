// Plans in files: written by hand, read strictly, written back the same.

import HookPoints
import Testing

@Suite struct PlanCodableTests {
  @Test func anInterventionIsWrittenByHand() throws {
    let json = """
      {"hook": "blocks.3.hook_resid_post", "position": "last", "action": "add",
       "values": [0.5, -1, 2e3], "scale": 2}
      """
    let read = try decode(Intervention.self, json)
    #expect(
      read
        == .add(
          ActivationVector<Residual>([0.5, -1, 2000]), scaled: 2, to: .residPost(3), at: .last))
    #expect(
      try decode(
        Intervention.self, #"{"hook": "z.*", "position": "arrow[-1]", "head": 4, "action": "zero"}"#
      )
        == Intervention(
          hook: .text("z.*"), positions: .role(.arrow, -1), heads: .index(4), action: .zero))
    #expect(
      try decode(
        Intervention.self,
        #"{"hook": "blocks.2.attn.hook_pattern", "position": 7, "sequence": [0, 2], "action": "mean","#
          + #" "of": {"sequence": 1, "position": "last"}}"#)
        == .mean(
          .pattern(2), of: RowSelector(sequences: .index(1), positions: .last), at: .index(7),
          in: .indices([0, 2])))
  }

  @Test func everyKindOfPlanRoundTrips() throws {
    let value = HookValues([0.1, -.infinity, 3])
    let rows = HookValues(rows: [[1, 2], [.infinity, 0.3]])
    let actions: [InterventionAction] = [
      .replace(value), .replace(rows), .add(value, scaled: 1), .add(rows, scaled: -0.25),
      .scale(0), .zero, .mean(of: RowSelector(positions: .all)),
      .mean(of: RowSelector(sequences: .indices([3, 1]), positions: .role(.label, nil))),
    ]
    let hooks: [HookReference] = [
      .name(.block(3, .z)), .text("resid_post.2-4"), .name(.finalScale),
    ]
    let sequences: [SequenceSelector] = [.all, .index(0), .indices([2, 0])]
    let heads: [HeadSelector] = [.all, .index(1), .indices([1, 0])]
    let positions: [PositionSelector] = [.last, .all, .index(-1), .role(.query, nil)]
    var plan = HookPlan.empty
    for (index, action) in actions.enumerated() {
      plan.interventions.append(
        Intervention(
          hook: hooks[index % 3], sequences: sequences[index % 3], positions: positions[index % 4],
          heads: heads[index % 2], action: action))
    }
    for (index, hook) in hooks.enumerated() {
      plan.reads.append(Read(hook: hook, sequences: sequences[index], positions: positions[index]))
    }
    let text = try encode(plan)
    #expect(try decode(HookPlan.self, text) == plan)
    #expect(try encode(decode(HookPlan.self, text)) == text)
    #expect(try decode(HookPlan.self, encode(HookPlan.empty)) == .empty)
    #expect(try decode(HookPlan.self, "{}") == .empty)
  }

  @Test func theWrittenFormIsShort() throws {
    #expect(
      try encode(Intervention.replace(.residPost(3), with: ActivationVector([1, 0.5]), at: .last))
        == #"{"action":"replace","hook":"blocks.3.hook_resid_post","position":"last","values":[1,0.5]}"#
    )
    #expect(try encode(Read(.z(0))) == #"{"hook":"blocks.0.attn.hook_z"}"#)
  }

  @Test(arguments: [
    (
      #"{"hook": "z.0", "position": "last", "action": "zero", "positon": 3}"#,
      HookError.unknownKey(key: "positon", subject: "intervention", nearest: "position")
    ),
    (
      #"{"hook": "z.0", "position": "last", "action": "zero", "values": [1]}"#,
      .meaninglessKey(key: "values", action: "zero")
    ),
    (
      #"{"hook": "z.0", "position": "last", "action": "replace", "values": [1], "scale": 2}"#,
      .meaninglessKey(key: "scale", action: "replace")
    ),
    (
      #"{"hook": "z.0", "position": "last", "action": "ablate"}"#,
      .unknownAction(text: "ablate", nearest: "replace")
    ),
    (
      #"{"hook": "z.0", "position": "last", "action": "replcae", "values": [1]}"#,
      .unknownAction(text: "replcae", nearest: "replace")
    ),
    (
      #"{"hook": "z.0", "action": "zero"}"#,
      .missingKey(key: "position", subject: "intervention")
    ),
    (
      #"{"position": "last", "action": "zero"}"#, .missingKey(key: "hook", subject: "intervention")
    ),
    (
      #"{"hook": "z.0", "position": "last"}"#, .missingKey(key: "action", subject: "intervention")
    ),
    (
      #"{"hook": "z.0", "position": "last", "action": "scale"}"#,
      .missingKey(key: "scale", subject: "intervention")
    ),
    (
      #"{"hook": "z.0", "position": "last", "action": "mean", "of": {"position": 0, "seq": 1}}"#,
      .unknownKey(key: "seq", subject: "of", nearest: "sequence")
    ),
    (
      #"{"hook": "z.0", "position": "last", "action": "mean", "of": {"sequence": 1}}"#,
      .missingKey(key: "position", subject: "of")
    ),
    (
      #"{"hook": "z.0", "position": "lats", "action": "zero"}"#,
      .unknownPosition(text: "lats", nearest: "last")
    ),
    (
      #"{"hook": "z.0", "position": "last", "action": "replace", "values": [[1, 2], [3]]}"#,
      .badValues(found: "rows of [2, 1] numbers")
    ),
    (
      #"{"hook": "z.0", "position": "last", "action": "replace", "values": []}"#,
      .badValues(found: "an empty list")
    ),
  ])
  func whatIsWrongInAnInterventionIsSaid(json: String, error: HookError) {
    #expect(hookError { try decode(Intervention.self, json) } == error)
  }

  @Test func unknownKeysOfPlansAndReadsAreRefused() {
    #expect(
      hookError { try decode(HookPlan.self, #"{"read": []}"#) }
        == .unknownKey(key: "read", subject: "plan", nearest: "reads"))
    #expect(
      hookError { try decode(HookPlan.self, #"{"reads": [{"hook": "z.0", "head": 1}]}"#) }
        == .unknownKey(key: "head", subject: "read", nearest: "hook"))
    #expect(
      hookError { try decode(Read.self, #"{"position": "last"}"#) }
        == .missingKey(key: "hook", subject: "read"))
  }

  @Test func plansPrint() {
    let plan = HookPlan(
      reads: [Read(.z(0), at: .last)],
      interventions: [
        .add(ActivationVector<Residual>([1, 2, 3, 4, 5]), scaled: 2, to: .residPost(1), at: .last)
      ])
    #expect(
      plan.description == """
        read blocks.0.attn.hook_z, position last
        add 2.0 × [1.0, 2.0, 3.0, 4.0, …] of 5 at blocks.1.hook_resid_post, position last
        """)
  }
}
