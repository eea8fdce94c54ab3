// Every sentence with which a model refuses a batch, a plan or a gradient: subject, fact, remedy, and no crash.

import HookPoints
import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct RefusalTests {
  let softmax = SmallModel.groupedQuery.float
  let linear = SmallModel.linearDecay.float
  let gpt2 = SmallModel.gpt2.float

  static func edit(
    _ hook: HookName, _ action: InterventionAction, at position: PositionSelector = .last
  )
    -> HookPlan
  {
    HookPlan(interventions: [Intervention(hook: .name(hook), positions: position, action: action)])
  }

  static func target(_ sequence: Int = 0, _ position: Int = 0, token: Int = 1) -> Target {
    Target(at: BatchPosition(sequence: sequence, position: position), token: token, weight: 1)
  }

  // MARK: Batches

  @Test func batchesThatCannotRun() throws {
    #expect(
      sentence { try softmax.run([]) }
        == "groupedQuery: the batch has no sequences; give at least one")
    #expect(
      sentence { try softmax.run(softmax.batch([2]) + [BatchSequence(tokens: [])]) }
        == "groupedQuery: sequence 1 has no tokens; give it at least one, such as BOS")
    for token in [37, -1, Int(Int32.max) + 7, .min] {
      let clamped = Int(Int32(clamping: token))
      #expect(
        sentence { try softmax.run([BatchSequence(tokens: [1, token])]) }
          == "groupedQuery: token id \(clamped) is outside its vocabulary of 37; use the tokenizer of "
          + "this checkpoint")
    }
    let prefix = try softmax.prefix(Array(repeating: 1, count: 60))
    #expect(try softmax.run([BatchSequence(tokens: [1, 2, 3, 4], after: prefix)]).logits.rows == 1)
    #expect(
      sentence { try softmax.run([BatchSequence(tokens: [1, 2, 3, 4, 5], after: prefix)]) }
        == "groupedQuery: sequence 0 has 65 tokens, but the model has 64 positions; shorten the prompt, "
        + "or show fewer demonstrations"
    )
    let rows = Tensor<Float>(shape: [2, 20], values: Array(repeating: 0, count: 40))
    #expect(
      sentence { try softmax.run([BatchSequence(.residual(rows, layer: 1))]) }
        == "groupedQuery: the residual of sequence 0 has shape [2, 20], expected [n, 21]")
    let flat = Tensor<Float>(shape: [21], values: Array(repeating: 0, count: 21))
    #expect(
      sentence { try softmax.run([BatchSequence(.residual(flat, layer: 1))]) }
        == "groupedQuery: the residual of sequence 0 has shape [21], expected [n, 21]")
    let right = Tensor<Float>(shape: [1, 21], values: Array(repeating: 0, count: 21))
    for layer in [-1, 4] {
      #expect(
        sentence { try softmax.run([BatchSequence(.residual(right, layer: layer))]) }
          == "groupedQuery: layer \(layer) does not exist; it has 3, counted from 0")
      #expect(
        sentence { try softmax.run(softmax.batch([2]), stopAt: layer) }
          == "groupedQuery: layer \(layer) does not exist; it has 3, counted from 0")
    }
    #expect(
      sentence { try gpt2.run([BatchSequence(.residual(right, layer: 0))]) }
        == "gpt2: sequence 0 joins before block 0 as a residual, which must already contain the "
        + "position embedding; join at a later block or give tokens")
    #expect(
      sentence { try softmax.prefixes([BatchSequence(.residual(right, layer: 1))]) }
        == "groupedQuery: sequence 0 joins at a later block, so it cannot become a prefix; give its tokens"
    )
    for (sequence, position) in [(0, 3), (1, 0), (0, -1), (-1, 0)] {
      let place = BatchPosition(sequence: sequence, position: position)
      #expect(
        sentence { try softmax.run(softmax.batch([3]), logitsAt: .at([place])) }
          == "groupedQuery: logits were asked at position \(position) of sequence \(sequence), which "
          + "this batch does not compute")
    }
    let inPrefix = BatchPosition(sequence: 0, position: 2)
    let after = [BatchSequence<Float>(tokens: [1], after: try softmax.prefix([1, 2, 3]))]
    #expect(
      sentence { try softmax.run(after, logitsAt: .at([inPrefix])) }
        == "groupedQuery: logits were asked at position 2 of sequence 0, which this batch does not compute"
    )
  }

  @Test(arguments: [SmallModel.linearDecay, .multiHead, .hybrid, .theory])
  func prefixesOfOtherModels(_ kind: SmallModel) throws {
    let prefix = try kind.float.prefix([1, 2])
    #expect(
      sentence { try softmax.run(softmax.batch([2]) + [BatchSequence(tokens: [3], after: prefix)]) }
        == "groupedQuery: the prefix of sequence 1 was made by a model of another shape; make it with "
        + "this model")
  }

  @Test(arguments: [SmallModel.unmasked, .unmaskedQuery])
  func prefixesWithoutAMask(_ kind: SmallModel) throws {
    let model = kind.float
    let refused =
      "\(kind): its attention has no causal mask, so no token can be run before those behind it are known "
      + "and there are no prefixes; run whole sequences"
    #expect(sentence { try model.prefix([1, 2]) } == refused)
    let foreign = try SmallModel.linearGrouped.float.prefix([1, 2])
    #expect(sentence { try model.run([BatchSequence(tokens: [3], after: foreign)]) } == refused)
    #expect(
      sentence { try model.run(model.batch([3]), plan: HookPlan(reads: [Read(.ssmState(1))])) }?
        .contains("read one and the same sum") == true)
  }

  // MARK: Plans

  @Test func scoresAfterAPrefixOfLinearAttention() throws {
    let after = [BatchSequence<Float>(tokens: [1], after: try linear.prefix([1, 2, 3]))]
    for site in [BlockPoint.attnScores, .pattern] {
      #expect(
        sentence {
          try linear.run(after, plan: HookPlan(reads: [Read(hook: .name(.block(1, site)))]))
        }
          == "linearDecay: layer 1 is linear attention, whose prefix holds a state and no keys, so its "
          + "scores after a shared prefix cannot be read; run the whole prompt without a prefix")
    }
  }

  @Test(arguments: [BlockPoint.ssmState, .ssmWrite]) func meansOfStates(_ point: BlockPoint) throws
  {
    let hook = HookName.block(1, point)
    let plan = Self.edit(hook, .mean(of: RowSelector(positions: .index(0))))
    #expect(
      sentence { try linear.run(linear.batch([3]), plan: plan) }
        == "linearDecay: a mean at \(hook) is not supported, because states exist one token at a time; "
        + "read them and replace by their mean")
  }

  // MARK: Gradients

  @Test func targetsThatCannotBe() throws {
    func gradients(_ targets: [Target]) -> String? {
      sentence {
        try softmax.gradients(softmax.batch([3]), targets: targets, parameters: { _ in true })
      }
    }
    #expect(
      gradients([])
        == "groupedQuery: a gradient was asked for without any target; give at least one token to predict"
    )
    #expect(
      gradients([Self.target(token: 37)])
        == "groupedQuery: token id 37 is outside its vocabulary of 37; use the tokenizer of this checkpoint"
    )
    #expect(
      gradients([Self.target(0, 3)])
        == "groupedQuery: logits were asked at position 3 of sequence 0, which this batch does not compute"
    )
    #expect(gradients([Self.target()]) == nil)
  }

  @Test func gradientsWhereThereAreNone() throws {
    func at(_ hook: HookName, _ model: Transformer<Float>, _ batch: [BatchSequence<Float>])
      -> String?
    {
      sentence {
        try model.gradients(
          batch, targets: [Self.target()], parameters: { _ in false }, hooks: [hook])
      }
    }
    for point in [BlockPoint.attnScores, .pattern] {
      for model in [softmax, linear] {
        #expect(
          at(.block(0, point), model, model.batch([2]))
            == "\(model.name): no gradient can be taken at blocks.0.\(point.rawValue), because it has a "
            + "row for every query and key; take it at hook_z, hook_q or hook_k")
      }
    }
    for point in [BlockPoint.ssmState, .ssmWrite, .ssmStateInitial] {
      #expect(
        at(.block(2, point), linear, linear.batch([2]))
          == "linearDecay: no gradient can be taken at blocks.2.\(point.rawValue), because states are "
          + "not kept for every token; take it at hook_phi_k and hook_v")
    }
    #expect(
      at(.positionEmbed, softmax, softmax.batch([2]))
        == "hook_pos_embed: groupedQuery has no such hook point: no position embedding is added to the stream"
    )
    let joining = [BatchSequence<Float>(.residual(Tensor(shape: [1, 21]), layer: 2))]
    #expect(
      at(.block(1, .z), softmax, joining)
        == "blocks.1.attn.hook_z: a gradient was asked for and never fired; the run does not pass this "
        + "hook point")
    #expect(at(.block(2, .z), softmax, joining) == nil)
  }

  @Test func gradientsThroughEditsThatCarryNone() throws {
    func through(_ plan: HookPlan, _ model: Transformer<Float>) -> String? {
      sentence {
        try model.gradients(
          model.batch([3]), plan: plan, targets: [Self.target(0, 2)], parameters: { _ in true })
      }
    }
    for point in [BlockPoint.ssmState, .ssmWrite, .ssmStateInitial] {
      let plan = Self.edit(
        .block(1, point), .scale(2), at: point == .ssmStateInitial ? .all : .last)
      #expect(
        through(plan, linear)
          == "linearDecay: gradients do not flow through edits of the recurrent state (layer 1); edit "
          + "hook_phi_k, hook_v or the residual stream instead")
    }
    for point in [BlockPoint.attnScores, .pattern] {
      let hook = HookName.block(1, point)
      #expect(
        through(Self.edit(hook, .scale(2)), linear)
          == "linearDecay: gradients do not flow through this edit at \(hook); edit hook_phi_q, hook_phi_k "
          + "or hook_z instead")
      #expect(through(Self.edit(hook, .scale(2)), softmax) == nil)
      // The first token is made to see the second.
      #expect(
        through(Self.edit(hook, .replace(HookValues([0.5, 0.5, 0])), at: .index(0)), softmax)
          == "groupedQuery: gradients do not flow through this edit at \(hook); leave the keys behind "
          + "each query masked instead")
    }
    for hook in [HookName.block(1, .z), .block(1, .result), .block(1, .ln1Scale), .finalScale] {
      let edit = CustomEdit(label: "twice") { row in for index in row.indices { row[index] *= 2 } }
      #expect(
        through(Self.edit(hook, .custom(edit)), softmax)
          == "groupedQuery: gradients do not flow through the closure 'twice'; use replace, add, scale, "
          + "zero or mean")
    }
  }
}
