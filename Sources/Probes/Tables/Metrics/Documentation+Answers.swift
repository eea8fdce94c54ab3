// Metrics of what a model answers: right or wrong, and how near.

extension Documentation {
  static let accuracy = Documentation(
    "The share of examples answered right under the run's rule.", formula: "right / n",
    range: "0 … 1", whenEmpty: "n = 0", source: "Hendel et al. 2023, arXiv:2310.15916, §3.3")

  static let accuracyRatio = Documentation(
    "The accuracy of the row's condition over that of `icl`: the mean over the row's tasks of the "
      + "one divided by the mean of the other.",
    formula: "mean accuracy(condition) / mean accuracy(icl)", range: "≥ 0",
    whenEmpty: "the in-context accuracy is 0",
    source: "Hendel et al. 2023, arXiv:2310.15916, §3.3")

  static let accuracyCeiling = Documentation(
    "The best accuracy that is possible without demonstrations, when every task that has the "
      + "query's input is equally likely.",
    formula: "mean over queries of the greatest share of tasks that agree on an answer",
    range: "0 … 1", whenEmpty: "n = 0", source: thisProject)

  static let accuracyDrop = Documentation(
    "What the row's condition loses against `icl` on the same examples.",
    formula: "accuracy(icl) − accuracy(condition)", range: "−1 … 1", whenEmpty: "n = 0",
    source: thisProject)

  static let accuracyDropExcess = Documentation(
    "How much more the row's condition loses on mixed demonstrations than on those of one direction.",
    formula: "drop(mixed) − (drop(forward) + drop(inverse)) / 2", range: "−2 … 2",
    whenEmpty: "n = 0", source: "the hypothesis of Dong et al. 2026, arXiv:2506.09048, §4")

  static let chosenLayer = Documentation(
    "The layer with the greatest accuracy on the development split; the first of equals.",
    formula: "argmax over layers of accuracy(development)", unit: "layer", range: "0 … layers − 1",
    whenEmpty: "the development split is empty",
    source: "Hendel et al. 2023, arXiv:2310.15916, §3.2")

  static let chosenScale = Documentation(
    "The scale with the greatest accuracy on the development split; the first of equals.",
    formula: "argmax over scales of accuracy(development)", range: "the probe file's scales",
    whenEmpty: "the development split is empty", source: thisProject)

  static let logitDifference = Documentation(
    "The logit of the target minus the highest logit among all other tokens, or minus that of the "
      + "contrast answer where the probe names one. Mean over examples.",
    formula: "logit(target) − max over others, or − logit(contrast)", unit: "logits",
    whenEmpty: "n = 0", source: "Wang et al. 2022, arXiv:2211.00593, §2 (of two answers)")

  static let probability = Documentation(
    "The probability of the target, mean over examples.", formula: "p(target)", range: "0 … 1",
    whenEmpty: "n = 0", source: "Todd et al. 2023, arXiv:2310.15213, §2.2")

  static let targetRank = Documentation(
    "How many tokens have a greater logit than the target's, mean over examples.",
    formula: "|{t : logit(t) > logit(target)}|", unit: "tokens",
    range: "0 (most probable) … vocabulary − 1", whenEmpty: "n = 0", source: thisProject)

  static let targetLogit = Documentation(
    "The logit of the right answer's first token, mean over examples; at a demonstration's arrow that "
      + "of the demonstration's own answer.", formula: "⟨norm(a), W_U[answer]⟩", unit: "logits",
    whenEmpty: "n = 0",
    source: "nostalgebraist 2020, interpreting GPT: the logit lens")

  static let taskOutputShare = Documentation(
    "Of the `top` tokens of the greatest logits the share that begin an answer of the task; a share of "
      + "the vocabulary as great as the task's answers are would be chance. Mean over examples.",
    formula: "|top tokens that begin an answer| / |top tokens|", range: "0 … 1", whenEmpty: "n = 0",
    source: "a number for what Hendel et al. 2023, arXiv:2310.15916, table 6 shows")

  static let kullbackLeibler = Documentation(
    "The Kullback–Leibler divergence of the row's condition from the unedited run, over the "
      + "distribution of the next token, mean over examples.",
    formula: "Σ_t p(t) (ln p(t) − ln q(t)), p unedited, q edited", unit: "nats", range: "≥ 0",
    whenEmpty: "n = 0", source: "Kullback and Leibler 1951, Annals of Mathematical Statistics 22")
}
