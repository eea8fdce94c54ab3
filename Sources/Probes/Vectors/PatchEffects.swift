// PatchEffects: the most probable next tokens of prompts, without and with an intervention.

import CKernels
import HookPoints
import HookedModels
import TensorCore

/// What is predicted at the last token of prompts.
public struct PatchEffects: Sendable, Equatable {
  /// A token that may come next.
  public struct Prediction: Sendable, Equatable {
    /// Its id.
    public let token: Int
    /// Of it among all tokens.
    public let probability: Double
  }

  /// By prompt, most probable first.
  public let clean: [[Prediction]]
  /// The same under the intervention.
  public let patched: [[Prediction]]

  /// One row per prompt, condition and rank.
  public func table(prompts: [GivenPrompt], piece: (Int) -> String) -> Table {
    var table = Table(.patched)
    for (index, prompt) in prompts.enumerated() {
      for (condition, predictions) in [("clean", clean[index]), ("patched", patched[index])] {
        for (rank, prediction) in predictions.enumerated() {
          table.append([
            .integer(index), .text(prompt.text), .text(condition), .integer(rank),
            .integer(prediction.token), .text(piece(prediction.token)),
            .real(prediction.probability),
          ])
        }
      }
    }
    return table
  }
}

extension TableSchema {
  /// What `thetascope patch` writes.
  static let patched = TableSchema(
    file: "patched.csv", meaning: "One row per prompt, condition and rank.",
    columns: [
      Column("prompt", .integer, "The prompt, counted from 0."),
      Column("text", .text, "The prompt's text."),
      Column("condition", .text, "Whether the vector was applied.", range: "clean, patched"),
      Column("rank", .integer, "0 is the most probable token.", range: "≥ 0"),
      Column("token_id", .integer, "The token's id."),
      Column("token", .text, "The token's text."),
      Column(
        "probability", .real, "Its probability.", formula: "exp(logit(token)) / Σ_t exp(logit(t))",
        range: "0 … 1", source: Documentation.thisProject),
    ])
}

extension [GivenPrompt] {
  /// What a plan does to the predictions after the prompts.
  ///
  /// - Throws: `HookError` for a plan that does not fit the prompts, before anything is computed.
  public func effects(of plan: HookPlan, on model: Transformer<Float>, top: Int) throws
    -> PatchEffects
  {
    _ = try plan.resolved(catalog: model.catalog, sequences: map(\.sequence.shape))
    try model.verify(lengths: map(\.tokens.count))
    var clean: [[PatchEffects.Prediction]] = []
    var patched: [[PatchEffects.Prediction]] = []
    for chunk in chunked(tokens: 4096, count: \.tokens.count) {
      let batch = chunk.map(\.sequence)
      clean += try model.run(batch).logits.predictions(top)
      patched += try model.run(batch, plan: plan).logits.predictions(top)
    }
    return PatchEffects(clean: clean, patched: patched)
  }
}

extension Tensor<Float> {
  /// The most probable tokens of each row of logits; of equal ones the first comes first.
  fileprivate func predictions(_ top: Int) -> [[PatchEffects.Prediction]] {
    (0..<rows).map { index in
      let logits = row(index).map { Double($0) }
      let highest = logits.max() ?? 0
      let weights = logits.map { ck_exp($0 - highest) }
      let total = weights.reduce(0, +)
      return logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }.prefix(top).map {
        PatchEffects.Prediction(token: $0, probability: weights[$0] / total)
      }
    }
  }
}
