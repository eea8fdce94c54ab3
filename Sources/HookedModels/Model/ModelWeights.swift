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
  let outputGain: Parameter<Scalar>?
  let mlpNorm: NormWeights<Scalar>?
  let gate, up, down: LinearWeights<Scalar>?
}

struct ModelWeights<Scalar: TensorScalar>: Sendable {
  let byName: [String: Parameter<Scalar>]
  let embedding: Parameter<Scalar>
  let positions: Parameter<Scalar>?
  let blocks: [BlockWeights<Scalar>]
  let finalNorm: NormWeights<Scalar>?
  let unembedding: Parameter<Scalar>

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
    byName = parameters
    embedding = required("embed_tokens.weight")
    positions = parameters["embed_positions.weight"]
    blocks = (0..<architecture.layers).map { layer in
      let block = "layers.\(layer)"
      return BlockWeights(
        attentionNorm: norm("\(block).attn_norm"), query: linear("\(block).attn.q_proj"),
        key: linear("\(block).attn.k_proj"), value: linear("\(block).attn.v_proj"),
        output: linear("\(block).attn.o_proj"), outputGain: parameters["\(block).attn.norm.weight"],
        mlpNorm: norm("\(block).mlp_norm"), gate: optional("\(block).mlp.gate_proj"),
        up: optional("\(block).mlp.up_proj"), down: optional("\(block).mlp.down_proj"))
    }
    finalNorm = norm("norm")
    unembedding = parameters["lm_head.weight"] ?? required("embed_tokens.weight")
  }
}
