// Metrics of in-context learning beside fine-tuning (`icl-vs-finetuning`).

extension Documentation {
  static let rec2FTP = Documentation(
    "Recall to fine-tuning predictions: of the examples that fine-tuning mends, the share that "
      + "in-context learning mends too. A share, not per cent.",
    formula: "|ZSL wrong ∧ FT right ∧ ICL right| / |ZSL wrong ∧ FT right|", range: "0 … 1",
    whenEmpty: "fine-tuning mends no example",
    source: "Dai et al. 2023, arXiv:2212.10559, §4.3")

  static let rec2FTPBaseRate = Documentation(
    "What Rec2FTP would be if fine-tuning told nothing.",
    formula: "|ZSL wrong ∧ ICL right| / |ZSL wrong|", range: "0 … 1",
    whenEmpty: "zero-shot is right everywhere", source: thisProject)

  static let rec2FTPLift = Documentation(
    "Rec2FTP minus its base rate.", formula: "rec2ftp − rec2ftp_base_rate", range: "−1 … 1",
    whenEmpty: "either is undefined", source: thisProject)

  static let rec2FTPReverse = Documentation(
    "Of the examples that in-context learning mends, the share that fine-tuning mends too.",
    formula: "|ZSL wrong ∧ FT right ∧ ICL right| / |ZSL wrong ∧ ICL right|", range: "0 … 1",
    whenEmpty: "in-context learning mends no example", source: thisProject)

  static let simAOU = Documentation(
    "Similarity of attention output updates, each output normalised before the subtraction; h is "
      + "`attn.hook_out` at the last token. Of an example the mean over layers; then the mean over "
      + "examples.",
    formula: "cos(ĥ_ICL − ĥ_ZSL, ĥ_FT − ĥ_ZSL), ĥ = h / ‖h‖", range: "−1 … 1",
    whenEmpty:
      "no example has a defined cosine: every update is within 1e-5 of its activation, "
      + "which is rounding",
    source: "Dai et al. 2023, arXiv:2212.10559, §4.4")

  static let simAOUNull = Documentation(
    "What `sim_aou` is when both updates point in independent directions: the norms alone give it.",
    formula: "½ √((1 − cos(h_ICL, h_ZSL)) (1 − cos(h_FT, h_ZSL)))", range: "0 … 1",
    whenEmpty: "an output is 0",
    source: "derived from Deutch et al. 2024, arXiv:2311.07772, §3.1")

  static let simAOUUnnormalised = Documentation(
    "The same without normalising, which removes the part that common norms alone produce.",
    formula: "cos(h_ICL − h_ZSL, h_FT − h_ZSL)", range: "−1 … 1",
    whenEmpty: "no example has a defined cosine",
    source: "Deutch et al. 2024, arXiv:2311.07772, §3.1")

  static let simAM = Documentation(
    "Similarity of attention maps: pre-softmax scores of the last token to the query's tokens, "
      + "BOS excluded, per head. Mean over examples and heads.",
    formula: "cos(m_ICL, m_FT); on rows of `zero_shot` cos(m_ICL, m_ZSL)", range: "−1 … 1",
    whenEmpty:
      "no example and head has a defined cosine; gated and delta-rule recurrences have no scores",
    source: "Dai et al. 2023, arXiv:2212.10559, §4.5")

  static let simAMDelta = Documentation(
    "The same of the maps' updates. Mean over examples and heads.",
    formula: "cos(m_ICL − m_ZSL, m_FT − m_ZSL)", range: "−1 … 1",
    whenEmpty:
      "every update is within 1e-5 of its map, which is rounding: so in layer 0 of rotary "
      + "models, whose scores do not depend on what stands before",
    source: "Deutch et al. 2024, arXiv:2311.07772, §3.2")

  static let kendallTau = Documentation(
    "Kendall's τ-b between the attention that in-context learning and the row's condition pay to "
      + "the demonstrations' tokens: in context the last token's scores before the softmax, "
      + "summed over heads; fine-tuned the inner products, summed over heads, of its query with the "
      + "queries of the training tokens, each recorded when it was trained on; both as they enter "
      + "the scores (rotated, or after the feature map). Mean over examples.",
    formula: "(C − D) / √((P − Tₓ)(P − T_y))", range: "−1 … 1",
    whenEmpty: "all values of one side are equal in every example",
    source: "Dai et al. 2023, arXiv:2212.10559, §4.6; Kendall 1945, Biometrika 33")

  static let kendallTauExamples = Documentation(
    "The same between whole demonstrations: the softmax of those scores over tokens, summed "
      + "over each demonstration's.", formula: "(C − D) / √((P − Tₓ)(P − T_y))", range: "−1 … 1",
    whenEmpty: "all values of one side are equal in every example",
    source: "LMOps understand_icl `compute_training_example_attn.py`")

  static let recallAtK = Documentation(
    "The share of the k most attended tokens of in-context learning that are among the k most "
      + "attended of the row's condition; k is the run's `top_tokens`.",
    formula: "|top_k(ICL) ∩ top_k(condition)| / k", range: "0 … 1",
    whenEmpty: "there are fewer than k items",
    source: "LMOps understand_icl `compute_training_example_attn.py`")

  static let recallAtKExamples = Documentation(
    "The same between whole demonstrations; k is the run's `top_demonstrations`.",
    formula: "|top_k(ICL) ∩ top_k(condition)| / k", range: "0 … 1",
    whenEmpty: "there are fewer than k items",
    source: "LMOps understand_icl `compute_training_example_attn.py`")

  static let tokenOverlap = Documentation(
    "The share of the ten most probable next tokens of in-context learning that are among the ten "
      + "most probable of the row's condition. Mean over examples.",
    formula: "|T₁ ∩ T₂| / K", range: "0 … 1", whenEmpty: "n = 0",
    source: "Shen et al. 2024, arXiv:2310.08540, §5")

  static let overlapCosine = Documentation(
    "The similarity of the two probabilities of the tokens O that both have among their K most "
      + "probable, as others transcribe the paper's formula.",
    formula: "Σ_O p₁ p₂ / √(Σ_O p₁² · Σ_O p₂² · (K − |O|))", range: "≥ 0",
    whenEmpty: "O is empty or all of the K tokens, in every example",
    source: "Shen et al. 2024, arXiv:2310.08540, §5")

  static let orderSensitivity = Documentation(
    "How much the distribution over the next token depends on the order of the demonstrations.",
    formula: "Σ_v sd over orders of p(v), the sd with n in the denominator; mean over examples",
    range: "≥ 0", whenEmpty: "there are fewer than two orders",
    source: "Shen et al. 2024, arXiv:2310.08540, §4")
}
