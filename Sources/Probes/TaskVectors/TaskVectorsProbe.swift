// The probe `task-vectors`: θ(S) extracted from demonstrations, patched into zero-shot prompts at every layer, with the
// layer chosen on the development sets and reported on the test sets. One cell is one model on one task.
//
// Source: Hendel, Geva and Globerson 2023, arXiv:2310.15916, §3; their protocol in every default.

import CheckpointIO
import Foundation
import HookPoints
import HookedModels
import ICLTasks
import TensorCore

/// A prepared `task-vectors` run.
struct TaskVectorsProbe {
  let spec: TaskVectorsSpec
  let study: TaskStudy

  init(_ spec: TaskVectorsSpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    study = try TaskStudy(spec.prompting, file: file, on: context)
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    let untrained = UntrainedModels(seed: spec.seed)
    return try study.prepared(
      "task-vectors", resolved,
      work: { model, task in try run(model, task, untrained) },
      conclude: { cells in
        var output = CellOutput()
        output.results = try TaskVectorsSummary(spec: spec).rows(
          over: cells, models: study.models, tasks: study.tasks)
        return output
      },
      summary: { rows, screen in
        TaskVectorsSummary(spec: spec).text(rows, models: study.models, on: screen)
      })
  }

  // MARK: A cell

  private func run(_ model: ProbeModel, _ own: ReadyTask, _ untrained: UntrainedModels) throws
    -> CellOutput
  {
    let name = own.dataset.task.name
    var cell = TaskVectorsCell(model: model, task: own, spec: spec)
    let development = own.dataset.demonstrationSets(.development, count: spec.developmentSets)
    let test = own.dataset.demonstrationSets(.test, count: spec.testSets)

    // The layer is chosen on the development sets…
    let chosenOn = try cell.run(development, on: model.model)
    let layers = model.model.architecture.layers
    let curve = (0..<layers).map { layer in chosenOn.count { $0.isRight(.taskVector(layer)) } }
    let chosen = curve.argmax
    // …and used on the test sets.
    var extra: [TaskVectorsCell.ExtraPatches] = []
    if spec.controls.contains(.randomVector) {
      extra.append(.random(layer: chosen))
    }
    var source: String?
    if spec.controls.contains(.otherTask), let others = study.ready[model.name] {
      source = otherTask(than: name, among: others.keys.sorted(), index: 0, seed: spec.seed)
      if let source, let other = others[source] {
        let sets = other.dataset.demonstrationSets(.test, count: spec.testSets)
        let vectors = try cell.vectors(of: other, sets, on: model.model).map { $0[chosen] }
        extra.append(.otherTask(layer: chosen, vectors: vectors))
      }
    }
    let reported = try cell.run(
      test, on: model.model, extra: extra,
      shuffledLabels: spec.controls.contains(.shuffledLabels))
    cell.add(chosenOn, .development, chosen: chosen, source: source)
    cell.add(reported, .test, chosen: chosen, source: source)
    if spec.controls.contains(.untrained) {
      let random = untrained.model(like: model)
      cell.addUntrained(try cell.run(test, on: random), layer: chosen)
    }
    return cell.output
  }
}
