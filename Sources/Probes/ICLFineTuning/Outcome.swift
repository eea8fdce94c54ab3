// Outcome: what one arm of the comparison gave for one example.

/// What stood in for fine-tuning, or was compared with it.
struct Arm: Hashable, Sendable {
  let condition: Condition
  /// How the model was fine-tuned, where it was.
  var method: FineTuning.Method?
  var rate: Double?
  /// What the rate was chosen on.
  var selection: ICLFineTuningSpec.Selection = .fixed

  /// Fine-tuned alike under another condition.
  func with(_ condition: Condition) -> Arm {
    Arm(condition: condition, method: method, rate: rate, selection: selection)
  }

  static let zeroShot = Arm(condition: .zeroShot)
  static let icl = Arm(condition: .icl)
}

/// One example in one arm.
struct Outcome: Sendable {
  /// What the model answered; `nil` where an update was drawn and no model asked.
  var answer: Answer?
  /// By layer.
  var layers: [Measurements] = []
  /// By layer and head; empty where nobody asked.
  var heads: [[Measurements]] = []
  /// About the output.
  var whole = Measurements()

  struct Answer: Sendable {
    let prediction: Int
    let isRight: Bool
    /// Of the right answer's first token.
    let observation: Observation
    /// Of all its tokens, nats.
    let logProbability: Double

    init(_ run: QueryRun, _ example: TokenizedData.Example) {
      prediction = run.prediction
      isRight = example.right.contains(run.prediction)
      observation = run.observation
      let right = example.question.right
      let count = example.question.answers[right].count
      // Of one token it is the observation's: their digits differ by the rounding of a mean.
      logProbability =
        count == 1 ? run.observation.targetLogProbability : run.answers[right] * Double(count)
    }
  }

  /// A metric of the example: about the output, or the mean over the layers where it is defined.
  func value(_ metric: Metric) -> Double? {
    whole[metric] ?? Statistics.mean(layers.indices.compactMap { value(metric, layer: $0) })
  }

  /// A metric in a layer: its own, or the mean over the heads where it is defined.
  func value(_ metric: Metric, layer: Int) -> Double? {
    if let value = layers[layer][metric] { return value }
    guard heads.indices.contains(layer) else { return nil }
    return Statistics.mean(heads[layer].compactMap { $0[metric] })
  }
}
