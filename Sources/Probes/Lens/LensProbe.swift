// The probe `lens`: activations of the residual stream, and θ(S) itself, read as if the model ended there: through the
// final norm and the unembedding, or straight into it. One cell is one model on one task, or on the prompts that the file
// spells out.
//
// Sources: nostalgebraist 2020, "interpreting GPT: the logit lens"; Hendel et al. 2023, arXiv:2310.15916, table 6,
// whose released code has three quirks: θ is the mean over demonstration sets; its layer is the best one plus 2; GPT-J
// goes into the unembedding without the final norm (`norm: none`). Here every layer is written, under both ends.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

/// A prepared `lens` run.
struct LensProbe {
  let spec: LensSpec
  let study: TaskStudy

  static let end = Column(
    "norm", .text,
    "How the activation reaches the unembedding: `final` through the final norm, `none` straight.",
    range: LensSpec.End.allCases.map(\.rawValue).joined(separator: ", "))
  static let tokenColumns = [
    Column.condition, end,
    Column(
      "n", .integer, "The number of activations, at the last token, whose mean is decoded.",
      unit: "examples", range: "≥ 1"),
  ]

  static let tables: [TableSchema] = [
    .results.adding([end]), .samples, .tokens.adding(tokenColumns),
  ]

  init(_ spec: LensSpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    study = try TaskStudy(spec.prompting, file: file, on: context)
    for model in study.models {
      for point in spec.hooks where model.model.hooks(point).isEmpty {
        _ = try model.model.catalog.entry(.block(0, point))
      }
      _ = try LensCell(model, spec).given()
    }
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    guard spec.prompts.isEmpty else {
      return try study.prepared(
        "lens", resolved, tables: Self.tables,
        work: { model in
          var cell = LensCell(model, spec)
          try cell.look(at: cell.given(), .given, task: nil, outputs: [])
          return cell.cell.output
        }, summary: summary)
    }
    return try study.prepared(
      "lens", resolved, tables: Self.tables,
      work: { model, task in
        var cell = LensCell(model, spec)
        try cell.run(task, others: study.tasks(of: model))
        return cell.cell.output
      }, summary: summary)
  }

  /// For each model, task and condition the probability of the right answer at the last token by layer; then by layer and
  /// position, and what each head adds to its logit, mean over tasks.
  private func summary(_ rows: [ResultRow], on screen: Screen) -> String {
    let everywhere = rows.filter { $0.metric == .probability && $0.extra[0] == .text("final") }
    let maps = [
      HeatMap(
        "the same by layer and position, mean over tasks", of: everywhere, by: .positions, top: 1),
      HeatMap(
        "what each head adds to the answer's logit, mean over tasks",
        of: rows.filter { $0.metric == .directLogit }, by: .heads),
    ]
    return
      (layerTable(
        everywhere.filter { $0.position == "last" },
        title: "probability of the right answer at the last token by layer, through the final norm",
        on: screen)
      + maps.compactMap { $0 }.flatMap { [""] + $0.lines(on: screen) }).joined(separator: "\n")
  }
}
