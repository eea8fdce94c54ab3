// The tables of each probe that has columns of its own: what the data dictionary knows of them.

extension ProbeRegistry {
  /// The names of all files of rows that probes write, sorted.
  public static var tableFiles: [String] {
    Set(tables.flatMap(\.tables).map(\.file)).sorted()
  }

  /// The tables of the probes that add to the standard ones. A test holds this against what the probes write.
  static let tables: [(probe: String?, tables: [TableSchema])] = [
    (
      "icl-vs-finetuning",
      [
        ICLFineTuningRows.results, ICLFineTuningRows.samples, ICLFineTuningRows.layers,
        ICLFineTuningRows.exampleLayers,
      ]
    ),
    ("finetuning-forgetting", FineTuningForgettingProbe.tables),
    ("momentum-attention", MomentumAttentionProbe.tables),
    (
      "linear-finetuning",
      [.results.adding(LinearFineTuningCell.columns), LinearFineTuningClaims.schema]
    ),
    ("dual-form", [.results.adding(DualFormProbe.columns)]),
    ("linear-task-vectors", [.results.adding(LinearTaskVectorsCell.columns)]),
    (
      "task-vector-variants",
      [TableSchema.results, .samples].map { $0.adding([TaskVectorVariantsProbe.setting]) }
    ),
    ("activation-patching", ActivationPatchingProbe.tables),
    (
      "conflicting-tasks",
      [TableSchema.results, .samples].map { $0.adding([ConflictingTasksProbe.promptTask]) }
    ),
    ("bijections", [TableSchema.results, .samples].map { $0.adding(BijectionsProbe.columns) }),
    (
      "task-geometry",
      [TableSchema.results, .samples].map { $0.adding([TaskGeometryProbe.promptTask]) }
        + [.coordinates, .cosines]
    ),
    ("lens", LensProbe.tables),
    (
      "function-vectors",
      [TableSchema.results, .samples].map { $0.adding(FunctionVectorsProbe.columns) }
    ),
    (
      "in-context-vectors",
      [TableSchema.results, .samples].map { $0.adding([InContextVectorsProbe.scale]) }
    ),
    (
      "vector-arithmetic",
      [TableSchema.results, .samples].map { $0.adding(VectorArithmeticProbe.columns) }
    ),
  ]
}
