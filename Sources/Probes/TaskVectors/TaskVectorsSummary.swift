// TaskVectorsSummary: the rows over all tasks of a model, and what the terminal shows of them. Means give every task
// the same weight; their intervals are bootstrapped over queries within tasks.

import ICLTasks
import TensorCore

struct TaskVectorsSummary {
  let spec: TaskVectorsSpec

  /// The conditions whose examples samples.csv has.
  private static let conditions: [Condition] = [
    .zeroShot, .icl, .taskVector, .iclShuffledLabels, .taskVectorRandom, .taskVectorOtherTask,
  ]

  /// Rows whose task is `mean`, or `mean_<category>`: over the tasks that the model could be asked.
  func rows(over cells: FinishedCells, models: [ProbeModel], tasks: [ICLTask]) throws -> [ResultRow]
  {
    var samples: [String: [SampleRow]] = [:]
    var results: [String: [ResultRow]] = [:]
    for sample in try cells.samples() where sample.split == .test {
      samples[sample.model, default: []].append(sample)
    }
    for row in try cells.results() { results[row.model, default: []].append(row) }
    let categories = tasks.reduce(into: [String]()) { list, task in
      if !list.contains(task.category) { list.append(task.category) }
    }
    return models.flatMap { model -> [ResultRow] in
      let own = samples[model.name] ?? []
      let curves = results[model.name] ?? []
      let groups: [(name: String, tasks: Set<String>)] =
        [("mean", Set(tasks.map(\.name)))]
        + categories.map { category in
          ("mean_\(category)", Set(tasks.filter { $0.category == category }.map(\.name)))
        }
      return groups.flatMap { group in
        means(of: own.filter { group.tasks.contains($0.task ?? "") }, as: group.name, model)
          + curve(of: curves.filter { group.tasks.contains($0.task ?? "") }, as: group.name, model)
      } + ceilings(model, tasks)
    }
  }

  /// Mean accuracies on the test sets, and the task vector's share of the in-context accuracy.
  private func means(of samples: [SampleRow], as name: String, _ model: ProbeModel) -> [ResultRow] {
    struct Place: Hashable, Comparable {
      let task: String
      let example: Int
      static func < (left: Place, right: Place) -> Bool {
        (left.task, left.example) < (right.task, right.example)
      }
    }
    var outcomes: [Condition: [Place: Bool]] = [:]
    var queries: [Place: String] = [:]
    for sample in samples {
      let place = Place(task: sample.task ?? "", example: sample.example)
      outcomes[sample.condition, default: [:]][place] = sample.correct
      queries[place] = sample.query
    }
    let places = queries.keys.sorted()
    guard !places.isEmpty else { return [] }
    var sizes: [String: Int] = [:]
    for place in places { sizes[place.task, default: 0] += 1 }
    let weights = places.map { 1 / Double(sizes[$0.task] ?? 1) }
    var sample = ClusteredSample(
      clusters: places.map { queries[$0] ?? "" }, strata: places.map(\.task))
    let present = Self.conditions.filter { outcomes[$0] != nil }
    let series = present.map { condition in
      sample.add(
        places.map { outcomes[condition]?[$0].map { $0 ? 1 : 0 } }, weights: weights)
    }
    var statistics = series.map { BootstrapStatistic.mean($0) }
    if let vector = present.firstIndex(of: .taskVector), let icl = present.firstIndex(of: .icl) {
      statistics.append(.ratio(series[vector], series[icl]))
    }
    let key = "task-vectors\u{0}\(model.name)\u{0}\(name)"
    let estimates = Bootstrap(key: key, seed: spec.seed).estimates(of: statistics, over: sample)
    // Every task the same weight, as in the means.
    func weighted(_ condition: Condition) -> [Double] {
      zip(places, weights).map { place, weight in
        (outcomes[condition]?[place] ?? false) ? weight : 0
      }
    }
    let edited = present.filter { $0 != .zeroShot && $0 != .icl && $0 != .iclShuffledLabels }
    let zeroShot = weighted(.zeroShot)
    let tested = PairedPermutation(key: key, seed: spec.seed).pValues(
      of: edited.map { zip(weighted($0), zeroShot).map { $0 - $1 } },
      clusters: places.map { "\($0.task)\u{0}\(queries[$0] ?? "")" })
    return zip(present, estimates).map { row(model, name, $0, .test, .accuracy, $1) }
      + zip(edited, tested.each).map { condition, p in
        row(
          model, name, condition, .test, .permutationP,
          Estimate(value: p, interval: nil, count: places.count))
      }
      + estimates.dropFirst(present.count).map {
        row(model, name, .taskVector, .test, .accuracyRatio, $0)
      }
  }

  /// The accuracy of θ_l by layer, all tasks' examples together, with Wilson's interval; and the untrained control.
  private func curve(of rows: [ResultRow], as name: String, _ model: ProbeModel) -> [ResultRow] {
    struct Key: Hashable {
      let condition: Condition
      let split: Split?
      let layer: Int?
    }
    var pooled: [Key: (right: Double, count: Int)] = [:]
    for row in rows where row.metric == .accuracy {
      let key = Key(
        condition: row.condition, split: row.split,
        layer: row.condition == .taskVector ? row.layer : nil)
      guard row.condition == .taskVector ? row.layer != nil : isUntrained(row.condition) else {
        continue
      }
      let before = pooled[key] ?? (0, 0)
      let count = row.estimate.count
      pooled[key] = (
        before.right + ((row.estimate.value ?? 0) * Double(count)).rounded(), before.count + count
      )
    }
    func pooledRow(_ key: Key) -> ResultRow? {
      pooled[key].map {
        row(
          model, name, key.condition, key.split, .accuracy,
          Statistics.proportion(successes: Int($0.right), trials: $0.count), layer: key.layer)
      }
    }
    let layers = 0..<model.model.architecture.layers
    return [Split.development, .test].flatMap { split in
      layers.compactMap { pooledRow(Key(condition: .taskVector, split: split, layer: $0)) }
    }
      + [Condition.untrained, .untrainedICL].compactMap {
        pooledRow(Key(condition: $0, split: .test, layer: nil))
      }
  }

  private func isUntrained(_ condition: Condition) -> Bool {
    condition == .untrained || condition == .untrainedICL
  }

  /// For a model trained here: what a zero-shot prompt can be answered with at best, given the mix of tasks.
  private func ceilings(_ model: ProbeModel, _ tasks: [ICLTask]) -> [ResultRow] {
    guard let mix = model.trainedTasks else { return [] }
    let own = tasks.filter { task in mix.contains { $0.name == task.name } }
    let values = own.map { zeroShotCeiling(of: $0, among: mix) }
    let rows = zip(own, values).map { task, value in
      row(
        model, task.name, .zeroShot, nil, .accuracyCeiling,
        Estimate(value: value, interval: nil, count: task.pairs.count))
    }
    return rows + [
      row(
        model, "mean", .zeroShot, nil, .accuracyCeiling,
        Estimate(value: Statistics.mean(values), interval: nil, count: own.count))
    ]
  }

  private func row(
    _ model: ProbeModel, _ task: String, _ condition: Condition, _ split: Split?, _ metric: Metric,
    _ estimate: Estimate, layer: Int? = nil
  ) -> ResultRow {
    let isPatched =
      condition != .zeroShot && condition != .icl && condition != .iclShuffledLabels
      && condition != .untrainedICL
    return ResultRow(
      model: model.name, attention: model.attention, task: task, condition: condition,
      split: split, shots: spec.shots, hook: isPatched ? "hook_resid_post" : nil, layer: layer,
      position: isPatched ? "last" : nil, seed: Int(spec.seed), metric: metric, estimate: estimate)
  }
}

/// The best that a zero-shot prompt of a task can be answered when every task of a mix that has its input is equally
/// likely: the mean over its inputs of the greatest share of those tasks that accept one answer.
func zeroShotCeiling(of task: ICLTask, among mix: [ICLTask]) -> Double {
  var answers: [String: [[String]]] = [:]
  for other in mix {
    for pair in other.pairs { answers[pair.input, default: []].append(pair.answers) }
  }
  let shares = task.pairs.map { pair -> Double in
    let all = answers[pair.input] ?? [pair.answers]
    let best = Set(all.flatMap { $0 }).map { answer in all.count { $0.contains(answer) } }.max()
    return Double(best ?? 0) / Double(all.count)
  }
  return shares.reduce(0, +) / Double(max(1, shares.count))
}

extension TaskVectorsSummary {
  /// A table of means over tasks on the test sets, and for each model the curve over layers.
  func text(_ rows: [ResultRow], models: [ProbeModel], on screen: Screen) -> String {
    func value(_ model: String, _ condition: Condition, _ metric: Metric = .accuracy) -> String {
      let row = rows.first {
        $0.model == model && $0.task == "mean" && $0.condition == condition && $0.metric == metric
          && $0.layer == nil && $0.split != .development
      }
      return TextTable.number(row?.estimate.value)
    }
    var table = TextTable(headers: [
      "model", "zero", "ceiling", "icl", "θ", "θ/icl", "random", "other θ", "untrained",
    ])
    for name in models.map(\.name) {
      table.append([
        name, value(name, .zeroShot), value(name, .zeroShot, .accuracyCeiling), value(name, .icl),
        value(name, .taskVector), value(name, .taskVector, .accuracyRatio),
        value(name, .taskVectorRandom), value(name, .taskVectorOtherTask), value(name, .untrained),
      ])
    }
    let curves = models.map { model in
      LayerCurve.Series(
        model.name,
        (0..<model.model.architecture.layers).map { layer in
          rows.first {
            $0.model == model.name && $0.task == "mean" && $0.condition == .taskVector
              && $0.split == .test && $0.layer == layer && $0.metric == .accuracy
          }?.estimate.value
        })
    }
    let curve = LayerCurve(
      title: "accuracy of θ patched after layer l, mean over tasks, test sets", series: curves)
    return
      (table.lines(on: screen) + [""] + curve.lines(on: screen) + [""] + curve.table(on: screen))
      .joined(separator: "\n")
  }
}
