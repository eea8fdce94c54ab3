// What was measured: the closed vocabulary of the column `metric`, documented.
// A new metric is a new case; the compiler then asks for its documentation.

/// A measured quantity.
public enum Metric: String, Sendable, CaseIterable {
  case accuracy
  case accuracyRatio = "accuracy_ratio"
  case accuracyCeiling = "accuracy_ceiling"
  case chosenLayer = "chosen_layer"
  case logitDifference = "logit_diff"
  case probability
  case targetRank = "target_rank"
  case kullbackLeibler = "kl"
  case mcNemarP = "mcnemar_p"
  case rec2FTP = "rec2ftp"
  case rec2FTPBaseRate = "rec2ftp_base_rate"
  case rec2FTPLift = "rec2ftp_lift"
  case simAOU = "sim_aou"
  case simAOUUnnormalised = "sim_aou_unnormalised"
  case simAM = "sim_am"
  case simAMDelta = "sim_am_delta"
  case kendallTau = "kendall_tau"
  case recallAtK = "recall_at_k"
  case meanSquaredError = "mse"
  case meanSquaredErrorClosedForm = "mse_closed_form"
  case perplexity
}

extension Metric {
  public var documentation: Documentation {
    switch self {
    case .accuracy:
      Documentation(
        "The share of examples answered right under the run's rule.", formula: "right / n",
        range: "0 … 1", whenEmpty: "n = 0")
    case .accuracyRatio:
      Documentation(
        "The accuracy of the row's condition over that of `icl`: the mean over the row's tasks of the "
          + "one divided by the mean of the other.",
        formula: "mean accuracy(condition) / mean accuracy(icl)", range: "≥ 0",
        whenEmpty: "the in-context accuracy is 0",
        source: "Hendel et al. 2023, arXiv:2310.15916, §3.3")
    case .accuracyCeiling:
      Documentation(
        "The best accuracy that is possible without demonstrations, when every task that has the "
          + "query's input is equally likely.",
        formula: "mean over queries of the greatest share of tasks that agree on an answer",
        range: "0 … 1", whenEmpty: "n = 0")
    case .chosenLayer:
      Documentation(
        "The layer with the greatest accuracy on the development split; the first of equals.",
        unit: "layer", range: "0 … layers − 1", whenEmpty: "the development split is empty",
        source: "Hendel et al. 2023, arXiv:2310.15916, §3.2")
    case .logitDifference:
      Documentation(
        "The logit of the target minus the highest logit among all other tokens, or minus that of the "
          + "contrast answer where the probe names one. Mean over examples.",
        formula: "logit(target) − max over others, or − logit(contrast)", unit: "logits",
        whenEmpty: "n = 0")
    case .probability:
      Documentation(
        "The probability of the target, mean over examples.", range: "0 … 1", whenEmpty: "n = 0")
    case .targetRank:
      Documentation(
        "How many tokens have a greater logit than the target's, mean over examples.",
        unit: "tokens", range: "0 (most probable) … vocabulary − 1", whenEmpty: "n = 0")
    case .kullbackLeibler:
      Documentation(
        "The Kullback–Leibler divergence of the row's condition from the unedited run, over the "
          + "distribution of the next token, mean over examples.",
        formula: "Σ_t p(t) (ln p(t) − ln q(t)), p unedited, q edited", unit: "nats", range: "≥ 0",
        whenEmpty: "n = 0")
    case .mcNemarP:
      Documentation(
        "McNemar's exact two-sided p-value that the row's condition and `zero_shot` are equally "
          + "accurate on the same examples.",
        formula: "2 P(Binomial(b + c, ½) ≤ min(b, c)), at most 1", range: "0 … 1",
        whenEmpty: "n = 0", source: "McNemar 1947, Psychometrika 12")
    case .rec2FTP:
      Documentation(
        "Recall to fine-tuning predictions: of the examples that fine-tuning mends, the share that "
          + "in-context learning mends too. A share, not per cent.",
        formula: "|ZSL wrong ∧ FT right ∧ ICL right| / |ZSL wrong ∧ FT right|", range: "0 … 1",
        whenEmpty: "fine-tuning mends no example",
        source: "Dai et al. 2023, arXiv:2212.10559, §4.3")
    case .rec2FTPBaseRate:
      Documentation(
        "What Rec2FTP would be if fine-tuning told nothing.",
        formula: "|ZSL wrong ∧ ICL right| / |ZSL wrong|", range: "0 … 1",
        whenEmpty: "zero-shot is right everywhere")
    case .rec2FTPLift:
      Documentation(
        "Rec2FTP minus its base rate.", formula: "rec2ftp − rec2ftp_base_rate", range: "−1 … 1",
        whenEmpty: "either is undefined")
    case .simAOU:
      Documentation(
        "Similarity of attention output updates, each output normalised before the subtraction; h is "
          + "`hook_attn_out` at the last token. Mean over examples.",
        formula: "cos(ĥ_ICL − ĥ_ZSL, ĥ_FT − ĥ_ZSL), ĥ = h / ‖h‖", range: "−1 … 1",
        whenEmpty: "no example has a defined cosine",
        source: "Dai et al. 2023, arXiv:2212.10559, §4.4")
    case .simAOUUnnormalised:
      Documentation(
        "The same without normalising, which removes the part that common norms alone produce.",
        formula: "cos(h_ICL − h_ZSL, h_FT − h_ZSL)", range: "−1 … 1",
        whenEmpty: "no example has a defined cosine",
        source: "Deutch et al. 2024, arXiv:2311.07772, §3.1")
    case .simAM:
      Documentation(
        "Similarity of attention maps: pre-softmax scores of the last token to the query's tokens, "
          + "BOS excluded, per head. Mean over examples and heads.",
        formula: "cos(m_ICL, m_FT); on rows of `zero_shot` cos(m_ICL, m_ZSL)", range: "−1 … 1",
        whenEmpty: "no example and head has a defined cosine",
        source: "Dai et al. 2023, arXiv:2212.10559, §4.5")
    case .simAMDelta:
      Documentation(
        "The same of the maps' updates. Mean over examples and heads.",
        formula: "cos(m_ICL − m_ZSL, m_FT − m_ZSL)", range: "−1 … 1",
        whenEmpty: "no example and head has a defined cosine",
        source: "Deutch et al. 2024, arXiv:2311.07772, §3.2")
    case .kendallTau:
      Documentation(
        "Kendall's τ-b between the attention that in-context learning and the row's condition pay to "
          + "the demonstrations' tokens. Mean over examples.",
        formula: "(C − D) / √((P − Tₓ)(P − T_y))", range: "−1 … 1",
        whenEmpty: "all values of one side are equal in every example",
        source: "Dai et al. 2023, arXiv:2212.10559, §4.6; Kendall 1945, Biometrika 33")
    case .recallAtK:
      Documentation(
        "The share of the k most attended items of in-context learning that are among the k most "
          + "attended of the row's condition.",
        formula: "|top_k(ICL) ∩ top_k(condition)| / k", range: "0 … 1",
        whenEmpty: "there are fewer than k items")
    case .meanSquaredError:
      Documentation(
        "The mean squared error of a regression's prediction.", formula: "mean (ŷ − y)²",
        unit: "squared units of y", range: "≥ 0", whenEmpty: "n = 0")
    case .meanSquaredErrorClosedForm:
      Documentation(
        "The expected squared error that the theory gives for the model's own parameters.",
        unit: "squared units of y", range: "≥ 0",
        whenEmpty: "the theory has no closed form for the row",
        source: "Lee, Sohn and Lee 2026, arXiv:2602.23197")
    case .perplexity:
      Documentation(
        "The exponential of the mean negative log-likelihood per token.",
        formula: "exp(−mean ln p(token | tokens before))", range: "≥ 1", whenEmpty: "n = 0")
    }
  }
}
