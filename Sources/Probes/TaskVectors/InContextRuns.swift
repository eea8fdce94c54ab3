// InContextRuns: what a model does with demonstrations S. The tokens of S that several prompts share are run once;
// the query's logits and θ_l(S) at every layer come from the few tokens after them.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

/// Prompts over the same demonstrations: one that asks, and some whose last residual is wanted.
struct DemonstrationPrompts: Sendable {
  /// The in-context prompt and the answers that it is observed with, each of a token or more; nil where only θ is wanted.
  var query: (prompt: TokenizedPrompt, answers: [[Int]])?
  /// The prompts with dummy queries that θ is the mean over.
  var dummies: [TokenizedPrompt]

  var all: [[Int]] { (query.map { [$0.prompt.tokens] } ?? []) + dummies.map(\.tokens) }
}

/// What came out of one set of demonstrations.
struct InContextRun: Sendable {
  /// One for each answer; empty without a query.
  let query: [Observation]
  /// θ_l(S) by layer: the residual after block l at the last token, mean over the dummies; empty without dummies.
  let vectors: [[Float]]
}

extension Transformer<Float> {
  /// Runs sets of demonstrations, a few thousand tokens at a time.
  ///
  /// - Source: Hendel et al. 2023, arXiv:2310.15916, §3.2; their `get_single_context_task_hiddens`.
  func inContextRuns(_ sets: [DemonstrationPrompts], fires: inout FireCounts) throws
    -> [InContextRun]
  {
    var runs: [InContextRun] = []
    runs.reserveCapacity(sets.count)
    for chunk in sets.chunked(
      tokens: tokens(atMost: 8192),
      count: { set in
        set.all.reduce(0) { $0 + $1.count } * max(1, set.query?.answers.count ?? 1)
      })
    {
      runs += try inContextChunk(chunk, fires: &fires)
    }
    return runs
  }

  private func inContextChunk(_ sets: [DemonstrationPrompts], fires: inout FireCounts) throws
    -> [InContextRun]
  {
    let shared = sets.map { sharedPrefixLength($0.all) }
    let withPrefix = sets.indices.filter { shared[$0] > 0 }
    var prefixOf: [Int: Prefix<Float>] = [:]
    if !withPrefix.isEmpty {
      let prefixes = try prefixes(
        withPrefix.map { BatchSequence(tokens: Array(sets[$0].all[0].prefix(shared[$0]))) })
      for (set, prefix) in zip(withPrefix, prefixes) { prefixOf[set] = prefix }
    }
    var batch: [BatchSequence<Float>] = []
    var asked: [BatchPosition] = []
    var dummies: [[Int]] = []
    for (index, set) in sets.enumerated() {
      func append(_ prompt: TokenizedPrompt, _ more: [Int] = []) -> Int {
        batch.append(
          BatchSequence(
            tokens: prompt.tokens.dropFirst(shared[index]) + more, after: prefixOf[index]))
        return batch.count - 1
      }
      if let query = set.query {
        for answer in query.answers {
          // The answer's tokens follow as if they had been generated.
          let sequence = append(query.prompt, answer.dropLast())
          let last = batch[sequence].shape.length - answer.count
          asked += answer.indices.map { BatchPosition(sequence: sequence, position: last + $0) }
        }
      }
      dummies.append(set.dummies.map { append($0) })
    }
    let sources = dummies.flatMap { $0 }
    let reads = (0..<architecture.layers).map {
      Read(Site<Residual>.residPost($0), at: .last, in: .indices(sources))
    }
    let result = try run(
      batch, plan: HookPlan(reads: sources.isEmpty ? [] : reads), logitsAt: .at(asked))
    fires.add(result.fireCounts)
    var observed = Operations<Float>(context).observations(
      result.logits, answers: sets.flatMap { $0.query?.answers ?? [] })[...]
    let layers =
      try sources.isEmpty
      ? []
      : (0..<architecture.layers).map {
        try result.cache.tensor(.block($0, .residPost))
      }
    // Rows come in the order of the batch, which is the order of `sources`.
    var row = 0
    return sets.indices.map { index in
      let rows = row..<row + dummies[index].count
      row = rows.upperBound
      let own = observed.prefix(sets[index].query?.answers.count ?? 0)
      observed = observed.dropFirst(own.count)
      return InContextRun(
        query: Array(own), vectors: rows.isEmpty ? [] : layers.map { mean(of: $0, rows: rows) })
    }
  }
}

/// The mean of some rows, summed in f64; of one row that row.
private func mean(of rows: Tensor<Float>, rows range: Range<Int>) -> [Float] {
  rows.withUnsafeBufferPointer { values in
    (0..<rows.width).map { column in
      Float(
        range.reduce(0.0) { $0 + Double(values[$1 * rows.width + column]) } / Double(range.count))
    }
  }
}

/// How many tokens all prompts begin with, leaving each at least one of its own.
func sharedPrefixLength(_ prompts: [[Int]]) -> Int {
  guard prompts.count > 1, let first = prompts.first, let shortest = prompts.map(\.count).min()
  else {
    return 0
  }
  return (0..<shortest - 1).first { place in prompts.contains { $0[place] != first[place] } }
    ?? shortest - 1
}

extension Array {
  /// Runs of elements whose counts add up to at most `tokens`; an element above that goes alone.
  func chunked(tokens: Int, count: (Element) -> Int) -> [[Element]] {
    var chunks: [[Element]] = []
    var size = 0
    for element in self {
      let own = count(element)
      if chunks.isEmpty || size + own > tokens {
        chunks.append([element])
        size = own
      } else {
        chunks[chunks.count - 1].append(element)
        size += own
      }
    }
    return chunks
  }
}
