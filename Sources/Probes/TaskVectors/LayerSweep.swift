// LayerSweep: θ_l patched into zero-shot prompts at many layers, each a prompt under one edit (EditedPrompts): a row
// patched at layer l joins the batch after block l, so nothing below l is computed for it again, and nothing of the other
// positions.

import HookPoints
import HookedModels
import TensorCore

/// A zero-shot prompt, the answers it is observed with, and what to patch into its last position.
package struct PatchedQuery: Sendable {
  let tokens: [Int]
  /// Each of a token or more.
  let answers: [[Int]]
  /// Replacements of the residual after a block, by layer.
  let patches: [(layer: Int, vector: [Float])]

  package init(tokens: [Int], answers: [[Int]], patches: [(layer: Int, vector: [Float])]) {
    self.tokens = tokens
    self.answers = answers
    self.patches = patches
  }
}

/// What a zero-shot prompt predicts, unpatched and under each of its patches, for each of its answers.
package struct SweptQuery: Sendable {
  package let zeroShot: [Observation]
  package let patched: [[Observation]]
}

extension Transformer<Float> {
  /// Predictions of zero-shot prompts with and without their patches.
  ///
  /// - Parameter notes: counts the patches.
  /// - Source: Hendel et al. 2023, arXiv:2310.15916, §3.3: the layer's output at the last position is overwritten.
  package func sweep(_ queries: [PatchedQuery], notes: inout CellNotes) throws -> [SweptQuery] {
    var observed = try observations(
      of: queries.flatMap { query in
        let edits = query.patches.map { patch in
          [
            PromptEdit.replace(
              .block(patch.layer, .residPost), at: [query.tokens.count - 1], with: [patch.vector])
          ]
        }
        return ([[]] + edits).flatMap { edits in
          query.answers.map { EditedPrompt(prompt: query.tokens, answer: $0, edits: edits) }
        }
      }, notes: &notes)[...]
    return queries.map { query in
      var own = (0...query.patches.count).map { _ in
        defer { observed = observed.dropFirst(query.answers.count) }
        return Array(observed.prefix(query.answers.count))
      }
      return SweptQuery(zeroShot: own.removeFirst(), patched: own)
    }
  }
}
