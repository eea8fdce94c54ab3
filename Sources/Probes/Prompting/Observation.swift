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
    let tokens = targets.map { Int32($0) }
    let logs = logProbabilities(logits, targets: tokens)
    return zip(standings(logits, targets: tokens), logs).map { standing, log in
      Observation(
        predictions: [standing.best], targetRank: standing.rank, targetLogProbability: log,
        logitDifference: standing.lead)
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
