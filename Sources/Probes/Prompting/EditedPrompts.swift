// EditedPrompts: prompts under edits, many at a time, with nothing computed twice. A prompt that is edited at block l
// and position p joins the batch there, with the clean residual of the same prompt; what stands before p is a prefix,
// computed once for all prompts that share it. So a sweep over layers and positions is one growing batch.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

/// A change of one prompt's activations.
package struct PromptEdit: Sendable {
  package let hook: HookName
  /// Absolute, ascending.
  package let positions: [Int]
  package var heads: HeadSelector
  package let action: InterventionAction

  package init(
    hook: HookName, positions: [Int], heads: HeadSelector = .all, action: InterventionAction
  ) {
    self.hook = hook
    self.positions = positions
    self.heads = heads
    self.action = action
  }

  /// Puts values at positions: one for all, or one for each.
  package static func replace(_ hook: HookName, at positions: [Int], with values: [[Float]])
    -> PromptEdit
  {
    PromptEdit(hook: hook, positions: positions, action: .replace(HookValues(rows: values)))
  }
}

/// A prompt, what it is changed by, and what it should be followed by.
package struct EditedPrompt: Sendable {
  package let prompt: [Int]
  /// The answer's tokens, at least one; only the first is needed where no probability is asked for.
  package let answer: [Int]
  package var edits: [PromptEdit]

  package init(prompt: [Int], answer: [Int], edits: [PromptEdit] = []) {
    self.prompt = prompt
    self.answer = answer
    self.edits = edits
  }

  /// What goes through the model: the answer's tokens follow as if they had been generated.
  package var tokens: [Int] { prompt + answer.dropLast() }
}

extension Transformer<Float> {
  /// What the model says to each prompt under its edits.
  ///
  /// - Parameter notes: counts the edits that were made.
  /// - Throws: `HookError` for an edit that does not fit the model.
  package func observations(of prompts: [EditedPrompt], notes: inout CellNotes) throws
    -> [Observation]
  {
    try logits(of: prompts, notes: &notes) { prompt, logits in
      Operations<Float>(context).observation(logits, answer: prompt.answer)
    }
  }

  /// What `body` makes of each prompt's logits `[answer, V]`.
  package func logits<Value>(
    of prompts: [EditedPrompt], notes: inout CellNotes,
    _ body: (EditedPrompt, Tensor<Float>) throws -> Value
  ) throws -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(prompts.count)
    // As many logits, and as many keys and values, at a time as some hundred megabytes hold.
    let full = architecture.atFullSize
    let mostLogits = logitRows(atMost: max(1, (64 << 20) / full.vocabulary))
    let mostTokens = tokens(atMost: max(1, (64 << 20) / (full.layers * full.modelWidth)))
    var start = 0
    while start < prompts.count {
      var end = start
      var (logits, tokens) = (0, 0)
      var seen: Set<[Int]> = []
      repeat {
        let entry = entry(of: prompts[end])
        logits += prompts[end].answer.count
        tokens += prompts[end].tokens.count - entry.position
        let before = Array(prompts[end].tokens.prefix(entry.position))
        if seen.insert(before).inserted { tokens += before.count }
        end += 1
      } while end < prompts.count && logits < mostLogits && tokens < mostTokens
      let chunk = Array(prompts[start..<end])
      let result = try run(chunk, notes: &notes)
      var row = 0
      for prompt in chunk {
        let rows = Array(row..<row + prompt.answer.count)
        let own = Operations<Float>(context).rows(rows, of: Variable(result.logits)).tensor
        values.append(try body(prompt, own))
        row += prompt.answer.count
      }
      start = end
    }
    return values
  }

  /// Reads hooks of prompts under their edits; rows by prompt as the cache gives them.
  package func captured(
    _ prompts: [EditedPrompt], reading hooks: [HookName], notes: inout CellNotes
  ) throws
    -> ActivationCache<Float>
  {
    let batch = prompts.map { BatchSequence<Float>(tokens: $0.tokens) }
    let plan = HookPlan(
      reads: hooks.map { Read(hook: .name($0)) },
      interventions: prompts.enumerated().flatMap {
        interventions($1.edits, sequence: $0, own: 0..<$1.tokens.count)
      })
    let result = try capture(batch, plan: plan)
    notes.add(result.fireCounts)
    return result.cache
  }

  /// Where a prompt first differs from its clean run.
  private struct Entry: Hashable {
    /// The block before which its rows join the batch; 0 by their tokens.
    let layer: Int
    let position: Int
  }

  private func entry(of prompt: EditedPrompt) -> Entry {
    let asked = prompt.prompt.count - 1
    guard !prompt.edits.isEmpty else { return Entry(layer: 0, position: asked) }
    var position = min(asked, prompt.edits.flatMap(\.positions).min() ?? asked)
    for edit in prompt.edits {
      switch edit.hook.point {
      // The weights of linear attention are over keys that a prefix no longer holds.
      case .attnScores, .pattern:
        if case .linear = architecture.attention[edit.hook.layer ?? 0] { position = 0 }
      case .ssmStateInitial: position = 0
      default: break
      }
    }
    let first = prompt.edits.map(\.hook).min() ?? .embed
    guard let layer = first.layer else {
      return Entry(
        layer: first < .block(0, .residPre) ? 0 : architecture.layers, position: position)
    }
    return Entry(
      layer: replacement(in: prompt, at: layer) == nil ? layer : layer + 1, position: position)
  }

  /// The edit that puts the residual after block `layer`, if nothing else happens in that block.
  private func replacement(in prompt: EditedPrompt, at layer: Int) -> PromptEdit? {
    let here = prompt.edits.filter { $0.hook.layer == layer }
    guard here.count == 1, case .block(_, .residPost) = here[0].hook,
      case .replace(let values) = here[0].action,
      values.rows.allSatisfy({ $0.count == architecture.modelWidth && !$0.contains(where: \.isNaN) }
      ),
      values.rows.count == 1 || values.rows.count == here[0].positions.count
    else { return nil }
    return here[0]
  }

  /// - Parameter own: the positions that the sequence computes itself.
  private func interventions(_ edits: [PromptEdit], sequence: Int, own: Range<Int>)
    -> [Intervention]
  {
    edits.flatMap { edit -> [Intervention] in
      if edit.hook.point == .ssmStateInitial || edit.positions.elementsEqual(own) {
        return [
          Intervention(
            hook: .name(edit.hook), sequences: .index(sequence), positions: .all,
            heads: edit.heads, action: edit.action)
        ]
      }
      return edit.positions.enumerated().map { index, position in
        Intervention(
          hook: .name(edit.hook), sequences: .index(sequence), positions: .index(position),
          heads: edit.heads, action: edit.action.value(index))
      }
    }
  }

  private func run(_ prompts: [EditedPrompt], notes: inout CellNotes) throws -> RunResult<Float> {
    let entries = prompts.map(entry)
    // What stands before the first change, once for all that share it.
    let wanted = Set(
      zip(prompts, entries).map { Array($0.tokens.prefix($1.position)) }.filter { !$0.isEmpty }
    ).sorted { $0.lexicographicallyPrecedes($1) }
    let made = wanted.isEmpty ? [] : try prefixes(of: wanted)
    let prefixOf = Dictionary(uniqueKeysWithValues: zip(wanted, made))
    let clean = try cleanRows(prompts, entries, prefixOf)
    var batch: [BatchSequence<Float>] = []
    var plan: [Intervention] = []
    var asked: [BatchPosition] = []
    for (index, (prompt, entry)) in zip(prompts, entries).enumerated() {
      var edits = prompt.edits
      let before = prefixOf[Array(prompt.tokens.prefix(entry.position))]
      if entry.layer == 0 {
        batch.append(
          BatchSequence(tokens: Array(prompt.tokens.dropFirst(entry.position)), after: before))
      } else {
        var rows = clean[index]
        if let own = replacement(in: prompt, at: entry.layer - 1) {
          if case .replace(let values) = own.action {
            for (place, position) in own.positions.enumerated() {
              rows[position - entry.position] = values.rows[values.rows.count == 1 ? 0 : place]
            }
          }
          edits.removeAll { $0.hook == own.hook }
          notes.add(own.hook.description, reads: 0, edits: own.positions.count)
        }
        batch.append(
          BatchSequence(
            .residual(
              Tensor(
                shape: [rows.count, architecture.modelWidth], values: rows.flatMap { $0 }),
              layer: entry.layer), after: before))
      }
      plan += interventions(
        edits, sequence: index, own: entry.position..<prompt.tokens.count)
      asked += (0..<prompt.answer.count).map {
        BatchPosition(sequence: index, position: prompt.prompt.count - 1 + $0)
      }
    }
    let result = try run(batch, plan: HookPlan(interventions: plan), logitsAt: .at(asked))
    notes.add(result.fireCounts)
    return result
  }

  /// For each prompt the rows from its entry's position on, of the clean residual before its entry's block; empty
  /// where the prompt enters by tokens.
  private func cleanRows(
    _ prompts: [EditedPrompt], _ entries: [Entry], _ prefixOf: [[Int]: Prefix<Float>]
  ) throws -> [[[Float]]] {
    var placeOf: [[Int]: Int] = [:]
    // One run for each prompt, from the first position that any of its edits needs.
    var contexts: [(tokens: [Int], position: Int, layers: Set<Int>)] = []
    var own = [Int?](repeating: nil, count: prompts.count)
    var rows = [[[Float]]](repeating: [], count: prompts.count)
    for (index, (prompt, entry)) in zip(prompts, entries).enumerated() where entry.layer > 0 {
      if let replaced = replacement(in: prompt, at: entry.layer - 1),
        replaced.positions.count == prompt.tokens.count - entry.position
      {
        // Every row is given: the clean ones are not needed.
        rows[index] = Array(repeating: [], count: replaced.positions.count)
        continue
      }
      let place = placeOf[prompt.tokens] ?? contexts.count
      if place == contexts.count {
        placeOf[prompt.tokens] = place
        contexts.append((prompt.tokens, entry.position, []))
      }
      contexts[place].position = min(contexts[place].position, entry.position)
      contexts[place].layers.insert(entry.layer)
      own[index] = place
    }
    guard !contexts.isEmpty else { return rows }
    let layers = contexts.reduce(into: Set<Int>()) { $0.formUnion($1.layers) }.sorted()
    let reads = layers.map { layer in
      Read(
        Site<Residual>.residPost(layer - 1),
        in: .indices(contexts.indices.filter { contexts[$0].layers.contains(layer) }))
    }
    let result = try capture(
      contexts.map { context in
        BatchSequence(
          tokens: Array(context.tokens.dropFirst(context.position)),
          after: prefixOf[Array(context.tokens.prefix(context.position))])
      }, plan: HookPlan(reads: reads))
    var found: [Int: [Int: [[Float]]]] = [:]
    for layer in layers {
      let hook = HookName.block(layer - 1, .residPost)
      let tensor = try result.cache.tensor(hook)
      for (row, address) in try result.cache.addresses(hook).enumerated() {
        found[layer, default: [:]][address.sequence, default: []].append(tensor.row(row))
      }
    }
    for (index, place) in own.enumerated() {
      guard let place, let clean = found[entries[index].layer]?[place] else { continue }
      rows[index] = Array(clean.dropFirst(entries[index].position - contexts[place].position))
    }
    return rows
  }
}

extension InterventionAction {
  /// The action at one of several positions: of one value for each, that one's.
  fileprivate func value(_ index: Int) -> InterventionAction {
    switch self {
    case .replace(let values) where values.rows.count > 1: .replace(HookValues(values.rows[index]))
    case .add(let values, let scale) where values.rows.count > 1:
      .add(HookValues(values.rows[index]), scaled: scale)
    default: self
    }
  }
}
