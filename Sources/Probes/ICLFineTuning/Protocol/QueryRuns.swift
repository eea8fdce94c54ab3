// QueryRuns: what a model makes of queries after a context. The context (the demonstrations, or the beginning token
// alone) is run once for all of them; queries go through in ragged batches; nothing is read that nobody asked for.

import CKernels
import HookPoints
import HookedModels
import TensorCore

/// What stands before the queries, run once.
package struct QueryContext: Sendable {
  package let prefix: Prefix<Float>?
  /// Keys' features and values of the context's tokens by layer, `[T, K, d]`; `nil` where nobody asked, and in layers
  /// without scores.
  package let keys, values: [Tensor<Float>?]

  package var count: Int { prefix?.count ?? 0 }
}

/// What is wanted of queries beside the answers.
package struct QueryReading: Sendable {
  /// Outputs, maps and query features.
  package var activations: Bool
  /// The positions in the context whose scores are wanted; empty for none.
  package var trainingPlaces: [Int]
  /// Keys, values and head outputs, for the dual form.
  package var dual: Bool
  /// How many of the most probable tokens to keep.
  package var topTokens: Int

  package init(
    activations: Bool = true, trainingPlaces: [Int] = [], dual: Bool = false, topTokens: Int = 10
  ) {
    self.activations = activations
    self.trainingPlaces = trainingPlaces
    self.dual = dual
    self.topTokens = topTokens
  }

  package static let answers = QueryReading(activations: false, topTokens: 0)
}

/// One query in one setting.
package struct QueryRun: Sendable {
  /// The mean log-probability of each answer's tokens, nats.
  package let answers: [Double]
  /// The first token of the right answer.
  package let observation: Observation
  package let top: TopTokens?
  package let layers: [LayerReading]

  /// The answer of the highest mean log-probability; of equal ones the first.
  package var prediction: Int { answers.argmax }
}

/// What one layer's attention did at the last token of one query.
package struct LayerReading: Sendable {
  /// 0 in a layer without scores, which has nothing but its output.
  package let heads: Int
  /// `attn.hook_out`, `[D]`: after W_O and its bias, before the residual.
  package let output: [Float]
  /// The query's features that enter its scores, `[H, d]`.
  package let query: [Float]
  /// Scores before the softmax to those of the query's own tokens that the last one sees, `[H, n]`.
  package let map: [Float]
  /// Scores to the training tokens, summed over heads; empty where nobody asked.
  package let trainingScores: [Double]
  /// By head; empty where nobody asked.
  package let dual: [HeadReading]
}

/// The sums of key ⊗ value that one head's last token reads from, decay included, and what it read.
package struct HeadReading: Sendable {
  /// Over the context behind the beginning tokens.
  package let context: WeightUpdate
  /// Over the query's own tokens and the beginning tokens.
  package let own: WeightUpdate
  /// The model's own numerator (linear), or the head's output (softmax), `[dv]`.
  package let output: [Double]
  /// The query's features, `[d]`.
  package let query: [Float]
}

extension Transformer<Float> {
  /// Runs a context once.
  package func queryContext(_ tokens: [Int], reading: QueryReading, fires: inout FireCounts) throws
    -> QueryContext
  {
    let features = scoreFeatures
    let nothing = features.map { _ in Tensor<Float>?.none }
    guard !tokens.isEmpty else { return QueryContext(prefix: nil, keys: nothing, values: nothing) }
    let wantsKeys = reading.dual || !reading.trainingPlaces.isEmpty
    let keys = features.map { wantsKeys ? $0?.key : nil }
    let values = features.map { reading.dual ? $0?.value : nil }
    let (prefixes, result) = try prefixes(
      [BatchSequence(tokens: tokens)],
      plan: HookPlan(reads: (keys + values).compactMap { $0.map { Read(hook: .name($0)) } }),
      logitsAt: .none)
    fires.add(result.fireCounts)
    func read(_ names: [HookName?]) throws -> [Tensor<Float>?] {
      try names.map { try $0.map { try result.cache.tensor($0) } }
    }
    return QueryContext(prefix: prefixes[0], keys: try read(keys), values: try read(values))
  }

  /// By layer; `nil` where attention has no scores that are products of queries and keys.
  package var scoreFeatures: [ScoreFeatures?] {
    (0..<architecture.layers).map { ScoreFeatures(architecture, layer: $0) }
  }

  /// What the model makes of queries after a context.
  ///
  /// - Parameter beginning: how many of the context's first tokens belong to no demonstration.
  package func queryRuns(
    _ questions: [Question], after context: QueryContext, beginning: Int, reading: QueryReading,
    fires: inout FireCounts
  ) throws -> [QueryRun] {
    let features = scoreFeatures
    let batch = questions.map { BatchSequence<Float>(tokens: $0.tokens, after: context.prefix) }
    var reads: [Read] = []
    if reading.activations {
      for (layer, feature) in features.enumerated() {
        reads.append(Read(Site<Residual>.rawAttnOut(layer), at: .last))
        guard let feature else { continue }
        reads.append(Read(hook: .name(feature.query), positions: .last))
        reads.append(Read(hook: .name(feature.key)))
        if reading.dual {
          reads.append(Read(hook: .name(feature.value)))
          reads.append(
            Read(hook: .name(.block(layer, feature.isLinear ? .ssmState : .z)), positions: .last))
        }
      }
    }
    let continues = questions.contains { $0.answers.contains { $0.count > 1 } }
    let result: RunResult<Float>
    var prefixes: [Prefix<Float>] = []
    if continues {
      (prefixes, result) = try self.prefixes(batch, plan: HookPlan(reads: reads), logitsAt: .last)
    } else {
      result = try run(batch, plan: HookPlan(reads: reads), logitsAt: .last)
    }
    fires.add(result.fireCounts)
    let answers = try answers(to: questions, logits: result.logits, after: prefixes)
    let observed = Operations<Float>(self.context).observations(
      result.logits, targets: questions.map { $0.answers[$0.right][0] })
    let layers =
      try reading.activations
      ? features.enumerated().map { layer, feature in
        try layerReadings(
          questions, layer, feature, context, beginning: beginning, reading, result.cache)
      } : []
    return questions.indices.map { index in
      QueryRun(
        answers: answers[index], observation: observed[index],
        top: reading.topTokens > 0
          ? top(reading.topTokens, of: result.logits.row(index), observed[index]) : nil,
        layers: layers.map { $0[index] })
    }
  }

  /// The mean log-probability of each answer's tokens: the first from the queries' logits, the others from what comes
  /// after the queries' prefixes.
  private func answers(
    to questions: [Question], logits: Tensor<Float>, after prefixes: [Prefix<Float>]
  )
    throws -> [[Double]]
  {
    let ops = Operations<Float>(context)
    let rows = questions.indices.flatMap { index in questions[index].answers.map { _ in index } }
    let first = ops.logProbabilities(
      ops.rows(rows, of: Variable(logits)).tensor,
      targets: questions.flatMap { $0.answers.map { Int32($0[0]) } })
    var sums = first.makeIterator()
    var totals = questions.map { question in question.answers.map { _ in sums.next() ?? .nan } }
    var sequences: [BatchSequence<Float>] = []
    var targets: [(question: Int, answer: Int, tokens: ArraySlice<Int>)] = []
    for (index, question) in questions.enumerated() {
      for (place, answer) in question.answers.enumerated() where answer.count > 1 {
        sequences.append(BatchSequence(tokens: answer.dropLast(), after: prefixes[index]))
        targets.append((index, place, answer.dropFirst()))
      }
    }
    if !sequences.isEmpty {
      let continued = try run(sequences, logitsAt: .all)
      var logs = ops.logProbabilities(
        continued.logits, targets: targets.flatMap { $0.tokens.map { Int32($0) } }
      ).makeIterator()
      for target in targets {
        for _ in target.tokens { totals[target.question][target.answer] += logs.next() ?? .nan }
      }
    }
    return zip(totals, questions).map { totals, question in
      zip(totals, question.answers).map { $0 / Double($1.count) }
    }
  }

  private func top(_ count: Int, of logits: [Float], _ observation: Observation) -> TopTokens {
    // log Z from the one log-probability that is known would cancel; from the greatest logit it does not.
    let greatest = Double(logits[observation.prediction])
    let total = logits.reduce(0.0) { $0 + ck_exp(Double($1) - greatest) }
    let tokens = Array(
      logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }.prefix(count))
    return TopTokens(
      tokens: tokens, probabilities: tokens.map { ck_exp(Double(logits[$0]) - greatest) / total })
  }

  private func layerReadings(
    _ questions: [Question], _ layer: Int, _ feature: ScoreFeatures?, _ context: QueryContext,
    beginning: Int, _ reading: QueryReading, _ cache: ActivationCache<Float>
  ) throws -> [LayerReading] {
    let outputs = try cache.tensor(.block(layer, .rawAttnOut))
    guard let feature else {
      return questions.indices.map {
        LayerReading(
          heads: 0, output: outputs.row($0), query: [], map: [], trainingScores: [], dual: [])
      }
    }
    let queries = try cache.tensor(feature.query)
    let keys = try cache.tensor(feature.key)
    let values = reading.dual ? try cache.tensor(feature.value) : nil
    let read =
      reading.dual
      ? try cache.tensor(.block(layer, feature.isLinear ? .ssmState : .z)) : nil
    let queryWidth = queries.count / max(1, questions.count)
    var start = 0
    return questions.enumerated().map { index, question in
      let rows = start..<start + question.tokens.count
      start = rows.upperBound
      let query = queries.reshaped([questions.count, queryWidth]).row(index)
      let seen = feature.window.map { max(rows.lowerBound, rows.upperBound - $0)..<rows.upperBound }
      let map = feature.scores(
        query, to: keys, rows: seen ?? rows, firstDistance: (seen ?? rows).count - 1)
      var training: [Double] = []
      if let contextKeys = context.keys[layer], !reading.trainingPlaces.isEmpty {
        let all = feature.scores(
          query, to: contextKeys, rows: 0..<context.count,
          firstDistance: context.count + rows.count - 1)
        training = reading.trainingPlaces.map { place in all.reduce(0) { $0 + $1[place] } }
      }
      var dual: [HeadReading] = []
      if let values, let read {
        dual = feature.headReadings(
          query, keys, values, rows, context.keys[layer], context.values[layer],
          beginning: beginning,
          read: read.reshaped([questions.count, read.count / questions.count]).row(index))
      }
      return LayerReading(
        heads: feature.heads, output: outputs.row(index), query: query,
        map: map.flatMap { $0.map { Float($0) } },
        trainingScores: training, dual: dual)
    }
  }
}

extension ScoreFeatures {
  /// The sums that each head's last token reads from.
  ///
  /// - Parameters:
  ///   - rows: the query's tokens among `keys` and `values`.
  ///   - read: of linear attention the state `[H, dk, dv]` after the last token, else the heads' outputs `[H, dv]`.
  fileprivate func headReadings(
    _ query: [Float], _ keys: Tensor<Float>, _ values: Tensor<Float>, _ rows: Range<Int>,
    _ contextKeys: Tensor<Float>?, _ contextValues: Tensor<Float>?, beginning: Int, read: [Float]
  ) -> [HeadReading] {
    let (width, valueWidth) = (query.count / heads, values.width)
    let past = contextKeys?.shape[0] ?? 0
    return (0..<heads).map { head in
      func add(
        _ tokens: Range<Int>, _ keys: Tensor<Float>, _ values: Tensor<Float>, firstDistance: Int,
        to sum: inout WeightUpdate
      ) {
        for (offset, token) in tokens.enumerated() where sees(distance: firstDistance - offset) {
          sum.add(
            keys.row(token * keys.shape[1] + shared(head, among: keys.shape[1])),
            values.row(token * values.shape[1] + shared(head, among: values.shape[1])),
            weight: decay(head, distance: firstDistance - offset))
        }
      }
      var context = WeightUpdate(rows: width, columns: valueWidth)
      var own = context
      let distance = past + rows.count - 1
      if let contextKeys, let contextValues {
        let first = min(beginning, past)
        add(0..<first, contextKeys, contextValues, firstDistance: distance, to: &own)
        add(first..<past, contextKeys, contextValues, firstDistance: distance - first, to: &context)
      }
      add(rows, keys, values, firstDistance: rows.count - 1, to: &own)
      let features = Array(query[head * width..<(head + 1) * width])
      let output: [Double]
      if isLinear {
        var state = WeightUpdate(rows: width, columns: valueWidth)
        let size = width * valueWidth
        state.values = read[head * size..<(head + 1) * size].map { Double($0) }
        output = state.read(by: features).map { scale * $0 }
      } else {
        output = read[head * valueWidth..<(head + 1) * valueWidth].map { Double($0) }
      }
      return HeadReading(context: context, own: own, output: output, query: features)
    }
  }
}
