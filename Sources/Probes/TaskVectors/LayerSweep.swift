// LayerSweep: θ_l patched into zero-shot prompts at many layers in one growing batch. All tokens but the last of a
// zero-shot prompt are run once; a row patched at layer l joins the batch after block l, so nothing below l is
// computed for it again, and nothing of the other positions.

import HookedModels
import ICLTasks
import TensorCore

/// A zero-shot prompt, what it should predict, and what to patch into its last position.
struct PatchedQuery: Sendable {
  let prompt: TokenizedPrompt
  let target: Int
  /// Replacements of the residual after a block, by layer.
  let patches: [(layer: Int, vector: [Float])]
}

/// What a zero-shot prompt predicts, unpatched and under each of its patches.
struct SweptQuery: Sendable {
  let zeroShot: Observation
  let patched: [Observation]
}

extension Transformer<Float> {
  /// Predictions of zero-shot prompts with and without their patches.
  ///
  /// - Source: Hendel et al. 2023, arXiv:2310.15916, §3.3: the layer's output at the last position is overwritten.
  func sweep(_ queries: [PatchedQuery]) throws -> [SweptQuery] {
    // As many logits at a time as 256 MB hold.
    let rows = max(1, (64 << 20) / architecture.vocabulary)
    return try queries.chunked(tokens: min(rows, 16384), count: { $0.patches.count + 1 })
      .flatMap(sweepChunk)
  }

  private func sweepChunk(_ queries: [PatchedQuery]) throws -> [SweptQuery] {
    // Queries that ask the same thing share its clean run.
    var place: [[Int]: Int] = [:]
    var prompts: [[Int]] = []
    let own = queries.map { query in
      if let found = place[query.prompt.tokens] { return found }
      place[query.prompt.tokens] = prompts.count
      prompts.append(query.prompt.tokens)
      return prompts.count - 1
    }
    let long = prompts.indices.filter { prompts[$0].count > 1 }
    var prefixes: [Prefix<Float>?] = prompts.map { _ in nil }
    if !long.isEmpty {
      let made = try self.prefixes(long.map { BatchSequence(tokens: prompts[$0].dropLast()) })
      for (index, prefix) in zip(long, made) { prefixes[index] = prefix }
    }
    var batch = prompts.indices.map {
      BatchSequence<Float>(tokens: Array(prompts[$0].suffix(1)), after: prefixes[$0])
    }
    // The clean rows are scored once for each query that asks, the patched rows once each.
    var sources = own
    var targets = queries.map(\.target)
    for (index, query) in queries.enumerated() {
      for patch in query.patches {
        sources.append(batch.count)
        targets.append(query.target)
        batch.append(
          BatchSequence(
            .residual(
              Tensor(shape: [1, architecture.modelWidth], values: patch.vector),
              layer: patch.layer + 1), after: prefixes[own[index]]))
      }
    }
    let result = try run(batch)
    let ops = Operations<Float>(context)
    let logits = ops.rows(sources, of: Variable(result.logits)).tensor
    let observed = ops.observations(logits, targets: targets)
    var next = queries.count
    return queries.indices.map { index in
      let count = queries[index].patches.count
      defer { next += count }
      return SweptQuery(
        zeroShot: observed[index], patched: Array(observed[next..<next + count]))
    }
  }
}
