// Checkpoints that keep queries, keys and values in one matrix: fine-tuning keys and values leaves the queries' bits
// where the file has them, in the file's own layout.

import CheckpointIO
import HookPoints
import HookedModels
import Probes
import TensorCore
import TestSupport
import Testing

@Suite struct FusedMatrixTests {
  /// A fused tensor as the file has it, and which of its elements are keys' and values'.
  private struct Fused {
    let name: String
    /// Of the element at a place: 0 for queries, 1 for keys, 2 for values, and its place in that projection `[out, in]`.
    let part: (Int) -> (projection: Int, place: Int)
  }

  private static func fused(_ family: String, _ layer: Int, _ model: Transformer<Float>, bias: Bool)
    -> Fused
  {
    let width = model.architecture.modelWidth
    let (heads, head) = (model.architecture.heads, model.architecture.headWidth)
    guard family.hasPrefix("neox") else {
      // Conv1D: [in, 3 · out], queries, keys and values side by side.
      return Fused(name: "h.\(layer).attn.c_attn.\(bias ? "bias" : "weight")") { place in
        let (row, column) = (place / (3 * width), place % (3 * width))
        let out = column % width
        return (column / width, bias ? out : out * width + row)
      }
    }
    // [heads · 3 · head, in]: each head's queries, keys and values after each other.
    let columns = bias ? 1 : width
    return Fused(
      name: "gpt_neox.layers.\(layer).attention.query_key_value.\(bias ? "bias" : "weight")"
    ) { place in
      let (row, column) = (place / columns, place % columns)
      let (owner, within) = (row / (3 * head), row % (3 * head))
      precondition(owner < heads)
      return (within / head, (owner * head + within % head) * columns + column)
    }
  }

  @Test(
    arguments: ["gpt2-tiny", "neox-tiny", "neox-sequential"],
    [FineTuning.Method.keysAndValues, .values, .layerCausal])
  func frozenSlices(_ family: String, _ method: FineTuning.Method) throws {
    let folder = fixture("families/\(family)")
    let model: Transformer<Float> = try ModelFolder(path: folder).model(
      on: ComputeContext(threads: 2))
    let shown = Demonstrations(
      beginning: [1], items: [[4, 9, 30], [7, 22, 15, 6]], separator: [2], answerCounts: [1, 1])
    var fires = FireCounts()
    let tuned = try model.fineTuned(
      on: shown, by: FineTuning(method: method, rate: 0.05), fires: &fires
    ).model
    let file = try SafetensorsFile(path: "\(folder)/model.safetensors")
    for layer in 0..<model.architecture.layers {
      for bias in [false, true] {
        let fused = Self.fused(family, layer, model, bias: bias)
        let name = file.names.contains(fused.name) ? fused.name : "transformer.\(fused.name)"
        let stored = try file.floats(named: name)
        let after = try ["q", "k", "v"].map { projection in
          try #require(
            tuned.parameter("layers.\(layer).attn.\(projection)_proj.\(bias ? "bias" : "weight")")
          ).tensor().values
        }
        var moved = [0, 0, 0]
        for (place, value) in stored.enumerated() {
          let (projection, own) = fused.part(place)
          if after[projection][own].bitPattern != value.bitPattern { moved[projection] += 1 }
        }
        let third = stored.count / 3
        #expect(moved[0] == 0, "\(name): \(moved[0]) of the queries' elements moved")
        // A key's bias has no gradient but rounding; of the other matrices nearly every element moves.
        if method == .values {
          #expect(moved[1] == 0)
        } else if !bias {
          #expect(moved[1] > third / 2)
        }
        #expect(moved[2] > third / 2, "\(name): \(moved)")
      }
    }
  }
}
