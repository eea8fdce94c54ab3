// How much arithmetic a pass needs: what `bench` divides by time and `plan` adds up.

extension Architecture {
  /// The multiplications and additions of a forward pass without prefixes: linear maps, attention over the visible
  /// keys, unembedding. What grows only with the width (norms, activations) is not counted.
  ///
  /// - Parameters:
  ///   - lengths: tokens of each sequence.
  ///   - logits: rows that pass the unembedding.
  public func floatingPointOperations(lengths: [Int], logits: Int) -> Double {
    let tokens = Double(lengths.reduce(0, +))
    let matrices = parameters.reduce(0.0) { sum, parameter in
      parameter.name.hasPrefix("layers.") && parameter.shape.count == 2
        ? sum + Double(parameter.shape[0] * parameter.shape[1]) : sum
    }
    let pairs = lengths.reduce(0.0) { $0 + Double($1) * Double($1 + 1) / 2 }
    let mixing = (0..<layers).reduce(0.0) { sum, layer in
      let shape = attentionShape(layer)
      switch attention[layer] {
      case .softmax, .momentumSoftmax:
        return sum + pairs * Double(shape.heads * (shape.headWidth + shape.valueWidth))
      case .linear(let linear):
        // Writing and reading the state; the delta rule reads it twice.
        let passes: Double = if case .gatedDelta = linear.update { 3 } else { 2 }
        return sum + passes * tokens
          * Double(shape.heads * featureWidth(layer) * shape.valueWidth)
      }
    }
    return 2 * (tokens * matrices + mixing + Double(logits * vocabulary * modelWidth))
  }
}
