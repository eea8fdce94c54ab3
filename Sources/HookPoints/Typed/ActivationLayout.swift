// ActivationLayout: what the numbers of a value mean, as a type. The types here have no values; they only
// mark sites and vectors, so that adding a model-width vector to an attention pattern does not compile.

/// The layout of a value at a hook point.
public protocol ActivationLayout: Sendable {
  /// The hook points inside a block that have this layout.
  static var points: [BlockPoint] { get }
  /// The hook points outside the blocks that have it.
  static var others: [HookName] { get }
}

extension ActivationLayout {
  public static var others: [HookName] { [] }
}

/// Vectors of the residual stream or added to it, `[D]`.
public enum Residual: ActivationLayout {
  public static let points: [BlockPoint] = [
    .residPre, .rawAttnOut, .attnOut, .residMid, .mlpOut, .residPost,
  ]
  public static let others: [HookName] = [.embed, .positionEmbed]
}

/// Normalised stream vectors before the gain, `[D]`: of the model's width, in other units.
public enum Normalized: ActivationLayout {
  public static let points: [BlockPoint] = [
    .ln1Normalized, .ln1PostNormalized, .ln2Normalized, .ln2PostNormalized,
  ]
  public static let others: [HookName] = [.finalNormalized]
}

/// Denominators of norms, `[1]`.
public enum NormScale: ActivationLayout {
  public static let points: [BlockPoint] = [.ln1Scale, .ln1PostScale, .ln2Scale, .ln2PostScale]
  public static let others: [HookName] = [.finalScale]
}

/// Queries, `[H, d]`.
public enum QueryHeads: ActivationLayout {
  public static let points: [BlockPoint] = [.q, .qNormNormalized, .rotQ]
}

/// Keys and values, `[K, d]`.
public enum KeyValueHeads: ActivationLayout {
  public static let points: [BlockPoint] = [.k, .v, .kNormNormalized, .rotK]
}

/// Denominators of the norms of query heads, `[H, 1]`.
public enum QueryHeadScales: ActivationLayout {
  public static let points: [BlockPoint] = [.qNormScale]
}

/// Denominators of the norms of key heads, `[K, 1]`.
public enum KeyHeadScales: ActivationLayout {
  public static let points: [BlockPoint] = [.kNormScale]
}

/// Queries after a feature map, `[H, F]`.
public enum QueryFeatures: ActivationLayout {
  public static let points: [BlockPoint] = [.phiQ]
}

/// Keys after a feature map, `[K, F]`.
public enum KeyFeatures: ActivationLayout {
  public static let points: [BlockPoint] = [.phiK]
}

/// The state of linear attention and what is written to it, `[heads, F, d]`.
public enum RecurrentState: ActivationLayout {
  public static let points: [BlockPoint] = [.ssmStateInitial, .ssmWrite, .ssmState]
}

/// Attention scores of one query, one number per key and head.
public enum Scores: ActivationLayout {
  public static let points: [BlockPoint] = [.attnScores]
}

/// Attention weights of one query, one number per key and head.
public enum Pattern: ActivationLayout {
  public static let points: [BlockPoint] = [.pattern]
}

/// What linear attention divides by, `[H]`.
public enum Normaliser: ActivationLayout {
  public static let points: [BlockPoint] = [.normaliser]
}

/// Sums of past values in momentum attention, `[heads, d]`.
public enum MomentumHeads: ActivationLayout {
  public static let points: [BlockPoint] = [.momentum]
}

/// Head outputs before the output projection, `[H, d]`.
public enum HeadOutputs: ActivationLayout {
  public static let points: [BlockPoint] = [.z]
}

/// Head outputs after the output projection, `[H, D]`.
public enum HeadResults: ActivationLayout {
  public static let points: [BlockPoint] = [.result]
}

/// Neurons of an MLP, `[M]`.
public enum MLPActivations: ActivationLayout {
  public static let points: [BlockPoint] = [.mlpPre, .mlpPreLinear, .mlpPost]
}
