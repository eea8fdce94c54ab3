// Initialisation: random parameters for a model that is to be trained, or that serves as an untrained control.

import CKernels
import Synchronization
import TensorCore

extension Transformer {
  /// Random parameters: matrices N(0, deviation²), or N(0, 1/inputs) without a deviation, those that write to the residual
  /// stream divided by √(2 layers) (GPT-2's rule), embeddings N(0, embeddingDeviation²), gains 1, biases 0.
  ///
  /// - Parameters:
  ///   - name: for messages and the CSV column `model`.
  ///   - architecture: what the model computes.
  ///   - seed: the stream of each parameter depends on it and on the parameter's name only.
  ///   - deviation: 0.02 in GPT-2 and LLaMA; nil for 1/√inputs.
  ///   - embeddingDeviation: of embeddings; 0.02 in GPT-2 and LLaMA.
  ///   - redraws: whether the blocks' projections are drawn again whenever they are packed, not kept: half the memory,
  ///     for a model that is run and not trained.
  ///   - context: what the model computes on.
  public static func random(
    name: String, architecture: Architecture, seed: UInt64, deviation: Double? = 0.02,
    embeddingDeviation: Double = 0.02, redraws: Bool = false, context: ComputeContext
  ) -> Transformer {
    var model = drawn(
      name: name, architecture: architecture, seed: seed, deviation: deviation,
      embeddingDeviation: embeddingDeviation, redraws: redraws, context: context)
    if let full = architecture.fullSize {
      // Packed, and what is kept as it is.
      let kept = full.table.counts.reduce(0) {
        $0 + (redraws && isProjection($1.key) ? $1.value : 2 * $1.value)
      }
      model.hold(4 * kept)
    }
    return model
  }

  /// The same, its memory not counted.
  static func drawn(
    name: String, architecture: Architecture, seed: UInt64, deviation: Double? = 0.02,
    embeddingDeviation: Double = 0.02, redraws: Bool = false, context: ComputeContext
  ) -> Transformer {
    var parameters: [String: Parameter<Scalar>] = [:]
    for wanted in architecture.parameters {
      if wanted.shape.count == 1 {
        // Gains of 1, which some norms hold as what they are above 1.
        let isOne =
          !wanted.name.hasSuffix(".bias")
          && !(wanted.name.hasSuffix("norm.weight") && architecture.hasOffsetGains)
        parameters[wanted.name] = Parameter(
          name: wanted.name, tensor: Tensor(repeating: isOne ? 1 : 0, shape: wanted.shape))
        continue
      }
      let writes =
        wanted.name.hasSuffix("o_proj.weight") || wanted.name.hasSuffix("down_proj.weight")
      let plain = deviation ?? 1 / Double(wanted.shape[1]).squareRoot()
      let scale =
        wanted.name.hasPrefix("embed")
        ? embeddingDeviation
        : writes ? plain / Double(2 * architecture.layers).squareRoot() : plain
      let matrix = DrawnMatrix<Scalar>(
        width: wanted.shape[1], deviation: scale,
        SeededGenerator(key: "parameter \(wanted.name)", seed: seed))
      parameters[wanted.name] =
        redraws && isProjection(wanted.name)
        ? Parameter(name: wanted.name, shape: wanted.shape, stored: matrix.elements)
        : Parameter(name: wanted.name, tensor: matrix.rows(0..<wanted.shape[0]))
    }
    return Transformer(
      name: name, architecture: architecture, parameters: parameters, context: context)
  }

  private static func isProjection(_ name: String) -> Bool { name.hasSuffix("_proj.weight") }
}

/// A matrix of normal draws that is drawn, row after row, whenever it is read.
private final class DrawnMatrix<Scalar: TensorScalar>: Sendable {
  private let width: Int
  private let deviation: Double
  private let start: SeededGenerator
  /// The row that comes next, without beginning anew.
  private let next: Mutex<(row: Int, generator: SeededGenerator)>

  init(width: Int, deviation: Double, _ start: SeededGenerator) {
    self.width = width
    self.deviation = deviation
    self.start = start
    next = Mutex((0, start))
  }

  /// [rows, width]
  func rows(_ rows: Range<Int>) -> Tensor<Scalar> {
    next.withLock { next in
      if next.row > rows.lowerBound { next = (0, start) }
      for _ in 0..<(rows.lowerBound - next.row) * width { _ = next.generator.normal() }
      next.row = rows.upperBound
      let drawn = Tensor<Scalar>(uninitialized: [rows.count, width])
      for place in 0..<drawn.count {
        drawn.mutableBase[place] = Scalar(deviation * next.generator.normal())
      }
      return drawn
    }
  }

  var elements: StoredElements {
    StoredElements(
      elementType: Scalar.elementType, rowStride: width, columnStride: 1,
      access: { rows, body in
        let drawn = self.rows(rows)
        withExtendedLifetime(drawn) { body(drawn.base) }
      })
  }
}
