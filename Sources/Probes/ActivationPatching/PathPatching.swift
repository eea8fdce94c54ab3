// Path patching: the change at one hook reaches one other hook and nothing else. In a first run the sender is patched,
// every attention and MLP output between sender and receiver is held at its unedited value, and the receiver is read;
// in a second run only the receiver is changed, to what was read.
//
// Source: Goldowsky-Dill et al. 2023, arXiv:2304.05969, §2; Wang et al. 2022, arXiv:2211.00593, appendix B.

import HookPoints
import HookedModels
import TensorCore

extension ActivationPatchingCell {
  /// Every sender (each head alone where the hook has heads) with every receiver behind it.
  mutating func paths(
    _ path: ActivationPatchingSpec.Path, _ receiver: EditedPrompt, _ donor: EditedPrompt,
    _ reference: PatchReading.Reference
  ) throws -> [(Spot, PatchReading)] {
    let model = cell.model.model
    let all = Array(receiver.prompt.indices)
    let frozen = [BlockPoint.attnOut, .mlpOut].flatMap(model.hooks).sorted()
    let senders = model.hooks(path.from)
    let own = try model.captured([receiver], reading: frozen, notes: &cell.output.notes)
    let given = try model.captured([donor], reading: senders, notes: &cell.output.notes)
    func rows(_ cache: ActivationCache<Float>, _ hook: HookName) throws -> [[Float]] {
      try all.map { try cache.value(hook, RowAddress(sequence: 0, position: $0)) }
    }
    var held: [HookName: PromptEdit] = [:]
    for hook in frozen { held[hook] = .replace(hook, at: all, with: try rows(own, hook)) }
    var spots: [Spot] = []
    var first: [EditedPrompt] = []
    for sender in senders {
      let heads = try model.catalog.entry(sender).heads
      let values = try rows(given, sender)
      for head in 0..<(heads ?? 1) {
        let width = values[0].count / (heads ?? 1)
        var edit = PromptEdit.replace(
          sender, at: all, with: values.map { Array($0[head * width..<(head + 1) * width]) })
        if heads != nil { edit.heads = .index(head) }
        for target in model.hooks(path.to) where sender < target {
          // The block that a head belongs to passes its own change on: only what reads the stream is held.
          let between = frozen.filter {
            sender < $0 && $0 < target && !(Self.passes(sender, through: $0))
          }
          spots.append(
            Spot(
              hook: sender, head: heads == nil ? nil : head, position: "all", receiver: target))
          first.append(
            EditedPrompt(
              prompt: receiver.prompt, answer: receiver.answer,
              edits: [edit] + between.compactMap { held[$0] }))
        }
      }
    }
    var second: [EditedPrompt] = []
    for (spot, prompt) in zip(spots, first) {
      guard let target = spot.receiver else { continue }
      let read = try model.captured([prompt], reading: [target], notes: &cell.output.notes)
      second.append(receiver.with(.replace(target, at: all, with: try rows(read, target))))
    }
    let readings = try model.logits(of: second, notes: &cell.output.notes) {
      PatchReading($1.row(0), reference)
    }
    return Array(zip(spots, readings))
  }

  /// Whether an output is computed from the sender within its own module, so that it carries the sender's change.
  private static func passes(_ sender: HookName, through output: HookName) -> Bool {
    guard sender.layer == output.layer, let from = sender.point, let to = output.point else {
      return false
    }
    let attention: ClosedRange<BlockPoint> = .q ... .rawAttnOut
    let feedForward: ClosedRange<BlockPoint> = .mlpPre ... .mlpPost
    return to == .attnOut && attention.contains(from) || to == .mlpOut && feedForward.contains(from)
  }
}
