// The theory's model as the house's Transformer, so that every hook works on it.

import HookedModels
import TensorCore

extension MomentModel {
  /// One layer of averaged linear attention without norm, MLP and positions; embeddings are given directly, and the
  /// prediction is the last coordinate of `hook_resid_post` at the query. W_Q = Qᵀ and the last row of W_V is v;
  /// W_K and W_O are the identity: that is what "merged matrices" means here.
  package func transformer(on context: ComputeContext) -> Transformer<Double> {
    let width = self.width
    var attention = LinearAttention(
      featureMap: .elementwise(.identity), scale: 1, update: .fixed(decays: [1]),
      normalised: false, outputNorm: .none)
    attention.averaged = true
    let architecture = Architecture(
      family: "linear_self_attention", layers: 1, modelWidth: width, heads: 1, keyValueHeads: 1,
      headWidth: width, valueWidth: width, mlpWidth: 1, vocabulary: 1,
      attention: [.linear(attention)],
      positions: .none, norm: .none, mlp: .none, arrangement: .sequential, biases: [],
      tiedEmbeddings: true, maximumPositions: nil)
    func matrix(_ element: (Int, Int) -> Double) -> Tensor<Double> {
      Tensor(
        shape: [width, width], values: (0..<width * width).map { element($0 / width, $0 % width) })
    }
    let identity = matrix { $0 == $1 ? 1 : 0 }
    let tensors: [String: Tensor<Double>] = [
      "embed_tokens.weight": Tensor(shape: [1, width]),
      "layers.0.attn.q_proj.weight": matrix { queryKey[$1 * width + $0] },
      "layers.0.attn.k_proj.weight": identity,
      "layers.0.attn.v_proj.weight": matrix { $0 == width - 1 ? value[$1] : 0 },
      "layers.0.attn.o_proj.weight": identity,
    ]
    return Transformer(
      name: "linear-self-attention", architecture: architecture,
      parameters: tensors.reduce(into: [:]) {
        $0[$1.key] = Parameter(name: $1.key, tensor: $1.value)
      }, context: context)
  }
}
