// The probe `finetuning-forgetting`: language models fine-tuned on one task without demonstrations: what becomes of in-context
// learning, of that task and of all others? One cell is one model, one target task, one way to fine-tune, one seed.
//
// Source: Lee, Sohn and Lee 2026, arXiv:2602.23197, whose theory is of linear regression and whose experiment on language
// models uses other data; this is their protocol on the tasks of Hendel et al. 2023.

import CheckpointIO
import HookedModels
import ICLTasks
import TensorCore

struct FineTuningForgettingProbe {
  let spec: FineTuningForgettingSpec
  let study: TaskStudy
  private let targets: [String: ForgettingTarget]

  private static let columns: [Column] = [
    Column(
      "queries", .text,
      "Which queries the row is about: pairs of the target task (`source_task`) that were fine-tuned on, pairs of it "
        + "that were not, other tasks on the target's inputs, or the rest of the tasks.",
      range: ForgettingQueries.allCases.map(\.rawValue).joined(separator: ", ")),
    Column(
      "auxiliary_weight", .real,
      "λ₀: the weight at the first step of the loss on prompts with demonstrations; it falls to 0 by a line.",
      formula: "L_zero_shot + λ_t L_few_shot, λ_t = λ₀ (T − 1 − t) / (T − 1)", range: "≥ 0",
      whenEmpty: "the model was not fine-tuned", source: "Lee, Sohn and Lee 2026, arXiv:2602.23197"),
    Column(
      "lora_rank", .integer, "The rank of the adapters that were trained instead of the weights.",
      whenEmpty: "no adapters were trained"),
    Column(
      "learning_rate", .real,
      "The learning rate of AdamW; on rows of the splits test and train the one that, with `steps`, has the greatest "
        + "accuracy on held-out queries of the development split without demonstrations; of equals the fewest steps, "
        + "then the least rate.",
      formula: "argmax over rates and steps of accuracy(development, held_out, 0 shots)",
      range: "> 0", whenEmpty: "the model was not fine-tuned, or the row is over runs",
      source: Documentation.thisProject),
    Column(
      "steps", .integer, "The number of steps of fine-tuning.",
      whenEmpty: "the model was not fine-tuned, or the row is over runs"),
  ]
  private static let source = Column(
    "source_task", .text, "The task that the model was fine-tuned on, or is to be.")

  static let tables: [TableSchema] = [
    .results.adding(columns), .samples.adding([source] + columns),
  ]

  /// - Throws: errors of models and tasks; `RunError.invalidInput` for a target that a model cannot be asked or that has
  ///   too few pairs.
  init(_ spec: FineTuningForgettingSpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    study = try TaskStudy(spec.prompting, file: file, on: context)
    var targets: [String: ForgettingTarget] = [:]
    for model in study.models {
      try Self.check(spec, of: model.model.architecture, file: file)
      for name in spec.targets {
        guard let task = study.ready[model.name]?[name] else {
          throw RunError.invalidInput(
            subject: file, fact: "target '\(name)' has too few pairs for \(model.name)")
        }
        for seed in spec.seeds {
          targets[Self.key(model, name, seed)] = try ForgettingTarget(task, spec: spec, seed: seed)
        }
      }
    }
    self.targets = targets
  }

  /// - Throws: `RunError.invalidSpec` for adapters of matrices that a model does not have; `ModelError.unsupportedValue` for
  ///   adapters to be saved that the checkpoint has no module for.
  private static func check(
    _ spec: FineTuningForgettingSpec, of architecture: Architecture, file: String
  ) throws {
    guard let adapters = spec.adapters else { return }
    let names = architecture.parameters.filter { $0.shape.count == 2 }.map(\.name)
    let modules = Set(names.compactMap(TaskTuning.Adapters.module)).sorted()
    for target in adapters.targetModules ?? [] where !modules.contains(target) {
      throw RunError.invalidSpec(
        file: file, key: "adapters.target_modules",
        fact: "there is no '\(target)' in a block" + advice(for: target, among: modules))
    }
    guard adapters.save != nil else { return }
    for tuning in spec.tunings where tuning.adapters != nil {
      _ = try architecture.modules(ofAdapted: names.filter(tuning.trains), file: file)
    }
  }

  private static func key(_ model: ProbeModel, _ target: String, _ seed: Int) -> String {
    "\(model.name)/\(target)/seed \(seed)"
  }

  /// What one cell does.
  private struct Work {
    let cell: Cell
    let model: ProbeModel
    let target: String
    let seed: Int
    let tuning: TaskTuning?
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    let tunings = [nil] + spec.tunings.map { Optional($0) }
    let works = study.models.flatMap { model in
      spec.targets.flatMap { target in
        spec.seeds.flatMap { seed in
          tunings.map { tuning in
            Work(
              cell: Cell(
                key: "\(Self.key(model, target, seed))/\(tuning?.name ?? "pretrained")",
                cost: cost(model, tuning)), model: model, target: target, seed: seed,
              tuning: tuning)
          }
        }
      }
    }
    let byKey = Dictionary(uniqueKeysWithValues: works.map { ($0.cell.key, $0) })
    return try study.prepared(
      "finetuning-forgetting", resolved, seeds: spec.seeds,
      tables: Self.tables, cells: works.map(\.cell),
      work: { cell in
        guard let work = byKey[cell.key],
          let target = targets[Self.key(work.model, work.target, work.seed)]
        else { preconditionFailure("a cell of another plan: \(cell.key)") }
        var forgetting = try ForgettingCell(
          spec: spec, model: work.model, target: target,
          others: study.tasks(of: work.model).filter { $0.name != work.target },
          tuning: work.tuning, seed: work.seed)
        return try forgetting.run()
      },
      conclude: { cells in
        var output = CellOutput()
        output.results = FineTuningForgettingSummary(spec: spec).rows(try cells.results())
        return output
      }, summary: { FineTuningForgettingSummary(spec: spec).text($0, on: $1) })
  }

  /// Prompts that go through the model, times its size: three for one that is trained on, one that is asked.
  private func cost(_ model: ProbeModel, _ tuning: TaskTuning?) -> Double {
    let asked =
      spec.testShots.count * (2 * spec.testSets + spec.otherSets * spec.prompting.tasks.count)
    var prompts = Double(asked)
    if let tuning {
      let added = tuning.auxiliaryWeight > 0
      let steps = added ? spec.steps.reduce(0, +) : spec.steps.last ?? 0
      prompts += Double(3 * spec.rates.count * steps * spec.batch * (added ? 5 : 1))
    }
    return prompts * Double(model.model.architecture.parameterCount)
  }
}

extension TaskTuning {
  /// Names it among the ways of a run: `value, λ 1.0, rank 8`.
  var name: String {
    "\(part.rawValue), λ \(auxiliaryWeight)" + (adapters.map { ", rank \($0.rank)" } ?? "")
  }
}
