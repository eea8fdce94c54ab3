// ParameterLayout: the canonical name and shape of every parameter that an architecture has, in the order of
// computation. Families map these names to a checkpoint's; fine-tuning selects by them (`k_proj`, `v_proj`).

import TensorCore

/// The name and shape of one parameter.
public struct ParameterShape: Sendable, Equatable {
  public let name: String
  /// `[out, in]` for a matrix, `[width]` for a vector.
  public let shape: [Int]
}

extension Architecture {
  /// Every parameter, in the order of computation.
  public var parameters: [ParameterShape] {
    var list: [ParameterShape] = []
    func add(_ name: String, _ shape: Int...) {
      list.append(ParameterShape(name: name, shape: shape))
    }
    func addNorm(_ name: String) {
      switch norm {
      case .none: break
      case .layer:
        add("\(name).weight", modelWidth)
        add("\(name).bias", modelWidth)
      case .rms: add("\(name).weight", modelWidth)
      }
    }
    func addLinear(_ name: String, _ out: Int, _ depth: Int, _ bias: Bias) {
      add("\(name).weight", out, depth)
      if biases.contains(bias) { add("\(name).bias", out) }
    }

    add("embed_tokens.weight", vocabulary, modelWidth)
    if case .learned(let count) = positions { add("embed_positions.weight", count, modelWidth) }
    for layer in 0..<layers {
      let block = "layers.\(layer)"
      addNorm("\(block).attn_norm")
      addLinear("\(block).attn.q_proj", heads * headWidth, modelWidth, .attentionInputs)
      addLinear("\(block).attn.k_proj", keyValueHeads * headWidth, modelWidth, .attentionInputs)
      addLinear("\(block).attn.v_proj", keyValueHeads * valueWidth, modelWidth, .attentionInputs)
      if case .linear(let linear) = attention[layer], case .rms(_, gain: true) = linear.outputNorm {
        add("\(block).attn.norm.weight", valueWidth)
      }
      addLinear("\(block).attn.o_proj", modelWidth, heads * valueWidth, .attentionOutput)
      switch mlp {
      case .none: continue
      case .plain:
        addNorm("\(block).mlp_norm")
        addLinear("\(block).mlp.up_proj", mlpWidth, modelWidth, .mlp)
      case .gated:
        addNorm("\(block).mlp_norm")
        addLinear("\(block).mlp.gate_proj", mlpWidth, modelWidth, .mlp)
        addLinear("\(block).mlp.up_proj", mlpWidth, modelWidth, .mlp)
      }
      addLinear("\(block).mlp.down_proj", modelWidth, mlpWidth, .mlp)
    }
    addNorm("norm")
    if !tiedEmbeddings { add("lm_head.weight", vocabulary, modelWidth) }
    return list
  }

  /// How many numbers the model has.
  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.shape.reduce(1, *) } }
}
