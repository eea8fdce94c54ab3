// ModelWeights: the parameters by name and by the place where the forward pass uses them.

import TensorCore

/// A linear map: `[out, in]` and perhaps a bias.
struct LinearWeights<Scalar: TensorScalar>: Sendable {
  let weight: Parameter<Scalar>
  let bias: Parameter<Scalar>?
}

struct NormWeights<Scalar: TensorScalar>: Sendable {
  let gain: Parameter<Scalar>
  let bias: Parameter<Scalar>?
}

struct BlockWeights<Scalar: TensorScalar>: Sendable {
  let attentionNorm: NormWeights<Scalar>?
  let query, key, value, output: LinearWeights<Scalar>
  let linear: LinearAttentionWeights<Scalar>
  let queryNorm, keyNorm, attentionPostNorm: NormWeights<Scalar>?
  /// The attention's where they share one.
  let mlpNorm: NormWeights<Scalar>?
  let mlpPostNorm: NormWeights<Scalar>?
  let gate, up, down: LinearWeights<Scalar>?
}

/// What only layers of linear attention have; nothing elsewhere.
struct LinearAttentionWeights<Scalar: TensorScalar>: Sendable {
  /// Of queries, keys and values, each `[width, taps]`.
  let convolutions: [Parameter<Scalar>]
  let queryMaps, keyMaps: [LinearWeights<Scalar>]
  /// Of the outputs, `[dv]`.
  let gain: Parameter<Scalar>?
  let gate, decayDown, decayUp, decay, strength: LinearWeights<Scalar>?
  let decayBias, decayRate: Parameter<Scalar>?
}

struct ModelWeights<Scalar: TensorScalar>: Sendable {
  let byName: [String: Parameter<Scalar>]
  let embedding: Parameter<Scalar>
  let positions: Parameter<Scalar>?
  let blocks: [BlockWeights<Scalar>]
  let finalNorm: NormWeights<Scalar>?
  let unembedding: LinearWeights<Scalar>

  init(_ architecture: Architecture, _ parameters: [String: Parameter<Scalar>]) {
    func required(_ name: String) -> Parameter<Scalar> {
      guard let parameter = parameters[name] else { preconditionFailure("no parameter \(name)") }
      return parameter
    }
    func linear(_ name: String) -> LinearWeights<Scalar> {
      LinearWeights(weight: required("\(name).weight"), bias: parameters["\(name).bias"])
    }
    func norm(_ name: String) -> NormWeights<Scalar>? {
      parameters["\(name).weight"].map { NormWeights(gain: $0, bias: parameters["\(name).bias"]) }
    }
    func optional(_ name: String) -> LinearWeights<Scalar>? {
      parameters["\(name).weight"] == nil ? nil : linear(name)
    }
    func linearAttention(_ name: String, _ map: FeatureMap?) -> LinearAttentionWeights<Scalar> {
      func maps(_ input: String) -> [LinearWeights<Scalar>] {
        (map?.maps ?? []).map { linear("\(name).feature_map_\(input).\($0)") }
      }
      return LinearAttentionWeights(
        convolutions: ["q", "k", "v"].compactMap { parameters["\(name).\($0)_conv.weight"] },
        queryMaps: maps("q"), keyMaps: maps("k"), gain: parameters["\(name).norm.weight"],
        gate: optional("\(name).gate_proj"), decayDown: optional("\(name).decay_down"),
        decayUp: optional("\(name).decay_up"), decay: optional("\(name).decay_proj"),
        strength: optional("\(name).strength_proj"), decayBias: parameters["\(name).decay_bias"],
        decayRate: parameters["\(name).decay_rate"])
    }
    byName = parameters
    embedding = required("embed_tokens.weight")
    positions = parameters["embed_positions.weight"]
    blocks = (0..<architecture.layers).map { layer in
      let block = "layers.\(layer)"
      return BlockWeights(
        attentionNorm: norm("\(block).attn_norm"), query: linear("\(block).attn.q_proj"),
        key: linear("\(block).attn.k_proj"), value: linear("\(block).attn.v_proj"),
        output: linear("\(block).attn.o_proj"),
        linear: linearAttention("\(block).attn", architecture.attention[layer].featureMap),
        queryNorm: norm("\(block).attn.q_norm"), keyNorm: norm("\(block).attn.k_norm"),
        attentionPostNorm: norm("\(block).attn_post_norm"),
        mlpNorm: norm("\(block).mlp_norm") ?? norm("\(block).attn_norm"),
        mlpPostNorm: norm("\(block).mlp_post_norm"), gate: optional("\(block).mlp.gate_proj"),
        up: optional("\(block).mlp.up_proj"), down: optional("\(block).mlp.down_proj"))
    }
    finalNorm = norm("norm")
    unembedding = LinearWeights(
      weight: parameters["lm_head.weight"] ?? required("embed_tokens.weight"),
      bias: parameters["lm_head.bias"])
  }
}
