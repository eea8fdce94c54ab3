// BlockPoint: the places inside one block where an activation can be read or written.
// The raw value is TransformerLens's name after "blocks.{i}.". The order of the cases is the order of
// firing in a pre-norm block. Which of them a model has, and with which widths, is in its HookCatalog.

/// A hook point of a block, without its layer.
///
/// Shapes have no batch axis: T counts the tokens of a ragged batch, H heads, K key/value heads, d the
/// head width, D the model width, M the MLP width, F the width of a feature map.
public enum BlockPoint: String, CaseIterable, Codable, Sendable {
  /// The stream that enters the block, `[T, D]`.
  case residPre = "hook_resid_pre"
  /// The denominator of the first norm, `[T, 1]`.
  case ln1Scale = "ln1.hook_scale"
  /// The first norm before its gain: centred input over scale, `[T, D]`.
  case ln1Normalized = "ln1.hook_normalized"
  /// Queries before rotation, `[T, H, d]`.
  case q = "attn.hook_q"
  /// Keys before rotation, `[T, K, d]`.
  case k = "attn.hook_k"
  /// Values, `[T, K, d]`.
  case v = "attn.hook_v"
  /// The denominator of the norm of each query head, `[T, H, 1]`; models with normed queries only.
  case qNormScale = "attn.q_norm.hook_scale"
  /// Queries after that norm, before its gain, `[T, H, d]`.
  case qNormNormalized = "attn.q_norm.hook_normalized"
  /// The denominator of the norm of each key head, `[T, K, 1]`; models with normed keys only.
  case kNormScale = "attn.k_norm.hook_scale"
  /// Keys after that norm, before its gain, `[T, K, d]`.
  case kNormNormalized = "attn.k_norm.hook_normalized"
  /// Queries after rotation, `[T, H, d]`; models with rotary positions only.
  case rotQ = "attn.hook_rot_q"
  /// Keys after rotation, `[T, K, d]`; models with rotary positions only.
  case rotK = "attn.hook_rot_k"
  /// Queries after the feature map of linear attention, `[T, H, F]`.
  case phiQ = "attn.hook_phi_q"
  /// Keys after the feature map of linear attention, `[T, K, F]`.
  case phiK = "attn.hook_phi_k"
  /// The state of linear attention before a sequence's first own token, `[S, heads, F, d]`; an edit
  /// propagates to all its tokens.
  case ssmStateInitial = "attn.hook_ssm_state_initial"
  /// What a token adds to the state, φ(k)⊗v, `[T, heads, F, d]`; an edit propagates to later tokens.
  case ssmWrite = "attn.hook_ssm_write"
  /// The state after a token, `[T, heads, F, d]`; an edit changes that token's readout only.
  case ssmState = "attn.hook_ssm_state"
  /// Scores before the softmax, scaled and masked (−inf), one `[H, q, k]` per sequence; of linear
  /// attention φ(q)·φ(k)·scale.
  case attnScores = "attn.hook_attn_scores"
  /// Attention weights, one `[H, q, k]` per sequence; of linear attention the effective attention.
  case pattern = "attn.hook_pattern"
  /// What linear attention divides by, `[T, H]`.
  case normaliser = "attn.hook_normaliser"
  /// The decaying sum of past values that momentum attention adds, `[T, K, d]`.
  case momentum = "attn.hook_momentum"
  /// Head outputs before the output projection, `[T, H, d]`.
  case z = "attn.hook_z"
  /// Each head's part of the output, z·W_O without bias, `[T, H, D]`.
  case result = "attn.hook_result"
  /// The attention module's raw output, after W_O and bias, `[T, D]`.
  case rawAttnOut = "attn.hook_out"
  /// The denominator of the norm of attention's output, `[T, 1]`; models with such norms only.
  case ln1PostScale = "ln1_post.hook_scale"
  /// Attention's output after that norm, before its gain, `[T, D]`.
  case ln1PostNormalized = "ln1_post.hook_normalized"
  /// What attention adds to the stream, `[T, D]`.
  case attnOut = "hook_attn_out"
  /// The stream between attention and MLP, `[T, D]`; sequential blocks only.
  case residMid = "hook_resid_mid"
  /// The denominator of the second norm, `[T, 1]`.
  case ln2Scale = "ln2.hook_scale"
  /// The second norm before its gain, `[T, D]`.
  case ln2Normalized = "ln2.hook_normalized"
  /// MLP pre-activations (of a gated MLP: the gate's), `[T, M]`.
  case mlpPre = "mlp.hook_pre"
  /// The linear branch of a gated MLP, `[T, M]`.
  case mlpPreLinear = "mlp.hook_pre_linear"
  /// What enters the MLP's output projection, `[T, M]`.
  case mlpPost = "mlp.hook_post"
  /// The denominator of the norm of the MLP's output, `[T, 1]`; models with such norms only.
  case ln2PostScale = "ln2_post.hook_scale"
  /// The MLP's output after that norm, before its gain, `[T, D]`.
  case ln2PostNormalized = "ln2_post.hook_normalized"
  /// What the MLP adds to the stream, `[T, D]`.
  case mlpOut = "hook_mlp_out"
  /// The stream that leaves the block, `[T, D]`.
  case residPost = "hook_resid_post"
}

extension BlockPoint: Comparable {
  /// The place in firing order, 0-based.
  package var ordinal: Int {
    switch self {
    case .residPre: 0
    case .ln1Scale: 1
    case .ln1Normalized: 2
    case .q: 3
    case .k: 4
    case .v: 5
    case .qNormScale: 6
    case .qNormNormalized: 7
    case .kNormScale: 8
    case .kNormNormalized: 9
    case .rotQ: 10
    case .rotK: 11
    case .phiQ: 12
    case .phiK: 13
    case .ssmStateInitial: 14
    case .ssmWrite: 15
    case .ssmState: 16
    case .attnScores: 17
    case .pattern: 18
    case .normaliser: 19
    case .momentum: 20
    case .z: 21
    case .result: 22
    case .rawAttnOut: 23
    case .ln1PostScale: 24
    case .ln1PostNormalized: 25
    case .attnOut: 26
    case .residMid: 27
    case .ln2Scale: 28
    case .ln2Normalized: 29
    case .mlpPre: 30
    case .mlpPreLinear: 31
    case .mlpPost: 32
    case .ln2PostScale: 33
    case .ln2PostNormalized: 34
    case .mlpOut: 35
    case .residPost: 36
    }
  }

  /// How many points a block can have.
  package static let count = allCases.count

  public static func < (left: BlockPoint, right: BlockPoint) -> Bool {
    left.ordinal < right.ordinal
  }
}
