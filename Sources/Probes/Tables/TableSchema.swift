// Which columns a table has, in which order, and in which file it stands.

/// The columns of a CSV file.
public struct TableSchema: Sendable, Equatable {
  /// The name of the file, such as `results.csv`.
  public let file: String
  /// What one row is.
  public let meaning: String
  /// At least two: a row of one empty cell would be an empty line, which readers skip.
  public let columns: [Column]

  /// - Parameters:
  ///   - file: ends in `.csv`; no path.
  ///   - meaning: what one row is.
  ///   - columns: at least two, each once.
  public init(file: String, meaning: String, columns: [Column]) {
    precondition(columns.count >= 2, "\(file): a table needs at least two columns")
    precondition(
      file.hasSuffix(".csv") && !file.contains("/") && !file.hasPrefix("."),
      "a table's file is called 'NAME.csv', not '\(file)'")
    precondition(
      Set(columns.map(\.name)).count == columns.count,
      "\(file): two columns have the same name: \(columns.map(\.name))")
    self.file = file
    self.meaning = meaning
    self.columns = columns
  }

  /// The same table with a probe's own columns, which stand at the end.
  public func adding(_ columns: [Column]) -> TableSchema {
    TableSchema(file: file, meaning: meaning, columns: self.columns + columns)
  }

  /// Stops the program unless the row fits: a misfit is a mistake in a probe.
  func check(_ row: [TableValue]) {
    precondition(
      row.count == columns.count,
      "\(file): a row of \(row.count) values for \(columns.count) columns")
    for (column, value) in zip(columns, row) {
      precondition(
        column.admits(value), "\(file): column '\(column.name)' (\(column.kind)) cannot be \(value)"
      )
    }
  }
}

extension TableSchema {
  /// One row per observation.
  public static let results = TableSchema(
    file: "results.csv", meaning: "One row per observation: a metric over a set of examples.",
    columns: [
      .runID, .probe, .model, .attention, .task,
      Column(
        "source_task", .text, "The task that an injected vector was extracted from.",
        whenEmpty: "nothing was injected, or the vector comes from no task"),
      .condition, .split, .shots, .hook, .layer,
      Column(
        "head", .integer, "The attention head, counted from 0.", range: "0 … heads − 1",
        whenEmpty: "the observation is not about one head"),
      .position, .seed,
      Column(
        "metric", .text, "What was measured; see `metrics`.", range: "the names under `metrics`"),
      Column(
        "value", .real, "The value of the metric, in the metric's unit.", formula: "the metric's",
        unit: "the metric's", range: "the metric's",
        whenEmpty: "the metric is undefined here; its documentation says when",
        source: "the metric's"),
      Column(
        "ci_low", .real,
        "The lower end of the 95 % confidence interval: Wilson's for a single accuracy, else the "
          + "percentile bootstrap with 10,000 resamples clustered by query.",
        formula:
          "(p + z²/2n − z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n), z = 1.96; else the resamples' 2.5 % quantile",
        whenEmpty: "the value is empty, or the data do not say how uncertain it is",
        source: "Wilson 1927, JASA 22; Efron 1979, Annals of Statistics 7"),
      Column(
        "ci_high", .real, "The upper end of the same interval.",
        formula:
          "(p + z²/2n + z √(p (1 − p)/n + z²/4n²)) / (1 + z²/n), z = 1.96; else the resamples' 97.5 % quantile",
        whenEmpty: "ci_low is empty",
        source: "Wilson 1927, JASA 22; Efron 1979, Annals of Statistics 7"),
      Column(
        "n", .integer, "The number of examples that the value is over.", unit: "examples",
        range: "≥ 0"),
    ])

  /// One row per example and condition.
  public static let samples = TableSchema(
    file: "samples.csv", meaning: "One row per example and condition.",
    columns: [
      .runID, .probe, .model, .attention, .task, .condition, .split, .shots, .hook, .layer,
      .position, .seed,
      Column(
        "example", .integer,
        "The number of the example within model, task, split and seed; the same number is the same "
          + "example under every condition, so that conditions can be paired.", range: "≥ 0"),
      Column("query", .text, "The input of the query."),
      Column("target", .text, "The right answer."),
      Column(
        "prediction", .text,
        "What the model answers: the most probable next token, or the text "
          + "generated greedily.", whenEmpty: "the model was not asked for an answer"),
      Column(
        "correct", .truth, "Whether the prediction counts as right under the run's rule.",
        formula: "prediction = target, or as `answer_rule` says", range: "0 or 1",
        whenEmpty: "prediction is empty",
        source: "exact and synonym: this project; hendel: icl_task_vectors, by category"),
      Column(
        "target_rank", .integer,
        "How many tokens of the vocabulary have a greater logit than the target's first token.",
        formula: "|{t : logit(t) > logit(target)}|", unit: "tokens",
        range: "0 (most probable) … vocabulary − 1",
        whenEmpty: "the target was not scored"),
      Column(
        "target_logprob", .real,
        "The natural logarithm of the target's probability; of a target of "
          + "several tokens, summed over them.", formula: "Σ_i ln p(target_i | target_<i, prompt)",
        unit: "nats", range: "≤ 0", whenEmpty: "the target was not scored",
        source: "Dai et al. 2023, arXiv:2212.10559, as released (scores of answers)"),
      Column(
        "logit_diff", .real,
        "The logit of the target's first token minus the highest logit among all "
          + "other tokens, or minus that of the contrast answer where the probe names one.",
        formula: "logit(target) − max over others, or − logit(contrast)", unit: "logits",
        whenEmpty: "the target was not scored",
        source: "Wang et al. 2022, arXiv:2211.00593, §2 (of two answers)"),
      Column(
        "prompt_sha256", .text, "The SHA-256 of the prompt's text in UTF-8.",
        range: "64 hexadecimal digits", source: "FIPS 180-4"),
    ])

  /// The tokens that an activation speaks of, through the unembedding.
  public static let tokens = TableSchema(
    file: "tokens.csv", meaning: "One row per token that an activation decodes to.",
    columns: [
      .runID, .model, .task, .hook, .layer,
      Column("rank", .integer, "The place of the token among all, by logit.", range: "0 (first) …"),
      Column("token_id", .integer, "The token's number in the vocabulary.", range: "≥ 0"),
      Column("token", .text, "The token's text as it stands in the vocabulary."),
      Column(
        "logit", .real, "The token's logit.", formula: "⟨norm(a), W_U[token]⟩", unit: "logits",
        whenEmpty: "it is not finite",
        source: "nostalgebraist 2020, interpreting GPT: the logit lens"),
      Column(
        "probability", .real, "Its share of the softmax over the vocabulary.",
        formula: "exp(logit(token)) / Σ_t exp(logit(t))", range: "0 … 1",
        whenEmpty: "the logits are not finite",
        source: "Hendel et al. 2023, arXiv:2310.15916, table 6 (of θ)"),
    ])
}

/// The columns that several tables share.
extension Column {
  public static let runID = Column(
    "run_id", .text,
    "The run: the first 16 hexadecimal digits of the SHA-256 of the resolved spec, of the digests of "
      + "checkpoint, tokenizer and data, and of the precision.",
    formula: "hex(SHA-256(spec ‖ digests ‖ precision))[0 ..< 16]", range: "16 hexadecimal digits")
  public static let probe = Column("probe", .text, "The probe, as in the probe file.")
  public static let model = Column(
    "model", .text, "The model: the last component of its folder's path.")
  public static let attention = Column(
    "attention", .text, "The model's kind of attention.",
    range: AttentionClass.allCases.map(\.rawValue).joined(separator: ", "))
  public static let task = Column(
    "task", .text,
    "The task that the queries and the right answers come from; `mean` is over all tasks of the run, "
      + "`mean_<category>` over those of one category, every task counting the same.",
    whenEmpty: "the row is about no task in particular")
  public static let condition = Column(
    "condition", .text, "What was done to the model; see `conditions`.",
    range: "the names under `conditions`")
  public static let split = Column(
    "split", .text,
    "The examples the row is over. Choices, such as that of a layer, are made on "
      + "`development`; headline rows are `test`.",
    range: Split.allCases.map(\.rawValue).joined(separator: ", "),
    whenEmpty: "the probe does not split its examples")
  public static let shots = Column(
    "shots", .integer,
    "The number of demonstrations: in the prompt, or in the prompt that the "
      + "injected vector comes from.", unit: "demonstrations", range: "≥ 0",
    whenEmpty: "there is no prompt")
  public static let hook = Column(
    "hook", .text,
    "The hook point that was read or edited, without the layer: `hook_resid_post`, "
      + "`attn.hook_z`.", whenEmpty: "nothing was read or edited")
  public static let layer = Column(
    "layer", .integer, "The layer of the hook point, counted from 0.", range: "0 … layers − 1",
    whenEmpty:
      "the row is not about one layer; among the rows with a split of `test` these are the "
      + "headlines")
  public static let position = Column(
    "position", .text,
    "The position of the hook point: a role such as `last` or `arrow[2]`, or an "
      + "index counted from 0.", whenEmpty: "the row is not about one position")
  public static let seed = Column(
    "seed", .integer, "The seed of the demonstrations and of everything else drawn for the row.",
    whenEmpty: "the row is over all seeds")
}
