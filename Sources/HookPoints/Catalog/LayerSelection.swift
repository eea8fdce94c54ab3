// LayerSelection: the layer part of a hook's name in text: 3, -1, 2-5, *.

/// Which layers a text means.
enum LayerSelection: Equatable {
  /// `*`: every layer that has the point.
  case every
  /// `3`, or `-1` from the end.
  case one(Int)
  /// `2-5`, both ends included; each may be negative.
  case range(Int, Int)

  /// Nil for anything else, such as `03` or `+1`.
  init?(_ text: some StringProtocol) {
    if text == "*" {
      self = .every
    } else if let layer = LayerSelection.number(text) {
      self = .one(layer)
    } else if let dash = text.dropFirst().firstIndex(of: "-"),
      let first = LayerSelection.number(text[..<dash]),
      let last = LayerSelection.number(text[text.index(after: dash)...])
    {
      self = .range(first, last)
    } else {
      return nil
    }
  }

  private static func number(_ text: some StringProtocol) -> Int? {
    guard let value = Int(text), String(value) == text else { return nil }
    return value
  }

  /// The layers in ascending order; nil stands for every one.
  ///
  /// - Throws: `HookError.layerOutOfRange`, `.malformedRange`.
  func layers(of layers: Int, model: String, text: String) throws -> [Int]? {
    func absolute(_ layer: Int) throws -> Int {
      let found = layer < 0 ? layers + layer : layer
      guard (0..<layers).contains(found) else {
        throw HookError.layerOutOfRange(text: text, layer: layer, layers: layers, model: model)
      }
      return found
    }
    switch self {
    case .every: return nil
    case .one(let layer): return [try absolute(layer)]
    case .range(let first, let last):
      let (low, high) = (try absolute(first), try absolute(last))
      guard low <= high else {
        throw HookError.malformedRange(text: text, range: "\(first)-\(last)")
      }
      return Array(low...high)
    }
  }
}
