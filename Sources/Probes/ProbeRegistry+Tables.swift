// The tables of each probe that has columns of its own: what the data dictionary knows of them.

extension ProbeRegistry {
  /// The tables of the probes that add to the standard ones. A test holds this against what the probes write.
  static let tables: [(probe: String?, tables: [TableSchema])] = [
    (
      "icl-vs-finetuning",
      [ICLFineTuningRows.results, ICLFineTuningRows.samples, ICLFineTuningRows.layers]
    ),
    (
      "linear-finetuning",
      [.results.adding(LinearFineTuningCell.columns), LinearFineTuningClaims.schema]
    ),
    ("dual-form", [.results.adding(DualFormProbe.columns)]),
    ("linear-task-vectors", [.results.adding(LinearTaskVectorsCell.columns)]),
    ("task-vector-variants", [.results.adding([TaskVectorVariantsProbe.setting])]),
    ("activation-patching", [.results.adding([ActivationPatchingProbe.receiver])]),
  ]
}
