// LayerSweep: θ_l patched into zero-shot prompts at many layers, each a prompt under one edit (EditedPrompts): a row
// patched at layer l joins the batch after block l, so nothing below l is computed for it again, and nothing of the other
// positions.

import HookPoints
import HookedModels
import TensorCore

/// A zero-shot prompt, what it should predict, and what to patch into its last position.
package struct PatchedQuery: Sendable {
  let tokens: [Int]
  let target: Int
  /// Replacements of the residual after a block, by layer.
  let patches: [(layer: Int, vector: [Float])]

  package init(tokens: [Int], target: Int, patches: [(layer: Int, vector: [Float])]) {
    self.tokens = tokens
    self.target = target
    self.patches = patches
  }
}

/// What a zero-shot prompt predicts, unpatched and under each of its patches.
package struct SweptQuery: Sendable {
  package let zeroShot: Observation
  package let patched: [Observation]
}

extension Transformer<Float> {
  /// Predictions of zero-shot prompts with and without their patches.
  ///
  /// - Parameter notes: counts the patches.
  /// - Source: Hendel et al. 2023, arXiv:2310.15916, §3.3: the layer's output at the last position is overwritten.
  package func sweep(_ queries: [PatchedQuery], notes: inout CellNotes) throws -> [SweptQuery] {
    let observed = try observations(
      of: queries.flatMap { query in
        let clean = EditedPrompt(prompt: query.tokens, answer: [query.target])
        let last = query.tokens.count - 1
        return [clean]
          + query.patches.map { patch in
            var patched = clean
            patched.edits = [
              .replace(.block(patch.layer, .residPost), at: [last], with: [patch.vector])
            ]
            return patched
          }
      }, notes: &notes)
    var next = 0
    return queries.map { query in
      let own = next..<next + 1 + query.patches.count
      next = own.upperBound
      return SweptQuery(
        zeroShot: observed[own.lowerBound], patched: Array(observed[own.dropFirst()]))
    }
  }
}
