// What must hold between the numbers of an architecture, and no single key of a config.json can say.

extension Architecture {
  /// Throws unless a model of this architecture can be computed.
  ///
  /// - Parameter file: the config.json it comes from, for the message.
  func verify(file: String) throws {
    func refuse(_ what: String, _ found: Int, _ supported: String) -> ModelError {
      .unsupportedValue(file: file, key: what, found: "\(found)", supported: supported)
    }
    for width in [headWidth, valueWidth] where width < 1 {
      throw refuse("the width of a head", width, "1 or more")
    }
    guard heads % keyValueHeads == 0 else {
      throw refuse(
        "the number of key/value heads", keyValueHeads, "a divisor of the \(heads) heads")
    }
    if case .rotary(let rotary) = positions, !rotary.dimensions.isMultiple(of: 2) {
      throw refuse(
        "the width of a head", rotary.dimensions, "an even number, for rotary positions")
    }
  }
}
