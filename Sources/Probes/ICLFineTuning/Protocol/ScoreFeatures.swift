// ScoreFeatures: what attention scores before the softmax are made of. A score is scale · q·k, of linear attention
// scale · λ^distance · φ(q)·φ(k); made here from the activations of one last token, no matrix of scores is ever held,
// and a query's scores to a prefix's tokens need the prefix's keys only.

import CKernels
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
  /// How many keys a token sees, its own included; `nil` for all.
  package let window: Int?
  /// Scores pass cap · tanh(x / cap) where there is one.
  package let cap: Double?

  /// Nil for recurrences that forget by a gate or write by the delta rule: their scores are not products of a query and a
  /// key.
  package init?(_ architecture: Architecture, layer: Int) {
    let shape = architecture.attentionShape(layer)
    heads = shape.heads
    value = .block(layer, .v)
    switch architecture.attention[layer] {
    case .softmax(let scale, let window, let cap):
      (self.scale, self.window, self.cap, decays) = (scale, window, cap, nil)
      query = .block(layer, shape.rotary == nil ? .q : .rotQ)
      key = .block(layer, shape.rotary == nil ? .k : .rotK)
    case .momentumSoftmax(let scale, _):
      (self.scale, window, cap, decays) = (scale, nil, nil, nil)
      query = .block(layer, shape.rotary == nil ? .q : .rotQ)
      key = .block(layer, shape.rotary == nil ? .k : .rotK)
    case .linear(let kind):
      guard case .fixed(let decays) = kind.update else { return nil }
      (scale, window, cap, self.decays) = (kind.scale, nil, nil, decays)
      query = .block(layer, .phiQ)
      key = .block(layer, .phiK)
    }
  }

  package var isLinear: Bool { decays != nil }

  /// What a head's output is of what it reads from the sums of key ⊗ value; 1 for the relaxed form of softmax, which has
  /// neither softmax nor scale.
  package var readoutScale: Double { isLinear ? scale : 1 }

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

  /// Whether a token sees a key that lies `distance` behind it.
  package func sees(distance: Int) -> Bool { window.map { distance < $0 } ?? true }

  /// The scores of one token to some keys, `[H][keys]`; −∞ where it does not see a key.
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
            guard sees(distance: firstDistance - offset) else { return -.infinity }
            let start = (row * keyHeads + shared(head, among: keyHeads)) * width
            let product = dot(own, UnsafeBufferPointer(rebasing: keys[start..<start + width]))
            let score = scale * decay(head, distance: firstDistance - offset) * product
            return cap.map { $0 * ck_tanh(score / $0) } ?? score
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
