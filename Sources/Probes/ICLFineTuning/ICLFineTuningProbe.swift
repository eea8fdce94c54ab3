// The probe `icl-vs-finetuning`: zero-shot, in context, and fine-tuned on the demonstrations then zero-shot, compared by
// Rec2FTP, SimAOU, SimAM and the attention to training tokens, with what these are worth. One cell is one model on one
// data set with one seed.
//
// Source: Dai et al. 2023, arXiv:2212.10559; Deutch et al. 2024, arXiv:2311.07772; Shen et al. 2024, arXiv:2310.08540.

import CheckpointIO
import HookPoints
import ICLTasks
import TensorCore

struct ICLFineTuningProbe {
  let spec: ICLFineTuningSpec
  let models: [ProbeModel]
  private let data: [LabelledData]
  private let files: [InputFile]
  private let tokenized: [String: [TokenizedData]]

  init(_ spec: ICLFineTuningSpec, file: String, on context: ComputeContext) throws {
    let library = try TaskLibrary(folder: spec.tasksFolder)
    self.spec = spec
    models = try spec.models.map {
      try ProbeModel(path: $0, bos: spec.bos, library: library, on: context)
    }
    guard Set(models.map(\.name)).count == models.count else {
      throw RunError.invalidInput(
        subject: file, fact: "two models have the same folder name; rename one of the folders")
    }
    // What the control of another task learns comes last.
    let sources = spec.data + [spec.otherTask].compactMap { $0 }
    data = try sources.map {
      try LabelledData(
        $0, library: library, trainShare: spec.trainShare, splitSeed: spec.splitSeed)
    }
    files = try sources.flatMap { source -> [InputFile] in
      switch source.origin {
      case .task(let name):
        [
          InputFile(
            .data, named: "task \(name)", contents: try library.task(named: name).digestBytes)
        ]
      case .file(let path): [try InputFile(.data, named: "\(source.name)/data", at: path)]
      case .files(let train, let test):
        [
          try InputFile(.data, named: "\(source.name)/train", at: train),
          try InputFile(.data, named: "\(source.name)/test", at: test),
        ]
      }
    }
    var tokenized: [String: [TokenizedData]] = [:]
    for model in models {
      tokenized[model.name] = try data.map {
        try TokenizedData(
          $0, model: model, separator: spec.separator, longestQuery: spec.longestQuery)
      }
    }
    self.tokenized = tokenized
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    let inputs = try RunInputs(
      probe: "icl-vs-finetuning", spec: resolved, files: models.flatMap(\.files) + files,
      precision: models[0].model.context.precision.rawValue)
    var works: [String: (cell: ICLFineTuningCell, seeds: [UInt64])] = [:]
    var cells: [Cell] = []
    let seeds = spec.seedSelection == .fixed ? spec.seeds.map { [$0] } : [spec.seeds]
    for model in models {
      let all = tokenized[model.name] ?? []
      for (index, one) in all.prefix(spec.data.count).enumerated() {
        let next = spec.otherTask == nil ? (index + 1) % all.count : all.count - 1
        for some in seeds {
          let seed = some.count == 1 ? "seed \(some[0])" : "best seed"
          let cell = Cell(
            key: "\(model.name)/\(one.name)/\(seed)", cost: operations(one, on: model))
          let work = ICLFineTuningCell(
            model: model, data: one, other: next == index ? nil : all[next], spec: spec,
            key: cell.key)
          try work.verify(seeds: some)
          cells.append(cell)
          works[cell.key] = (work, some)
        }
      }
    }
    let dropped = models.flatMap { model in (tokenized[model.name] ?? []).flatMap(\.dropped) }
    let plan = RunPlan(
      cells: cells,
      tables: [ICLFineTuningRows.results, ICLFineTuningRows.samples, ICLFineTuningRows.layers]
        + (spec.exampleLayers ? [ICLFineTuningRows.exampleLayers] : []),
      details: RunDetails(
        seeds: spec.seeds.map { Int($0) },
        models: JSONObject(models.map { ($0.name, $0.details) }), dropped: dropped,
        facts: ["flops": .number(cells.reduce(0) { $0 + $1.cost })]))
    let identity = inputs.identity
    return PreparedProbe(
      inputs: inputs, plan: plan,
      work: { cell in
        guard case (var work, let seeds)? = works[cell.key] else {
          preconditionFailure("a cell of another plan: \(cell.key)")
        }
        let result = try work.run(seeds: seeds)
        var output = ICLFineTuningRows(
          model: work.model, data: work.data, other: work.other?.name, spec: spec, key: cell.key
        ).output(result, identity)
        output.notes.add(work.fires)
        return output
      },
      conclude: { _ in CellOutput() },
      summary: { rows, screen in
        ICLFineTuningSummary(spec: spec).text(rows, models: models.map(\.name), on: screen)
      })
  }

  /// Floating-point operations of a cell, to a few per cent: two a weight and token forward, six with gradients.
  private func operations(_ data: TokenizedData, on model: ProbeModel) -> Double {
    func mean(_ counts: [Int]) -> Double {
      Double(counts.reduce(0, +)) / Double(max(1, counts.count))
    }
    let query = mean(data.test.map(\.question.tokens.count))
    let context = mean(data.train.map(\.item.count)) * Double(min(spec.shots, data.train.count))
    let asked = Double(min(spec.testExamples, data.test.count)) * query
    let judged = Double(min(spec.developmentExamples, data.train.count)) * query
    let tunings = Double(spec.methods.count + spec.curve.count + 4)
    let chosen = spec.rateSelection == .fixed ? 0 : Double(spec.rates.count * spec.methods.count)
    let ordered = Double(spec.orders) * Double(min(spec.orderExamples, data.test.count)) * query
    let forward = asked * (tunings + 6) + judged * chosen + 2 * ordered + context * 4
    let backward = context * Double(spec.epochs) * (tunings + chosen + Double(spec.orders))
    return Double(model.model.architecture.parameterCount) * (2 * forward + 6 * backward)
  }
}
