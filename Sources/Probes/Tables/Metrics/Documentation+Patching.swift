// Metrics of what activations do: patching, attribution, the lens's direct shares, heads (`activation-patching`,
// `lens`, `function-vectors`).

extension Documentation {
  static let indirectEffect = Documentation(
    "How much the edit changes the logit of the right answer minus that of the contrast answer. "
      + "Mean over examples.",
    formula: "M(edited) − M(unedited)", unit: "logits", whenEmpty: "n = 0",
    source: "Vig et al. 2020, arXiv:2004.12265; Todd et al. 2023, arXiv:2310.15213, §2.2")

  static let normalisedEffect = Documentation(
    "The edit's effect as a share of the distance between the two prompts: 0 does nothing, 1 makes "
      + "one prompt behave as the other. A ratio of means over examples.",
    formula: "mean(M(edited) − M(unedited)) / mean(M(donor) − M(unedited))",
    range: "any; mostly 0 … 1",
    whenEmpty: "the two prompts' means are equal",
    source: "Heimersheim and Nanda 2024, arXiv:2404.15255")

  static let attributionEffect = Documentation(
    "The effect that a linear approximation around the unedited run predicts, from one backward "
      + "pass for all places. Mean over examples.",
    formula: "(a_donor − a_unedited) · ∂M/∂a at the unedited run", unit: "logits",
    whenEmpty: "n = 0",
    source: "Nanda 2023, Attribution Patching; Syed et al. 2023, arXiv:2310.10348")

  static let attributionError = Documentation(
    "The mean absolute difference between predicted and measured effect, over the places of the "
      + "row's hook, by example.",
    formula: "mean |attribution_effect − indirect_effect|", unit: "logits", range: "≥ 0",
    whenEmpty: "n = 0", source: thisProject)

  static let attributionCorrelation = Documentation(
    "Pearson's correlation between predicted and measured effects over the places of the row's "
      + "hook and the examples.",
    formula: "cov(predicted, measured) / (sd(predicted) sd(measured))",
    range: "−1 … 1", whenEmpty: "one side does not vary", source: thisProject)

  static let directLogit = Documentation(
    "What the row's module or head adds directly to the logit of the right answer above the mean "
      + "logit, before a cap, the divisors of the norms behind it held. Mean over examples.",
    formula: "⟨norm′(a), W_U[answer] − mean_v W_U[v]⟩", unit: "logits", whenEmpty: "n = 0",
    source: "Wang et al. 2022, arXiv:2211.00593, §3 (direct logit attribution)")

  static let causalIndirectEffect = Documentation(
    "How much the probability of the right answer's first token grows when the head's output at the "
      + "last token is its mean over prompts of the task that were answered rightly. Mean over prompts.",
    formula: "p(y | a := ā) − p(y)", range: "−1 … 1",
    whenEmpty: "no prompt of the task was answered rightly",
    source: "Todd et al. 2023, arXiv:2310.15213, equation 4")

  static let averageIndirectEffect = Documentation(
    "The causal indirect effect, mean over the tasks of the run, every task counting the same.",
    formula: "mean over tasks of causal_indirect_effect", range: "−1 … 1",
    whenEmpty: "no prompt of any task was answered rightly",
    source: "Todd et al. 2023, arXiv:2310.15213, equation 5")

  static let headRank = Documentation(
    "The place of a head of the function vector by average indirect effect; other heads have no row.",
    formula: "|{heads with a greater average_indirect_effect}|",
    range: "0 (the greatest) … heads chosen − 1", whenEmpty: "never",
    source: "Todd et al. 2023, arXiv:2310.15213, §2.3")
}
