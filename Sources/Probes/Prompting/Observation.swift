// Observation: what one prediction says about the right answer. Everything that samples.csv has of it.

import TensorCore

/// Logits against the answer they should give.
public struct Observation: Sendable, Equatable {
  /// The token of the highest logit at each token of the answer, given the answer's tokens before it; of several equal
  /// ones the first. Greedy decoding gives the answer exactly when these are its tokens.
  public let predictions: [Int]
  /// How many tokens have a higher logit than the answer's first: 0 when it is the prediction (or ties with it).
  public let targetRank: Int
  /// log p(answer), nats, summed over its tokens.
  public let targetLogProbability: Double
  /// The first token's logit minus the highest logit among all other tokens; positive when the target wins.
  public let logitDifference: Double

  /// The first predicted token.
  public var prediction: Int { predictions[0] }
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
          predictions: [best], targetRank: higher, targetLogProbability: logs[row],
          logitDifference: Double(goal) - Double(bestOther))
      }
    }
  }

  /// Compares the rows of logits `[answer, V]` with the tokens of one answer.
  public func observation(_ logits: Tensor<Float>, answer: [Int]) -> Observation {
    observations(logits, answers: [answer])[0]
  }

  /// Compares rows of logits, those of one answer after those of another, with the answers' tokens.
  public func observations(_ logits: Tensor<Float>, answers: [[Int]]) -> [Observation] {
    var tokens = observations(logits, targets: answers.flatMap { $0 })[...]
    return answers.map { answer in
      let own = Array(tokens.prefix(answer.count))
      tokens = tokens.dropFirst(answer.count)
      return Observation(
        predictions: own.map(\.prediction), targetRank: own[0].targetRank,
        targetLogProbability: own.reduce(0) { $0 + $1.targetLogProbability },
        logitDifference: own[0].logitDifference)
    }
  }
}
