// Schedule: the learning rate at a step, as a fraction of its peak.

import CKernels

/// Linear warm-up to the peak, then constant, or down to a final fraction by a line or a half cosine.
public struct Schedule: Sendable, Equatable {
  /// How the rate falls after the warm-up.
  public enum Decay: String, Sendable, Codable, CaseIterable { case constant, linear, cosine }

  /// The highest rate.
  public let peak: Double
  /// Steps of linear rise.
  public let warmup: Int
  /// All steps, those of the warm-up included.
  public let total: Int
  /// How the rate falls after the warm-up.
  public let decay: Decay
  /// The share of the peak that is left after the last step.
  public let finalFraction: Double

  /// - Parameters:
  ///   - peak: the highest rate.
  ///   - warmup: steps of linear rise; step 0 has 1/warmup of the peak.
  ///   - total: all steps; the rate reaches `finalFraction · peak` after the last.
  ///   - decay: how the rate falls after the warm-up.
  ///   - finalFraction: the share of the peak that is left at the end; without meaning where the rate is constant.
  public init(peak: Double, warmup: Int, total: Int, decay: Decay, finalFraction: Double = 0) {
    self.peak = peak
    self.warmup = warmup
    self.total = total
    self.decay = decay
    self.finalFraction = finalFraction
  }

  /// The rate of step `step`, counted from 0.
  public func rate(at step: Int) -> Double {
    if step < warmup { return peak * Double(step + 1) / Double(warmup) }
    let done = min(1, Double(step - warmup) / Double(max(1, total - warmup)))
    let left: Double =
      switch decay {
      case .constant: 1
      case .linear: 1 - done
      case .cosine: 0.5 * (1 + ck_cos(Double.pi * done))
      }
    return peak * (finalFraction + (1 - finalFraction) * left)
  }
}
