// Prompts under edits, run from where they first differ, against whole runs of the same edits: the same bits.

import HookPoints
import HookedModels
import Probes
import TensorCore
import TestSupport
import Testing
import Tokenization

@Suite struct EditedPromptsTests {
  private static let families = ["gpt2-tiny", "llama-gqa", "linear-decay"]

  private func model(_ family: String) throws -> Transformer<Float> {
    try ModelFolder(path: fixture("families/\(family)")).model(on: ComputeContext(threads: 2))
  }

  private func prompt(_ length: Int, _ generator: inout SeededGenerator) -> [Int] {
    (0..<length).map { _ in generator.uniformInteger(below: 61) }
  }

  @Test(arguments: families) func sameBitsAsWholeRuns(_ family: String) throws {
    let model = try model(family)
    var generator = SeededGenerator(key: family, seed: 3)
    let points: [BlockPoint] = [
      .residPre, .residPost, .attnOut, .mlpOut, .q, .v, .z, .pattern, .residMid,
    ]
    var prompts: [EditedPrompt] = []
    for index in 0..<60 {
      // A few prompts, each under many edits, so that clean runs and prefixes are shared.
      var own = SeededGenerator(key: "prompt \(index % 4)", seed: 3)
      let tokens = prompt(5 + index % 4, &own)
      let answer = prompt(1 + index % 3, &own)
      var edits: [PromptEdit] = []
      for _ in 0..<(index % 3) {
        let hook = HookName.block(
          generator.uniformInteger(below: model.architecture.layers),
          generator.element(of: points) ?? .residPost)
        guard model.catalog.contains(hook) else { continue }
        let positions = (0..<tokens.count).filter { _ in generator.uniform() < 0.5 }
        guard !positions.isEmpty else { continue }
        let entry = try model.catalog.entry(hook)
        let length = tokens.count + answer.count - 1
        let width =
          entry.rowKind == .query ? length * (entry.heads ?? 1) : entry.width
        let rows = positions.map { _ in (0..<width).map { _ in Float(generator.normal()) } }
        let isAddition = entry.rowKind == .token && generator.uniform() < 0.4
        edits.append(
          PromptEdit(
            hook: hook, positions: positions,
            action: isAddition
              ? .add(HookValues(rows: rows), scaled: 0.5) : .replace(HookValues(rows: rows))))
      }
      prompts.append(EditedPrompt(prompt: tokens, answer: answer, edits: edits))
    }
    var notes = CellNotes()
    let found = try model.logits(of: prompts, notes: &notes) { $1.values }
    #expect(prompts.contains { $0.edits.count > 1 })
    for (prompt, logits) in zip(prompts, found) {
      let plan = HookPlan(
        interventions: prompt.edits.map { edit in
          edit.positions.enumerated().map { index, position -> Intervention in
            var action = edit.action
            switch edit.action {
            case .replace(let values): action = .replace(HookValues(values.rows[index]))
            case .add(let values, let scale):
              action = .add(HookValues(values.rows[index]), scaled: scale)
            default: break
            }
            return Intervention(
              hook: .name(edit.hook), positions: .index(position), action: action)
          }
        }.flatMap { $0 })
      let whole = try model.run(
        [BatchSequence(tokens: prompt.tokens)], plan: plan,
        logitsAt: .at(
          prompt.answer.indices.map {
            BatchPosition(sequence: 0, position: prompt.prompt.count - 1 + $0)
          }))
      #expect(whole.logits.values == logits, "\(prompt.edits)")
    }
    // Every edit was counted once.
    let wanted = prompts.reduce(0) { $0 + $1.edits.reduce(0) { $0 + $1.positions.count } }
    #expect(notes.hooks.values.reduce(0) { $0 + $1.edits } == wanted)
  }

  /// θ_l of a prompt put into the same prompt where it was changes nothing, whatever the layer and position.
  @Test(arguments: families) func ownResidualChangesNothing(_ family: String) throws {
    let model = try model(family)
    var generator = SeededGenerator(key: "own \(family)", seed: 6)
    let own = prompt(7, &generator)
    let hooks = (0..<model.architecture.layers).map { HookName.block($0, .residPost) }
    var notes = CellNotes()
    let clean = EditedPrompt(prompt: own, answer: [0])
    let cache = try model.captured([clean], reading: hooks, notes: &notes)
    let patched = try hooks.flatMap { hook in
      try own.indices.map { position in
        let value = try cache.value(hook, RowAddress(sequence: 0, position: position))
        return EditedPrompt(
          prompt: own, answer: [0], edits: [.replace(hook, at: [position], with: [value])])
      }
    }
    let expected = try model.run([BatchSequence(tokens: own)]).logits.values
    #expect(
      try model.logits(of: patched, notes: &notes) { $1.values }.allSatisfy { $0 == expected })
  }

  /// The residual of the last layer at the last token is all that the logits depend on.
  @Test(arguments: families) func lastLayerIsTheDonor(_ family: String) throws {
    let model = try model(family)
    var generator = SeededGenerator(key: "donor \(family)", seed: 5)
    let (own, donor) = (prompt(7, &generator), prompt(9, &generator))
    let hook = HookName.block(model.architecture.layers - 1, .residPost)
    var notes = CellNotes()
    let cache = try model.captured(
      [EditedPrompt(prompt: donor, answer: [0])], reading: [hook], notes: &notes)
    let theta = try cache.value(hook, RowAddress(sequence: 0, position: 8))
    let patched = EditedPrompt(
      prompt: own, answer: [0], edits: [.replace(hook, at: [6], with: [theta])])
    let logits = try model.logits(of: [patched], notes: &notes) { $1.values }[0]
    #expect(logits == (try model.run([BatchSequence(tokens: donor)]).logits.values))
    #expect(logits != (try model.run([BatchSequence(tokens: own)]).logits.values))
  }

  /// An answer of several tokens is scored by the sum of its log-probabilities, and is right exactly when greedy
  /// decoding gives it.
  @Test(arguments: families) func answersOfSeveralTokens(_ family: String) throws {
    let model = try model(family)
    var generator = SeededGenerator(key: "answers \(family)", seed: 7)
    let own = prompt(6, &generator)
    var greedy: [Int] = []
    for _ in 0..<3 {
      let logits = try model.run([BatchSequence(tokens: own + greedy)]).logits.row(0)
      let best = logits.indices.reduce(0) { logits[$1] > logits[$0] ? $1 : $0 }
      greedy.append(best)
    }
    let other = [greedy[0], (greedy[1] + 1) % 61, greedy[2]]
    var notes = CellNotes()
    let found = try model.observations(
      of: [EditedPrompt(prompt: own, answer: greedy), EditedPrompt(prompt: own, answer: other)],
      notes: &notes)
    #expect(found[0].predictions == greedy)
    #expect(found[1].predictions != other && found[1].predictions.prefix(2) == greedy.prefix(2))
    let ops = Operations<Float>(model.context)
    for (answer, observation) in zip([greedy, other], found) {
      var sum = 0.0
      for (index, token) in answer.enumerated() {
        let logits = try model.run([BatchSequence(tokens: own + answer.prefix(index))]).logits
        sum += ops.logProbabilities(logits, targets: [Int32(token)])[0]
      }
      #expect(observation.targetLogProbability == sum)
    }
  }
}
