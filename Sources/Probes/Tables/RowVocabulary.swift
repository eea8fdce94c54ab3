// The closed vocabularies of the columns `attention` and `split`. Those of `condition` and `metric` are
// longer and stand in files of their own.

/// The kinds of attention as the column `attention` names them.
public enum AttentionClass: String, Sendable, CaseIterable {
  case softmax, linear, momentum
  /// Layers of more than one kind.
  case hybrid
}

/// The sets of examples that a probe keeps apart.
public enum Split: String, Sendable, CaseIterable {
  /// What a fine-tuning run was trained on.
  case train
  /// What choices (a layer, a learning rate) were made on.
  case development
  /// What is reported.
  case test
}
