// LinearStack: layers of linear self-attention on continuous tokens, without norms and MLPs, as the theory papers write
// them, with merged matrices. It is the house's Transformer of the same weights, to rounding: see `transformer`.
// Legend: D token width, T tokens of a prompt, H heads, L layers.

import HookedModels
import TensorCore

/// What a stack computes beside its weights.
package struct StackShape: Sendable, Equatable {
  package var width: Int
  package var layers: Int
  package var heads: Int
  package var reach: LinearAttention.Reach
  /// What each sum over tokens is multiplied by; nil for 1 over their number, and over the number of heads.
  package var scale: Double?
  /// T, where pairs of positions have weights of their own: all prompts then have this many tokens.
  package var positions: Int?

  package init(
    width: Int, layers: Int, heads: Int = 1, reach: LinearAttention.Reach, scale: Double? = nil,
    positions: Int? = nil
  ) {
    precondition(
      reach != .causal || layers == 1, "of a causal stack only the last token is computed")
    self.width = width
    self.layers = layers
    self.heads = heads
    self.reach = reach
    self.scale = scale
    self.positions = positions
  }

  /// How many tokens of a prompt count as keys.
  package func keys(of tokens: Int) -> Int { reach == .demonstrations ? tokens - 1 : tokens }

  package func factor(of tokens: Int) -> Double {
    if let scale { scale } else { 1 / Double(max(1, keys(of: tokens)) * heads) }
  }
}

/// z_i ← z_i + κ Σ_h V_h Σ_j z_j (z_iᵀ Q_h z_j) + κ V_1 Σ_j P_ij z_j, layer by layer, over the keys j.
package struct LinearStack: Sendable, Equatable {
  /// Row-major: Q and V `[H, D, D]`, P `[T, T]`.
  package struct Layer: Sendable, Equatable {
    package var queryKey: [Double]
    package var value: [Double]
    package var position: [Double]?

    package init(queryKey: [Double], value: [Double], position: [Double]? = nil) {
      self.queryKey = queryKey
      self.value = value
      self.position = position
    }
  }

  package let shape: StackShape
  package var layers: [Layer]

  package init(shape: StackShape, layers: [Layer]) {
    let square = shape.heads * shape.width * shape.width
    precondition(
      layers.count == shape.layers
        && layers.allSatisfy {
          $0.queryKey.count == square && $0.value.count == square
            && $0.position?.count == shape.positions.map { $0 * $0 }
        }, "weights of another shape than \(shape)")
    self.shape = shape
    self.layers = layers
  }

  /// The Transformer of these weights: embeddings are given directly, and predictions are read off `hook_resid_post` of
  /// the last layer at the query. Positions, where they have weights, are one-hot coordinates behind the token's.
  ///
  /// W_Q is Q_hᵀ (and Pᵀ), W_K picks the token (and its position), W_V is V_h, W_O adds or averages the heads.
  package func transformer<Scalar: TensorScalar>(
    as scalar: Scalar.Type = Scalar.self, on context: ComputeContext
  ) -> Transformer<Scalar> {
    let (width, heads, places) = (shape.width, shape.heads, shape.positions ?? 0)
    let (model, head) = (width + places, width + places)
    var attention = LinearAttention(
      featureMap: .elementwise(.identity), scale: shape.scale ?? 1,
      update: .fixed(decays: Array(repeating: 1, count: heads)), normalised: false,
      outputNorm: .none)
    attention.averaged = shape.scale == nil
    attention.reach = shape.reach
    let architecture = Architecture(
      family: "linear_self_attention", layers: shape.layers, modelWidth: model, heads: heads,
      keyValueHeads: heads, headWidth: head, valueWidth: width, mlpWidth: 1, vocabulary: 1,
      attention: Array(repeating: .linear(attention), count: shape.layers), positions: .none,
      norm: .none, mlp: .none, arrangement: .sequential, biases: [], tiedEmbeddings: true,
      maximumPositions: nil)
    func matrix(_ rows: Int, _ columns: Int, _ element: (Int, Int) -> Double) -> Tensor<Scalar> {
      Tensor(
        shape: [rows, columns],
        values: (0..<rows * columns).map { Scalar(element($0 / columns, $0 % columns)) })
    }
    var tensors = ["embed_tokens.weight": Tensor<Scalar>(shape: [1, model])]
    for (index, layer) in layers.enumerated() {
      let name = "layers.\(index).attn"
      tensors["\(name).q_proj.weight"] = matrix(heads * head, model) { row, column in
        let (one, own) = (row / head, row % head)
        if own < width, column < width {
          return layer.queryKey[(one * width + column) * width + own]
        }
        guard one == 0, own >= width, column >= width, let position = layer.position else {
          return 0
        }
        return position[(column - width) * places + own - width]
      }
      tensors["\(name).k_proj.weight"] = matrix(heads * head, model) { $0 % head == $1 ? 1 : 0 }
      tensors["\(name).v_proj.weight"] = matrix(heads * width, model) { row, column in
        column < width ? layer.value[row * width + column] : 0
      }
      let share = shape.scale == nil ? 1 / Double(heads) : 1
      tensors["\(name).o_proj.weight"] = matrix(model, heads * width) {
        $0 == $1 % width ? share : 0
      }
    }
    return Transformer(
      name: "linear-self-attention", architecture: architecture,
      parameters: tensors.reduce(into: [:]) {
        $0[$1.key] = Parameter(name: $1.key, tensor: $1.value)
      }, context: context)
  }

  /// A prompt's tokens `[T, D]` as that Transformer takes them.
  package func sequence<Scalar: TensorScalar>(
    _ tokens: [[Double]], as scalar: Scalar.Type = Scalar.self
  ) -> BatchSequence<Scalar> {
    let places = shape.positions ?? 0
    let rows = tokens.enumerated().flatMap { place, token in
      token.map { Scalar($0) } + (0..<places).map { $0 == place ? 1 : 0 }
    }
    return BatchSequence(
      .residual(Tensor(shape: [tokens.count, shape.width + places], values: rows), layer: 0))
  }
}
