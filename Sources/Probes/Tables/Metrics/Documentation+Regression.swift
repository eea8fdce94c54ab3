// Metrics of the linear-attention laboratory, whose models predict numbers (`linear-finetuning`, `dual-form`,
// `linear-task-vectors`).

extension Documentation {
  static let meanSquaredError = Documentation(
    "The mean squared error of a regression's prediction.", formula: "mean (ŷ − y)²",
    unit: "squared units of y", range: "≥ 0", whenEmpty: "n = 0",
    source:
      "Lee, Sohn and Lee 2026, arXiv:2602.23197; von Oswald et al. 2023, arXiv:2212.07677, §3")

  static let meanSquaredErrorClosedForm = Documentation(
    "The expected squared error that the theory gives for the model's own parameters.",
    formula: "E (ŷ − y)² under the theory's model", unit: "squared units of y", range: "≥ 0",
    whenEmpty: "the theory has no closed form for the row",
    source: "Lee, Sohn and Lee 2026, arXiv:2602.23197")

  static let meanSquaredErrorRescaled = Documentation(
    "The mean squared error of predictions times the one number that makes it least, chosen on the same prompts.",
    formula: "min over s of mean (s ŷ − y)²", unit: "squared units of y", range: "≥ 0",
    whenEmpty: "n = 0",
    source: "this project; Dong et al. 2026, arXiv:2506.09048, normalise instead")

  static let constructionError = Documentation(
    "The greatest absolute difference, over prompts, between the predictions of attention with constructed weights "
      + "and of explicit gradient steps.", formula: "max |ŷ_attention − ŷ_steps|",
    unit: "units of y", range: "≥ 0", whenEmpty: "n = 0",
    source: "von Oswald et al. 2023, arXiv:2212.07677, proposition 1")

  static let predictionDifference = Documentation(
    "The absolute difference between the predictions of the row's condition and of its baseline. Mean over prompts.",
    formula: "|ŷ − ŷ_baseline|", unit: "units of y", range: "≥ 0", whenEmpty: "n = 0",
    source: "von Oswald et al. 2023, arXiv:2212.07677, §3 (preds diff)")

  static let sensitivityCosine = Documentation(
    "The cosine of the two predictions' derivatives by the query's input. Mean over prompts.",
    formula: "cos(∂ŷ/∂x, ∂ŷ_baseline/∂x)", range: "−1 … 1",
    whenEmpty: "a derivative is 0 in every prompt",
    source: "von Oswald et al. 2023, arXiv:2212.07677, §3 (model cos)")

  static let sensitivityDifference = Documentation(
    "The Euclidean distance of the same derivatives. Mean over prompts.",
    formula: "‖∂ŷ/∂x − ∂ŷ_baseline/∂x‖", range: "≥ 0", whenEmpty: "n = 0",
    source: "von Oswald et al. 2023, arXiv:2212.07677, §3 (model diff)")

  static let injectedMapRank = Documentation(
    "The rank of the linear map from the query's x to the prediction that remains when a task vector is injected: how "
      + "many singular values exceed 1e-6 of the greatest. Mean over task vectors.",
    formula: "|{i : σ_i > 1e-6 σ₁}|", range: "0 … d", whenEmpty: "n = 0",
    source: "Dong et al. 2026, arXiv:2506.09048, proposition 3 (rank one)")

  static let injectedMapFirst = Documentation(
    "The share of the same map's squared Frobenius norm that its greatest singular value holds. Mean over task vectors.",
    formula: "σ₁² / Σ σ_i²", range: "1/d … 1", whenEmpty: "the map is 0 for every task vector",
    source: thisProject)
}
