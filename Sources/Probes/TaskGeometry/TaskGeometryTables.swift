// The tables of `task-geometry` beside results.csv: where θ lies in the plane, and how cosines are distributed.

extension TableSchema {
  private static let projections =
    "Pearson 1901, Philosophical Magazine 2; van der Maaten and Hinton 2008, JMLR 9"

  /// Where the vectors lie in two dimensions.
  static let coordinates = TableSchema(
    file: "coordinates.csv",
    meaning: "One row per vector, layer and way to project: θ(S) in the plane.",
    columns: [
      .runID, .model, .attention, .task, .condition, .split, .shots, .hook, .layer, .seed,
      Column(
        "example", .integer, "The number of the demonstration set within its task.", range: "≥ 0"),
      Column(
        "projection", .text,
        "`pca`: the first two principal components of all vectors of the layer; `tsne`: exact t-SNE from "
          + "there. Axes of `tsne` mean nothing, distances between far groups little.",
        range: "pca, tsne"),
      Column(
        "x", .real, "The first coordinate.",
        formula: "⟨θ − mean θ, u₁⟩, u₁ the first principal axis; or argmin KL(P ‖ Q)",
        unit: "of the activation for `pca`", source: projections),
      Column(
        "y", .real, "The second coordinate.",
        formula: "⟨θ − mean θ, u₂⟩, u₂ the second principal axis; or argmin KL(P ‖ Q)",
        unit: "of the activation for `pca`", source: projections),
    ])

  /// The distribution of cosines.
  static let cosines = TableSchema(
    file: "cosines.csv",
    meaning: "One row per bin of a histogram of cosines between θ of different demonstration sets.",
    columns: [
      .runID, .model, .attention, .condition, .split, .shots, .hook, .layer, .seed,
      Column(
        "pairs", .text,
        "Which pairs: of one task, of two tasks that can be asked the same queries, or of two others.",
        range: "within, between_shared_inputs, between"),
      Column(
        "low", .real, "The bin's lower end, inclusive.", formula: "−1 + 0.02 bin",
        range: "−1 … 0.98", source: Documentation.thisProject),
      Column(
        "high", .real, "The bin's upper end, exclusive except for 1.",
        formula: "−1 + 0.02 (bin + 1)", range: "−0.98 … 1", source: Documentation.thisProject),
      Column(
        "count", .integer, "How many pairs fall into it; empty bins have no row.",
        formula: "|{pairs : low ≤ cos < high}|", unit: "pairs", range: "≥ 1",
        source: "Hendel et al. 2023, arXiv:2310.15916, §4 (histograms)"),
    ])
}
