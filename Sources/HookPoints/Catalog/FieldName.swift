// FieldName: what the names of the field mean here. Tables only: TransformerLens's short forms and bridge
// names, pyvene's components, nnterp's and interp-engine's names, and why some are refused.
// Sources: TransformerLens 2.18 `utils.get_act_name` and 3.x `model_bridge` (block.py, normalization.py,
// gated_mlp.py), pyvene `modelings_intervenable_{gpt2,llama}.py`, nnterp's and interp-engine's pages.

/// What a name of the field means in a block.
enum FieldName: Equatable {
  case point(BlockPoint)
  /// A point that depends on whether the MLP is gated; a nil is refused with the reason.
  case byMLP(gated: BlockPoint?, plain: BlockPoint?, reason: String)
  /// Known, and deliberately not a hook point here.
  case refused(String)
}

extension FieldName {
  /// Names after `blocks.{i}.` that are not ours: the bridge of TransformerLens 3 and 4, and gated names.
  static let inBlock: [String: FieldName] = [
    "hook_in": .point(.residPre),
    "hook_out": .point(.residPost),
    "ln1.hook_in": .point(.residPre),
    "ln2.hook_in": .point(.residMid),
    "ln1.hook_out": .refused(afterGain("ln1")),
    "ln2.hook_out": .refused(afterGain("ln2")),
    "attn.q.hook_out": .point(.q),
    "attn.k.hook_out": .point(.k),
    "attn.v.hook_out": .point(.v),
    "attn.o.hook_in": .point(.z),
    "attn.o.hook_out": .point(.rawAttnOut),
    "attn.hook_in": .refused(afterGain("ln1")),
    "attn.q.hook_in": .refused(perHeadInput("attn.hook_q")),
    "attn.k.hook_in": .refused(perHeadInput("attn.hook_k")),
    "attn.v.hook_in": .refused(perHeadInput("attn.hook_v")),
    "mlp.hook_in": .refused(afterGain("ln2")),
    "mlp.hook_out": .point(.mlpOut),
    "mlp.gate.hook_out": .byMLP(gated: .mlpPre, plain: nil, reason: "this MLP has no gate"),
    "mlp.in.hook_out": .byMLP(gated: .mlpPreLinear, plain: .mlpPre, reason: ""),
    "mlp.out.hook_in": .point(.mlpPost),
    "mlp.out.hook_out": .point(.mlpOut),
    "linear_attn.hook_ssm_state": .point(.ssmState),
    "linear_attn.hook_ssm_write": .point(.ssmWrite),
    "linear_attn.hook_out": .point(.rawAttnOut),
    "mixer.hook_ssm_state": .point(.ssmState),
    "mixer.hook_ssm_write": .point(.ssmWrite),
    "mixer.hook_out": .point(.rawAttnOut),
    "attn.hook_norm": .point(.normaliser),

    "hook_attn_in": .refused(perHeadInput("attn.hook_q, hook_k or hook_v")),
    "hook_q_input": .refused(perHeadInput("attn.hook_q")),
    "hook_k_input": .refused(perHeadInput("attn.hook_k")),
    "hook_v_input": .refused(perHeadInput("attn.hook_v")),
    "hook_mlp_in": .refused(
      "TransformerLens's copy of the stream that only the MLP reads; read hook_resid_mid, which has the "
        + "same values (in parallel blocks hook_resid_pre), or edit ln2.hook_normalized or mlp.hook_pre"
    ),
    "attn.hook_attn_input": .refused(
      "only shortformer models have it; read ln1.hook_normalized"),
    "mlp.hook_mid": .refused("only SoLU MLPs with a norm inside have it; read mlp.hook_post"),
    "mlp.hook_gate": .refused(noExperts),
    "mlp.hook_expert_weights": .refused(noExperts),
    "mlp.hook_expert_indices": .refused(noExperts),
    "hook_normalized_resid_post": .refused("only BERT's blocks have it; read hook_resid_post"),
    "hook_cross_attn_in": .refused(noCrossAttention),
    "hook_cross_attn_out": .refused(noCrossAttention),
    "hook_resid_mid_cross": .refused(noCrossAttention),
    "attn.rel_pos_hook": .refused("only T5's attention has it; read attn.hook_attn_scores"),
    "linear_attn.hook_ssm_B": .refused(
      "read attn.hook_phi_k, the keys that are written to the state"),
    "linear_attn.hook_ssm_C": .refused("read attn.hook_phi_q, the queries that read the state"),
    "mixer.hook_ssm_B": .refused("read attn.hook_phi_k, the keys that are written to the state"),
    "mixer.hook_ssm_C": .refused("read attn.hook_phi_q, the queries that read the state"),
  ]

  /// Names without a block that are ours under another name.
  static let outside: [String: HookName] = [
    "embed": .embed,
    "embed.hook_out": .embed,
    "embeddings": .embed,
    "token_embeddings": .embed,
    "pos_embed": .positionEmbed,
    "pos_embed.hook_out": .positionEmbed,
    "scale": .finalScale,
    "normalized": .finalNormalized,
  ]

  /// Names without a block that are refused.
  static let refusedOutside: [String: String] = [
    "hook_tokens": tokens,
    "embed.hook_in": tokens,
    "tokens": tokens,
    "hook_full_embed": "read blocks.0.hook_resid_pre, the sum of the embeddings",
    "embed.hook_token_type_embed": "only BERT has token types",
    "ln_final.hook_out": afterGain("ln_final"),
    "ln_final": afterGain("ln_final"),
    "final_norm": afterGain("ln_final"),
    "unembed.hook_in": afterGain("ln_final"),
    "unembed.hook_out": logits,
    "lm_head": logits,
    "logits": logits,
    "pooler.hook_pooler_out": "only BERT has a pooler",
    "nsp_head.hook_nsp_out": "only BERT has this head",
  ]

  /// Names to which a layer is added: `resid_post.3`, `k6`, `layers_output[2]`. Where the tools disagree
  /// (`attn_out`), the meaning is TransformerLens's.
  static let short: [String: FieldName] = [
    // TransformerLens, `get_act_name`
    "resid_pre": .point(.residPre),
    "resid_mid": .point(.residMid),
    "resid_post": .point(.residPost),
    "attn_out": .point(.attnOut),
    "mlp_out": .point(.mlpOut),
    "q": .point(.q), "query": .point(.q),
    "k": .point(.k), "key": .point(.k),
    "v": .point(.v), "value": .point(.v),
    "z": .point(.z),
    "rot_q": .point(.rotQ),
    "rot_k": .point(.rotK),
    "result": .point(.result),
    "attn_scores": .point(.attnScores), "attn_logits": .point(.attnScores),
    "pattern": .point(.pattern), "attn": .point(.pattern),
    "pre": .point(.mlpPre), "mlp_pre": .point(.mlpPre),
    "pre_linear": .point(.mlpPreLinear), "mlp_pre_linear": .point(.mlpPreLinear),
    "post": .point(.mlpPost), "mlp_post": .point(.mlpPost),
    "mid": inBlock["mlp.hook_mid"], "mlp_mid": inBlock["mlp.hook_mid"],
    "attn_in": inBlock["hook_attn_in"],
    "q_input": inBlock["hook_q_input"],
    "k_input": inBlock["hook_k_input"],
    "v_input": inBlock["hook_v_input"],
    "mlp_in": inBlock["hook_mlp_in"],
    // ours
    "phi_q": .point(.phiQ),
    "phi_k": .point(.phiK),
    "ssm_state": .point(.ssmState),
    "ssm_state_initial": .point(.ssmStateInitial),
    "ssm_write": .point(.ssmWrite),
    "normaliser": .point(.normaliser),
    "momentum": .point(.momentum),
    // pyvene
    "block_input": .point(.residPre),
    "block_output": .point(.residPost),
    "attention_input": .refused(afterGain("ln1")),
    "attention_output": .point(.rawAttnOut),
    "attention_value_output": .point(.z), "head_attention_value_output": .point(.z),
    "attention_weight": .point(.pattern),
    "query_output": .point(.q), "head_query_output": .point(.q),
    "key_output": .point(.k), "head_key_output": .point(.k),
    "value_output": .point(.v), "head_value_output": .point(.v),
    "mlp_input": .refused(afterGain("ln2")),
    "mlp_activation": .byMLP(
      gated: nil, plain: .mlpPost,
      reason: "pyvene means the activation before it is multiplied with the linear branch; read "
        + "mlp.hook_post (the product) or mlp.hook_pre (before the activation)"),
    "mlp_output": .point(.mlpOut),
    // nnterp
    "layers_input": .point(.residPre),
    "layers_output": .point(.residPost),
    "attentions_input": .refused(afterGain("ln1")),
    "attentions_output": .point(.rawAttnOut),
    "attention_probabilities": .point(.pattern),
    "mlps_input": .refused(afterGain("ln2")),
    "mlps_output": .point(.mlpOut),
    // interp-engine
    "attn_probs": .point(.pattern),
    "attn_out_post": .point(.attnOut),
    "mlp_out_post": .point(.mlpOut),
    "router_logits": .refused(noExperts),
    "expert_weights": .refused(noExperts),
    "expert_indices": .refused(noExperts),
  ].compactMapValues { $0 }

  private static func afterGain(_ norm: String) -> String {
    "the norm's output after its gain is not recorded; \(norm).hook_normalized is the same before the gain"
  }

  private static func perHeadInput(_ instead: String) -> String {
    "TransformerLens's copy of the stream for each head; read hook_resid_pre, which has the same values, "
      + "and to change what one head reads edit \(instead)"
  }

  private static func noPostNorm(_ instead: String) -> String {
    "only blocks with a second norm after the module have it; read \(instead)"
  }

  private static let noExperts = "only mixtures of experts have it"
  private static let noCrossAttention = "only encoder-decoder models have cross-attention"
  private static let tokens = "tokens are what is given to a run, not an activation of it"
  private static let logits = "logits are asked for by position, not through a hook"
}
