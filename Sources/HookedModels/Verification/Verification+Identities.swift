// What hook points are to one another: sums down the stream, logits of the last stream, heads and their sum, and the
// two forms of linear attention.

import HookPoints
import TensorCore

extension Verification {
  /// Every sum that the stream is, in the model's own order of additions.
  func residualSums() throws -> BitComparison {
    var comparison = BitComparison()
    let cache = try model.run(
      batch([6, 1]), plan: everything(but: [.result, .ssmState, .ssmWrite]), logitsAt: .all
    ).cache
    func values(_ layer: Int, _ point: BlockPoint) throws -> [Float]? {
      let name = HookName.block(layer, point)
      return catalog.contains(name) ? try cache.tensor(name).values : nil
    }
    func sum(_ left: [Float], _ right: [Float]) -> [Float] { zip(left, right).map { $0 + $1 } }
    for layer in 0..<model.architecture.layers {
      guard let before = try values(layer, .residPre), let after = try values(layer, .residPost),
        let attention = try values(layer, .attnOut)
      else { continue }
      let mlp = try values(layer, .mlpOut)
      if let middle = try values(layer, .residMid) {
        comparison.compare("block \(layer): resid_pre + attn_out", sum(before, attention), middle)
        if let mlp {
          comparison.compare("block \(layer): resid_mid + mlp_out", sum(middle, mlp), after)
        }
      } else if let mlp {
        // Parallel blocks: three terms, of which two are added first.
        let sums = [
          sum(before, sum(attention, mlp)), sum(sum(before, attention), mlp),
          sum(sum(before, mlp), attention),
        ]
        comparison.compare(
          "block \(layer): resid_pre + attn_out + mlp_out", sums.first { $0 == after } ?? sums[0],
          after)
      } else {
        comparison.compare("block \(layer): resid_pre + attn_out", sum(before, attention), after)
      }
      if let next = try values(layer + 1, .residPre) {
        comparison.compare("resid_post of block \(layer) as the next resid_pre", next, after)
      }
    }
    return comparison
  }

  func logits() throws -> BitComparison {
    var comparison = BitComparison()
    let layers = model.architecture.layers
    let result = try model.run(
      batch([6]), plan: HookPlan(reads: [Read(.residPost(layers - 1))]), logitsAt: .all)
    let stream = try result.cache.tensor(.block(layers - 1, .residPost))
    let from = try model.run([BatchSequence(.residual(stream, layer: layers))], logitsAt: .all)
    comparison.compare("logits", from.logits.values, result.logits.values)
    return comparison
  }

  func headSums() throws -> VerificationOutcome {
    var comparison = CloseComparison()
    for layer in 0..<model.architecture.layers {
      let cache = try model.capture(
        batch([6]),
        plan: HookPlan(
          reads: [BlockPoint.result, .rawAttnOut].map { Read(hook: .name(.block(layer, $0))) })
      ).cache
      let parts = try cache.tensor(.block(layer, .result))
      let whole = try cache.tensor(.block(layer, .rawAttnOut))
      let (heads, width) = (parts.shape[1], parts.shape[2])
      let bias = model.parameter("layers.\(layer).attn.o_proj.bias")?.tensor().values
      var sums = (0..<whole.rows).flatMap { _ in bias ?? Array(repeating: 0, count: width) }
        .map { Double($0) }
      parts.withUnsafeBufferPointer { part in
        for place in part.indices {
          sums[place / (heads * width) * width + place % width] += Double(part[place])
        }
      }
      comparison.compare("block \(layer)", sums, whole.values.map { Double($0) })
    }
    return comparison.outcome(of: .headSums)
  }

  /// φ(q)·S · scale, over the normaliser, against Σ pattern · v.
  func recurrence() throws -> VerificationOutcome {
    var comparison = CloseComparison()
    for (layer, kind) in model.architecture.attention.enumerated() {
      guard case .linear(let linear) = kind else { continue }
      let points: [BlockPoint] =
        [.phiQ, .v, .ssmState, .pattern] + (linear.normalised ? [.normaliser] : [])
      let cache = try model.capture(
        batch([9]), plan: HookPlan(reads: points.map { Read(hook: .name(.block(layer, $0))) })
      ).cache
      func tensor(_ point: BlockPoint) throws -> (shape: [Int], values: [Double]) {
        let found = try cache.tensor(.block(layer, point))
        return (found.shape, found.values.map { Double($0) })
      }
      let (query, value, state, pattern) = (
        try tensor(.phiQ), try tensor(.v), try tensor(.ssmState), try tensor(.pattern)
      )
      let normaliser = linear.normalised ? try tensor(.normaliser).values : nil
      let (count, heads) = (state.shape[0], state.shape[1])
      let (keyWidth, valueWidth) = (state.shape[2], state.shape[3])
      let shared = value.shape[1]
      let queryHeads = query.shape[1]
      var read: [Double] = []
      var summed: [Double] = []
      for token in 0..<count {
        for head in 0..<heads {
          let divisor =
            normaliser.map { $0[token * heads + head] + LinearAttention.normaliserEpsilon } ?? 1
          let queryHead = head * queryHeads / heads
          for column in 0..<valueWidth {
            var fromState = 0.0
            for key in 0..<keyWidth {
              fromState +=
                query.values[(token * queryHeads + queryHead) * keyWidth + key]
                * state.values[((token * heads + head) * keyWidth + key) * valueWidth + column]
            }
            read.append(linear.scale * fromState / divisor)
            summed.append(
              (0...token).reduce(0) { sum, key in
                sum + pattern.values[(head * count + token) * count + key]
                  * value.values[(key * shared + head * shared / heads) * valueWidth + column]
              })
          }
        }
      }
      comparison.compare("block \(layer)", read, summed)
    }
    return comparison.outcome(
      of: .recurrence, otherwise: "the model has no linear attention")
  }
}
