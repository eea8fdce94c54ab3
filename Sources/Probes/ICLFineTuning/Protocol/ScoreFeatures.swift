// ScoreFeatures: what attention scores before the softmax are made of. A score is scale · q·k, of linear attention
// scale · λ^distance · φ(q)·φ(k); made here from the activations of one last token, no matrix of scores is ever held,
// and a query's scores to a prefix's tokens need the prefix's keys only.

import HookPoints
import HookedModels
import TensorCore

/// The activations that the scores of a layer come from, and how.
package struct ScoreFeatures: Sendable {
  package let query, key, value: HookName
  package let scale: Double
  /// λ of each head; `nil` for softmax.
  package let decays: [Double]?
  package let heads: Int

  /// Nil where a score is no product of a query and a key: windows, soft caps, recurrences that forget by a gate or write by the delta rule.
  package init?(_ architecture: Architecture, layer: Int) {
    let shape = architecture.attentionShape(layer)
    heads = shape.heads
    value = .block(layer, .v)
    switch architecture.attention[layer] {
    case .softmax(_, let window, let cap) where window != nil || cap != nil: return nil
    case .softmax(let scale, _, _), .momentumSoftmax(let scale, _):
      self.scale = scale
      decays = nil
      query = .block(layer, shape.rotary == nil ? .q : .rotQ)
      key = .block(layer, shape.rotary == nil ? .k : .rotK)
    case .linear(let kind):
      guard case .fixed(let decays) = kind.update else { return nil }
      scale = kind.scale
      self.decays = decays
      query = .block(layer, .phiQ)
      key = .block(layer, .phiK)
    }
  }

  package var isLinear: Bool { decays != nil }

  /// The head of `heads` keys or values that a query's head sees.
  package func shared(_ head: Int, among heads: Int) -> Int { head * heads / self.heads }

  /// λ^distance.
  package func decay(_ head: Int, distance: Int) -> Double {
    guard let decay = decays?[head], decay != 1 else { return 1 }
    var (result, factor, left) = (1.0, decay, distance)
    while left > 0 {
      if left & 1 == 1 { result *= factor }
      factor *= factor
      left >>= 1
    }
    return result
  }

  /// The scores of one token to some keys, `[H][keys]`.
  ///
  /// - Parameters:
  ///   - query: `[H, d]`.
  ///   - keys: `[T, K, d]`, of which `rows` count.
  ///   - firstDistance: how far the first of these rows lies behind the query; later rows lie nearer.
  package func scores(
    _ query: [Float], to keys: Tensor<Float>, rows: Range<Int>, firstDistance: Int
  ) -> [[Double]] {
    let width = query.count / heads
    let keyHeads = keys.shape[1]
    return query.withUnsafeBufferPointer { query in
      keys.withUnsafeBufferPointer { keys in
        (0..<heads).map { head in
          let own = UnsafeBufferPointer(rebasing: query[head * width..<(head + 1) * width])
          return rows.enumerated().map { offset, row in
            let start = (row * keyHeads + shared(head, among: keyHeads)) * width
            let product = dot(own, UnsafeBufferPointer(rebasing: keys[start..<start + width]))
            return scale * decay(head, distance: firstDistance - offset) * product
          }
        }
      }
    }
  }

  private func dot(_ x: UnsafeBufferPointer<Float>, _ y: UnsafeBufferPointer<Float>) -> Double {
    var sum = 0.0
    for index in x.indices { sum += Double(x[index]) * Double(y[index]) }
    return sum
  }
}
