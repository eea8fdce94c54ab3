// PatchReading: what the logits of one run say of a pair's answer, compared with the unedited run.

import CKernels
import TensorCore

/// One run's answer.
struct PatchReading: Sendable {
  /// logit(answer) − logit(contrast).
  let metric: Double
  /// Of the answer, in nats.
  let logProbability: Double
  /// How many tokens have a greater logit than the answer.
  let rank: Double
  /// KL(unedited ‖ this run) over the next token, nats.
  let divergence: Double
  /// The most probable token.
  let prediction: Int

  var probability: Double { ck_exp(logProbability) }

  /// The unedited run that others are compared with.
  struct Reference: Sendable {
    let pair: PatchPair
    let logProbabilities: [Double]

    init(_ pair: PatchPair, unedited: [Float]) {
      self.pair = pair
      logProbabilities = PatchReading.logProbabilities(unedited)
    }
  }

  init(_ logits: [Float], _ reference: Reference) {
    let pair = reference.pair
    let own = Self.logProbabilities(logits)
    metric = pair.metric(logits)
    logProbability = own[pair.answer]
    rank = Double(logits.count { $0 > logits[pair.answer] })
    var sum = CompensatedSum()
    for (old, new) in zip(reference.logProbabilities, own) { sum.add(ck_exp(old) * (old - new)) }
    divergence = max(0, sum.value)
    prediction = logits.argmax
  }

  /// The log-softmax, nats.
  static func logProbabilities(_ logits: [Float]) -> [Double] {
    let greatest = Double(logits.max() ?? 0)
    var sum = CompensatedSum()
    for logit in logits { sum.add(ck_exp(Double(logit) - greatest)) }
    let total = greatest + ck_log(sum.value)
    return logits.map { Double($0) - total }
  }
}
