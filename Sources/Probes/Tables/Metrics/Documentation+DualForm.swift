// Metrics of attention to demonstrations as a change of weights (`dual-form`, `icl-vs-finetuning`).

extension Documentation {
  static let dualResidual = Documentation(
    "How far the dual form is from the head's output at the last token of the in-context run. Of "
      + "linear attention the numerator before any norm, where the identity holds up to rounding; "
      + "of softmax attention what dropping softmax and scale costs.",
    formula: "‖out − (W_ZSL + ΔW_ICL + ΔW_query)ᵀ q‖ / ‖out‖", range: "≥ 0",
    whenEmpty: "the output is 0", source: "Dai et al. 2023, arXiv:2212.10559, §3.1")

  static let dualShare = Documentation(
    "How much of what the dual form gives comes from the demonstrations. Mean over prompts.",
    formula: "‖ΔW_ICL q‖ / ‖(W_ZSL + ΔW_ICL) q‖", range: "≥ 0",
    whenEmpty: "the denominator is 0 in every prompt",
    source: "Dai et al. 2023, arXiv:2212.10559, §3.1")

  static let dualNorm = Documentation(
    "The Frobenius norm of ΔW_ICL = Σ over the demonstrations' tokens of φ(k) ⊗ v, decay included "
      + "(rows of `icl`), or of ΔW_FT = Σ over the query's tokens, those of the zero-shot run "
      + "subtracted (other rows). Beginning tokens count as the query's.",
    formula: "‖ΔW‖ = √(Σ ΔW_ij²)", range: "≥ 0", whenEmpty: "n = 0",
    source: "Dai et al. 2023, arXiv:2212.10559, §3")

  static let dualNormQuery = Documentation(
    "The Frobenius norm of ΔW_query = Σ over the query's tokens of φ(k) ⊗ v in context minus the "
      + "same zero-shot.", formula: "‖ΔW_query‖", range: "≥ 0", whenEmpty: "n = 0",
    source: thisProject)

  static let dualCosine = Documentation(
    "The cosine of ΔW_ICL and ΔW_FT, as vectors of their elements.",
    formula: "⟨ΔW_ICL, ΔW_FT⟩ / (‖ΔW_ICL‖ ‖ΔW_FT‖)", range: "−1 … 1",
    whenEmpty: "one of them is 0 in every example", source: thisProject)

  static let dualCosineQuery = Documentation(
    "The cosine of ΔW_query and ΔW_FT.", formula: "⟨ΔW_query, ΔW_FT⟩ / (‖ΔW_query‖ ‖ΔW_FT‖)",
    range: "−1 … 1", whenEmpty: "one of them is 0 in every example", source: thisProject)

  static let dualCosineICLQuery = Documentation(
    "The cosine of ΔW_ICL and ΔW_query.", formula: "⟨ΔW_ICL, ΔW_query⟩ / (‖ΔW_ICL‖ ‖ΔW_query‖)",
    range: "−1 … 1", whenEmpty: "one of them is 0 in every example", source: thisProject)

  static let dualPrincipalFirst = Documentation(
    "The cosine of the least principal angle between the directions of queries that ΔW_ICL and "
      + "ΔW_FT act on most: the left singular vectors of the run's `dual_rank` greatest singular "
      + "values.", formula: "σ₁(U_ICLᵀ U_FT)", range: "0 … 1",
    whenEmpty: "a rank is smaller in every example", source: principalAngles)

  static let dualPrincipalLast = Documentation(
    "The same of the greatest principal angle.", formula: "σ_r(U_ICLᵀ U_FT)", range: "0 … 1",
    whenEmpty: "a rank is smaller in every example", source: principalAngles)

  static let dualPrincipalQueryFirst = Documentation(
    "The cosine of the least principal angle between ΔW_query and ΔW_FT.",
    formula: "σ₁(U_queryᵀ U_FT)", range: "0 … 1",
    whenEmpty: "a rank is smaller in every example", source: principalAngles)

  static let dualPrincipalQueryLast = Documentation(
    "The cosine of the greatest principal angle between ΔW_query and ΔW_FT.",
    formula: "σ_r(U_queryᵀ U_FT)", range: "0 … 1",
    whenEmpty: "a rank is smaller in every example", source: principalAngles)

  private static let principalAngles = "this project; angles: Björck and Golub 1973, Math. Comp. 27"
}
