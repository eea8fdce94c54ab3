// DualFormRows: what a training cell of `dual-form` writes: curves over training steps, the last point being the headline.

import CheckpointIO
import TensorCore

struct DualFormRows {
  let training: DualFormTraining
  let outcome: DualFormTraining.Outcome

  init(_ training: DualFormTraining, _ outcome: DualFormTraining.Outcome) {
    self.training = training
    self.outcome = outcome
  }

  private struct Place {
    let condition: Condition
    let metric: Metric
    var step: Int?
    var baseline: Condition?
    var numbers: [TableValue] = [.empty, .empty, .empty, .empty]
  }

  var output: CellOutput {
    var output = CellOutput()
    var sample = ClusteredSample(clusters: outcome.targets.indices.map { "\($0)" })
    var places: [Place] = []
    var statistics: [BootstrapStatistic] = []
    func add(_ place: Place, _ values: [Double?]) {
      places.append(place)
      statistics.append(.mean(sample.add(values)))
    }
    func errors(_ reading: DualFormTraining.Reading) -> [Double?] {
      zip(reading.predictions, outcome.targets).map { ($0 - $1) * ($0 - $1) }
    }
    let isOneStep = training.variant.layers == 1
    let setting = training.spec.setting
    for (condition, weights, reading) in outcome.descents {
      let rate = weights.tensors["rate"]?.values.first
      add(
        Place(
          condition: condition, metric: .meanSquaredError,
          numbers: [
            .real(isOneStep ? setting.leastError : nil), .real(rate),
            .real(isOneStep ? setting.bestRate : nil),
            .real(weights.tensors["correction"]?.values.first),
          ]), errors(reading))
    }
    for point in outcome.points {
      add(
        Place(
          condition: .trained, metric: .meanSquaredError, step: point.step,
          numbers: [.real(isOneStep ? setting.leastError : nil), .empty, .empty, .empty]),
        errors(point.reading))
      for (baseline, _, reading) in outcome.descents {
        func compare(_ metric: Metric, _ value: (Int) -> Double?) {
          add(
            Place(condition: .trained, metric: metric, step: point.step, baseline: baseline),
            outcome.targets.indices.map(value))
        }
        let own = point.reading
        compare(.predictionDifference) { abs(own.predictions[$0] - reading.predictions[$0]) }
        compare(.sensitivityCosine) {
          Statistics.cosine(own.sensitivities[$0], reading.sensitivities[$0])
        }
        compare(.sensitivityDifference) {
          Statistics.norm(zip(own.sensitivities[$0], reading.sensitivities[$0]).map { $0 - $1 })
        }
      }
    }
    let estimates = Bootstrap(
      key: "dual-form\u{0}\(training.variant.name)", seed: UInt64(training.seed), resamples: 1000
    ).estimates(of: statistics, over: sample)
    output.results = zip(places, estimates).map { place, estimate in
      ResultRow(
        model: training.variant.name, attention: .linear, condition: place.condition,
        split: .test, shots: training.spec.shots, seed: training.seed, metric: place.metric,
        estimate: estimate,
        extra: [
          .integer(training.variant.layers), .optional(place.step),
          .optional(place.baseline?.rawValue),
        ] + place.numbers)
    }
    output.vectors = outcome.trained.tensors.sorted { $0.key < $1.key }.map { name, tensor in
      RunVector(
        StoredTensor(
          name: "\(training.variant.name)/seed \(training.seed)/\(name)", shape: tensor.shape,
          doubles: tensor.values),
        metadata: ["model": training.variant.name, "seed": "\(training.seed)"])
    }
    return output
  }

  /// Means over seeds of the rows of trainings; n counts seeds.
  static func means(_ rows: [ResultRow]) -> [ResultRow] {
    func key(_ row: ResultRow) -> String {
      ([row.model, row.condition.rawValue, row.metric.rawValue]
        + row.extra[1...2].map { "\($0)" }).joined(separator: "\u{0}")
    }
    var order: [String] = []
    var groups: [String: [ResultRow]] = [:]
    for row in rows where row.metric != .constructionError && row.task == nil {
      if groups[key(row)] == nil { order.append(key(row)) }
      groups[key(row), default: []].append(row)
    }
    return order.compactMap { key in
      guard let same = groups[key], var row = same.first else { return nil }
      row.seed = nil
      row.estimate = Bootstrap(key: "dual-form over seeds\u{0}\(key)", seed: 0).mean(
        same.map(\.estimate.value), clusters: same.map { "\($0.seed ?? 0)" })
      // The numbers of gradient descent are of one training each.
      for place in [4, 6] { row.extra[place] = .empty }
      if row.extra[4] == .empty { row.extra[5] = .empty }
      return row
    }
  }
}

/// The terminal's tables.
struct DualFormSummary {
  let spec: DualFormSpec
  let rows: [ResultRow]
  let screen: Screen

  var text: String {
    ([construction] + spec.variants.map(curve) + [identity]).filter { !$0.isEmpty }
      .map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
  }

  private var construction: [String] {
    var table = TextTable(headers: ["run as", "condition", "layers", "greatest difference"])
    for row in rows where row.metric == .constructionError {
      var layers = ""
      if case .integer(let number) = row.extra[0] { layers = "\(number)" }
      table.append([
        row.model, row.condition.rawValue, layers,
        row.estimate.value.map(TextTable.scientific) ?? "",
      ])
    }
    return ["constructed weights against explicit gradient steps"] + table.lines(on: screen)
  }

  private func curve(_ variant: DualFormSpec.Variant) -> [String] {
    let own = rows.filter {
      $0.model == variant.name && $0.seed == (spec.seeds.count > 1 ? nil : spec.seeds[0])
    }
    let baselines: [Condition] =
      variant.layers > 1
      ? [.gradientDescent, .gradientDescentCorrected] : [.gradientDescent]
    var table = TextTable(
      headers: ["step", "mse"]
        + baselines.flatMap { baseline in
          let short = baseline == .gradientDescent ? "GD" : "GD++"
          return ["\(short) mse", "|Δŷ|", "cos ∂ŷ/∂x", "‖Δ∂ŷ/∂x‖"]
        })
    var steps: [Int] = []
    for row in own {
      if case .integer(let step) = row.extra[1], !steps.contains(step) { steps.append(step) }
    }
    func value(_ metric: Metric, _ step: Int?, _ condition: Condition, _ baseline: Condition?)
      -> String
    {
      TextTable.number(
        own.first {
          $0.metric == metric && $0.condition == condition && $0.extra[1] == .optional(step)
            && $0.extra[2] == .optional(baseline?.rawValue)
        }?.estimate.value, decimals: 4)
    }
    for step in steps {
      table.append(
        ["\(step)", value(.meanSquaredError, step, .trained, nil)]
          + baselines.flatMap { baseline in
            [value(.meanSquaredError, nil, baseline, nil)]
              + [Metric.predictionDifference, .sensitivityCosine, .sensitivityDifference].map {
                value($0, step, .trained, baseline)
              }
          })
    }
    return ["\(variant.name) against gradient descent along its training"]
      + table.lines(on: screen)
  }

  private var identity: [String] {
    guard let models = spec.prompting?.models, !models.isEmpty else { return [] }
    var table = TextTable(headers: [
      "model", "task", "residual, mean over heads", "greatest", "share of ΔW",
    ])
    var order: [[String]] = []
    for row in rows where row.metric == .dualResidual {
      let key = [row.model, row.task ?? ""]
      if !order.contains(key) { order.append(key) }
    }
    for key in order {
      func values(_ metric: Metric) -> [Double] {
        rows.filter { $0.metric == metric && $0.model == key[0] && $0.task == key[1] }
          .compactMap(\.estimate.value)
      }
      let residuals = values(.dualResidual)
      func text(_ value: Double?) -> String {
        value.map { $0 < 1e-3 ? TextTable.scientific($0) : TextTable.number($0, decimals: 3) } ?? ""
      }
      table.append(
        key + [
          text(Statistics.mean(residuals)), text(residuals.max()),
          text(Statistics.mean(values(.dualShare))),
        ])
    }
    return ["(W_ZSL + ΔW_ICL) q against what each head computes at the last token"]
      + table.lines(on: screen)
  }
}
