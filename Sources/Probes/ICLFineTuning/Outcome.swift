// Outcome: what one arm of the comparison gave for one example.

/// What stood in for fine-tuning, or was compared with it.
struct Arm: Hashable, Sendable {
  let condition: Condition
  /// How the model was fine-tuned, where it was.
  var method: FineTuning.Method?
  var rate: Double?
  /// What the rate was chosen on.
  var selection: ICLFineTuningSpec.Selection = .fixed

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
    let observation: Observation

    init(_ run: QueryRun, _ example: TokenizedData.Example) {
      prediction = run.prediction
      isRight = example.right.contains(run.prediction)
      observation = run.observation
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
