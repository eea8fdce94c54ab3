// What was measured: the closed vocabulary of the column `metric`, documented.
// A new metric is a new case; the compiler then asks for its documentation, which stands with others of its laboratory in
// Metrics/.

/// A measured quantity.
public enum Metric: String, Sendable, CaseIterable {
  case accuracy
  case accuracyRatio = "accuracy_ratio"
  case accuracyCeiling = "accuracy_ceiling"
  case accuracyDrop = "accuracy_drop"
  case accuracyDropExcess = "accuracy_drop_excess"
  case chosenLayer = "chosen_layer"
  case logitDifference = "logit_diff"
  case probability
  case targetRank = "target_rank"
  case kullbackLeibler = "kl"
  case mcNemarP = "mcnemar_p"
  case permutationP = "permutation_p"
  case permutationPCorrected = "permutation_p_corrected"
  case holmP = "holm_p"
  case benjaminiHochbergP = "bh_p"
  case crossFittedAccuracy = "accuracy_cross_fitted"
  case cosineWithin = "cosine_within"
  case cosineBetween = "cosine_between"
  case cosineBetweenSharedInputs = "cosine_between_shared_inputs"
  case cosineGap = "cosine_gap"
  case silhouetteCosine = "silhouette_cosine"
  case silhouetteEuclidean = "silhouette_euclidean"
  case linearProbeAccuracy = "linear_probe_accuracy"
  case varianceShare = "pca_variance_share"
  case neighbourDivergence = "tsne_kl"
  case indirectEffect = "indirect_effect"
  case normalisedEffect = "normalised_effect"
  case attributionEffect = "attribution_effect"
  case attributionError = "attribution_error"
  case attributionCorrelation = "attribution_correlation"
  case targetLogit = "target_logit"
  case taskOutputShare = "task_output_share"
  case directLogit = "direct_logit"
  case causalIndirectEffect = "causal_indirect_effect"
  case averageIndirectEffect = "average_indirect_effect"
  case headRank = "head_rank"
  case chosenScale = "chosen_scale"
  case rec2FTP = "rec2ftp"
  case rec2FTPBaseRate = "rec2ftp_base_rate"
  case rec2FTPLift = "rec2ftp_lift"
  case rec2FTPReverse = "rec2ftp_reverse"
  case simAOU = "sim_aou"
  case simAOUNull = "sim_aou_null"
  case simAOUUnnormalised = "sim_aou_unnormalised"
  case simAM = "sim_am"
  case simAMDelta = "sim_am_delta"
  case kendallTau = "kendall_tau"
  case kendallTauExamples = "kendall_tau_examples"
  case recallAtK = "recall_at_k"
  case recallAtKExamples = "recall_at_k_examples"
  case tokenOverlap = "token_overlap"
  case overlapCosine = "overlap_cosine"
  case orderSensitivity = "order_sensitivity"
  case dualResidual = "dual_residual"
  case dualNorm = "dual_norm"
  case dualNormQuery = "dual_norm_query"
  case dualCosine = "dual_cosine"
  case dualCosineQuery = "dual_cosine_query"
  case dualCosineICLQuery = "dual_cosine_icl_query"
  case dualPrincipalFirst = "dual_principal_cosine_first"
  case dualPrincipalLast = "dual_principal_cosine_last"
  case dualPrincipalQueryFirst = "dual_principal_cosine_query_first"
  case dualPrincipalQueryLast = "dual_principal_cosine_query_last"
  case meanSquaredError = "mse"
  case meanSquaredErrorClosedForm = "mse_closed_form"
  case meanSquaredErrorRescaled = "mse_rescaled"
  case constructionError = "construction_error"
  case predictionDifference = "prediction_difference"
  case sensitivityCosine = "sensitivity_cosine"
  case sensitivityDifference = "sensitivity_difference"
  case dualShare = "dual_share"
  case injectedMapRank = "injected_map_rank"
  case injectedMapFirst = "injected_map_first"
  case perplexity
  case loss
  case lossChange = "loss_change"
  case accuracyChange = "accuracy_change"
}

extension Metric {
  /// What was measured: formula, unit, range, when it is empty, source.
  public var documentation: Documentation {
    switch self {
    case .accuracy: .accuracy
    case .accuracyRatio: .accuracyRatio
    case .accuracyCeiling: .accuracyCeiling
    case .accuracyDrop: .accuracyDrop
    case .accuracyDropExcess: .accuracyDropExcess
    case .chosenLayer: .chosenLayer
    case .logitDifference: .logitDifference
    case .probability: .probability
    case .targetRank: .targetRank
    case .kullbackLeibler: .kullbackLeibler
    case .mcNemarP: .mcNemarP
    case .permutationP: .permutationP
    case .permutationPCorrected: .permutationPCorrected
    case .holmP: .holmP
    case .benjaminiHochbergP: .benjaminiHochbergP
    case .crossFittedAccuracy: .crossFittedAccuracy
    case .cosineWithin: .cosineWithin
    case .cosineBetween: .cosineBetween
    case .cosineBetweenSharedInputs: .cosineBetweenSharedInputs
    case .cosineGap: .cosineGap
    case .silhouetteCosine: .silhouetteCosine
    case .silhouetteEuclidean: .silhouetteEuclidean
    case .linearProbeAccuracy: .linearProbeAccuracy
    case .varianceShare: .varianceShare
    case .neighbourDivergence: .neighbourDivergence
    case .indirectEffect: .indirectEffect
    case .normalisedEffect: .normalisedEffect
    case .attributionEffect: .attributionEffect
    case .attributionError: .attributionError
    case .attributionCorrelation: .attributionCorrelation
    case .targetLogit: .targetLogit
    case .taskOutputShare: .taskOutputShare
    case .directLogit: .directLogit
    case .causalIndirectEffect: .causalIndirectEffect
    case .averageIndirectEffect: .averageIndirectEffect
    case .headRank: .headRank
    case .chosenScale: .chosenScale
    case .rec2FTP: .rec2FTP
    case .rec2FTPBaseRate: .rec2FTPBaseRate
    case .rec2FTPLift: .rec2FTPLift
    case .rec2FTPReverse: .rec2FTPReverse
    case .simAOU: .simAOU
    case .simAOUNull: .simAOUNull
    case .simAOUUnnormalised: .simAOUUnnormalised
    case .simAM: .simAM
    case .simAMDelta: .simAMDelta
    case .kendallTau: .kendallTau
    case .kendallTauExamples: .kendallTauExamples
    case .recallAtK: .recallAtK
    case .recallAtKExamples: .recallAtKExamples
    case .tokenOverlap: .tokenOverlap
    case .overlapCosine: .overlapCosine
    case .orderSensitivity: .orderSensitivity
    case .dualResidual: .dualResidual
    case .dualNorm: .dualNorm
    case .dualNormQuery: .dualNormQuery
    case .dualCosine: .dualCosine
    case .dualCosineQuery: .dualCosineQuery
    case .dualCosineICLQuery: .dualCosineICLQuery
    case .dualPrincipalFirst: .dualPrincipalFirst
    case .dualPrincipalLast: .dualPrincipalLast
    case .dualPrincipalQueryFirst: .dualPrincipalQueryFirst
    case .dualPrincipalQueryLast: .dualPrincipalQueryLast
    case .meanSquaredError: .meanSquaredError
    case .meanSquaredErrorClosedForm: .meanSquaredErrorClosedForm
    case .meanSquaredErrorRescaled: .meanSquaredErrorRescaled
    case .constructionError: .constructionError
    case .predictionDifference: .predictionDifference
    case .sensitivityCosine: .sensitivityCosine
    case .sensitivityDifference: .sensitivityDifference
    case .dualShare: .dualShare
    case .injectedMapRank: .injectedMapRank
    case .injectedMapFirst: .injectedMapFirst
    case .perplexity: .perplexity
    case .loss: .loss
    case .lossChange: .lossChange
    case .accuracyChange: .accuracyChange
    }
  }
}
