// Metrics of trained and fine-tuned language models (`finetuning-forgetting`, `momentum-attention`).

extension Documentation {
  static let perplexity = Documentation(
    "The exponential of the mean negative log-likelihood per token.",
    formula: "exp(−mean ln p(token | tokens before))", range: "≥ 1", whenEmpty: "n = 0",
    source: "Dai et al. 2023, arXiv:2212.10559, §5")

  static let loss = Documentation(
    "The mean negative log-likelihood per token, of text all tokens but the first.",
    formula: "−mean ln p(token | tokens before)", unit: "nats a token", range: "≥ 0",
    whenEmpty: "n = 0", source: "Dai et al. 2023, arXiv:2212.10559, §5 (as perplexity)")

  static let lossChange = Documentation(
    "The loss under the row's condition minus that under the probe's reference (the plain model of "
      + "the same seed), paired by run and then averaged; n counts runs.",
    formula: "mean over runs of loss(condition) − loss(reference)", unit: "nats a token",
    whenEmpty: "a run of the pair is missing", source: thisProject)

  static let accuracyChange = Documentation(
    "The accuracy under the row's condition minus that under the probe's reference (the plain model "
      + "of the same seed; the model before fine-tuning), on the same examples, paired by run and "
      + "then averaged; n counts runs.",
    formula: "mean over runs of accuracy(condition) − accuracy(reference)", range: "−1 … 1",
    whenEmpty: "a run of the pair is missing", source: thisProject)
}
