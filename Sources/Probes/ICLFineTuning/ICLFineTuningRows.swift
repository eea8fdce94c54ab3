// ICLFineTuningRows: a cell's rows: results.csv has one a metric and arm, layers.csv one a layer (and head), samples.csv
// one an example.

import TensorCore

struct ICLFineTuningRows {
  let model: ProbeModel
  let data: TokenizedData
  let other: String?
  let spec: ICLFineTuningSpec
  let key: String

  static let columns = [
    Column(
      "method", .text, "What fine-tuning moves: see the probe file's `methods`.",
      range: FineTuning.Method.allCases.map(\.rawValue).joined(separator: ", "),
      whenEmpty: "nothing was fine-tuned"),
    Column(
      "learning_rate", .real, "The learning rate of fine-tuning.",
      formula: "γ in W ← W − γ ∂L/∂W", range: "≥ 0", whenEmpty: "nothing was fine-tuned",
      source: "Dai et al. 2023, arXiv:2212.10559, §4.1 and table 9"),
    Column(
      "selection", .text,
      "What the learning rate was chosen on: nothing (`fixed`), the reported examples (`validation`, as in "
        + "Dai et al.), training examples that are not shown (`held_out`); `curve`: a point of a curve.",
      range: "fixed, validation, held_out, curve"),
    Column(
      "seed_selection", .text, "What the seed was chosen on, likewise.",
      range: "fixed, validation, held_out"),
    Column(
      "data_split", .text,
      "Whether the files say which examples may be shown (`given`), or the run's `split_seed` does "
        + "(`by_seed`).", range: "given, by_seed"),
  ]

  static let results = TableSchema.results.adding(columns)
  static let layers = TableSchema(
    file: "layers.csv",
    meaning:
      "One row per metric and layer, and per head where the metric is of one: means over examples.",
    columns: TableSchema.results.columns + columns)
  static let sampleMetrics: [Metric] = [
    .simAOU, .simAOUUnnormalised, .simAOUNull, .simAM, .simAMDelta, .kendallTau, .recallAtK,
    .tokenOverlap,
  ]
  static let samples = TableSchema.samples.adding(
    columns
      + sampleMetrics.map {
        Column(
          $0, "The metric of this example, mean over layers; see `metrics`.",
          whenEmpty: "it is undefined in every layer, or not of this condition")
      })

  static let exampleLayers = TableSchema(
    file: "example_layers.csv",
    meaning:
      "One row per example, condition and layer, where the probe file says `example_layers`.",
    columns: [
      .runID, .probe, .model, .attention, .task, .condition, .split, .shots, .layer, .seed,
      Column(
        "example", .integer, "The number of the example, as in `samples.csv`.", range: "≥ 0"),
    ] + columns
      + layered.map {
        Column(
          $0,
          "The metric of this example in this layer, mean over heads where it is of one; see `metrics`.",
          whenEmpty: "it is undefined here, or not of this condition")
      })

  private static let layered: [Metric] = [
    .simAOU, .simAOUUnnormalised, .simAOUNull, .simAM, .simAMDelta, .kendallTau,
    .kendallTauExamples, .recallAtK, .recallAtKExamples, .dualResidual, .dualNorm, .dualNormQuery,
    .dualCosine, .dualCosineQuery, .dualCosineICLQuery, .dualPrincipalFirst, .dualPrincipalLast,
    .dualPrincipalQueryFirst, .dualPrincipalQueryLast,
  ]
  private static let whole: [Metric] = [.tokenOverlap, .overlapCosine, .orderSensitivity]

  func output(_ result: ICLFineTuningCell.Result, _ run: RunIdentity) -> CellOutput {
    var output = CellOutput()
    var table = Table(Self.layers)
    for (arm, outcomes) in result.arms {
      output.results += headlines(arm, outcomes, result)
      for row in layers(arm, outcomes, result) { table.append(row.values(of: run)) }
      output.samples += samples(arm, outcomes, result)
    }
    output.tables = [table]
    if spec.exampleLayers { output.tables.append(exampleLayers(result, run)) }
    return output
  }

  private func exampleLayers(_ result: ICLFineTuningCell.Result, _ run: RunIdentity) -> Table {
    var table = Table(Self.exampleLayers)
    for (arm, outcomes) in result.arms {
      for (example, outcome) in outcomes.enumerated() {
        for layer in outcome.layers.indices {
          let values = Self.layered.map { TableValue.real(outcome.value($0, layer: layer)) }
          table.append(
            [
              .text(run.runID), .text(run.probe), .text(model.name),
              .text(model.attention.rawValue), .text(data.name), .text(arm.condition.rawValue),
              .text(Split.test.rawValue), .integer(result.shown.count), .integer(layer),
              .integer(Int(result.seed)), .integer(example),
            ] + extra(arm) + values)
        }
      }
    }
    return table
  }

  private func bootstrap(_ arm: Arm, _ what: String) -> Bootstrap {
    Bootstrap(
      key: "\(key)\u{0}\(arm.condition.rawValue)\u{0}\(arm.method?.rawValue ?? "")\u{0}\(what)",
      seed: spec.splitSeed)
  }

  // MARK: Headlines

  private func headlines(_ arm: Arm, _ outcomes: [Outcome], _ result: ICLFineTuningCell.Result)
    -> [ResultRow]
  {
    var rows: [ResultRow] = []
    if outcomes.contains(where: { $0.answer != nil }) {
      let right = outcomes.compactMap { $0.answer?.isRight }
      rows.append(row(arm, .accuracy, Statistics.proportion(right), result))
    }
    var sample = ClusteredSample(clusters: result.examples.map(\.pair.input))
    var metrics: [Metric] = []
    var statistics: [BootstrapStatistic] = []
    if let zero = right(.zeroShot, result), let icl = right(.icl, result),
      arm.condition != .zeroShot, arm.condition != .icl, let own = right(arm, result),
      arm.condition != .untrained, arm.condition != .untrainedEmbeddings
    {
      func share(_ of: [Bool], where condition: (Int) -> Bool) -> BootstrapStatistic {
        .mean(sample.add(of.indices.map { condition($0) ? (of[$0] ? 1 : 0) : nil }))
      }
      let recall = share(icl) { !zero[$0] && own[$0] }
      let base = share(icl) { !zero[$0] }
      metrics += [.rec2FTP, .rec2FTPBaseRate, .rec2FTPLift, .rec2FTPReverse]
      statistics += [
        recall, base, .difference(recall, base), share(own) { !zero[$0] && icl[$0] },
      ]
    }
    for metric in Self.layered + Self.whole {
      let values = outcomes.map { $0.value(metric) }
      guard values.contains(where: { $0 != nil }) || isExpected(metric, arm) else { continue }
      metrics.append(metric)
      statistics.append(.mean(sample.add(values)))
    }
    let estimates = bootstrap(arm, "headline").estimates(of: statistics, over: sample)
    return rows + zip(metrics, estimates).map { row(arm, $0, $1, result) }
  }

  private func right(_ arm: Arm, _ result: ICLFineTuningCell.Result) -> [Bool]? {
    guard let outcomes = result.arms.first(where: { $0.arm == arm })?.outcomes else { return nil }
    let answers = outcomes.compactMap { $0.answer?.isRight }
    return answers.count == outcomes.count ? answers : nil
  }

  /// Metrics that a fine-tuned row has even where they are undefined.
  private func isExpected(_ metric: Metric, _ arm: Arm) -> Bool {
    arm.method != nil && [.simAOU, .simAOUUnnormalised, .simAM, .simAMDelta].contains(metric)
  }

  // MARK: Layers

  private func layers(_ arm: Arm, _ outcomes: [Outcome], _ result: ICLFineTuningCell.Result)
    -> [ResultRow]
  {
    (0..<model.model.architecture.layers).flatMap { layer -> [ResultRow] in
      var sample = ClusteredSample(clusters: result.examples.map(\.pair.input))
      var places: [(metric: Metric, head: Int?)] = []
      var statistics: [BootstrapStatistic] = []
      func add(_ metric: Metric, head: Int?, _ value: (Outcome) -> Double?) {
        let values = outcomes.map(value)
        guard values.contains(where: { $0 != nil }) else { return }
        places.append((metric, head))
        statistics.append(.mean(sample.add(values)))
      }
      let heads = outcomes.first.map { $0.heads.isEmpty ? 0 : $0.heads[layer].count } ?? 0
      for metric in Self.layered {
        add(metric, head: nil) { $0.value(metric, layer: layer) }
        for head in 0..<heads {
          add(metric, head: head) { outcome in
            outcome.heads[layer].indices.contains(head) ? outcome.heads[layer][head][metric] : nil
          }
        }
      }
      let estimates = bootstrap(arm, "layer \(layer)").estimates(of: statistics, over: sample)
      return zip(places, estimates).map { place, estimate in
        row(arm, place.metric, estimate, result, layer: layer, head: place.head)
      }
    }
  }

  private func row(
    _ arm: Arm, _ metric: Metric, _ estimate: Estimate, _ result: ICLFineTuningCell.Result,
    layer: Int? = nil, head: Int? = nil
  ) -> ResultRow {
    ResultRow(
      model: model.name, attention: model.attention, task: data.name,
      sourceTask: arm.condition == .fineTunedOtherTask ? other : nil, condition: arm.condition,
      split: .test, shots: result.shown.count, hook: hook(metric), layer: layer, head: head,
      position: hook(metric) == nil ? nil : "last", seed: Int(result.seed), metric: metric,
      estimate: estimate, extra: extra(arm))
  }

  private func hook(_ metric: Metric) -> String? {
    switch metric {
    case .simAOU, .simAOUUnnormalised, .simAOUNull: "attn.hook_out"
    case .simAM, .simAMDelta, .kendallTau, .kendallTauExamples, .recallAtK, .recallAtKExamples:
      "attn.hook_attn_scores"
    default: nil
    }
  }

  private func extra(_ arm: Arm) -> [TableValue] {
    [
      .optional(arm.method?.rawValue), .real(arm.rate), .text(arm.selection.rawValue),
      .text(spec.seedSelection.rawValue), .text(data.division.rawValue),
    ]
  }

  // MARK: Samples

  /// The demonstrations in an arm's prompts; those of a fine-tuned model are in its weights.
  private func shown(_ arm: Arm, _ result: ICLFineTuningCell.Result) -> [TokenizedData.Example] {
    switch arm.condition {
    case .icl: result.shown
    case .iclOtherOrder:
      ComparisonRun.otherOrder(of: result.shown.count, key: key, seed: result.seed).map {
        result.shown[$0]
      }
    default: []
    }
  }

  private func samples(_ arm: Arm, _ outcomes: [Outcome], _ result: ICLFineTuningCell.Result)
    -> [SampleRow]
  {
    let shown = shown(arm, result)
    return zip(result.examples, outcomes).enumerated().map { index, pair in
      let (example, outcome) = pair
      return SampleRow(
        model: model.name, attention: model.attention, task: data.name, condition: arm.condition,
        split: .test, shots: result.shown.count, seed: Int(result.seed), example: index,
        query: example.pair.input, target: example.pair.output,
        prediction: outcome.answer.map { data.labels[$0.prediction] },
        correct: outcome.answer?.isRight, targetRank: outcome.answer?.observation.targetRank,
        targetLogProbability: outcome.answer?.logProbability,
        logitDifference: outcome.answer?.observation.logitDifference,
        promptSHA256: SHA256.digest(ofPrompt: data.prompt(example, after: shown)),
        extra: extra(arm) + Self.sampleMetrics.map { .real(outcome.value($0)) })
    }
  }
}
