// LowRankAdapters: LoRA. Some matrices of a model are trained as W = W₀ + (α / r) B A, with W₀ frozen and A, B of rank r. The
// model runs with W itself, so that hooks, prefixes and speed are those of any model; the gradients of A and B follow from
// that of W by the product rule, which is exact.
//
// Source: Hu et al. 2021, arXiv:2106.09685, §4.1; names, initialisation and scale as in the package peft.

import TensorCore

/// What is added to some matrices of a model.
public struct LowRankAdapters<Scalar: TensorScalar>: Sendable {
  /// r.
  public let rank: Int
  /// α: an update counts α / r.
  public let alpha: Double
  /// The frozen matrices by name, `[out, in]`.
  let frozen: [String: Tensor<Scalar>]
  /// A, `[r, in]`, as `NAME.lora_A`, and B, `[out, r]`, as `NAME.lora_B`.
  public var tensors: [String: Tensor<Scalar>]

  /// Adapters that change nothing yet: A uniform in ±1/√in, B zero.
  ///
  /// - Parameters:
  ///   - model: whose matrices are adapted; it stays as it is.
  ///   - rank: r, at least 1.
  ///   - alpha: α: an update counts α / r.
  ///   - seed: the draws of each A depend on it and on the matrix's name only.
  ///   - adapted: selects matrices by canonical name, `layers.3.attn.v_proj.weight`.
  public init(
    to model: Transformer<Scalar>, rank: Int, alpha: Double, seed: UInt64,
    adapted: (String) -> Bool
  ) {
    self.rank = rank
    self.alpha = alpha
    var frozen: [String: Tensor<Scalar>] = [:]
    var tensors: [String: Tensor<Scalar>] = [:]
    for parameter in model.parameters where parameter.shape.count == 2 && adapted(parameter.name) {
      let (out, depth) = (parameter.shape[0], parameter.shape[1])
      frozen[parameter.name] = parameter.tensor()
      var generator = SeededGenerator(key: "adapter\u{0}\(parameter.name)", seed: seed)
      let bound = 1 / Double(depth).squareRoot()
      tensors[Self.a(parameter.name)] = Tensor(
        shape: [rank, depth],
        values: (0..<rank * depth).map { _ in Scalar(generator.uniform(from: -bound, to: bound)) })
      tensors[Self.b(parameter.name)] = Tensor(repeating: 0, shape: [out, rank])
    }
    self.frozen = frozen
    self.tensors = tensors
  }

  static func a(_ name: String) -> String { name + ".lora_A" }
  static func b(_ name: String) -> String { name + ".lora_B" }

  /// The names of the matrices, sorted.
  public var matrices: [String] { frozen.keys.sorted() }

  /// How many numbers are trained.
  public var parameterCount: Int { tensors.values.reduce(0) { $0 + $1.count } }

  private var scale: Double { alpha / Double(rank) }

  /// Calls `body` with the frozen matrix, A and B of each name.
  private func forEach(
    _ body: (String, (frozen: Tensor<Scalar>, a: Tensor<Scalar>, b: Tensor<Scalar>)) -> Void
  ) {
    for name in matrices {
      guard let frozen = frozen[name], let a = tensors[Self.a(name)], let b = tensors[Self.b(name)]
      else { preconditionFailure("\(name) has no adapter") }
      body(name, (frozen, a, b))
    }
  }

  /// W₀ + (α / r) B A of each matrix.
  public func merged(on context: ComputeContext) -> [String: Tensor<Scalar>] {
    let ops = Operations<Scalar>(context)
    var result: [String: Tensor<Scalar>] = [:]
    forEach { name, own in
      result[name] = ops.product(own.b, own.a, scale: scale, addedTo: own.frozen)
    }
    return result
  }

  /// The gradients of A and B from those of the matrices: (α / r) Bᵀ G and (α / r) G Aᵀ.
  public func gradients(from full: [String: Tensor<Scalar>], on context: ComputeContext)
    -> [String: Tensor<Scalar>]
  {
    let ops = Operations<Scalar>(context)
    var result: [String: Tensor<Scalar>] = [:]
    forEach { name, own in
      guard let gradient = full[name] else { return }
      result[Self.a(name)] = ops.product(
        own.b, gradient, transposed: (true, false), scale: scale)
      result[Self.b(name)] = ops.product(
        gradient, own.a, transposed: (false, true), scale: scale)
    }
    return result
  }
}
