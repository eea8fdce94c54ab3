// ActivationPatchingCell: every place of every pair patched, one pair at a time, and the rows over pairs.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

struct ActivationPatchingCell {
  var cell: StudyCell
  let spec: ActivationPatchingSpec
  let task: String
  private var model: Transformer<Float> { cell.model.model }

  init(_ model: ProbeModel, _ spec: ActivationPatchingSpec, task: String) {
    cell = StudyCell(model, spec.prompting)
    self.spec = spec
    self.task = task
  }

  /// A place that is patched.
  struct Spot: Hashable {
    let hook: HookName
    var head: Int?
    /// The name of the position, or `all`.
    let position: String
    var receiver: HookName?
  }

  /// One pair in one direction.
  struct Outcome {
    let pair: PatchPair
    let unedited, donor: PatchReading
    var edited: [Spot: PatchReading] = [:]
    var attributed: [Spot: Double] = [:]

    var query: String { pair.query }

    /// What patching a spot does to the metric; nil for a spot that the pair does not have.
    func effect(_ spot: Spot) -> Double? { edited[spot].map { $0.metric - unedited.metric } }
  }

  mutating func run(_ pairs: [PatchPair]) throws {
    for (index, direction) in spec.directions.enumerated() {
      let outcomes = try pairs.map { try outcome(of: $0, direction) }
      addRows(outcomes, direction == .denoising ? .denoised : .noised, withEnds: index == 0)
    }
  }

  // MARK: One pair

  private mutating func outcome(of pair: PatchPair, _ direction: ActivationPatchingSpec.Direction)
    throws -> Outcome
  {
    let (tokens, donorTokens) =
      direction == .denoising ? (pair.corrupt, pair.clean) : (pair.clean, pair.corrupt)
    let receiver = EditedPrompt(prompt: tokens, answer: [pair.answer])
    let donor = EditedPrompt(prompt: donorTokens, answer: [pair.answer])
    let clean = try model.logits(of: [receiver, donor], notes: &cell.output.notes) { $1.row(0) }
    let reference = PatchReading.Reference(pair, unedited: clean[0])
    let ends = clean.map { PatchReading($0, reference) }
    var outcome = Outcome(pair: pair, unedited: ends[0], donor: ends[1])

    let points = spec.positionHooks + spec.headHooks.filter { !spec.positionHooks.contains($0) }
    let hooks = points.flatMap(model.hooks)
    let values = try model.captured([donor], reading: hooks, notes: &cell.output.notes)
    var spots: [Spot] = []
    var prompts: [EditedPrompt] = []
    for layer in 0..<cell.layers {
      for hook in spec.positionHooks.map({ HookName.block(layer, $0) }) where hooks.contains(hook) {
        for place in pair.places {
          spots.append(Spot(hook: hook, position: place.name))
          let value = try values.value(hook, RowAddress(sequence: 0, position: place.position))
          prompts.append(
            receiver.with(.replace(hook, at: [place.position], with: [value])))
        }
      }
      for hook in spec.headHooks.map({ HookName.block(layer, $0) }) where hooks.contains(hook) {
        let heads = try model.catalog.entry(hook).heads ?? 1
        let positions = spec.headsEverywhere ? Array(tokens.indices) : [tokens.count - 1]
        let rows = try positions.map {
          try values.value(hook, RowAddress(sequence: 0, position: $0))
        }
        for head in 0..<heads {
          let width = rows[0].count / heads
          spots.append(
            Spot(hook: hook, head: head, position: spec.headsEverywhere ? "all" : "last"))
          var edit = PromptEdit.replace(
            hook, at: positions, with: rows.map { Array($0[head * width..<(head + 1) * width]) })
          edit.heads = .index(head)
          prompts.append(receiver.with(edit))
        }
      }
    }
    let read = try model.logits(of: prompts, notes: &cell.output.notes) {
      PatchReading($1.row(0), reference)
    }
    for (spot, reading) in zip(spots, read) { outcome.edited[spot] = reading }
    for path in spec.paths {
      for (spot, reading) in try paths(path, receiver, donor, reference) {
        outcome.edited[spot] = reading
      }
    }
    if spec.attribution {
      outcome.attributed = try attributed(pair, receiver, spots, values)
    }
    return outcome
  }

  // MARK: Attribution

  /// (a_donor − a) · ∂M/∂a for every spot, from one backward pass; not for scores and patterns, of which there is no
  /// gradient.
  private mutating func attributed(
    _ pair: PatchPair, _ receiver: EditedPrompt, _ spots: [Spot], _ donor: ActivationCache<Float>
  ) throws -> [Spot: Double] {
    let hooks = try Set(spots.map(\.hook)).sorted().filter {
      try model.catalog.entry($0).rowKind == .token && ![.ssmWrite, .ssmState].contains($0.point)
    }
    guard !hooks.isEmpty else { return [:] }
    let own = try model.captured([receiver], reading: hooks, notes: &cell.output.notes)
    let place = BatchPosition(sequence: 0, position: receiver.prompt.count - 1)
    // The difference of two log-probabilities at one place is that of the logits.
    let gradients = try model.gradients(
      [BatchSequence(tokens: receiver.prompt)],
      targets: [
        Target(at: place, token: pair.answer, weight: -1),
        Target(at: place, token: pair.contrast, weight: 1),
      ], parameters: { _ in false }, hooks: hooks
    ).hooks
    var effects: [Spot: Double] = [:]
    for spot in spots where hooks.contains(spot.hook) {
      guard let gradient = gradients[spot.hook] else { continue }
      let rows = gradient.reshaped([receiver.prompt.count, gradient.count / receiver.prompt.count])
      let named = pair.places.first { $0.name == spot.position && spot.head == nil }?.position
      let positions =
        named.map { [$0] }
        ?? (spot.position == "all" ? Array(receiver.prompt.indices) : [receiver.prompt.count - 1])
      effects[spot] = try positions.reduce(0.0) { sum, position in
        let address = RowAddress(sequence: 0, position: position)
        let (new, old) = (try donor.value(spot.hook, address), try own.value(spot.hook, address))
        let width =
          rows.width / (spot.head == nil ? 1 : try model.catalog.entry(spot.hook).heads ?? 1)
        let part = (spot.head ?? 0) * width..<((spot.head ?? 0) + 1) * width
        let change = part.map { new[$0] - old[$0] }
        return sum + Statistics.dot(change, Array(rows.row(position)[part]))
      }
    }
    return effects
  }
}

extension Transformer {
  /// A point of every layer that has it: layers of hybrids differ.
  func hooks(_ point: BlockPoint) -> [HookName] {
    (0..<architecture.layers).map { .block($0, point) }.filter(catalog.contains)
  }
}

extension ProbeModel {
  /// What a sweep over a point leaves out: the blocks that do not have it, by the reason.
  func lacking(_ point: BlockPoint) -> [Dropped] {
    let catalog = model.catalog
    let blocks = (0..<model.architecture.layers).filter { !catalog.contains(.block($0, point)) }
    let reasons = Dictionary(grouping: blocks) { catalog.reason(.block($0, point)) }
    return reasons.sorted { $0.value[0] < $1.value[0] }.map { reason, blocks in
      Dropped(
        "\(point.rawValue) of \(name) in blocks \(blocks.map(String.init).joined(separator: ", "))",
        count: blocks.count, why: reason)
    }
  }
}

extension EditedPrompt {
  /// The same prompt with one more edit.
  func with(_ edit: PromptEdit) -> EditedPrompt {
    var changed = self
    changed.edits.append(edit)
    return changed
  }
}
