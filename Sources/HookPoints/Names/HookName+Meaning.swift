// What each hook point is, in a few words: what `thetascope hooks` shows.

extension HookName {
  /// What the activation is.
  public var meaning: String {
    switch self {
    case .embed: "token embeddings"
    case .positionEmbed: "position embeddings"
    case .finalScale: "denominator of the final norm"
    case .finalNormalized: "final norm, before its gain"
    case .block(_, let point): point.meaning
    }
  }
}

extension BlockPoint {
  /// What the activation is.
  public var meaning: String {
    switch self {
    case .residPre: "stream entering the block"
    case .ln1Scale: "denominator of the first norm"
    case .ln1Normalized: "first norm, before its gain"
    case .q: "queries, before rotation"
    case .k: "keys, before rotation"
    case .v: "values"
    case .qNormScale: "denominator of the queries' norm"
    case .qNormNormalized: "queries' norm, before its gain"
    case .kNormScale: "denominator of the keys' norm"
    case .kNormNormalized: "keys' norm, before its gain"
    case .rotQ: "queries, after rotation"
    case .rotK: "keys, after rotation"
    case .phiQ: "queries after the feature map"
    case .phiK: "keys after the feature map"
    case .ssmStateInitial: "state before the first own token; an edit propagates"
    case .ssmWrite: "what a token adds to the state; an edit propagates"
    case .ssmState: "state after a token; an edit changes that token's readout only"
    case .attnScores: "scores, scaled and masked, before the softmax"
    case .pattern: "attention weights (linear attention: effective ones)"
    case .normaliser: "what linear attention divides by"
    case .momentum: "decaying sum of past values"
    case .z: "head outputs, before the output projection"
    case .result: "each head's part of the output, without bias"
    case .rawAttnOut: "raw output of the attention module"
    case .attnOut: "what attention adds to the stream"
    case .ln1PostScale: "denominator of the norm after attention"
    case .ln1PostNormalized: "norm after attention, before its gain"
    case .residMid: "stream between attention and MLP"
    case .ln2Scale: "denominator of the second norm"
    case .ln2Normalized: "second norm, before its gain"
    case .mlpPre: "MLP before the activation (gated: the gate)"
    case .mlpPreLinear: "linear branch of a gated MLP"
    case .mlpPost: "what enters the MLP's output projection"
    case .ln2PostScale: "denominator of the norm after the MLP"
    case .ln2PostNormalized: "norm after the MLP, before its gain"
    case .mlpOut: "what the MLP adds to the stream"
    case .residPost: "stream leaving the block"
    }
  }
}
