// In-context vectors in numbers (Liu et al. 2024, arXiv:2311.06668): the direction from inputs to outputs in the stacked
// residuals of all layers, and the turn towards it that keeps norms.

import HookPoints
import HookedModels
import TensorCore

extension Transformer<Float> {
  /// The in-context vectors of each set of demonstrations, `[set][layer][D]`.
  ///
  /// For each pair the residuals after every block at the last token of the input alone and of the output alone are
  /// stacked to one vector of L·D; D_i is the second minus the first. The result is the mean of D plus its first principal
  /// component (of unit length over all layers together), whose sign, which is arbitrary in itself, is that of its inner
  /// product with the mean. Of a single pair it is D.
  package func inContextVectors(
    _ sets: [[(input: [Int], output: [Int])]], notes: inout CellNotes
  ) throws -> [[[Float]]] {
    let texts = sets.flatMap { $0.flatMap { [$0.input, $0.output] } }
    let layers = 0..<architecture.layers
    let reads = layers.map { Read(Site<Residual>.residPost($0), at: .last) }
    var states: [[Float]] = []
    for chunk in texts.chunked(tokens: 4096, count: \.count) {
      let result = try capture(
        chunk.map { BatchSequence(tokens: $0) }, plan: HookPlan(reads: reads))
      notes.add(result.fireCounts)
      let tensors = try layers.map { try result.cache.tensor(.block($0, .residPost)) }
      states += chunk.indices.map { index in tensors.flatMap { $0.row(index) } }
    }
    var start = 0
    return sets.map { set in
      let differences = set.indices.map { pair in
        let (input, output) = (states[start + 2 * pair], states[start + 2 * pair + 1])
        return zip(output, input).map { Double($0) - Double($1) }
      }
      start += 2 * set.count
      let vector = Self.direction(of: differences)
      return layers.map { layer in
        vector[layer * architecture.modelWidth..<(layer + 1) * architecture.modelWidth].map {
          Float($0)
        }
      }
    }
  }

  /// The mean of vectors plus their first principal component, pointing where the mean does.
  private static func direction(of rows: [[Double]]) -> [Double] {
    let count = Double(rows.count)
    let mean = rows[0].indices.map { column in rows.reduce(0) { $0 + $1[column] } / count }
    let centred = rows.map { zip($0, mean).map { $0 - $1 } }
    // The component lies in the span of the rows: an eigenvector of their inner products.
    let inner = SymmetricEigenvectors(
      centred.map { row in centred.map { Statistics.dot(row, $0) } })
    let shares = inner.vectors[0]
    let component = mean.indices.map { column in
      zip(shares, centred).reduce(0) { $0 + $1.0 * $1.1[column] }
    }
    let (norm, along) = (Statistics.norm(component), Statistics.dot(component, mean))
    guard norm > 0 else { return mean }
    let sign = along < 0 ? -1.0 : 1.0
    return zip(mean, component).map { $0 + sign * $1 / norm }
  }

  /// The turn of every token's activation towards the vector of each layer.
  ///
  /// - Parameters:
  ///   - point: `hook_mlp_out`, as the released code has it, or another point of the stream.
  ///   - scale: λ.
  package func turn(
    of tokens: Int, towards vectors: [[Float]], at point: BlockPoint, scale: Double
  ) -> [PromptEdit] {
    hooks(point).compactMap { hook in
      guard let layer = hook.layer else { return nil }
      let vector = vectors[layer].map { Double($0) }
      let length = Statistics.norm(vector)
      let unit = length > 0 ? vector.map { $0 / length } : vector
      let edit = CustomEdit(label: "in-context vector, λ = \(scale)") { row in
        let x = row.map { Double($0) }
        let norm = Statistics.norm(x)
        guard norm > 0 else { return }
        let amount = scale * (1 + max(0, -Statistics.dot(x, unit) / norm))
        let turned = zip(x, unit).map { $0 / norm + amount * $1 }
        let factor = norm / Statistics.norm(turned)
        for index in row.indices { row[index] = Float(turned[index] * factor) }
      }
      return PromptEdit(hook: hook, positions: Array(0..<tokens), action: .custom(edit))
    }
  }
}
