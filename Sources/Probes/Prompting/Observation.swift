// Observation: what one prediction says about the right answer. Everything that samples.csv has of it.

import TensorCore

/// One row of logits against its target.
public struct Observation: Sendable, Equatable {
  /// The token of the highest logit; of several equal ones the first.
  public let prediction: Int
  /// How many tokens have a higher logit than the target: 0 when it is the prediction (or ties with it).
  public let targetRank: Int
  /// log p(target), nats.
  public let targetLogProbability: Double
  /// The target's logit minus the highest logit among all other tokens; positive when the target wins.
  public let logitDifference: Double
}

extension Operations<Float> {
  /// Compares each row of logits `[n, V]` with its target.
  public func observations(_ logits: Tensor<Float>, targets: [Int]) -> [Observation] {
    let logs = logProbabilities(logits, targets: targets.map { Int32($0) })
    let width = logits.width
    return logits.withUnsafeBufferPointer { all in
      targets.enumerated().map { row, target in
        let own = UnsafeBufferPointer(rebasing: all[row * width..<(row + 1) * width])
        let goal = own[target]
        var (best, bestOther, higher) = (0, -Float.infinity, 0)
        for index in own.indices {
          let logit = own[index]
          if logit > own[best] { best = index }
          if logit > goal { higher += 1 }
          if index != target && logit > bestOther { bestOther = logit }
        }
        return Observation(
          prediction: best, targetRank: higher, targetLogProbability: logs[row],
          logitDifference: Double(goal) - Double(bestOther))
      }
    }
  }
}
