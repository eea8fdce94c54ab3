// The tables that commands write beside those of runs. Those of `patch`, `extract`, `capture` and `diff` stand beside what
// fills them.

extension TableSchema {
  /// What `thetascope verify --csv` writes.
  public static let reference = TableSchema(
    file: "reference.csv", meaning: "One row per tensor of the reference.",
    columns: [
      Column("prompt", .integer, "The prompt of the reference, counted from 0."),
      Column("hook", .text, "The hook point, or `logits`."),
      Column(
        "layer", .integer, "The block, counted from 0.",
        whenEmpty: "the point is outside the blocks"),
      Column("numbers", .integer, "How many numbers were compared."),
      Column(
        "maximal_error", .real, "The largest absolute difference.", formula: "max |a − r|",
        range: "≥ 0",
        whenEmpty: "one side is not a number", source: Documentation.thisProject),
      Column(
        "relative_error", .real,
        "The largest absolute difference over the root mean square of the reference.",
        formula: "max |a − r| / √(mean r²)", range: "≥ 0",
        whenEmpty:
          "one side is not a number, or the reference is zero and the model's values are not",
        source: Documentation.thisProject
      ),
    ])

  /// The log of `thetascope train`.
  static let training = TableSchema(
    file: "training.csv", meaning: "One row per number that training reports.",
    columns: [
      Column("step", .integer, "How many steps were made before.", range: "≥ 0"),
      Column(
        "metric", .text,
        "What was measured: the batch's loss in nats a token, the norm of its gradient before clipping, the learning "
          + "rate; or accuracies on sets drawn for evaluation; or that the task-vector loss began.",
        range:
          "loss, gradient_norm, learning_rate, zero_shot_accuracy, in_context_accuracy, task_vector_accuracy, "
          + "task_vector_loss_begins"),
      Column(
        "layer", .integer, "The block that θ was patched after, counted from 0.",
        whenEmpty: "the number is not about one layer"),
      Column(
        "value", .real, "The number.",
        formula: "right / n, or the loss −mean ln p, ‖gradient‖ or rate of the step",
        unit: "nats a token for `loss`",
        source: "this project; θ's loss: Yang et al. 2025, arXiv:2501.09240"),
    ])

  /// With the commands that write them.
  static let ofCommands: [(owner: String, tables: [TableSchema])] = [
    ("thetascope capture", [.activations(.prompt)]),
    ("thetascope generate", [.activations(.step)]),
    ("thetascope extract", [.vector]), ("thetascope patch", [.patched]),
    ("thetascope verify", [.reference]), ("thetascope diff", [.difference]),
    ("thetascope train", [.training]),
  ]
}
