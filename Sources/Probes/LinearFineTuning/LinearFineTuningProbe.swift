// The probe `linear-finetuning`: one layer of linear self-attention is pre-trained on in-context regression, fine-tuned
// without demonstrations on one task θ₀ in six ways, and tested at 0 … n demonstrations; beside every measured error
// stands what the theory expects. One cell is one seed.
//
// Source: Lee, Sohn and Lee 2026, arXiv:2602.23197; their recipe in every default.

import CheckpointIO
import TensorCore

struct LinearFineTuningProbe {
  let spec: LinearFineTuningSpec
  let context: ComputeContext

  static let model = "linear-self-attention"

  /// The columns behind those of every results.csv.
  static let columns: [Column] = [
    Column(
      "mse_closed_form", .real,
      "The expected squared error of the theory's model whose free numbers g, w and c are read off the "
        + "trained weights.", range: "≥ 0",
      whenEmpty: "the theory names no model for the condition, or the row is over all seeds"),
    Column(
      "mse_difference", .real, "value − mse_closed_form.", whenEmpty: "mse_closed_form is empty"),
    Column(
      "mse_exact", .real,
      "The expected squared error of the trained weights as they are, all of them, by Isserlis's theorem.",
      range: "≥ 0", whenEmpty: "the row is over all seeds"),
    Column(
      "g", .real, "The part of Q_xx along Σ⁻¹ times v_y.",
      whenEmpty: "the condition's closed form has no g"),
    Column(
      "w", .real,
      "The theory's w: v_x along θ₀ over v_y where all weights were trained; v_y times the part of Q_xx along Σ⁻¹ where "
        + "the values were.", whenEmpty: "the condition's closed form has no w"),
    Column(
      "c", .real, "v_x along θ₀ times the part of Q_xx along Σ⁻¹.",
      whenEmpty: "the condition's closed form has no c"),
  ]

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    let inputs = try RunInputs(
      probe: "linear-finetuning", spec: resolved, files: [], precision: "f64")
    let cells = spec.seeds.map { Cell(key: "seed \($0)") }
    let seeds = Dictionary(uniqueKeysWithValues: zip(cells.map(\.key), spec.seeds))
    let plan = RunPlan(
      cells: cells, tables: [.results.adding(Self.columns)],
      details: RunDetails(seeds: spec.seeds))
    return PreparedProbe(
      inputs: inputs, plan: plan,
      work: { cell in
        guard let seed = seeds[cell.key] else {
          preconditionFailure("a cell of another plan: \(cell.key)")
        }
        return output(seed: seed)
      },
      conclude: { cells in
        var output = CellOutput()
        if spec.seeds.count > 1 { output.results = means(try cells.results()) }
        return output
      }, summary: { text($0) })
  }

  // MARK: A cell

  private func output(seed: Int) -> CellOutput {
    let setting = spec.setting
    func generator(_ stream: String) -> SeededGenerator {
      SeededGenerator(key: "linear-finetuning/\(stream)", seed: UInt64(seed))
    }
    var draws = generator("task")
    let tuned = setting.task(&draws)
    let unseen = (0..<spec.randomTasks).map { _ in setting.task(&draws) }
    var initial = generator("initial weights")
    let start = MomentModel(
      width: setting.width, deviation: spec.deviation, generator: &initial)
    func training(_ phase: String) -> RegressionTraining {
      RegressionTraining(
        spec: spec, context: context, key: "linear-finetuning/\(phase)", seed: seed)
    }
    let pretrained = training("pretraining").trained(start, [.pretraining], on: .newTasks)
    var points = generator("fine-tuning points")
    let pool = RegressionPool(setting, task: tuned, count: spec.pool, generator: &points)
    let variants = RegressionVariant.fineTunings
    let conditions = [.pretrained] + variants.map(\.condition)
    let models =
      pretrained + training("fine-tuning").trained(pretrained[0], variants, on: .pool(pool))

    var output = CellOutput()
    for (name, tasks) in [
      ("theta_0", [tuned]), ("minus_theta_0", [tuned.map { -$0 }]), ("random", unseen),
    ] {
      let test = RegressionTest(
        setting: setting, prompts: spec.testPrompts, shots: spec.testShots, context: context)
      let errors = test.errors(
        models, source: .tasks(tasks), key: "linear-finetuning/test/\(name)", seed: seed)
      for (index, condition) in conditions.enumerated() {
        output.results += rows(
          condition, models[index], errors[index], task: name, tasks, tuned: tuned, seed: seed)
      }
    }
    for (condition, model) in zip(conditions, models) {
      let metadata = ["condition": condition.rawValue, "seed": "\(seed)"]
      let place = "seed \(seed)/\(condition.rawValue)"
      output.vectors += [
        RunVector(
          StoredTensor(
            name: "\(place)/query_key", shape: [model.width, model.width], doubles: model.queryKey),
          metadata: metadata),
        RunVector(
          StoredTensor(name: "\(place)/value", shape: [model.width], doubles: model.value),
          metadata: metadata),
      ]
    }
    return output
  }

  private func rows(
    _ condition: Condition, _ model: MomentModel, _ errors: [[Double]], task: String,
    _ tasks: [[Double]], tuned: [Double], seed: Int
  ) -> [ResultRow] {
    let theory = theory(condition, model, tuned: tuned)
    let closed = theory?.model(spec.setting, tuned: tuned)
    var (g, w, c): (Double?, Double?, Double?)
    switch theory {
    case .pretrained(let own): g = own
    case .full(let own): w = own
    case .valueOnly(let first, let second): (c, w) = (first, second)
    case nil: break
    }
    func expected(_ model: MomentModel, _ shots: Int) -> Double? {
      Statistics.mean(
        tasks.map { RegressionRisk(setting: spec.setting, task: $0).value(model, shots: shots) })
    }
    var sample = ClusteredSample(clusters: errors[0].indices.map { "\($0)" })
    let statistics = errors.map { BootstrapStatistic.mean(sample.add($0)) }
    let estimates = Bootstrap(
      key: "linear-finetuning\u{0}\(condition.rawValue)\u{0}\(task)", seed: UInt64(seed)
    ).estimates(of: statistics, over: sample)
    return estimates.enumerated().map { shots, estimate in
      let form = closed.flatMap { expected($0, shots) }
      return row(
        condition, task, shots, seed: seed,
        Estimate(value: estimate.value, interval: estimate.interval, count: spec.testPrompts),
        extra: [
          .real(form), .real(form.flatMap { form in estimate.value.map { $0 - form } }),
          .real(expected(model, shots)), .real(g), .real(w), .real(c),
        ])
    }
  }

  /// The theory's model with the numbers of trained weights; nil where the theory has none.
  private func theory(_ condition: Condition, _ model: MomentModel, tuned: [Double]) -> TheoryModel?
  {
    let found = model.coefficients(spec.setting, tuned: tuned)
    switch condition {
    case .pretrained: return .pretrained(g: found.scale * found.last)
    case .fineTunedAll where found.last != 0: return .full(w: found.along / found.last)
    case .fineTunedValue, .fineTunedValueAuxiliary:
      return .valueOnly(c: found.scale * found.along, w: found.scale * found.last)
    default: return nil
    }
  }

  private func row(
    _ condition: Condition, _ task: String, _ shots: Int, seed: Int?, _ estimate: Estimate,
    extra: [TableValue]
  ) -> ResultRow {
    ResultRow(
      model: Self.model, attention: .linear, task: task, condition: condition, split: .test,
      shots: shots, seed: seed, metric: .meanSquaredError, estimate: estimate, extra: extra)
  }

  /// Means over seeds; the interval is bootstrapped over seeds, which are then what n counts.
  private func means(_ rows: [ResultRow]) -> [ResultRow] {
    rows.filter { $0.seed == spec.seeds[0] }.map { first in
      let same = rows.filter {
        $0.condition == first.condition && $0.task == first.task && $0.shots == first.shots
      }
      let key = "\(first.condition.rawValue)\u{0}\(first.task ?? "")\u{0}\(first.shots ?? 0)"
      let estimate = Bootstrap(key: "linear-finetuning over seeds\u{0}\(key)", seed: 0).mean(
        same.map(\.estimate.value), clusters: same.map { "\($0.seed ?? 0)" })
      return row(
        first.condition, first.task ?? "", first.shots ?? 0, seed: nil, estimate,
        extra: Array(repeating: .empty, count: Self.columns.count))
    }
  }

  // MARK: The terminal

  private func text(_ rows: [ResultRow]) -> String {
    let wanted = spec.seeds.count > 1 ? nil : spec.seeds.first
    let shown = [0, 1, 2, 5, 10, 20].filter { $0 < spec.testShots } + [spec.testShots]
    var table = TextTable(
      headers: ["fine-tuned", "test task"] + shown.map { "\($0)" } + ["theory"])
    for condition in [.pretrained] + RegressionVariant.fineTunings.map(\.condition) {
      for task in ["theta_0", "minus_theta_0", "random"] {
        let own = rows.filter {
          $0.condition == condition && $0.task == task && $0.seed == wanted
        }
        func value(_ shots: Int) -> ResultRow? { own.first { $0.shots == shots } }
        var theory = ""
        if case .number(let number)? = value(spec.testShots)?.extra.first {
          theory = TextTable.number(number, decimals: 3)
        }
        table.append(
          [condition.rawValue, task]
            + shown.map { TextTable.number(value($0)?.estimate.value, decimals: 3) } + [theory])
      }
    }
    return (["mean squared error by number of demonstrations"] + table.lines(width: 110))
      .joined(separator: "\n")
  }
}
