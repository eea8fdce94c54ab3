// Metrics of how θ of many demonstration sets and tasks lie to each other (`task-geometry`).

extension Documentation {
  static let cosineWithin = Documentation(
    "The mean cosine between θ of two demonstration sets of the task; of rows over tasks their mean. "
      + "Intervals of this and the next metrics are bootstrapped over sets within tasks, copies of one "
      + "set not paired.", formula: "mean over i ≠ j of cos(θ_i, θ_j)", range: "−1 … 1",
    whenEmpty: "the task has a single set",
    source: "Hendel et al. 2023, arXiv:2310.15916, §4")

  static let cosineBetween = Documentation(
    "The mean cosine between θ of a set of the task and of a set of another task: of the one that "
      + "`source_task` names, or of every other, each task counting the same.",
    formula: "mean over i, j of cos(θ_i, θ′_j)",
    range: "−1 … 1", whenEmpty: "there is one task",
    source: "Hendel et al. 2023, arXiv:2310.15916, §4")

  static let cosineBetweenSharedInputs = Documentation(
    "The same over pairs of tasks that can be asked the same queries, so that words of the input do "
      + "not tell them apart.", formula: "mean over i, j of cos(θ_i, θ′_j)", range: "−1 … 1",
    whenEmpty: "no two tasks share their inputs", source: thisProject)

  static let cosineGap = Documentation(
    "How much closer θ of one task lie to each other than to those of other tasks.",
    formula: "cosine_within − cosine_between", range: "−2 … 2",
    whenEmpty: "one of them is empty", source: thisProject)

  static let silhouetteCosine = Documentation(
    "The mean silhouette of θ, grouped by task, under the distance 1 − cosine.",
    formula: "mean (b − a) / max(a, b): a to the own task, b to the nearest other",
    range: "−1 … 1", whenEmpty: "there is one task",
    source: "Rousseeuw 1987, J. Comput. Appl. Math. 20")

  static let silhouetteEuclidean = Documentation(
    "The same under the Euclidean distance.", formula: "mean (b − a) / max(a, b)", range: "−1 … 1",
    whenEmpty: "there is one task", source: "Rousseeuw 1987, J. Comput. Appl. Math. 20")

  static let linearProbeAccuracy = Documentation(
    "How often a linear classifier (ridge regression onto ±1) names the task of θ, each fold of the "
      + "demonstration sets judged by a fit on the others. Sets of different folds may show the same "
      + "pairs.", formula: "right / n", range: "0 … 1; chance is 1 over the number of tasks",
    whenEmpty: "n = 0",
    source: "Alain and Bengio 2016, arXiv:1610.01644 (linear probes); ridge and folds: this project"
  )

  static let varianceShare = Documentation(
    "The share of the vectors' variance along the first two principal components.",
    formula: "(λ₁ + λ₂) / Σ λ_i, λ the eigenvalues of the covariance", range: "0 … 1",
    whenEmpty: "all vectors are the same", source: "Pearson 1901, Philosophical Magazine 2")

  static let neighbourDivergence = Documentation(
    "The divergence that t-SNE ends with: how badly the plane shows the neighbourhoods.",
    formula: "KL(P ‖ Q)", unit: "nats", range: "≥ 0", whenEmpty: "n = 0",
    source: "van der Maaten and Hinton 2008, JMLR 9")
}
