// RotaryScaling: what stretches rotary positions beyond the length a model was first trained on. As transformers'
// `modeling_rope_utils.py` computes it, in double precision.

import CKernels

/// How rotary frequencies f_i = base^(−2i/dimensions) are changed.
public enum RotaryScaling: Sendable, Hashable {
  case none
  /// f / factor (Chen et al. 2023, arXiv:2306.15595).
  case linear(factor: Double)
  /// Wavelengths longer than `original / low` are multiplied by the factor, those shorter than `original / high`
  /// stay, and between them the two are mixed (LLaMA 3.1).
  case llama3(factor: Double, low: Double, high: Double, original: Double)
  /// Between `fast` and `slow` turns over the original length, f goes over to f / factor; cosines and sines are
  /// multiplied by `amplitude` (Peng et al. 2023, arXiv:2309.00071, §3.2, 3.4).
  case yarn(
    factor: Double, fast: Double, slow: Double, original: Double, amplitude: Double,
    truncated: Bool)
}

extension RotaryScaling {
  /// YaRN's amplitude where none is given, 0.1 · scale · ln(factor) + 1 (§3.4).
  static func yarnAmplitude(factor: Double, scale: Double = 1) -> Double {
    factor <= 1 ? 1 : 0.1 * scale * ck_log(factor) + 1
  }
}

extension Rotary {
  /// Radians a position, one for each pair of dimensions.
  var frequencies: [Double] {
    let pairs = dimensions / 2
    let plain = (0..<pairs).map { ck_pow(base, -Double($0) / Double(pairs)) }
    switch scaling {
    case .none: return plain
    case .linear(let factor): return plain.map { $0 / factor }
    case .llama3(let factor, let low, let high, let original):
      return plain.map { frequency in
        // How often it turns over the original length.
        let turns = original * frequency / (2 * Double.pi)
        if turns < low { return frequency / factor }
        if turns > high { return frequency }
        let share = (turns - low) / (high - low)
        return (1 - share) * frequency / factor + share * frequency
      }
    case .yarn(let factor, let fast, let slow, let original, _, let truncated):
      /// The pair (not rounded) that turns so often over the original length.
      func pair(turning turns: Double) -> Double {
        Double(dimensions) * ck_log(original / (turns * 2 * Double.pi)) / (2 * ck_log(base))
      }
      var (first, last) = (pair(turning: fast), pair(turning: slow))
      if truncated { (first, last) = (first.rounded(.down), last.rounded(.up)) }
      (first, last) = (max(first, 0), min(last, Double(dimensions - 1)))
      if first == last { last += 0.001 }
      return plain.enumerated().map { index, frequency in
        let share = min(max((Double(index) - first) / (last - first), 0), 1)
        return frequency / factor * share + frequency * (1 - share)
      }
    }
  }

  /// What turned dimensions are multiplied by besides.
  var amplitude: Double {
    if case .yarn(_, _, _, _, let amplitude, _) = scaling { amplitude } else { 1 }
  }
}
