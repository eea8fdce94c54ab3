// Metrics of whether a difference is one: p-values, their adjustments, and what a choice is worth.

extension Documentation {
  static let mcNemarP = Documentation(
    "McNemar's exact two-sided p-value that the row's condition and the prompt without edits are "
      + "equally accurate on the same examples: `icl` where demonstrations stand in the prompt, else "
      + "`zero_shot`; in `bijections` always `icl`.",
    formula: "2 P(Binomial(b + c, ½) ≤ min(b, c)), at most 1", range: "0 … 1",
    whenEmpty: "n = 0", source: "McNemar 1947, Psychometrika 12")

  static let permutationP = Documentation(
    "The two-sided p-value of a sign-flipping permutation test, paired by example and clustered by "
      + "query, that the row's condition and the reference of `mcnemar_p` are the same; of rows over "
      + "tasks every task counts the same. Of a patched place: that its `indirect_effect` is 0; of a head "
      + "over tasks: that its `average_indirect_effect` is 0.",
    formula: "share of sign patterns with |Σ ± d| ≥ |Σ d|", range: "0 … 1",
    whenEmpty: "n = 0", source: "Edgington 1980, Randomization Tests, §5")

  static let permutationPCorrected = Documentation(
    "As `permutation_p`, for the greatest difference among all layers of the curve, among all patched places of "
      + "the row's hook, receiver and condition (positions and heads apart), or among all heads of the model over "
      + "tasks: what may be said of one that was chosen on seeing all.",
    formula: "share of sign patterns with max |Σ ± d| ≥ |Σ d|", range: "0 … 1",
    whenEmpty: "n = 0", source: "Westfall and Young 1993, Resampling-Based Multiple Testing, §2"
  )

  static let holmP = Documentation(
    "The test's p-value adjusted by Holm's method over the curve, or over the places of `permutation_p_corrected`.",
    formula: "max over j ≤ i of min(1, (m − j + 1) p_(j)), p_(1) ≤ … ≤ p_(m)", range: "0 … 1",
    whenEmpty: "n = 0", source: "Holm 1979, Scandinavian Journal of Statistics 6")

  static let benjaminiHochbergP = Documentation(
    "The test's p-value adjusted by Benjamini and Hochberg's method over the curve, or over the places of "
      + "`permutation_p_corrected`.",
    formula: "min over j ≥ i of min(1, m p_(j) / j), p_(1) ≤ … ≤ p_(m)", range: "0 … 1",
    whenEmpty: "n = 0", source: "Benjamini and Hochberg 1995, JRSS B 57")

  static let crossFittedAccuracy = Documentation(
    "The accuracy of choosing the best layer and using it, each query judged under the layer that "
      + "is best on all other queries: what the best layer's accuracy is worth after the choice.",
    formula: "mean over queries of right(query, argmax over layers of accuracy without it)",
    range: "0 … 1", whenEmpty: "there are fewer than two queries",
    source: "Stone 1974, JRSS B 36")
}
