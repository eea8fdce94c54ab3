// What must hold between the numbers of an architecture, and no single key of a config.json can say.

extension Architecture {
  /// Throws unless a model of this architecture can be computed.
  ///
  /// - Parameter file: the config.json it comes from, for the message.
  func verify(file: String) throws {
    func refuse(_ what: String, _ found: Int, _ supported: String) -> ModelError {
      .unsupportedValue(file: file, key: what, found: "\(found)", supported: supported)
    }
    for layer in 0..<layers {
      let shape = attentionShape(layer)
      for width in [shape.headWidth, shape.valueWidth] where width < 1 {
        throw refuse("the width of a head", width, "1 or more")
      }
      guard shape.heads % shape.keyValueHeads == 0 else {
        throw refuse(
          "the number of key/value heads", shape.keyValueHeads,
          "a divisor of the \(shape.heads) heads")
      }
      if let rotary = shape.rotary,
        !rotary.dimensions.isMultiple(of: 2) || !(2...shape.headWidth).contains(rotary.dimensions)
      {
        throw refuse(
          "the number of a head's dimensions that turn", rotary.dimensions,
          "an even number up to the head's width, \(shape.headWidth), for rotary positions")
      }
    }
    if case .sinusoidal = positions, !modelWidth.isMultiple(of: 2) || modelWidth < 4 {
      throw refuse("the model's width", modelWidth, "an even number from 4, for sines and cosines")
    }
  }
}
