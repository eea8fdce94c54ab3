// ParameterLayout: the canonical name and shape of every parameter that an architecture has, in the order of
// computation. Families map these names to a checkpoint's; fine-tuning selects by them (`k_proj`, `v_proj`).

import TensorCore

/// The name and shape of one parameter.
public struct ParameterShape: Sendable, Equatable {
  /// The canonical name, such as `layers.3.attn.k_proj.weight`.
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
    func addNorm(_ name: String, _ norm: Norm, _ width: Int) {
      switch norm {
      case .none: break
      case .layer:
        add("\(name).weight", width)
        add("\(name).bias", width)
      case .rms, .rmsOnePlus: add("\(name).weight", width)
      }
    }
    func addNorm(_ name: String) { addNorm(name, norm, modelWidth) }
    func addLinear(_ name: String, _ out: Int, _ depth: Int, _ bias: Bias) {
      addLinear(name, out, depth, bias: biases.contains(bias))
    }
    func addLinear(_ name: String, _ out: Int, _ depth: Int, bias: Bool) {
      add("\(name).weight", out, depth)
      if bias { add("\(name).bias", out) }
    }
    func addAttention(_ layer: Int, _ name: String) {
      let shape = attentionShape(layer)
      let inputs = [
        ("q", shape.heads * shape.headWidth), ("k", shape.keyValueHeads * shape.headWidth),
        ("v", shape.keyValueHeads * shape.valueWidth),
      ]
      for (input, width) in inputs {
        addLinear("\(name).\(input)_proj", width, modelWidth, bias: shape.inputBias)
      }
      if case .linear(let linear) = attention[layer] {
        if let taps = linear.convolution {
          for (input, width) in inputs { add("\(name).\(input)_conv.weight", width, taps) }
        }
        for input in ["q", "k"] {
          for map in linear.featureMap.maps {
            addLinear(
              "\(name).feature_map_\(input).\(map)", shape.headWidth, shape.headWidth,
              bias: linear.featureMap.hasBias)
          }
        }
        switch linear.update {
        case .fixed: break
        case .gated(let rank, _, _):
          add("\(name).decay_down.weight", rank, modelWidth)
          addLinear(
            "\(name).decay_up", shape.keyValueHeads * linear.featureMap.width(of: shape.headWidth),
            rank, bias: true)
        case .gatedDelta:
          add("\(name).decay_proj.weight", shape.heads, modelWidth)
          add("\(name).decay_bias", shape.heads)
          add("\(name).decay_rate", shape.heads)
          add("\(name).strength_proj.weight", shape.heads, modelWidth)
        }
        if case .rms(_, gain: true) = linear.outputNorm {
          add("\(name).norm.weight", shape.valueWidth)
        }
        if linear.outputGate != nil {
          add("\(name).gate_proj.weight", shape.heads * shape.valueWidth, modelWidth)
        }
      }
      addNorm("\(name).q_norm", headNorm, shape.headWidth)
      addNorm("\(name).k_norm", headNorm, shape.headWidth)
      addLinear("\(name).o_proj", modelWidth, shape.heads * shape.valueWidth, .attentionOutput)
    }

    add("embed_tokens.weight", vocabulary, modelWidth)
    if case .learned(let count, let offset) = positions {
      add("embed_positions.weight", count + offset, modelWidth)
    }
    for layer in 0..<layers {
      let block = "layers.\(layer)"
      addNorm("\(block).attn_norm")
      addAttention(layer, "\(block).attn")
      if arrangement == .sandwich { addNorm("\(block).attn_post_norm") }
      guard mlp != .none else { continue }
      if arrangement != .parallelSharedNorm { addNorm("\(block).mlp_norm") }
      if case .gated = mlp { addLinear("\(block).mlp.gate_proj", mlpWidth, modelWidth, .mlp) }
      addLinear("\(block).mlp.up_proj", mlpWidth, modelWidth, .mlp)
      addLinear("\(block).mlp.down_proj", modelWidth, mlpWidth, .mlp)
      if arrangement == .sandwich { addNorm("\(block).mlp_post_norm") }
    }
    addNorm("norm")
    if !tiedEmbeddings { add("lm_head.weight", vocabulary, modelWidth) }
    if biases.contains(.unembedding) { add("lm_head.bias", vocabulary) }
    return list
  }

  /// How many numbers the model has; of a miniature, the model that it stands for.
  public var parameterCount: Int { atFullSize.parameters.reduce(0) { $0 + $1.shape.reduce(1, *) } }
}

extension FeatureMap {
  /// The linear maps inside it, by the names that flash-linear-attention gives them.
  var maps: [String] {
    switch self {
    case .elementwise, .unitLength, .dpfp: []
    case .transformerToRNN, .hedgehog: ["layer"]
    case .product: ["layer1", "layer2"]
    }
  }

  var hasBias: Bool { self != .transformerToRNN }
}
