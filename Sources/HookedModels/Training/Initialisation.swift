// Initialisation: random parameters for a model that is to be trained, or that serves as an untrained control.

import CKernels
import TensorCore

extension Transformer {
  /// Random parameters: matrices N(0, deviation²), or N(0, 1/inputs) without a deviation, those that write to the residual stream divided by √(2 layers)
  /// (GPT-2's rule), embeddings N(0, embeddingDeviation²), gains 1, biases 0.
  ///
  /// - Parameters:
  ///   - name: for messages and the CSV column `model`.
  ///   - architecture: what the model computes.
  ///   - seed: the stream of each parameter depends on it and on the parameter's name only.
  ///   - deviation: 0.02 in GPT-2 and LLaMA; nil for 1/√inputs.
  ///   - embeddingDeviation: of embeddings; 0.02 in GPT-2 and LLaMA.
  ///   - context: what the model computes on.
  public static func random(
    name: String, architecture: Architecture, seed: UInt64, deviation: Double? = 0.02,
    embeddingDeviation: Double = 0.02, context: ComputeContext
  ) -> Transformer {
    var model = drawn(
      name: name, architecture: architecture, seed: seed, deviation: deviation,
      embeddingDeviation: embeddingDeviation, context: context)
    // As they are, and packed.
    if let full = architecture.fullSize { model.hold(8 * full.architecture.parameterCount) }
    return model
  }

  /// The same, its memory not counted.
  static func drawn(
    name: String, architecture: Architecture, seed: UInt64, deviation: Double? = 0.02,
    embeddingDeviation: Double = 0.02, context: ComputeContext
  ) -> Transformer {
    var parameters: [String: Parameter<Scalar>] = [:]
    for wanted in architecture.parameters {
      let tensor: Tensor<Scalar>
      if wanted.shape.count == 1 {
        // Gains of 1, which some norms hold as what they are above 1.
        let isOne =
          !wanted.name.hasSuffix(".bias")
          && !(wanted.name.hasSuffix("norm.weight") && architecture.hasOffsetGains)
        tensor = Tensor(repeating: isOne ? 1 : 0, shape: wanted.shape)
      } else {
        let writes =
          wanted.name.hasSuffix("o_proj.weight") || wanted.name.hasSuffix("down_proj.weight")
        let plain = deviation ?? 1 / Double(wanted.shape[1]).squareRoot()
        let scale =
          wanted.name.hasPrefix("embed")
          ? embeddingDeviation
          : writes ? plain / Double(2 * architecture.layers).squareRoot() : plain
        var generator = SeededGenerator(key: "parameter \(wanted.name)", seed: seed)
        let count = wanted.shape.reduce(1, *)
        tensor = Tensor(
          shape: wanted.shape, values: (0..<count).map { _ in Scalar(scale * generator.normal()) })
      }
      parameters[wanted.name] = Parameter(name: wanted.name, tensor: tensor)
    }
    return Transformer(
      name: name, architecture: architecture, parameters: parameters, context: context)
  }
}
