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

  init(_ spec: ActivationPatchingSpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    study = try TaskStudy(spec.prompting, file: file, on: context)
    for model in study.models {
      // A hook that no layer of the model has is refused before any arithmetic.
      for point in spec.positionHooks + spec.headHooks + spec.paths.flatMap({ [$0.from, $0.to] }) {
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

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    let tables = [TableSchema.results.adding([Self.receiver]), .samples]
    guard spec.pairs.isEmpty else {
      return try study.prepared(
        "activation-patching", resolved, tables: tables,
        work: { model in
          var cell = ActivationPatchingCell(model, spec, task: "pairs")
          try cell.run(try givenPairs(model))
          return cell.cell.output
        }, summary: summary)
    }
    return try study.prepared(
      "activation-patching", resolved, tables: tables,
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
    let own = rows.filter {
      $0.metric == .normalisedEffect && $0.layer != nil && $0.extra[0] == .empty
    }
    var keys: [[String]] = []
    for row in own {
      let key = [row.model, row.task ?? "", row.condition.rawValue, row.hook ?? ""]
      if !keys.contains(key) { keys.append(key) }
    }
    let layers = (own.compactMap(\.layer).max() ?? 0) + 1
    var table = TextTable(
      headers: ["model", "task", "direction", "hook"] + (0..<layers).map { "\($0)" })
    for key in keys {
      let mine = own.filter {
        [$0.model, $0.task ?? "", $0.condition.rawValue, $0.hook ?? ""] == key
      }
      table.append(
        key
          + (0..<layers).map { layer in
            TextTable.number(mine.filter { $0.layer == layer }.compactMap(\.estimate.value).max())
          })
    }
    let maps = [
      HeatMap(
        "normalised effect by layer and position, mean over tasks", of: own, by: .positions, top: 1),
      HeatMap("normalised effect by layer and head, mean over tasks", of: own, by: .heads, top: 1),
    ]
    return
      (["greatest normalised effect by layer, over positions or heads"] + table.lines(on: screen)
      + maps.compactMap { $0 }.flatMap { [""] + $0.lines(on: screen) }).joined(separator: "\n")
  }
}
