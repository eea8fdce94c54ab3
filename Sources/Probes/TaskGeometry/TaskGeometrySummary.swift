// TaskGeometrySummary: the headline of a model, which is its geometry at the layer that works best for the middle one of its
// tasks, the injection matrix in three means, and what the terminal shows.

import ICLTasks
import TensorCore

struct TaskGeometrySummary {
  let spec: TaskGeometrySpec
  let study: TaskStudy

  func rows(_ results: [ResultRow], _ samples: [SampleRow]) -> [ResultRow] {
    study.models.flatMap { model -> [ResultRow] in
      let own = results.filter { $0.model == model.name }
      let layers = own.filter { $0.metric == .chosenLayer }.compactMap(\.estimate.value).sorted()
      guard !layers.isEmpty else { return [] }
      let chosen = layers[(layers.count - 1) / 2]
      var headline = own.filter {
        $0.task == "mean" && $0.layer == Int(chosen) && $0.sourceTask == nil
      }
      for index in headline.indices { headline[index].layer = nil }
      let choice = ResultRow(
        model: model.name, attention: model.attention, task: "mean", condition: .taskVector,
        split: .development, shots: spec.shots, hook: "hook_resid_post", position: "last",
        seed: Int(spec.seed), metric: .chosenLayer,
        estimate: Estimate(value: chosen, interval: nil, count: layers.count), extra: [.empty])
      return [choice] + headline + injections(model, samples.filter { $0.model == model.name })
    }
  }

  /// Accuracies of the matrix over all tasks: θ in its own prompts, and in others' on their answers and on its own.
  private func injections(_ model: ProbeModel, _ samples: [SampleRow]) -> [ResultRow] {
    let kinds: [(condition: Condition, isOwn: Bool, prompts: TableValue)] = [
      (.zeroShot, true, .text("own")), (.taskVector, true, .text("own")),
      (.taskVectorOtherTask, false, .text("own")), (.zeroShot, false, .text("others")),
      (.taskVector, false, .text("others")),
    ]
    return kinds.map { kind in
      let own = samples.filter { sample in
        sample.condition == kind.condition
          && (kind.condition == .taskVectorOtherTask
            || (sample.extra == [.optional(sample.task)]) == kind.isOwn)
      }
      // A query under every θ is one query.
      let estimate = Bootstrap(
        key: "task-geometry\u{0}\(model.name)\u{0}\(kind.condition.rawValue)\u{0}\(kind.isOwn)",
        seed: spec.seed
      ).mean(
        own.map { $0.correct.map { $0 ? 1 : 0 } },
        clusters: own.map { "\($0.task ?? "")\u{0}\($0.query)" })
      let isPatched = kind.condition != .zeroShot
      return ResultRow(
        model: model.name, attention: model.attention, task: "mean", condition: kind.condition,
        split: .test, shots: spec.shots, hook: isPatched ? "hook_resid_post" : nil,
        position: isPatched ? "last" : nil, seed: Int(spec.seed), metric: .accuracy,
        estimate: estimate, extra: [kind.prompts])
    }
  }

  func text(_ rows: [ResultRow], on screen: Screen) -> String {
    let mean = rows.filter { $0.task == "mean" && $0.split == .test }
    func value(
      _ model: String, _ metric: Metric, _ layer: Int?, _ condition: Condition = .taskVector,
      prompts: TableValue = .empty
    ) -> String {
      TextTable.number(
        mean.first {
          $0.model == model && $0.metric == metric && $0.layer == layer
            && $0.condition == condition && $0.extra == [prompts]
        }?.estimate.value)
    }
    var table = TextTable(headers: [
      "model", "layer", "within", "between", "same inputs", "silhouette", "probe",
      "shuffled labels",
      "untrained", "chance",
    ])
    for model in study.models {
      for layer in 0..<model.model.architecture.layers {
        let name = model.name
        table.append([
          name, "\(layer)", value(name, .cosineWithin, layer), value(name, .cosineBetween, layer),
          value(name, .cosineBetweenSharedInputs, layer), value(name, .silhouetteCosine, layer),
          value(name, .linearProbeAccuracy, layer),
          value(name, .linearProbeAccuracy, layer, .taskVectorShuffledLabels),
          value(name, .linearProbeAccuracy, layer, .untrained),
          value(name, .linearProbeAccuracy, layer, .taskLabelsPermuted),
        ])
      }
    }
    var lines = ["cosines of θ, silhouette, and how often a linear probe names the task"]
    lines += table.lines(on: screen)
    guard spec.injection else { return lines.joined(separator: "\n") }
    var matrix = TextTable(headers: [
      "model", "zero-shot", "own θ", "other θ", "zero-shot, θ's answers", "other θ, θ's answers",
    ])
    for name in study.models.map(\.name) {
      matrix.append([
        name, value(name, .accuracy, nil, .zeroShot, prompts: .text("own")),
        value(name, .accuracy, nil, .taskVector, prompts: .text("own")),
        value(name, .accuracy, nil, .taskVectorOtherTask, prompts: .text("own")),
        value(name, .accuracy, nil, .zeroShot, prompts: .text("others")),
        value(name, .accuracy, nil, .taskVector, prompts: .text("others")),
      ])
    }
    lines += ["", "accuracy of θ put into zero-shot prompts, mean over the matrix"]
    lines += matrix.lines(on: screen)
    for map in injectionMaps(rows) { lines += [""] + map.lines(on: screen) }
    return lines.joined(separator: "\n")
  }

  /// The matrix itself: how often prompts of one task, θ of another put in, are answered as the prompt's task is, and as
  /// θ's is.
  private func injectionMaps(_ rows: [ResultRow]) -> [HeatMap] {
    let names = study.tasks.map(\.name)
    return study.models.map { model in
      let own = rows.filter {
        $0.model == model.name && $0.metric == .accuracy && $0.split == .test
          && $0.sourceTask != nil
      }
      func panel(_ title: String, _ isAnswer: (_ row: ResultRow, _ prompt: String) -> Bool)
        -> HeatMap.Panel
      {
        HeatMap.Panel(
          title,
          names.map { source in
            names.map { prompt in
              own.first {
                $0.sourceTask == source && $0.extra == [.text(prompt)] && isAnswer($0, prompt)
              }?.estimate.value
            }
          })
      }
      return HeatMap(
        title: "\(model.name): accuracy of θ of a row's task in zero-shot prompts of a column's",
        axis: "θ of", rows: names, columns: names,
        panels: [
          panel("on the answers of θ's task") { row, _ in row.task == row.sourceTask },
          panel("on the answers of the prompt's task") { row, prompt in row.task == prompt },
        ], top: 1)
    }
  }
}
