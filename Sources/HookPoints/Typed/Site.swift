// Site: a hook point that carries the layout of its values as a type. Code uses sites; text and files use
// HookName, and Site(_:) is the checked way from one to the other.

/// A hook point whose values have the layout `Layout`.
public struct Site<Layout: ActivationLayout>: Hashable, Sendable, CustomStringConvertible {
  /// The hook point.
  public let name: HookName

  /// - Throws: `HookError.wrongLayout` when the hook's values are laid out differently.
  public init(_ name: HookName) throws {
    let fits = name.point.map(Layout.points.contains) ?? Layout.others.contains(name)
    guard fits else { throw HookError.wrongLayout(name: name, layout: "\(Layout.self)") }
    self.name = name
  }

  fileprivate init(layer: Int, _ point: BlockPoint) { name = .block(layer, point) }
  fileprivate init(outside name: HookName) { self.name = name }

  public var description: String { name.description }
}

extension Site where Layout == Residual {
  /// `hook_embed`
  public static var embed: Site { Site(outside: .embed) }
  /// `hook_pos_embed`
  public static var positionEmbed: Site { Site(outside: .positionEmbed) }
  /// `hook_resid_pre`
  public static func residPre(_ layer: Int) -> Site { Site(layer: layer, .residPre) }
  /// `attn.hook_out`: the raw module output.
  public static func rawAttnOut(_ layer: Int) -> Site { Site(layer: layer, .rawAttnOut) }
  /// `hook_attn_out`: what is added to the stream.
  public static func attnOut(_ layer: Int) -> Site { Site(layer: layer, .attnOut) }
  /// `hook_resid_mid`
  public static func residMid(_ layer: Int) -> Site { Site(layer: layer, .residMid) }
  /// `hook_mlp_out`
  public static func mlpOut(_ layer: Int) -> Site { Site(layer: layer, .mlpOut) }
  /// `hook_resid_post`
  public static func residPost(_ layer: Int) -> Site { Site(layer: layer, .residPost) }
}

extension Site where Layout == Normalized {
  /// `ln1.hook_normalized`
  public static func ln1Normalized(_ layer: Int) -> Site { Site(layer: layer, .ln1Normalized) }
  /// `ln1_post.hook_normalized`
  public static func ln1PostNormalized(_ layer: Int) -> Site {
    Site(layer: layer, .ln1PostNormalized)
  }
  /// `ln2_post.hook_normalized`
  public static func ln2PostNormalized(_ layer: Int) -> Site {
    Site(layer: layer, .ln2PostNormalized)
  }
  /// `ln2.hook_normalized`
  public static func ln2Normalized(_ layer: Int) -> Site { Site(layer: layer, .ln2Normalized) }
  /// `ln_final.hook_normalized`
  public static var finalNormalized: Site { Site(outside: .finalNormalized) }
}

extension Site where Layout == NormScale {
  /// `ln1.hook_scale`
  public static func ln1Scale(_ layer: Int) -> Site { Site(layer: layer, .ln1Scale) }
  /// `ln1_post.hook_scale`
  public static func ln1PostScale(_ layer: Int) -> Site { Site(layer: layer, .ln1PostScale) }
  /// `ln2_post.hook_scale`
  public static func ln2PostScale(_ layer: Int) -> Site { Site(layer: layer, .ln2PostScale) }
  /// `ln2.hook_scale`
  public static func ln2Scale(_ layer: Int) -> Site { Site(layer: layer, .ln2Scale) }
  /// `ln_final.hook_scale`
  public static var finalScale: Site { Site(outside: .finalScale) }
}

extension Site where Layout == QueryHeads {
  /// `attn.hook_q`
  public static func q(_ layer: Int) -> Site { Site(layer: layer, .q) }
  /// `attn.q_norm.hook_normalized`
  public static func qNormNormalized(_ layer: Int) -> Site { Site(layer: layer, .qNormNormalized) }
  /// `attn.hook_rot_q`
  public static func rotQ(_ layer: Int) -> Site { Site(layer: layer, .rotQ) }
}

extension Site where Layout == KeyValueHeads {
  /// `attn.hook_k`
  public static func k(_ layer: Int) -> Site { Site(layer: layer, .k) }
  /// `attn.hook_v`
  public static func v(_ layer: Int) -> Site { Site(layer: layer, .v) }
  /// `attn.k_norm.hook_normalized`
  public static func kNormNormalized(_ layer: Int) -> Site { Site(layer: layer, .kNormNormalized) }
  /// `attn.hook_rot_k`
  public static func rotK(_ layer: Int) -> Site { Site(layer: layer, .rotK) }
}

extension Site where Layout == QueryHeadScales {
  /// `attn.q_norm.hook_scale`
  public static func qNormScale(_ layer: Int) -> Site { Site(layer: layer, .qNormScale) }
}

extension Site where Layout == KeyHeadScales {
  /// `attn.k_norm.hook_scale`
  public static func kNormScale(_ layer: Int) -> Site { Site(layer: layer, .kNormScale) }
}

extension Site where Layout == QueryFeatures {
  /// `attn.hook_phi_q`
  public static func phiQ(_ layer: Int) -> Site { Site(layer: layer, .phiQ) }
}

extension Site where Layout == KeyFeatures {
  /// `attn.hook_phi_k`
  public static func phiK(_ layer: Int) -> Site { Site(layer: layer, .phiK) }
}

extension Site where Layout == RecurrentState {
  /// `attn.hook_ssm_state_initial`
  public static func ssmStateInitial(_ layer: Int) -> Site { Site(layer: layer, .ssmStateInitial) }
  /// `attn.hook_ssm_write`
  public static func ssmWrite(_ layer: Int) -> Site { Site(layer: layer, .ssmWrite) }
  /// `attn.hook_ssm_state`
  public static func ssmState(_ layer: Int) -> Site { Site(layer: layer, .ssmState) }
}

extension Site where Layout == Scores {
  /// `attn.hook_attn_scores`
  public static func attnScores(_ layer: Int) -> Site { Site(layer: layer, .attnScores) }
}

extension Site where Layout == Pattern {
  /// `attn.hook_pattern`
  public static func pattern(_ layer: Int) -> Site { Site(layer: layer, .pattern) }
}

extension Site where Layout == Normaliser {
  /// `attn.hook_normaliser`
  public static func normaliser(_ layer: Int) -> Site { Site(layer: layer, .normaliser) }
}

extension Site where Layout == MomentumHeads {
  /// `attn.hook_momentum`
  public static func momentum(_ layer: Int) -> Site { Site(layer: layer, .momentum) }
}

extension Site where Layout == HeadOutputs {
  /// `attn.hook_z`
  public static func z(_ layer: Int) -> Site { Site(layer: layer, .z) }
}

extension Site where Layout == HeadResults {
  /// `attn.hook_result`
  public static func result(_ layer: Int) -> Site { Site(layer: layer, .result) }
}

extension Site where Layout == MLPActivations {
  /// `mlp.hook_pre`
  public static func mlpPre(_ layer: Int) -> Site { Site(layer: layer, .mlpPre) }
  /// `mlp.hook_pre_linear`
  public static func mlpPreLinear(_ layer: Int) -> Site { Site(layer: layer, .mlpPreLinear) }
  /// `mlp.hook_post`
  public static func mlpPost(_ layer: Int) -> Site { Site(layer: layer, .mlpPost) }
}
