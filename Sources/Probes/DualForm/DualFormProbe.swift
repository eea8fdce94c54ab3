// The probe `dual-form`: attention to demonstrations as gradient descent. Three things: von Oswald et al.'s construction
// against explicit steps; a trained linear self-attention against gradient descent along its training; and the identity
// (W_ZSL + ΔW_ICL) q on checkpoints. One cell is one construction, one trained stack and seed, or one model and task.
//
// Sources: von Oswald et al. 2023, arXiv:2212.07677; Dai et al. 2023, arXiv:2212.10559, §3.1.

import CheckpointIO
import HookPoints
import HookedModels
import ICLTasks
import TensorCore

struct DualFormProbe {
  let spec: DualFormSpec
  let context: ComputeContext
  private let study: TaskStudy?

  init(_ spec: DualFormSpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    self.context = context
    study = try spec.prompting.map { try TaskStudy($0, file: file, on: context) }
  }

  static let columns = [
    Column(
      "layers", .integer, "Layers of the stack: steps of gradient descent.", range: "≥ 1",
      whenEmpty: "the row is about a checkpoint"),
    Column(
      "step", .integer, "Steps of training done.", range: "≥ 0",
      whenEmpty: "the row is about no training"),
    Column(
      "baseline", .text, "The condition that the row's is compared with.",
      whenEmpty: "the metric compares nothing"),
    Column(
      "mse_closed_form", .real,
      "The expected squared error of one gradient step of the best size; σ² and μ₄ are moments of an input.",
      formula: "d σ² (1 − η σ²), η = N σ² / (μ₄ + (N + d − 2) σ⁴)", unit: "squared units of y",
      range: "≥ 0", whenEmpty: "the metric is not `mse`, or there is more than one layer",
      source: Documentation.thisProject),
    Column(
      "rate", .real, "η of gradient descent.", formula: "η in w ← w − η ∂/∂w ½ mean (w·x − y)²",
      whenEmpty: "the condition has none",
      source: "von Oswald et al. 2023, arXiv:2212.07677, proposition 1"),
    Column(
      "rate_closed_form", .real, "The best η of one step.",
      formula: "N σ² / (μ₄ + (N + d − 2) σ⁴)",
      whenEmpty: "rate is empty, or there is more than one layer", source: Documentation.thisProject
    ),
    Column(
      "correction", .real, "γ of gradient descent with curvature correction.",
      formula: "γ in x ← x − γ X Xᵀ x", whenEmpty: "the condition has none",
      source: "von Oswald et al. 2023, arXiv:2212.07677, §3.2 and appendix A.10"),
  ]

  private enum Job {
    case construction(layers: Int, corrected: Bool)
    case training(DualFormTraining)
    case identity(ProbeModel, ReadyTask)
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    var jobs: [String: Job] = [:]
    var cells: [Cell] = []
    // What trains no model of a folder is told here, to some tens of per cent; the rest is rehearsed.
    func add(_ key: String, cost: Double, isTold: Bool = true, _ own: Job) {
      cells.append(
        Cell(key: key, cost: cost, work: isTold ? Work(floatingPointOperations: cost) : nil))
      jobs[key] = own
    }
    let depths = Set(spec.variants.map(\.layers)).union([1]).sorted()
    for layers in depths {
      for corrected in layers > 1 ? [false, true] : [false] {
        add(
          "construction/\(layers)\(corrected ? "/corrected" : "")", cost: 1e6,
          .construction(layers: layers, corrected: corrected))
      }
    }
    for variant in spec.variants {
      for seed in spec.seeds {
        let width = Double(spec.setting.width)
        let layer = 6 * width * width * (Double(spec.shots + 1) + 4 * width)
        let steps = Double(spec.batch) * Double(spec.steps + 2 * spec.descentSteps)
        add(
          "\(variant.name)/seed \(seed)", cost: Double(variant.layers) * layer * steps,
          .training(
            DualFormTraining(spec: spec, variant: variant, seed: seed, context: context)))
      }
    }
    for model in study?.models ?? [] {
      for task in study?.tasks(of: model) ?? [] {
        add(
          "\(model.name)/\(task.name)",
          cost: 60
            * Double(model.model.architecture.parameterCount * max(1, spec.prompting?.shots ?? 1)),
          isTold: false, .identity(model, task))
      }
    }
    let files =
      (study?.models.flatMap(\.files) ?? [])
      + (study?.tasks ?? []).map {
        InputFile(.data, named: "task \($0.name)", contents: $0.digestBytes)
      }
    let plan = RunPlan(
      cells: cells, tables: [.results.adding(Self.columns)],
      details: RunDetails(
        seeds: spec.seeds,
        models: JSONObject((study?.models ?? []).map { ($0.name, $0.details) }),
        dropped: study?.dropped ?? []))
    return PreparedProbe(
      inputs: try RunInputs(
        probe: "dual-form", spec: resolved, files: files,
        precision: study.map { $0.models[0].model.context.precision.rawValue } ?? "f64"),
      plan: plan,
      work: { cell in
        switch jobs[cell.key] {
        case .construction(let layers, let corrected)?:
          return try construction(layers: layers, corrected: corrected)
        case .training(let training)?: return DualFormRows(training, training.run()).output
        case .identity(let model, let task)?: return try identity(model, task)
        case nil: preconditionFailure("a cell of another plan: \(cell.key)")
        }
      },
      conclude: { cells in
        var output = CellOutput()
        if spec.seeds.count > 1 { output.results = DualFormRows.means(try cells.results()) }
        return output
      }, summary: { DualFormSummary(spec: spec, rows: $0, screen: $1).text })
  }

  /// The stack that the paper constructs against gradient steps written out, on prompts of the first seed; run as a stack
  /// and as the house's Transformer.
  private func construction(layers: Int, corrected: Bool) throws -> CellOutput {
    let (setting, rate) = (spec.setting, spec.setting.bestRate)
    let correction = corrected ? 0.5 * rate : 0
    let shape = StackShape(width: setting.width, layers: layers, reach: .demonstrations)
    var generator = SeededGenerator(key: "dual-form/construction", seed: UInt64(spec.seeds[0]))
    var weights = StackWeights(
      .gradientDescent(corrected: corrected), shape, isShared: true, deviation: 0,
      generator: &generator)
    weights.tensors["rate"] = Tensor(shape: [1], values: [rate])
    if corrected { weights.tensors["correction"] = Tensor(shape: [1], values: [correction]) }
    let stack = weights.stack
    let prompts = (0..<min(spec.testTasks, 200)).map { _ in setting.prompt(&generator) }
    let expected = prompts.map {
      ExplicitDescent(steps: layers, rate: rate, correction: correction).prediction($0)
    }
    let training = DualFormTraining(
      spec: spec, variant: .init(layers: layers, isShared: true), seed: spec.seeds[0],
      context: context)
    let lanes = training.reading(stack, prompts).predictions
    let house: Transformer<Double> = stack.transformer(on: context)
    let stream = try house.run(
      prompts.map { stack.sequence($0.tokens) }, stopAt: layers
    ).stream
    let tokens = spec.shots + 1
    let run = prompts.indices.map { -stream.row($0 * tokens + tokens - 1)[setting.dimension] }
    var output = CellOutput()
    for (model, found) in [("linear-stack", lanes), ("transformer", run)] {
      let worst = zip(found, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
      output.results.append(
        ResultRow(
          model: model, attention: .linear,
          condition: corrected ? .gradientDescentCorrected : .gradientDescent, split: .test,
          shots: spec.shots, seed: spec.seeds[0], metric: .constructionError,
          estimate: Estimate(value: worst, interval: nil, count: prompts.count),
          extra: [
            .integer(layers), .empty, .text("explicit steps"), .empty, .real(rate), .empty,
            .real(corrected ? correction : nil),
          ]))
    }
    return output
  }

  /// The identity on a checkpoint: means over prompts, by layer and head.
  private func identity(_ model: ProbeModel, _ task: ReadyTask) throws -> CellOutput {
    guard let prompting = spec.prompting else { preconditionFailure("a model without prompts") }
    let sets = task.dataset.demonstrationSets(.test, count: prompting.testSets)
    let prompts = try sets.map { set in
      let prompt = try task.dataset.inContextPrompt(set, task.template).tokenized(
        by: model.encoder)
      let beginning = prompt.spans["demonstration"]?.first?.lowerBound ?? 0
      return (tokens: prompt.tokens, demonstrations: beginning..<prompt.contextLength)
    }
    var fires = FireCounts()
    let found = try model.model.dualIdentities(prompts, fires: &fires)
    var output = CellOutput()
    output.notes.add(fires)
    let clusters = sets.map { "\($0.query)" }
    for layer in 0..<model.model.architecture.layers {
      for head in found[0][layer].indices {
        let own = found.map { $0[layer][head] }
        for (metric, values) in [
          (Metric.dualResidual, own.map(\.residual)), (.dualShare, own.map(\.share)),
          (.dualNorm, own.map(\.norm)),
        ] where values.contains(where: { $0 != nil }) {
          output.results.append(
            ResultRow(
              model: model.name, attention: model.attention, task: task.name, condition: .icl,
              split: .test, shots: prompting.shots, layer: layer, head: head, position: "last",
              seed: Int(prompting.seed), metric: metric,
              estimate: Bootstrap(
                key:
                  "\(model.name)\u{0}\(task.name)\u{0}\(layer)\u{0}\(head)\u{0}\(metric.rawValue)",
                seed: prompting.seed
              ).mean(values, clusters: clusters),
              extra: Array(repeating: .empty, count: Self.columns.count)))
        }
      }
    }
    return output
  }
}
