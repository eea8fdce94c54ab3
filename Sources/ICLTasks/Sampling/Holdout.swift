// Which pairs of a task training never sees.

import TensorCore

/// A split of every task's pairs into seen and held out, by hash.
///
/// Whether a pair is held out depends on its task's name, its input, the seed and the fraction only:
/// adding pairs or tasks moves no other pair. Each pair is held out with probability `fraction`, so
/// a task's share varies around it. The same input may be held out under one task and seen under
/// another: that is the point, since the word itself must have been seen.
public struct Holdout: Sendable, Equatable, Codable {
  /// The probability that a pair is held out, in [0, 1).
  public let fraction: Double
  /// The seed of the hash.
  public let seed: UInt64

  public init(fraction: Double, seed: UInt64) {
    precondition(
      fraction >= 0 && fraction < 1, "Holdout: the fraction is \(fraction), expected [0, 1)")
    self.fraction = fraction
    self.seed = seed
  }

  /// Whether a pair is kept from training.
  public func isHeldOut(task: String, input: String) -> Bool {
    var generator = SeededGenerator(key: "holdout\u{0}\(task)\u{0}\(input)", seed: seed)
    return generator.uniform() < fraction
  }

  /// The places of a task's pairs in a pool, in file order.
  package func pairs(of task: ICLTask, in pool: PairPool) -> [Int] {
    task.pairs.indices.filter { index in
      switch pool {
      case .all: true
      case .seen: !isHeldOut(task: task.name, input: task.pairs[index].input)
      case .heldOut: isHeldOut(task: task.name, input: task.pairs[index].input)
      }
    }
  }
}

/// A part of a task's pairs under a holdout.
public enum PairPool: String, Sendable, Equatable, Codable, CaseIterable {
  case all
  case seen
  case heldOut = "held_out"
}
