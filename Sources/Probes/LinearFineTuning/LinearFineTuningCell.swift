// LinearFineTuningCell: pre-trains, fine-tunes in one way, tests, and puts what the theory expects beside each error.

import CheckpointIO
import TensorCore

struct LinearFineTuningCell {
  let spec: LinearFineTuningSpec
  let context: ComputeContext
  let architecture: RegressionArchitecture
  let seed: Int
  let variant: RegressionVariant
  let pretrained: PretrainedModels

  /// Trained weights: the theory's model from moments, others as stacks.
  enum Trained {
    case moment(MomentModel)
    case stack(StackWeights)
  }

  private static let paper = "Lee, Sohn and Lee 2026, arXiv:2602.23197"

  /// The columns behind those of every results.csv.
  static let columns: [Column] = [
    Column(
      "mse_closed_form", .real,
      "The expected squared error of the theory's model whose free numbers g, w and c are read off the "
        + "trained weights. On rows over all seeds the mean over seeds, as of the next two.",
      formula: "E (ŷ − y)² of the theory's model of g, w, c", unit: "squared units of y",
      range: "≥ 0",
      whenEmpty:
        "the theory names no model for the condition, or for models of more than one layer, head or matrix",
      source: "this project, from Lee, Sohn and Lee 2026, arXiv:2602.23197"
    ),
    Column(
      "mse_difference", .real, "How far the measured error is from the theory's.",
      formula: "value − mse_closed_form", unit: "squared units of y",
      whenEmpty: "mse_closed_form is empty", source: Documentation.thisProject),
    Column(
      "mse_exact", .real,
      "The expected squared error of the trained weights as they are, all of them, by Isserlis's theorem.",
      formula: "E (ŷ − y)² of the trained Q and v", unit: "squared units of y", range: "≥ 0",
      whenEmpty: "the model has more than one layer, head or matrix",
      source: "this project; Isserlis 1918, Biometrika 12"),
    Column(
      "g", .real, "How far pre-training trusts the demonstrations.",
      formula: "v_y times the mean eigenvalue of Q_xx relative to Σ⁻¹",
      whenEmpty: "the condition's closed form has no g, or the row is over all seeds", source: paper
    ),
    Column(
      "w", .real,
      "The theory's w, which the zero-shot loss leaves free.",
      formula:
        "all weights trained: v_x along θ₀ over v_y; values: v_y times the mean eigenvalue of Q_xx",
      whenEmpty: "the condition's closed form has no w, or the row is over all seeds", source: paper
    ),
    Column(
      "c", .real, "How much of the task the values alone take up.",
      formula: "v_x along the theory's direction times the mean eigenvalue of Q_xx",
      whenEmpty: "the condition's closed form has no c, or the row is over all seeds", source: paper
    ),
    Column(
      "g_theory", .real, "What g is at the optimum of pre-training.",
      formula: "(n + 1) / (n + 1 + d + d σ²) for Σ = I", whenEmpty: "g is empty",
      source: "this project, from Zhang, Frei and Bartlett 2023, arXiv:2306.09927"),
    Column(
      "w_theory", .real,
      "The w of least error on θ₀ at the training prompts' demonstrations: where the few-shot loss pulls.",
      formula: "argmin over w of E (ŷ − y)² on θ₀ at n demonstrations, c as trained",
      whenEmpty: "the condition is not `fine_tuned_value_auxiliary`, or w is empty", source: paper),
    Column(
      "c_theory", .real, "What c is at the optimum of the zero-shot loss.",
      formula: "1 / (d + 4) for Σ = I", whenEmpty: "c is empty", source: paper),
  ]

  static func real(_ column: String, of row: ResultRow) -> Double? {
    guard let place = columns.firstIndex(where: { $0.name == column }),
      case .number(let number) = row.extra[place]
    else { return nil }
    return number
  }

  static let tasks = ["theta_0", "minus_theta_0", "random"]

  /// What the cell takes: of the theory's model counted, of deeper ones to some tens of per cent. Pre-training is counted
  /// with the cell that it gives a row.
  var work: Work {
    guard !architecture.isTheory else { return RegressionWork.cell(spec, variant) }
    let (width, tokens) = (Double(spec.setting.width), Double(spec.shots + 1))
    let layers = Double(architecture.layers)
    let prompt =
      tokens * (6 * layers * width * width + 8 * width) + 12 * layers * width * width * width
    let training = Double(spec.batch) * Double(spec.iterations) * prompt
    let test = 3 * Double(spec.testPrompts) * Double(spec.testShots + 1) * prompt
    return Work(
      floatingPointOperations: training * (variant.fewShot > 0 ? 1 : 0.1) + test,
      tokens: spec.iterations * spec.batch * (spec.shots + 1))
  }

  private func generator(_ stream: String) -> SeededGenerator {
    SeededGenerator(key: "linear-finetuning/\(stream)", seed: UInt64(seed))
  }

  func output() -> CellOutput {
    let setting = spec.setting
    var draws = generator("task")
    let tuned = setting.task(&draws)
    let unseen = (0..<spec.randomTasks).map { _ in setting.task(&draws) }
    let model = trained(tuned)

    var output = CellOutput()
    for (name, tasks) in zip(Self.tasks, [[tuned], [tuned.map { -$0 }], unseen]) {
      let test = RegressionTest(
        setting: setting, prompts: spec.testPrompts, shots: spec.testShots, context: context)
      let errors = test.errors(
        model.regression, source: .tasks(tasks), key: "linear-finetuning/test/\(name)", seed: seed)
      output.results += rows(model, errors, task: name, tasks, tuned: tuned)
    }
    let metadata = [
      "model": architecture.name, "condition": variant.condition.rawValue, "seed": "\(seed)",
    ]
    output.vectors = model.tensors(setting).map { name, shape, values in
      RunVector(
        StoredTensor(
          name: "\(architecture.name)/seed \(seed)/\(variant.condition.rawValue)/\(name)",
          shape: shape, doubles: values), metadata: metadata)
    }
    return output
  }

  private func trained(_ tuned: [Double]) -> Trained {
    func training(_ phase: String) -> RegressionTraining {
      RegressionTraining(
        spec: spec, context: context, key: "linear-finetuning/\(phase)", seed: seed)
    }
    let start = pretrained.model("\(architecture.name)/\(seed)") {
      var draws = generator("initial weights")
      guard architecture.isTheory else {
        let start = StackWeights(
          architecture.matrices == .merged ? .merged : .separate,
          architecture.shape(spec.setting), deviation: spec.deviation, generator: &draws)
        return .stack(training("pretraining").trained(start, .pretraining, on: .newTasks))
      }
      let start = MomentModel(
        width: spec.setting.width, deviation: spec.deviation, generator: &draws)
      return .moment(training("pretraining").trained(start, .pretraining, on: .newTasks))
    }
    guard variant != .pretraining else { return start }
    var points = generator("fine-tuning points")
    let pool = RegressionPool(spec.setting, task: tuned, count: spec.pool, generator: &points)
    switch start {
    case .moment(let model):
      return .moment(training("fine-tuning").trained(model, variant, on: .pool(pool)))
    case .stack(let weights):
      return .stack(training("fine-tuning").trained(weights, variant, on: .pool(pool)))
    }
  }

  private func rows(
    _ model: Trained, _ errors: [[Double]], task: String, _ tasks: [[Double]], tuned: [Double]
  ) -> [ResultRow] {
    let theory = theory(model, tuned: tuned)
    let closed = theory?.model(spec.setting, tuned: tuned, shots: spec.shots)
    func expected(_ model: MomentModel?, _ shots: Int) -> Double? {
      model.flatMap { model in
        Statistics.mean(
          tasks.map { RegressionRisk(setting: spec.setting, task: $0).value(model, shots: shots) })
      }
    }
    let exact: MomentModel? = if case .moment(let model) = model { model } else { nil }
    var sample = ClusteredSample(clusters: errors[0].indices.map { "\($0)" })
    let statistics = errors.map { BootstrapStatistic.mean(sample.add($0)) }
    let estimates = Bootstrap(
      key:
        "linear-finetuning\u{0}\(architecture.name)\u{0}\(variant.condition.rawValue)\u{0}\(task)",
      seed: UInt64(seed)
    ).estimates(of: statistics, over: sample)
    return estimates.enumerated().map { shots, estimate in
      let form = expected(closed, shots)
      return ResultRow(
        model: architecture.name, attention: .linear, task: task, condition: variant.condition,
        split: .test, shots: shots, seed: seed, metric: .meanSquaredError,
        estimate: Estimate(
          value: estimate.value, interval: estimate.interval, count: spec.testPrompts),
        extra: [
          .real(form), .real(form.flatMap { form in estimate.value.map { $0 - form } }),
          .real(expected(exact, shots)),
        ] + numbers(theory, tuned: tuned))
    }
  }

  /// g, w and c, and what the theory gives for them.
  private func numbers(_ theory: TheoryModel?, tuned: [Double]) -> [TableValue] {
    let setting = spec.setting
    switch theory {
    case .pretrained(let g):
      let optimum =
        zip(setting.variances, setting.optimalPrecision(shots: spec.shots))
        .reduce(0) { $0 + $1.0 * $1.1 } / Double(setting.dimension)
      return [.real(g), .empty, .empty, .real(optimum), .empty, .empty]
    case .full(let w): return [.empty, .real(w), .empty, .empty, .empty, .empty]
    case .valueOnly(let c, let w):
      let pulled =
        variant.fewShot > 0
        ? setting.bestValue(tuned: tuned, c: c, shots: spec.shots, trainedWith: spec.shots) : nil
      return [
        .empty, .real(w), .real(c), .empty, .real(pulled), .real(1 / Double(setting.dimension + 4)),
      ]
    case nil: return Array(repeating: .empty, count: 6)
    }
  }

  /// The theory's model with the numbers of trained weights; nil where the theory has none.
  private func theory(_ model: Trained, tuned: [Double]) -> TheoryModel? {
    guard case .moment(let model) = model else { return nil }
    let found = model.coefficients(spec.setting, tuned: tuned, shots: spec.shots)
    switch variant.condition {
    case .pretrained: return .pretrained(g: found.scale * found.last)
    case .fineTunedAll where found.last != 0: return .full(w: found.along / found.last)
    case .fineTunedValue, .fineTunedValueAuxiliary:
      return .valueOnly(c: found.scale * found.alongDirection, w: found.scale * found.last)
    default: return nil
    }
  }
}

extension LinearFineTuningCell.Trained {
  var regression: RegressionModel {
    switch self {
    case .moment(let model): .moment(model)
    case .stack(let weights): .stack(weights.stack)
    }
  }

  /// What goes into vectors.safetensors.
  func tensors(_ setting: RegressionSetting) -> [(String, [Int], [Double])] {
    switch self {
    case .moment(let model):
      return [
        ("query_key", [setting.width, setting.width], model.queryKey),
        ("value", [setting.width], model.value),
      ]
    case .stack(let weights):
      return weights.tensors.sorted { $0.key < $1.key }.map {
        ($0.key, $0.value.shape, $0.value.values)
      }
    }
  }
}
