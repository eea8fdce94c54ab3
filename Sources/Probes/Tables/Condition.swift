// What was done to the model: the closed vocabulary of the column `condition`, documented.
// A new condition is a new case; the compiler then asks for its documentation.

/// What was done to the model before a metric was taken.
public enum Condition: String, Sendable, CaseIterable {
  case zeroShot = "zero_shot"
  case icl
  case iclShuffledLabels = "icl_shuffled_labels"
  case taskVector = "task_vector"
  case taskVectorRandom = "task_vector_random"
  case taskVectorOtherTask = "task_vector_other_task"
  case taskVectorShuffledLabels = "task_vector_shuffled_labels"
  case fineTuned = "fine_tuned"
  case fineTunedShuffledLabels = "fine_tuned_shuffled_labels"
  case fineTunedOtherTask = "fine_tuned_other_task"
  case updateUniform = "update_uniform"
  case updateGaussian = "update_gaussian"
  case updateOtherExample = "update_other_example"
  case iclOtherOrder = "icl_other_order"
  case untrainedEmbeddings = "untrained_embeddings_kept"
  case pretrained
  case fineTunedAll = "fine_tuned_all"
  case fineTunedQueryKey = "fine_tuned_query_key"
  case fineTunedValue = "fine_tuned_value"
  case fineTunedAllAuxiliary = "fine_tuned_all_auxiliary"
  case fineTunedQueryKeyAuxiliary = "fine_tuned_query_key_auxiliary"
  case fineTunedValueAuxiliary = "fine_tuned_value_auxiliary"
  case fineTunedQuery = "fine_tuned_query"
  case fineTunedKey = "fine_tuned_key"
  case fineTunedQueryAuxiliary = "fine_tuned_query_auxiliary"
  case fineTunedKeyAuxiliary = "fine_tuned_key_auxiliary"
  case trained
  case gradientDescent = "gradient_descent"
  case gradientDescentCorrected = "gradient_descent_corrected"
  case taskVectorAdded = "task_vector_added"
  case taskVectorMeanContext = "task_vector_mean_context"
  case taskVectorInContext = "task_vector_in_context"
  case taskVectorEveryArrow = "task_vector_every_arrow"
  case stateVectorAverage = "state_vector_average"
  case stateVectorMomentum = "state_vector_momentum"
  case meanHiddenAdded = "mean_hidden_added"
  case stateInjected = "state_injected"
  case stateTruncated = "state_truncated"
  case given = "as_given"
  case taskVectorDecoded = "task_vector_decoded"
  case taskVectorOtherTaskDecoded = "task_vector_other_task_decoded"
  case headMean = "head_mean"
  case functionVector = "function_vector"
  case functionVectorRandomHeads = "function_vector_random_heads"
  case layerAverage = "layer_average"
  case inContextVector = "in_context_vector"
  case inContextVectorRandom = "in_context_vector_random"
  case inContextVectorOtherTask = "in_context_vector_other_task"
  case vectorArithmetic = "task_vector_arithmetic"
  case vectorArithmeticRandom = "task_vector_arithmetic_random"
  case taskVectorOverride = "task_vector_override"
  case overrideRandom = "override_random"
  case taskLabelsPermuted = "task_labels_permuted"
  case denoised
  case noised
  case plainAttention = "plain_attention"
  case momentumAttention = "momentum_attention"
  case clean
  case corrupt
  case untrained
  case untrainedICL = "untrained_icl"

  /// What was done to the model.
  public var documentation: Documentation {
    switch self {
    case .zeroShot:
      Documentation(
        "The query alone, without demonstrations and without edits.",
        source: "Hendel et al. 2023, arXiv:2310.15916, §3.3 (baseline)")
    case .icl:
      Documentation(
        "The query after the demonstrations (in-context learning), without edits.",
        source: "Hendel et al. 2023, arXiv:2310.15916, §3.3 (regular)")
    case .iclShuffledLabels:
      Documentation(
        "As `icl`, the outputs of the demonstrations permuted among them: what format and label "
          + "words alone give.", source: "Todd et al. 2023, arXiv:2310.15213, §2.2")
    case .taskVector:
      Documentation(
        "The zero-shot prompt, its last token's activation at the row's hook and layer replaced by "
          + "the task vector θ(S), the mean over dummy queries after the demonstrations S.",
        formula: "h(last) := θ(S) = mean over dummies x′ of h(last; S, x′)",
        source: "Hendel et al. 2023, arXiv:2310.15916, §3, and its released `task_vectors.py`")
    case .taskVectorRandom:
      Documentation(
        "As `task_vector`, with a Gaussian random vector of the same Euclidean norm as θ(S).",
        source: Documentation.thisProject)
    case .taskVectorOtherTask:
      Documentation(
        "As `task_vector`, with the θ of another task, which `source_task` names; right answers are "
          + "those of `task`.", source: Documentation.thisProject)
    case .taskVectorShuffledLabels:
      Documentation(
        "As `task_vector`, θ extracted from demonstrations whose outputs are permuted among them.",
        source: Documentation.thisProject)
    case .fineTuned:
      Documentation(
        "The zero-shot prompt on a model that was fine-tuned on the demonstrations.",
        source: "Dai et al. 2023, arXiv:2212.10559, §4.1")
    case .fineTunedShuffledLabels:
      Documentation(
        "As `fine_tuned`, the answers of the demonstrations permuted among them; compared with `icl`.",
        source: Documentation.thisProject)
    case .fineTunedOtherTask:
      Documentation(
        "As `fine_tuned`, on the demonstrations of another task, which `source_task` names; compared "
          + "with `icl` on those of `task`.", source: Documentation.thisProject)
    case .updateUniform:
      Documentation(
        "A draw from [0, 1) for each element instead of the fine-tuning update, or of its attention.",
        formula: "u_i ~ U[0, 1)",
        source: "Dai et al. 2023, arXiv:2212.10559, §4.4, as released: nothing is subtracted")
    case .updateGaussian:
      Documentation(
        "A Gaussian vector of the norm of the fine-tuning update instead of it.",
        source: Documentation.thisProject)
    case .updateOtherExample:
      Documentation(
        "The fine-tuning update of another example instead of its own.",
        source: Documentation.thisProject)
    case .iclOtherOrder:
      Documentation(
        "In-context learning with the same demonstrations in another order instead of fine-tuning: what "
          + "a similarity can reach at most.",
        source: "Shen et al. 2024, arXiv:2310.08540, §5")
    case .untrainedEmbeddings:
      Documentation(
        "As `untrained`, with the trained embeddings, unembedding and norms kept.",
        source: "Deutch et al. 2024, arXiv:2311.07772, §4")
    case .pretrained:
      Documentation(
        "Pre-trained on prompts of many tasks, not fine-tuned.",
        source: "Lee, Sohn and Lee 2026, arXiv:2602.23197")
    case .fineTunedAll:
      Documentation(
        "All weights fine-tuned on queries of one task without demonstrations.",
        source: "Lee, Sohn and Lee 2026, arXiv:2602.23197")
    case .fineTunedQueryKey:
      Documentation(
        "As `fine_tuned_all`, the query and key weights alone.",
        source: "Lee, Sohn and Lee 2026, arXiv:2602.23197")
    case .fineTunedValue:
      Documentation(
        "As `fine_tuned_all`, the value weights alone.",
        source: "Lee, Sohn and Lee 2026, arXiv:2602.23197")
    case .fineTunedAllAuxiliary:
      Documentation(
        "As `fine_tuned_all`, with the loss on prompts with demonstrations added, its weight falling "
          + "linearly from 1 to 0.", source: "Lee, Sohn and Lee 2026, arXiv:2602.23197")
    case .fineTunedQueryKeyAuxiliary:
      Documentation(
        "As `fine_tuned_all_auxiliary`, the query and key weights alone.",
        source: "Lee, Sohn and Lee 2026, arXiv:2602.23197")
    case .fineTunedValueAuxiliary:
      Documentation(
        "As `fine_tuned_all_auxiliary`, the value weights alone.",
        source: "Lee, Sohn and Lee 2026, arXiv:2602.23197")
    case .fineTunedQuery:
      Documentation(
        "As `fine_tuned_all`, the query weights alone (separate W_Q and W_K).",
        source: "Lee, Sohn and Lee 2026, arXiv:2602.23197")
    case .fineTunedKey:
      Documentation(
        "As `fine_tuned_all`, the key weights alone (separate W_Q and W_K).",
        source: "Lee, Sohn and Lee 2026, arXiv:2602.23197")
    case .fineTunedQueryAuxiliary:
      Documentation(
        "As `fine_tuned_all_auxiliary`, the query weights alone.",
        source: "Lee, Sohn and Lee 2026, arXiv:2602.23197")
    case .fineTunedKeyAuxiliary:
      Documentation(
        "As `fine_tuned_all_auxiliary`, the key weights alone.",
        source: "Lee, Sohn and Lee 2026, arXiv:2602.23197")
    case .trained:
      Documentation(
        "A stack of linear self-attention trained on in-context regression.",
        source: "von Oswald et al. 2023, arXiv:2212.07677, §3")
    case .gradientDescent:
      Documentation(
        "Gradient descent from zero weights on the demonstrations' squared error, one step a layer, its step size "
          + "trained.", source: "von Oswald et al. 2023, arXiv:2212.07677, proposition 1")
    case .gradientDescentCorrected:
      Documentation(
        "As `gradient_descent`, the inputs moved by −γ X Xᵀ x after each step (GD++), γ trained as well.",
        source: "von Oswald et al. 2023, arXiv:2212.07677, §3.2 and appendix A.10")
    case .taskVectorAdded:
      Documentation(
        "As `task_vector`, θ(S) added to the activation, times the row's scale, instead of replacing it.",
        formula: "h(last) + scale θ(S)",
        source: "this project; added as by Todd et al. 2023, arXiv:2310.15213, §2.3")
    case .taskVectorMeanContext:
      Documentation(
        "As `task_vector`, with the mean of θ over the split's demonstration sets that do not show "
          + "the query.", source: "Hendel et al. 2023, icl_task_vectors (multi-context)")
    case .taskVectorInContext:
      Documentation(
        "The in-context prompt, its last token's activation replaced by the θ of another set of the "
          + "same task, which does not show the query.",
        source: "Dong et al. 2026, arXiv:2506.09048")
    case .taskVectorEveryArrow:
      Documentation(
        "The in-context prompt of N demonstrations, the activations at all N + 1 arrows replaced by "
          + "the θ of N + 1 other sets (TaskV-M), none of which shows the query.",
        source: "Dong et al. 2026, arXiv:2506.09048")
    case .stateVectorAverage:
      Documentation(
        "As `task_vector`, with the mean of the residuals at all arrows of the demonstrations and the "
          + "dummy query.", source: "Li et al. 2024, arXiv:2404.11225")
    case .stateVectorMomentum:
      Documentation(
        "As `task_vector`, with the last arrow's residual plus the decaying sum of the steps from "
          + "arrow to arrow.", formula: "h_n + Σ_i η^(n−i) (h_i − h_(i−1))",
        source: "Li et al. 2024, arXiv:2404.11225")
    case .meanHiddenAdded:
      Documentation(
        "The zero-shot prompt, the mean residual over all tokens of the dummy prompt added to its last "
          + "token's, times the row's scale.",
        formula: "h(last) + scale mean over t of h(t; dummy prompt)",
        source: Documentation.thisProject)
    case .stateInjected:
      Documentation(
        "The query behind its demonstrations, the recurrent state of linear attention kept at the row's "
          + "layer only and emptied at all others; softmax layers of a hybrid and short convolutions keep what "
          + "they have.",
        source: Documentation.thisProject)
    case .stateTruncated:
      Documentation(
        "The query behind its demonstrations, each head's recurrent state replaced at every layer by "
          + "its best approximation of the row's rank.", formula: "Σ_(i ≤ rank) σ_i u_i v_iᵀ",
        source: "this project; Eckart and Young 1936, Psychometrika 1")
    case .given:
      Documentation(
        "The prompt as the probe file spells it out, without edits.",
        source: Documentation.thisProject)
    case .taskVectorDecoded:
      Documentation(
        "The task vector θ(S) itself as the activation: nothing is patched.",
        source: "Hendel et al. 2023, arXiv:2310.15916, table 6")
    case .taskVectorOtherTaskDecoded:
      Documentation(
        "As `task_vector_decoded`, the θ of another task, which `source_task` names; outputs are those of "
          + "`task`.", source: Documentation.thisProject)
    case .headMean:
      Documentation(
        "The in-context prompt with permuted labels, the output of the row's head at the last token "
          + "replaced by its mean over in-context prompts of the task that were answered rightly.",
        source: "Todd et al. 2023, arXiv:2310.15213, §2.2")
    case .functionVector:
      Documentation(
        "The row's prompt, the function vector added to its last token's activation: the sum of what the "
          + "heads of the greatest average indirect effect write, on average over prompts of the task.",
        formula: "h + Σ_A W_O ā", source: "Todd et al. 2023, arXiv:2310.15213, §2.3")
    case .functionVectorRandomHeads:
      Documentation(
        "As `function_vector`, with as many heads drawn from all others.",
        source: Documentation.thisProject)
    case .layerAverage:
      Documentation(
        "As `function_vector`, with the mean residual of the same prompts at the last token and the "
          + "row's layer instead.", source: "Todd et al. 2023, arXiv:2310.15213, §3.1")
    case .inContextVector:
      Documentation(
        "The zero-shot prompt, every token's activation at the row's hook in every layer turned towards "
          + "the in-context vector, its norm kept; the vector is of the demonstrations' differences "
          + "H(y) − H(x): their mean plus their first principal component, pointing where the mean does.",
        formula: "‖x‖ n(n(x) + λ (1 + max(0, cos(x, −v))) n(v)), n(x) = x / ‖x‖",
        source: "Liu et al. 2024, arXiv:2311.06668, §3, and its released code")
    case .inContextVectorRandom:
      Documentation(
        "As `in_context_vector`, with a Gaussian random vector.",
        source: Documentation.thisProject)
    case .inContextVectorOtherTask:
      Documentation(
        "As `in_context_vector`, with the demonstrations of another task, which `source_task` names.",
        source: Documentation.thisProject)
    case .vectorArithmetic:
      Documentation(
        "The zero-shot prompt of `task`, its last token's activation replaced by, or added to, a weighted "
          + "sum of tasks' mean θ on development sets, which the row's expression spells out. Of "
          + "activations: nothing is done to weights.",
        source:
          "Hendel et al. 2023, arXiv:2310.15916; of weights: Ilharco et al. 2022, arXiv:2212.04089")
    case .vectorArithmeticRandom:
      Documentation(
        "As `task_vector_arithmetic`, with a Gaussian random vector of the same norm.",
        source: Documentation.thisProject)
    case .taskVectorOverride:
      Documentation(
        "The in-context prompt of one task, its last token's activation replaced by the θ of another, which "
          + "`source_task` names.",
        source: "Hendel et al. 2023, arXiv:2310.15916, and its released `overriding.py`")
    case .overrideRandom:
      Documentation(
        "As `task_vector_override`, with a Gaussian random vector of the same Euclidean norm.",
        source: Documentation.thisProject)
    case .taskLabelsPermuted:
      Documentation(
        "The vectors of `task_vector`, dealt out to the tasks at random: what a measure of how tasks lie apart "
          + "gives by chance.", source: Documentation.thisProject)
    case .plainAttention:
      Documentation(
        "Trained by the probe, with attention as it is.",
        source: "Dai et al. 2023, arXiv:2212.10559, §5 (Transformer)")
    case .momentumAttention:
      Documentation(
        "As `plain_attention`, from the same weights on the same batches, with the decaying sum of the "
          + "earlier tokens' values added to what attention gives.",
        formula: "s_t = η (s_(t−1) + v_(t−1)), s_0 = 0; attention(t) + s_t",
        source: "Dai et al. 2023, arXiv:2212.10559, §5")
    case .clean:
      Documentation(
        "The clean prompt of a pair, without edits.",
        source: "Heimersheim and Nanda 2024, arXiv:2404.15255")
    case .corrupt:
      Documentation(
        "The corrupt prompt of a pair, without edits: as long as the clean one, with another answer.",
        source: "Heimersheim and Nanda 2024, arXiv:2404.15255")
    case .denoised:
      Documentation(
        "The corrupt prompt, the activation at the row's hook, layer, position and head replaced by "
          + "that of the clean prompt at the same place.",
        source:
          "Meng et al. 2022, arXiv:2202.05262, §2; Heimersheim and Nanda 2024, arXiv:2404.15255")
    case .noised:
      Documentation(
        "The clean prompt, the activation at the row's place replaced by that of the corrupt prompt.",
        source: "Wang et al. 2022, arXiv:2211.00593; Heimersheim and Nanda 2024, arXiv:2404.15255")
    case .untrainedICL:
      Documentation(
        "As `icl`, on weights drawn anew from the initial distribution.",
        source: "Deutch et al. 2024, arXiv:2311.07772, §4")
    case .untrained:
      Documentation(
        "As the probe's main condition (`task_vector`, for one), on weights drawn anew from the "
          + "initial distribution.",
        source: "Deutch et al. 2024, arXiv:2311.07772, §4")
    }
  }
}
