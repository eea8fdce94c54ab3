// What was measured: the closed vocabulary of the column `metric`, documented.
// A new metric is a new case; the compiler then asks for its documentation.

/// A measured quantity.
public enum Metric: String, Sendable, CaseIterable {
  case accuracy
  case accuracyRatio = "accuracy_ratio"
  case accuracyCeiling = "accuracy_ceiling"
  case accuracyDrop = "accuracy_drop"
  case accuracyDropExcess = "accuracy_drop_excess"
  case chosenLayer = "chosen_layer"
  case logitDifference = "logit_diff"
  case probability
  case targetRank = "target_rank"
  case kullbackLeibler = "kl"
  case mcNemarP = "mcnemar_p"
  case permutationP = "permutation_p"
  case permutationPCorrected = "permutation_p_corrected"
  case holmP = "holm_p"
  case benjaminiHochbergP = "bh_p"
  case crossFittedAccuracy = "accuracy_cross_fitted"
  case cosineWithin = "cosine_within"
  case cosineBetween = "cosine_between"
  case cosineBetweenSharedInputs = "cosine_between_shared_inputs"
  case cosineGap = "cosine_gap"
  case silhouetteCosine = "silhouette_cosine"
  case silhouetteEuclidean = "silhouette_euclidean"
  case linearProbeAccuracy = "linear_probe_accuracy"
  case varianceShare = "pca_variance_share"
  case neighbourDivergence = "tsne_kl"
  case indirectEffect = "indirect_effect"
  case normalisedEffect = "normalised_effect"
  case attributionEffect = "attribution_effect"
  case attributionError = "attribution_error"
  case attributionCorrelation = "attribution_correlation"
  case targetLogit = "target_logit"
  case taskOutputShare = "task_output_share"
  case directLogit = "direct_logit"
  case causalIndirectEffect = "causal_indirect_effect"
  case averageIndirectEffect = "average_indirect_effect"
  case headRank = "head_rank"
  case chosenScale = "chosen_scale"
  case rec2FTP = "rec2ftp"
  case rec2FTPBaseRate = "rec2ftp_base_rate"
  case rec2FTPLift = "rec2ftp_lift"
  case rec2FTPReverse = "rec2ftp_reverse"
  case simAOU = "sim_aou"
  case simAOUNull = "sim_aou_null"
  case simAOUUnnormalised = "sim_aou_unnormalised"
  case simAM = "sim_am"
  case simAMDelta = "sim_am_delta"
  case kendallTau = "kendall_tau"
  case kendallTauExamples = "kendall_tau_examples"
  case recallAtK = "recall_at_k"
  case recallAtKExamples = "recall_at_k_examples"
  case tokenOverlap = "token_overlap"
  case overlapCosine = "overlap_cosine"
  case orderSensitivity = "order_sensitivity"
  case dualResidual = "dual_residual"
  case dualNorm = "dual_norm"
  case dualNormQuery = "dual_norm_query"
  case dualCosine = "dual_cosine"
  case dualCosineQuery = "dual_cosine_query"
  case dualCosineICLQuery = "dual_cosine_icl_query"
  case dualPrincipalFirst = "dual_principal_cosine_first"
  case dualPrincipalLast = "dual_principal_cosine_last"
  case dualPrincipalQueryFirst = "dual_principal_cosine_query_first"
  case dualPrincipalQueryLast = "dual_principal_cosine_query_last"
  case meanSquaredError = "mse"
  case meanSquaredErrorClosedForm = "mse_closed_form"
  case meanSquaredErrorRescaled = "mse_rescaled"
  case constructionError = "construction_error"
  case predictionDifference = "prediction_difference"
  case sensitivityCosine = "sensitivity_cosine"
  case sensitivityDifference = "sensitivity_difference"
  case dualShare = "dual_share"
  case injectedMapRank = "injected_map_rank"
  case injectedMapFirst = "injected_map_first"
  case perplexity
  case loss
  case lossChange = "loss_change"
  case accuracyChange = "accuracy_change"
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
    case .accuracyDrop:
      Documentation(
        "What the row's condition loses against `icl` on the same examples.",
        formula: "accuracy(icl) − accuracy(condition)", range: "−1 … 1", whenEmpty: "n = 0")
    case .accuracyDropExcess:
      Documentation(
        "How much more the row's condition loses on mixed demonstrations than on those of one direction.",
        formula: "drop(mixed) − (drop(forward) + drop(inverse)) / 2", range: "−2 … 2",
        whenEmpty: "n = 0", source: "the hypothesis of Dong et al. 2026, arXiv:2506.09048, §4")
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
        "McNemar's exact two-sided p-value that the row's condition and the prompt without edits are "
          + "equally accurate on the same examples: `icl` where demonstrations stand in the prompt, else "
          + "`zero_shot`; in `bijections` always `icl`.",
        formula: "2 P(Binomial(b + c, ½) ≤ min(b, c)), at most 1", range: "0 … 1",
        whenEmpty: "n = 0", source: "McNemar 1947, Psychometrika 12")
    case .permutationP:
      Documentation(
        "The two-sided p-value of a sign-flipping permutation test, paired by example and clustered by "
          + "query, that the row's condition and the reference of `mcnemar_p` are the same; of rows over "
          + "tasks every task counts the same. Of a patched place: that its `indirect_effect` is 0.",
        formula: "share of sign patterns with |Σ ± d| ≥ |Σ d|", range: "0 … 1",
        whenEmpty: "n = 0", source: "Edgington 1980, Randomization Tests, §5")
    case .permutationPCorrected:
      Documentation(
        "As `permutation_p`, for the greatest difference among all layers of the curve, or among all "
          + "patched places of the row's hook, receiver and condition (positions and heads apart): what "
          + "may be said of one that was chosen on seeing all.",
        formula: "share of sign patterns with max |Σ ± d| ≥ |Σ d|", range: "0 … 1",
        whenEmpty: "n = 0", source: "Westfall and Young 1993, Resampling-Based Multiple Testing, §2"
      )
    case .holmP:
      Documentation(
        "The test's p-value adjusted by Holm's method over the curve, or over the places of "
          + "`permutation_p_corrected`.", range: "0 … 1",
        whenEmpty: "n = 0", source: "Holm 1979, Scandinavian Journal of Statistics 6")
    case .benjaminiHochbergP:
      Documentation(
        "The test's p-value adjusted by Benjamini and Hochberg's method over the curve, or over the "
          + "places of `permutation_p_corrected`.",
        range: "0 … 1", whenEmpty: "n = 0", source: "Benjamini and Hochberg 1995, JRSS B 57")
    case .crossFittedAccuracy:
      Documentation(
        "The accuracy of choosing the best layer and using it, each query judged under the layer that "
          + "is best on all other queries: what the best layer's accuracy is worth after the choice.",
        range: "0 … 1", whenEmpty: "there are fewer than two queries",
        source: "Stone 1974, JRSS B 36")
    case .cosineWithin:
      Documentation(
        "The mean cosine between θ of two demonstration sets of the task; of rows over tasks their mean. "
          + "Intervals of this and the next metrics are bootstrapped over sets within tasks, copies of one "
          + "set not paired.", range: "−1 … 1", whenEmpty: "the task has a single set",
        source: "Hendel et al. 2023, arXiv:2310.15916, §5")
    case .cosineBetween:
      Documentation(
        "The mean cosine between θ of a set of the task and of a set of another task: of the one that "
          + "`source_task` names, or of every other, each task counting the same.", range: "−1 … 1",
        whenEmpty: "there is one task")
    case .cosineBetweenSharedInputs:
      Documentation(
        "The same over pairs of tasks that can be asked the same queries, so that words of the input do "
          + "not tell them apart.", range: "−1 … 1", whenEmpty: "no two tasks share their inputs")
    case .cosineGap:
      Documentation(
        "How much closer θ of one task lie to each other than to those of other tasks.",
        formula: "cosine_within − cosine_between", range: "−2 … 2",
        whenEmpty: "one of them is empty")
    case .silhouetteCosine:
      Documentation(
        "The mean silhouette of θ, grouped by task, under the distance 1 − cosine.",
        formula: "mean (b − a) / max(a, b): a to the own task, b to the nearest other",
        range: "−1 … 1", whenEmpty: "there is one task",
        source: "Rousseeuw 1987, J. Comput. Appl. Math. 20")
    case .silhouetteEuclidean:
      Documentation(
        "The same under the Euclidean distance.", range: "−1 … 1", whenEmpty: "there is one task")
    case .linearProbeAccuracy:
      Documentation(
        "How often a linear classifier (ridge regression onto ±1) names the task of θ, each fold of the "
          + "demonstration sets judged by a fit on the others. Sets of different folds may show the same "
          + "pairs.", range: "0 … 1; chance is 1 over the number of tasks", whenEmpty: "n = 0")
    case .varianceShare:
      Documentation(
        "The share of the vectors' variance along the first two principal components.",
        range: "0 … 1", whenEmpty: "all vectors are the same")
    case .neighbourDivergence:
      Documentation(
        "The divergence that t-SNE ends with: how badly the plane shows the neighbourhoods.",
        formula: "KL(P ‖ Q)", unit: "nats", range: "≥ 0", whenEmpty: "n = 0",
        source: "van der Maaten and Hinton 2008, JMLR 9")
    case .indirectEffect:
      Documentation(
        "How much the edit changes the logit of the right answer minus that of the contrast answer. "
          + "Mean over examples.",
        formula: "M(edited) − M(unedited)", unit: "logits", whenEmpty: "n = 0",
        source: "Vig et al. 2020, arXiv:2004.12265; Todd et al. 2023, arXiv:2310.15213, §2.2")
    case .normalisedEffect:
      Documentation(
        "The edit's effect as a share of the distance between the two prompts: 0 does nothing, 1 makes "
          + "one prompt behave as the other. A ratio of means over examples.",
        formula: "mean(M(edited) − M(unedited)) / mean(M(donor) − M(unedited))",
        whenEmpty: "the two prompts' means are equal",
        source: "Heimersheim and Nanda 2024, arXiv:2404.15255")
    case .attributionEffect:
      Documentation(
        "The effect that a linear approximation around the unedited run predicts, from one backward "
          + "pass for all places. Mean over examples.",
        formula: "(a_donor − a_unedited) · ∂M/∂a at the unedited run", unit: "logits",
        whenEmpty: "n = 0",
        source: "Nanda 2023, Attribution Patching; Syed et al. 2023, arXiv:2310.10348")
    case .attributionError:
      Documentation(
        "The mean absolute difference between predicted and measured effect, over the places of the "
          + "row's hook, by example.",
        formula: "mean |attribution_effect − indirect_effect|", unit: "logits", range: "≥ 0",
        whenEmpty: "n = 0")
    case .attributionCorrelation:
      Documentation(
        "Pearson's correlation between predicted and measured effects over the places of the row's "
          + "hook and the examples.", range: "−1 … 1", whenEmpty: "one side does not vary")
    case .targetLogit:
      Documentation(
        "The logit of the right answer's first token, mean over examples; at a demonstration's arrow that "
          + "of the demonstration's own answer.", unit: "logits", whenEmpty: "n = 0")
    case .taskOutputShare:
      Documentation(
        "Of the `top` tokens of the greatest logits the share that begin an answer of the task; a share of "
          + "the vocabulary as great as the task's answers are would be chance. Mean over examples.",
        range: "0 … 1", whenEmpty: "n = 0",
        source: "a number for what Hendel et al. 2023, arXiv:2310.15916, table 6 shows")
    case .directLogit:
      Documentation(
        "What the row's module or head adds directly to the logit of the right answer above the mean "
          + "logit, before a cap, the divisors of the norms behind it held. Mean over examples.",
        formula: "⟨norm′(a), W_U[answer] − mean_v W_U[v]⟩", unit: "logits", whenEmpty: "n = 0",
        source: "Wang et al. 2022, arXiv:2211.00593, §3 (direct logit attribution)")
    case .causalIndirectEffect:
      Documentation(
        "How much the probability of the right answer's first token grows when the head's output at the "
          + "last token is its mean over prompts of the task that were answered rightly. Mean over prompts.",
        formula: "p(y | a := ā) − p(y)", range: "−1 … 1",
        whenEmpty: "no prompt of the task was answered rightly",
        source: "Todd et al. 2023, arXiv:2310.15213, equation 4")
    case .averageIndirectEffect:
      Documentation(
        "The causal indirect effect, mean over the tasks of the run, every task counting the same.",
        range: "−1 … 1", whenEmpty: "no prompt of any task was answered rightly",
        source: "Todd et al. 2023, arXiv:2310.15213, equation 5")
    case .headRank:
      Documentation(
        "The place of a head of the function vector by average indirect effect; other heads have no row.",
        range: "0 (the greatest) … heads chosen − 1", whenEmpty: "never")
    case .chosenScale:
      Documentation(
        "The scale with the greatest accuracy on the development split; the first of equals.",
        whenEmpty: "the development split is empty")
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
    case .rec2FTPReverse:
      Documentation(
        "Of the examples that in-context learning mends, the share that fine-tuning mends too.",
        formula: "|ZSL wrong ∧ FT right ∧ ICL right| / |ZSL wrong ∧ ICL right|", range: "0 … 1",
        whenEmpty: "in-context learning mends no example")
    case .rec2FTPLift:
      Documentation(
        "Rec2FTP minus its base rate.", formula: "rec2ftp − rec2ftp_base_rate", range: "−1 … 1",
        whenEmpty: "either is undefined")
    case .simAOU:
      Documentation(
        "Similarity of attention output updates, each output normalised before the subtraction; h is "
          + "`attn.hook_out` at the last token. Of an example the mean over layers; then the mean over "
          + "examples.",
        formula: "cos(ĥ_ICL − ĥ_ZSL, ĥ_FT − ĥ_ZSL), ĥ = h / ‖h‖", range: "−1 … 1",
        whenEmpty:
          "no example has a defined cosine: every update is within 1e-5 of its activation, "
          + "which is rounding",
        source: "Dai et al. 2023, arXiv:2212.10559, §4.4")
    case .simAOUNull:
      Documentation(
        "What `sim_aou` is when both updates point in independent directions: the norms alone give it.",
        formula: "½ √((1 − cos(h_ICL, h_ZSL)) (1 − cos(h_FT, h_ZSL)))", range: "0 … 1",
        whenEmpty: "an output is 0",
        source: "derived from Deutch et al. 2024, arXiv:2311.07772, §3.1")
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
        whenEmpty:
          "no example and head has a defined cosine; gated and delta-rule recurrences have no scores",
        source: "Dai et al. 2023, arXiv:2212.10559, §4.5")
    case .simAMDelta:
      Documentation(
        "The same of the maps' updates. Mean over examples and heads.",
        formula: "cos(m_ICL − m_ZSL, m_FT − m_ZSL)", range: "−1 … 1",
        whenEmpty:
          "every update is within 1e-5 of its map, which is rounding: so in layer 0 of rotary "
          + "models, whose scores do not depend on what stands before",
        source: "Deutch et al. 2024, arXiv:2311.07772, §3.2")
    case .kendallTau:
      Documentation(
        "Kendall's τ-b between the attention that in-context learning and the row's condition pay to "
          + "the demonstrations' tokens: in context the last token's scores before the softmax, "
          + "summed over heads; fine-tuned the inner products, summed over heads, of its query with the "
          + "queries of the training tokens, each recorded when it was trained on; both as they enter "
          + "the scores (rotated, or after the feature map). Mean over examples.",
        formula: "(C − D) / √((P − Tₓ)(P − T_y))", range: "−1 … 1",
        whenEmpty: "all values of one side are equal in every example",
        source: "Dai et al. 2023, arXiv:2212.10559, §4.6; Kendall 1945, Biometrika 33")
    case .kendallTauExamples:
      Documentation(
        "The same between whole demonstrations: the softmax of those scores over tokens, summed "
          + "over each demonstration's.", range: "−1 … 1",
        whenEmpty: "all values of one side are equal in every example",
        source: "LMOps understand_icl `compute_training_example_attn.py`")
    case .recallAtK:
      Documentation(
        "The share of the k most attended tokens of in-context learning that are among the k most "
          + "attended of the row's condition; k is the run's `top_tokens`.",
        formula: "|top_k(ICL) ∩ top_k(condition)| / k", range: "0 … 1",
        whenEmpty: "there are fewer than k items",
        source: "LMOps understand_icl `compute_training_example_attn.py`")
    case .recallAtKExamples:
      Documentation(
        "The same between whole demonstrations; k is the run's `top_demonstrations`.",
        range: "0 … 1",
        whenEmpty: "there are fewer than k items")
    case .tokenOverlap:
      Documentation(
        "The share of the ten most probable next tokens of in-context learning that are among the ten "
          + "most probable of the row's condition. Mean over examples.",
        formula: "|T₁ ∩ T₂| / K", range: "0 … 1", whenEmpty: "n = 0",
        source: "Shen et al. 2024, arXiv:2310.08540, §5")
    case .overlapCosine:
      Documentation(
        "The similarity of the two probabilities of the tokens O that both have among their K most "
          + "probable, as others transcribe the paper's formula.",
        formula: "Σ_O p₁ p₂ / √(Σ_O p₁² · Σ_O p₂² · (K − |O|))", range: "≥ 0",
        whenEmpty: "O is empty or all of the K tokens, in every example",
        source: "Shen et al. 2024, arXiv:2310.08540, §5")
    case .orderSensitivity:
      Documentation(
        "How much the distribution over the next token depends on the order of the demonstrations.",
        formula: "Σ_v sd over orders of p(v), the sd with n in the denominator; mean over examples",
        range: "≥ 0", whenEmpty: "there are fewer than two orders",
        source: "Shen et al. 2024, arXiv:2310.08540, §4")
    case .dualResidual:
      Documentation(
        "How far the dual form is from the head's output at the last token of the in-context run. Of "
          + "linear attention the numerator before any norm, where the identity holds up to rounding; "
          + "of softmax attention what dropping softmax and scale costs.",
        formula: "‖out − (W_ZSL + ΔW_ICL + ΔW_query)ᵀ q‖ / ‖out‖", range: "≥ 0",
        whenEmpty: "the output is 0", source: "Dai et al. 2023, arXiv:2212.10559, §3.1")
    case .dualNorm:
      Documentation(
        "The Frobenius norm of ΔW_ICL = Σ over the demonstrations' tokens of φ(k) ⊗ v, decay included "
          + "(rows of `icl`), or of ΔW_FT = Σ over the query's tokens, those of the zero-shot run "
          + "subtracted (other rows). Beginning tokens count as the query's.",
        range: "≥ 0", whenEmpty: "n = 0", source: "Dai et al. 2023, arXiv:2212.10559, §3")
    case .dualNormQuery:
      Documentation(
        "The Frobenius norm of ΔW_query = Σ over the query's tokens of φ(k) ⊗ v in context minus the "
          + "same zero-shot.", range: "≥ 0", whenEmpty: "n = 0")
    case .dualCosine:
      Documentation(
        "The cosine of ΔW_ICL and ΔW_FT, as vectors of their elements.", range: "−1 … 1",
        whenEmpty: "one of them is 0 in every example")
    case .dualCosineQuery:
      Documentation(
        "The cosine of ΔW_query and ΔW_FT.", range: "−1 … 1",
        whenEmpty: "one of them is 0 in every example")
    case .dualCosineICLQuery:
      Documentation(
        "The cosine of ΔW_ICL and ΔW_query.", range: "−1 … 1",
        whenEmpty: "one of them is 0 in every example")
    case .dualPrincipalFirst:
      Documentation(
        "The cosine of the least principal angle between the directions of queries that ΔW_ICL and "
          + "ΔW_FT act on most: the left singular vectors of the run's `dual_rank` greatest singular "
          + "values.", range: "0 … 1", whenEmpty: "a rank is smaller in every example",
        source: "Björck and Golub 1973, Math. Comp. 27")
    case .dualPrincipalLast:
      Documentation(
        "The same of the greatest principal angle.", range: "0 … 1",
        whenEmpty: "a rank is smaller in every example")
    case .dualPrincipalQueryFirst:
      Documentation(
        "The cosine of the least principal angle between ΔW_query and ΔW_FT.", range: "0 … 1",
        whenEmpty: "a rank is smaller in every example")
    case .dualPrincipalQueryLast:
      Documentation(
        "The cosine of the greatest principal angle between ΔW_query and ΔW_FT.", range: "0 … 1",
        whenEmpty: "a rank is smaller in every example")
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
    case .meanSquaredErrorRescaled:
      Documentation(
        "The mean squared error of predictions times the one number that makes it least, chosen on the same prompts.",
        formula: "min over s of mean (s ŷ − y)²", unit: "squared units of y", range: "≥ 0",
        whenEmpty: "n = 0")
    case .constructionError:
      Documentation(
        "The greatest absolute difference, over prompts, between the predictions of attention with constructed weights "
          + "and of explicit gradient steps.", formula: "max |ŷ_attention − ŷ_steps|",
        unit: "units of y", range: "≥ 0", whenEmpty: "n = 0",
        source: "von Oswald et al. 2023, arXiv:2212.07677, proposition 1")
    case .predictionDifference:
      Documentation(
        "The absolute difference between the predictions of the row's condition and of its baseline. Mean over prompts.",
        formula: "|ŷ − ŷ_baseline|", unit: "units of y", range: "≥ 0", whenEmpty: "n = 0",
        source: "von Oswald et al. 2023, arXiv:2212.07677, §3 (preds diff)")
    case .sensitivityCosine:
      Documentation(
        "The cosine of the two predictions' derivatives by the query's input. Mean over prompts.",
        formula: "cos(∂ŷ/∂x, ∂ŷ_baseline/∂x)", range: "−1 … 1",
        whenEmpty: "a derivative is 0 in every prompt",
        source: "von Oswald et al. 2023, arXiv:2212.07677, §3 (model cos)")
    case .sensitivityDifference:
      Documentation(
        "The Euclidean distance of the same derivatives. Mean over prompts.",
        formula: "‖∂ŷ/∂x − ∂ŷ_baseline/∂x‖", range: "≥ 0", whenEmpty: "n = 0",
        source: "von Oswald et al. 2023, arXiv:2212.07677, §3 (model diff)")
    case .dualShare:
      Documentation(
        "How much of what the dual form gives comes from the demonstrations. Mean over prompts.",
        formula: "‖ΔW_ICL q‖ / ‖(W_ZSL + ΔW_ICL) q‖", range: "≥ 0",
        whenEmpty: "the denominator is 0 in every prompt",
        source: "Dai et al. 2023, arXiv:2212.10559, §3.1")
    case .injectedMapRank:
      Documentation(
        "The rank of the linear map from the query's x to the prediction that remains when a task vector is injected: how "
          + "many singular values exceed 1e-6 of the greatest. Mean over task vectors.",
        range: "0 … d", whenEmpty: "n = 0",
        source: "Dong et al. 2026, arXiv:2506.09048, proposition 3 (rank one)")
    case .injectedMapFirst:
      Documentation(
        "The share of the same map's squared Frobenius norm that its greatest singular value holds. Mean over task vectors.",
        range: "1/d … 1", whenEmpty: "the map is 0 for every task vector")
    case .perplexity:
      Documentation(
        "The exponential of the mean negative log-likelihood per token.",
        formula: "exp(−mean ln p(token | tokens before))", range: "≥ 1", whenEmpty: "n = 0")
    case .loss:
      Documentation(
        "The mean negative log-likelihood per token, of text all tokens but the first.",
        formula: "−mean ln p(token | tokens before)", unit: "nats a token", range: "≥ 0",
        whenEmpty: "n = 0")
    case .lossChange:
      Documentation(
        "The loss under the row's condition minus that under the probe's reference (the plain model of "
          + "the same seed), paired by run and then averaged; n counts runs.",
        unit: "nats a token", whenEmpty: "a run of the pair is missing")
    case .accuracyChange:
      Documentation(
        "The accuracy under the row's condition minus that under the probe's reference (the plain model "
          + "of the same seed; the model before fine-tuning), on the same examples, paired by run and "
          + "then averaged; n counts runs.", range: "−1 … 1",
        whenEmpty: "a run of the pair is missing")
    }
  }
}
