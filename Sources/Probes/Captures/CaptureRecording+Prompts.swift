// Recording prompts: some thousand tokens at a time, so that only what is recorded grows with their number.

import HookPoints
import HookedModels
import TensorCore

extension [GivenPrompt] {
  /// The activations of the prompts at some hooks and positions.
  ///
  /// - Throws: `ModelError` for a prompt that does not fit the model and `HookError` for a position that a prompt does
  ///   not have, both before anything is computed.
  public func recorded(
    _ hooks: [HookName], at positions: PositionSelector, by model: Transformer<Float>
  ) throws -> CaptureRecording {
    let reads = try hooks.map { hook in
      Read(
        hook: .name(hook),
        positions: try model.catalog.entry(hook).rowKind == .sequence ? .all : positions)
    }
    let plan = HookPlan(reads: reads)
    _ = try plan.resolved(catalog: model.catalog, sequences: map(\.sequence.shape))
    try model.verify(lengths: map(\.tokens.count))
    var recording = CaptureRecording(model.catalog, unit: .prompt)
    for chunk in chunked(tokens: 8192, count: \.tokens.count) {
      let result = try model.capture(chunk.map(\.sequence), plan: plan)
      try recording.append(result.cache, tokens: chunk.map(\.tokens))
    }
    return recording
  }
}
