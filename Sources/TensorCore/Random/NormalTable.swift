// NormalTable: many normal draws quickly. Its stream differs from `SeededGenerator.normal()`; the bits are the same
// everywhere, because its exponentials and logarithms are ours.

import CKernels

/// The ziggurat of the normal density: 128 layers of equal area, of which a draw is almost always inside one.
///
/// - Source: Doornik 2005, "An improved ziggurat method to generate normal random samples" (ZIGNOR).
package struct NormalTable: Sendable {
  private static let layers = 128
  /// Where the tail begins, and the area of each layer.
  private static let tail = 3.442619855899
  private static let area = 9.91256303526217e-3

  /// The right edge of each layer, and the next edge as a share of it.
  private let edges: [Double]
  private let shares: [Double]

  package init() {
    var density = ck_exp(-0.5 * Self.tail * Self.tail)
    var edges = [Self.area / density, Self.tail]
    for _ in 2..<Self.layers {
      let edge = (-2 * ck_log(Self.area / edges[edges.count - 1] + density)).squareRoot()
      edges.append(edge)
      density = ck_exp(-0.5 * edge * edge)
    }
    edges.append(0)
    self.edges = edges
    shares = (0..<Self.layers).map { edges[$0 + 1] / edges[$0] }
  }

  /// Fills `count` places with draws from N(0, 1).
  package func fill(
    _ target: UnsafeMutablePointer<Double>, count: Int, from generator: inout SeededGenerator
  ) {
    edges.withUnsafeBufferPointer { edges in
      shares.withUnsafeBufferPointer { shares in
        for index in 0..<count {
          while true {
            let word = generator.next()
            let layer = Int(word & 127)
            let place = Double(Int64(bitPattern: word) >> 11) * 0x1p-52
            if abs(place) < shares[layer] {
              target[index] = place * edges[layer]
              break
            }
            if let draw = Self.rare(place, layer, edges, &generator) {
              target[index] = draw
              break
            }
          }
        }
      }
    }
  }

  /// Outside the part of a layer that lies under the density everywhere; nil where the draw is rejected.
  private static func rare(
    _ place: Double, _ layer: Int, _ edges: UnsafeBufferPointer<Double>,
    _ generator: inout SeededGenerator
  ) -> Double? {
    guard layer > 0 else {
      while true {
        let (x, y) = (ck_log(1 - generator.uniform()) / tail, ck_log(1 - generator.uniform()))
        if -2 * y >= x * x { return place < 0 ? x - tail : tail - x }
      }
    }
    let x = place * edges[layer]
    let upper = ck_exp(-0.5 * (edges[layer] * edges[layer] - x * x))
    let lower = ck_exp(-0.5 * (edges[layer + 1] * edges[layer + 1] - x * x))
    return lower + generator.uniform() * (upper - lower) < 1 ? x : nil
  }
}
