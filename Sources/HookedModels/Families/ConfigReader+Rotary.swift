// Rotary positions in a config.json, as transformers 4 writes them (`rope_theta`, `rope_scaling`, a fraction under the
// class's own name) and as transformers 5 does (all of it in `rope_parameters`).

import CheckpointIO
import TensorCore

/// What a class takes where config.json is silent, and what it calls the keys.
struct RotaryDefaults {
  var base = 10_000.0
  var baseKey = "rope_theta"
  /// The share of a head's dimensions that turn.
  var fraction = 1.0
  var fractionKey = "partial_rotary_factor"
}

extension ConfigReader {
  /// How a model's heads turn.
  ///
  /// - Parameters:
  ///   - headWidth: d.
  ///   - maximum: the model's positions, which stand for the original ones where a scaling does not name them.
  mutating func rotary(
    headWidth: Int, maximum: Int, defaults: RotaryDefaults = RotaryDefaults()
  ) throws -> Rotary {
    if let rotary = try nested(
      "rope_parameters",
      {
        var inner = defaults
        (inner.baseKey, inner.fractionKey) = ("rope_theta", "partial_rotary_factor")
        return try $0.rotaryParameters(headWidth, maximum, inner)
      })
    {
      return rotary
    }
    var rotary = Rotary(
      dimensions: try turning(headWidth, defaults),
      base: try double(defaults.baseKey, default: defaults.base, in: 1...1e12), interleaved: false)
    let dimensions = rotary.dimensions
    rotary.scaling =
      try nested("rope_scaling") { try $0.rotaryScaling(dimensions, maximum) } ?? .none
    return rotary
  }

  /// The same of the object that holds all of it.
  mutating func rotaryParameters(
    _ headWidth: Int, _ maximum: Int, _ defaults: RotaryDefaults
  ) throws -> Rotary {
    let dimensions = try turning(headWidth, defaults)
    return Rotary(
      dimensions: dimensions,
      base: try double(defaults.baseKey, default: defaults.base, in: 1...1e12), interleaved: false,
      scaling: try rotaryScaling(dimensions, maximum))
  }

  private mutating func turning(_ headWidth: Int, _ defaults: RotaryDefaults) throws -> Int {
    let share = try double(defaults.fractionKey, default: defaults.fraction, in: 0...1)
    return Int(Double(headWidth) * share)
  }

  private enum ScalingKind { case none, linear, llama3, yarn }

  /// `rope_type` (`type` before) and what belongs to it.
  ///
  /// Within the model's positions, beyond which no prompt runs, "dynamic" changes nothing.
  mutating func rotaryScaling(_ dimensions: Int, _ maximum: Int) throws -> RotaryScaling {
    let key = contains("type") && !contains("rope_type") ? "type" : "rope_type"
    let kind: ScalingKind = try choice(
      key, default: "default",
      among: [
        "default": .none, "dynamic": .none, "linear": .linear, "llama3": .llama3, "yarn": .yarn,
      ])
    guard kind != .none else { return .none }
    let factor = try double("factor", in: 1...1e6)
    switch kind {
    case .none: return .none
    case .linear: return .linear(factor: factor)
    case .llama3:
      return .llama3(
        factor: factor, low: try double("low_freq_factor", in: 1e-6...1e6),
        high: try double("high_freq_factor", in: 1e-6...1e6),
        original: try double("original_max_position_embeddings", in: 1...1e9))
    case .yarn:
      return .yarn(
        factor: factor, fast: try double("beta_fast", default: 32, in: 1e-6...1e6),
        slow: try double("beta_slow", default: 1, in: 1e-6...1e6),
        original: try double(
          "original_max_position_embeddings", default: Double(maximum), in: 1...1e9),
        amplitude: try yarnAmplitude(factor), truncated: try bool("truncate", default: true))
    }
  }

  /// `attention_factor`, or 1 + 0.1 ln(factor), or a quotient of two such where `mscale` and `mscale_all_dim` are given.
  private mutating func yarnAmplitude(_ factor: Double) throws -> Double {
    if let given = try doubleIfPresent("attention_factor", in: 0...1e6) { return given }
    let scales = (try doubleIfPresent("mscale"), try doubleIfPresent("mscale_all_dim"))
    guard let above = scales.0, let below = scales.1, above != 0, below != 0 else {
      return RotaryScaling.yarnAmplitude(factor: factor)
    }
    return RotaryScaling.yarnAmplitude(factor: factor, scale: above)
      / RotaryScaling.yarnAmplitude(factor: factor, scale: below)
  }

  /// The layers that see a window of keys only, by `layer_types` or by the class's own rule.
  ///
  /// - Parameters:
  ///   - window: the window's keys; nil for no windows.
  ///   - isWindowed: which layers have one where `layer_types` is absent.
  mutating func windows(layers: Int, window: Int?, isWindowed: (Int) -> Bool) throws -> [Int?] {
    guard contains("layer_types") else {
      return (0..<layers).map { isWindowed($0) ? window : nil }
    }
    let names = try strings("layer_types")
    guard names.count == layers else {
      throw ModelError.unsupportedValue(
        file: file, key: "layer_types", found: "\(names.count) entries",
        supported: "one for each of the \(layers) layers")
    }
    return try names.map { name in
      switch name {
      case "full_attention": return nil
      case "sliding_attention":
        guard let window else {
          throw ModelError.unsupportedValue(
            file: file, key: "layer_types", found: "'\(name)' without sliding_window",
            supported: "'sliding_attention' with a number under sliding_window")
        }
        return window
      default:
        throw ModelError.unsupportedValue(
          file: file, key: "layer_types", found: "'\(name)'",
          supported: "'full_attention' and 'sliding_attention'")
      }
    }
  }
}
