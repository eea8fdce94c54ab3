// ICLFineTuningSummary: what the terminal shows: the paper's table, one column a data set, and its critique.

struct ICLFineTuningSummary {
  let spec: ICLFineTuningSpec

  private static let lines: [(title: String, condition: Condition, metric: Metric)] = [
    ("ZSL accuracy", .zeroShot, .accuracy), ("FT accuracy", .fineTuned, .accuracy),
    ("ICL accuracy", .icl, .accuracy), ("Rec2FTP", .fineTuned, .rec2FTP),
    ("  base rate", .fineTuned, .rec2FTPBaseRate), ("  lift", .fineTuned, .rec2FTPLift),
    ("SimAOU (random)", .updateUniform, .simAOU), ("SimAOU (FT)", .fineTuned, .simAOU),
    ("  null of its norms", .fineTuned, .simAOUNull),
    ("  shuffled labels", .fineTunedShuffledLabels, .simAOU),
    ("  another task", .fineTunedOtherTask, .simAOU), ("  untrained", .untrained, .simAOU),
    ("  ICL, other order", .iclOtherOrder, .simAOU),
    ("SimAOU, not normalised", .fineTuned, .simAOUUnnormalised),
    ("  untrained", .untrained, .simAOUUnnormalised),
    ("SimAM before FT", .zeroShot, .simAM), ("SimAM after FT", .fineTuned, .simAM),
    ("SimAM of updates", .fineTuned, .simAMDelta),
    ("  untrained", .untrained, .simAMDelta),
    ("Kendall (ICL, random)", .updateUniform, .kendallTau),
    ("Kendall (ICL, FT)", .fineTuned, .kendallTau),
    ("Order sensitivity ICL", .icl, .orderSensitivity),
    ("Order sensitivity FT", .fineTuned, .orderSensitivity),
    ("Token overlap ICL, FT", .fineTuned, .tokenOverlap),
    ("Dual form residual", .icl, .dualResidual), ("cos(ΔW ICL, ΔW FT)", .fineTuned, .dualCosine),
  ]

  /// A table for each model, of the first method; means over seeds, and over data sets in the last column.
  func text(_ rows: [ResultRow], models: [String], on screen: Screen) -> String {
    let names = spec.data.map(\.name)
    let method = spec.methods.first?.rawValue
    return models.map { model in
      var table = TextTable(headers: [model] + names + ["mean"])
      for line in Self.lines {
        let values = names.map { name in
          Statistics.mean(
            rows.filter {
              $0.model == model && $0.task == name && $0.condition == line.condition
                && $0.metric == line.metric && $0.layer == nil && isHeadline($0, method)
            }.compactMap(\.estimate.value))
        }
        guard values.contains(where: { $0 != nil }) else { continue }
        table.append(
          [line.title]
            + (values + [Statistics.mean(values.compactMap { $0 })]).map {
              TextTable.number($0, decimals: 3)
            })
      }
      return table.lines(on: screen).joined(separator: "\n")
    }.joined(separator: "\n\n")
  }

  /// Not a point of a curve, and of the first method where there is one.
  private func isHeadline(_ row: ResultRow, _ method: String?) -> Bool {
    guard row.extra.count > 2, row.extra[2] != .text(ICLFineTuningSpec.Selection.curve.rawValue)
    else { return false }
    return row.extra[0] == .empty || row.extra[0] == .optional(method)
  }
}
