// DualIdentity: attention to demonstrations as a change of weights, measured on checkpoints: how far
// (W_ZSL + ΔW_ICL) q is from what a head computes at the last token.

import HookPoints
import HookedModels
import TensorCore

/// One head at the last token of one prompt.
package struct HeadIdentity: Sendable {
  /// ‖out − (W_ZSL + ΔW_ICL) q‖ / ‖out‖; nil where out is 0.
  package let residual: Double?
  /// ‖ΔW_ICL q‖ / ‖(W_ZSL + ΔW_ICL) q‖; nil where that is 0.
  package let share: Double?
  /// ‖ΔW_ICL‖; nil where attention's weights on tokens are known, but not as a matrix of the query.
  package let norm: Double?
}

extension Transformer<Float> {
  /// The identity of every head at the last token, `[prompt][layer][head]`, with the positions of each prompt's
  /// demonstrations; no heads for a layer that has no dual form:
  /// softmax with a window or a cap.
  ///
  /// Linear attention of fixed decay: W_ZSL and ΔW_ICL are Σ λ^distance φ(k) ⊗ v over the query's and beginning's
  /// tokens and over the demonstrations', out is the numerator φ(q)·S before any norm. Gated and delta-rule recurrences:
  /// the same with their effective weights on tokens, which are linear in φ(q). Softmax: scores q·k without softmax and
  /// scale, out is the head's output.
  /// - Source: Dai et al. 2023, arXiv:2212.10559, §3.1.
  package func dualIdentities(
    _ prompts: [(tokens: [Int], demonstrations: Range<Int>)], fires: inout FireCounts
  ) throws -> [[[HeadIdentity]]] {
    let kinds = architecture.attention.indices.map { ScoreFeatures(architecture, layer: $0) }
    var reads: [Read] = []
    for (layer, features) in kinds.enumerated() {
      func add(_ point: BlockPoint, lastOnly: Bool) {
        let name = HookName.block(layer, point)
        reads.append(
          lastOnly ? Read(hook: .name(name), positions: .last) : Read(hook: .name(name)))
      }
      add(.v, lastOnly: false)
      if case .linear = architecture.attention[layer] {
        add(.phiQ, lastOnly: true)
        add(.ssmState, lastOnly: true)
        if features == nil { add(.attnScores, lastOnly: true) }
      } else if let features {
        reads.append(Read(hook: .name(features.query), positions: .last))
        add(.z, lastOnly: true)
      }
      if let features { reads.append(Read(hook: .name(features.key))) }
    }
    var found: [[[HeadIdentity]]] = []
    for prompt in prompts {
      let run = try capture(
        [BatchSequence(tokens: prompt.tokens)], plan: HookPlan(reads: reads))
      fires.add(run.fireCounts)
      found.append(
        try kinds.enumerated().map { layer, features in
          let isLinear =
            if case .linear = architecture.attention[layer] { true } else { false }
          guard isLinear || features != nil else { return [] }
          return try identities(prompt, layer, features, run.cache)
        })
    }
    return found
  }

  private func identities(
    _ prompt: (tokens: [Int], demonstrations: Range<Int>), _ layer: Int, _ features: ScoreFeatures?,
    _ cache: ActivationCache<Float>
  ) throws -> [HeadIdentity] {
    let last = RowAddress(sequence: 0, position: prompt.tokens.count - 1)
    let shape = architecture.attentionShape(layer)
    let values = try cache.tensor(.block(layer, .v))
    func value(_ token: Int, _ head: Int) -> [Float] {
      values.row(token * shape.keyValueHeads + head * shape.keyValueHeads / shape.heads)
    }
    func part(_ row: [Float], _ head: Int) -> [Float] {
      let width = row.count / shape.heads
      return Array(row[head * width..<(head + 1) * width])
    }
    var scale = 1.0
    let outputs: [[Double]]
    let query: [Float]
    if case .linear(let kind) = architecture.attention[layer] {
      scale = kind.scale
      query = try cache.value(.block(layer, .phiQ), last)
      let state = try cache.value(.block(layer, .ssmState), last)
      outputs = (0..<shape.heads).map { head in
        let own = part(query, head)
        var update = WeightUpdate(rows: own.count, columns: shape.valueWidth)
        update.values = part(state, head).map { Double($0) }
        return update.read(by: own).map { scale * $0 }
      }
    } else {
      query = try cache.value(features?.query ?? .block(layer, .q), last)
      let z = try cache.value(.block(layer, .z), last)
      outputs = (0..<shape.heads).map { part(z, $0).map { Double($0) } }
    }
    return try (0..<shape.heads).map { head in
      let own = part(query, head)
      var (zeroShot, context): ([Double], [Double])
      var norm: Double?
      if let features {
        let keys = try cache.tensor(features.key)
        var updates = [
          WeightUpdate(rows: own.count, columns: shape.valueWidth),
          WeightUpdate(rows: own.count, columns: shape.valueWidth),
        ]
        for token in prompt.tokens.indices {
          updates[prompt.demonstrations.contains(token) ? 1 : 0].add(
            keys.row(token * keys.shape[1] + features.shared(head, among: keys.shape[1])),
            value(token, head),
            weight: features.decay(head, distance: prompt.tokens.count - 1 - token))
        }
        zeroShot = updates[0].read(by: own).map { scale * $0 }
        context = updates[1].read(by: own).map { scale * $0 }
        norm = updates[1].norm
      } else {
        let scores = part(try cache.value(.block(layer, .attnScores), last), head)
        (zeroShot, context) = (outputs[head].map { _ in 0 }, outputs[head].map { _ in 0 })
        for token in prompt.tokens.indices {
          let isShown = prompt.demonstrations.contains(token)
          for (column, element) in value(token, head).enumerated() {
            let term = Double(scores[token]) * Double(element)
            if isShown { context[column] += term } else { zeroShot[column] += term }
          }
        }
      }
      let dual = zip(zeroShot, context).map { $0 + $1 }
      let (size, whole) = (Statistics.norm(outputs[head]), Statistics.norm(dual))
      let difference = zip(outputs[head], dual).map { $0 - $1 }
      return HeadIdentity(
        residual: size > 0 ? Statistics.norm(difference) / size : nil,
        share: whole > 0 ? Statistics.norm(context) / whole : nil, norm: norm)
    }
  }
}
