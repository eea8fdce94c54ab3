// What must hold between the numbers of an architecture, and no single key of a config.json can say.

import CheckpointIO

extension Architecture {
  /// Throws unless a model of this architecture can be computed.
  ///
  /// - Parameter file: the config.json it comes from, for the message.
  func verify(file: String) throws {
    func refuse(_ what: String, _ found: Int, _ supported: String) -> ModelError {
      .unsupportedValue(file: file, key: what, found: "\(found)", supported: supported)
    }
    func limit(_ what: String, _ factors: Int..., to most: Int = InputLimits.width) throws {
      let product = factors.reduce(1) { $0 > most ? $0 : $0.multipliedReportingOverflow(by: $1).0 }
      // Each factor is below 2³² and what was within the limit is below 2²³: no product wraps round.
      if product > most { throw refuse(what, product, "at most \(most)") }
    }
    try limit("the number of layers", layers, to: InputLimits.layers)
    try limit("the model's width", modelWidth)
    try limit("the MLP's width", mlpWidth)
    try limit("the vocabulary", vocabulary, to: InputLimits.vocabulary)
    if case .learned(let count, let offset) = positions {
      try limit("the number of positions", count + offset)
    }
    for layer in 0..<layers {
      let shape = attentionShape(layer)
      for width in [shape.headWidth, shape.valueWidth] where width < 1 {
        throw refuse("the width of a head", width, "1 or more")
      }
      try limit("the width of all queries", shape.heads, shape.headWidth)
      try limit("the width of all values", shape.heads, shape.valueWidth)
      if case .linear(let linear) = attention[layer] {
        if let taps = linear.convolution { try limit("the number of a convolution's taps", taps) }
        try limit("the width of φ", shape.heads, linear.featureMap.width(of: shape.headWidth))
        if case .gated(let rank, _, _) = linear.update { try limit("the rank of a gate", rank) }
      }
      guard shape.heads % shape.keyValueHeads == 0 else {
        throw refuse(
          "the number of key/value heads", shape.keyValueHeads,
          "a divisor of the \(shape.heads) heads")
      }
      if let rotary = shape.rotary,
        !rotary.dimensions.isMultiple(of: 2) || rotary.dimensions < 2
          || rotary.dimensions > shape.headWidth
      {
        throw refuse(
          "the number of a head's dimensions that turn", rotary.dimensions,
          "an even number up to the head's width, \(shape.headWidth), for rotary positions")
      }
    }
    // Every product of two widths is below 2⁴⁵ by now.
    try limit("the number of parameters", parameterCount, to: InputLimits.parameters)
    if case .sinusoidal = positions, !modelWidth.isMultiple(of: 2) || modelWidth < 4 {
      throw refuse("the model's width", modelWidth, "an even number from 4, for sines and cosines")
    }
  }
}
