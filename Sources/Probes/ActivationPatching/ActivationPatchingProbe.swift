// The probe `activation-patching`: activations of one prompt put into the run of another, place by place. Denoising puts
// clean activations into the corrupt run (what suffices), noising the reverse (what is needed). One cell is one model on
// one task, or on the pairs that the file spells out.
//
// Source: Heimersheim and Nanda 2024, arXiv:2404.15255; path patching: Goldowsky-Dill et al. 2023, arXiv:2304.05969.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

/// A prepared `activation-patching` run.
@dynamicMemberLookup
struct ActivationPatchingProbe {
  let spec: ActivationPatchingSpec
  let study: TaskStudy
  /// Every point that is patched or reached.
  private var points: [BlockPoint] {
    spec.positionHooks + spec.headHooks + spec.paths.flatMap { [$0.from, $0.to] }
  }

  init(_ spec: ActivationPatchingSpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    study = try TaskStudy(spec.prompting, file: file, on: context)
    for model in study.models {
      // A hook that no layer of the model has is refused before any arithmetic.
      for point in points {
        let catalog = model.model.catalog
        let hook = model.model.hooks(point).first ?? .block(0, point)
        let entry = try catalog.entry(hook)
        guard entry.rowKind != .sequence else {
          throw RunError.invalidInput(
            subject: "\(hook)",
            fact:
              "it has one value a prompt and no position, and a whole prompt begins with an empty "
              + "state; patch attn.hook_ssm_state or attn.hook_ssm_write")
        }
        if spec.headHooks.contains(point), entry.heads == nil {
          throw HookError.noHeadAxis(hook: hook)
        }
      }
      _ = try givenPairs(model)
    }
  }

  subscript<Value>(dynamicMember member: KeyPath<PromptingSpec, Value>) -> Value {
    spec.prompting[keyPath: member]
  }

  static let receiver = Column(
    "receiver", .text,
    "The hook point that the change at the row's hook reaches; everything between the two is held at "
      + "its unedited value.", whenEmpty: "the row is not about a path")

  static let samples = [
    receiver,
    Column(
      "head", .integer, "The head that was patched, counted from 0.",
      whenEmpty: "the prompt ran without edits, or all of the hook was patched"),
    Column(
      .indirectEffect,
      "The logit difference of the row minus that of the same prompt without edits.",
      whenEmpty: "the prompt ran without edits"),
    Column(
      .attributionEffect,
      "What one backward pass predicts for `indirect_effect`: the change of the activation times the "
        + "gradient of the logit difference.",
      whenEmpty: "the prompt ran without edits, or the hook point has no gradient"),
  ]

  static let tables: [TableSchema] = [.results.adding([receiver]), .samples.adding(samples)]

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    let dropped = study.models.flatMap { model in
      Set(points).sorted().flatMap(model.lacking)
    }
    guard spec.pairs.isEmpty else {
      return try study.prepared(
        "activation-patching", resolved, tables: Self.tables, dropped: dropped,
        work: { model in
          var cell = ActivationPatchingCell(model, spec, task: "pairs")
          try cell.run(try givenPairs(model))
          return cell.cell.output
        }, summary: summary)
    }
    return try study.prepared(
      "activation-patching", resolved, tables: Self.tables, dropped: dropped,
      work: { model, task in
        var cell = ActivationPatchingCell(model, spec, task: task.name)
        let pairs = try pairs(of: task, model, notes: &cell.cell.output.notes)
        if !pairs.isEmpty { try cell.run(pairs) }
        return cell.cell.output
      }, summary: summary)
  }

  /// For each model, task and hook the normalised effect by layer: the greatest over its places; then the effects by layer
  /// and position, and by layer and head, mean over tasks.
  private func summary(_ rows: [ResultRow], on screen: Screen) -> String {
    let own = rows.filter { $0.metric == .normalisedEffect && $0.extra[0] == .empty }
    let maps = [
      HeatMap(
        "normalised effect by layer and position, mean over tasks", of: own, by: .positions, top: 1),
      HeatMap("normalised effect by layer and head, mean over tasks", of: own, by: .heads, top: 1),
    ]
    return
      (layerTable(
        own, title: "greatest normalised effect by layer, over positions or heads", on: screen)
      + maps.compactMap { $0 }.flatMap { [""] + $0.lines(on: screen) }).joined(separator: "\n")
  }
}
