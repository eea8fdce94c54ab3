// Operations: the forward code of every model is written in these, once. With a tape they also record how
// to send gradients back; without one they only compute. This file: the value itself, and rows in and out.

import CKernels

/// Arithmetic on variables, on one context, with or without a tape.
///
/// Shapes are given as [rows, width]; a tensor of more axes counts as rows of its last axis unless said otherwise.
public struct Operations<Scalar: TensorScalar> {
  /// What the arithmetic runs on.
  public let context: ComputeContext
  /// Weak, because what the tape records holds these operations. Whoever wants gradients holds the tape.
  public private(set) weak var tape: Tape<Scalar>?
  let kernels: Kernels

  /// - Parameters:
  ///   - context: what the arithmetic runs on.
  ///   - tape: records how gradients flow back; it is not kept alive.
  public init(_ context: ComputeContext, tape: Tape<Scalar>? = nil) {
    self.context = context
    self.tape = tape
    kernels = Scalar.kernels(context.instructionSet)
  }

  /// Records `backward` if a gradient is wanted for any of the inputs.
  func result(
    _ tensor: Tensor<Scalar>, from nodes: Int?..., backward: @escaping Tape<Scalar>.Backward
  ) -> Variable<Scalar> {
    guard let tape, nodes.contains(where: { $0 != nil }) else { return Variable(tensor) }
    return tape.record(tensor, backward)
  }

  func node(of parameter: Parameter<Scalar>?) -> Int? { parameter.flatMap { tape?.node(of: $0) } }

  // MARK: Rows

  /// Rows `indices` of a table.
  ///
  /// - Parameters:
  ///   - table: `[V, D]`.
  ///   - indices: each in `0..<V`.
  /// - Returns: `[indices, D]`.
  public func embed(_ indices: [Int32], in table: Parameter<Scalar>) -> Variable<Scalar> {
    let width = table.shape[1]
    let out = Tensor<Scalar>(uninitialized: [indices.count, width])
    for (row, index) in indices.enumerated() {
      table.copyRow(Int(index), to: out.mutableBase + row * width)
    }
    table.releaseRows()
    let leaf = node(of: table)
    return result(out, from: leaf) { dy, gradients in
      gradients.accumulate(into: leaf) { target, _ in
        for (row, index) in indices.enumerated() {
          kernels.add(
            width, target + Int(index) * width, dy.base + row * width, target + Int(index) * width)
        }
      }
    }
  }

  /// Rows `indices` of `x`, in that order; an index may repeat.
  public func rows(_ indices: [Int], of x: Variable<Scalar>) -> Variable<Scalar> {
    var shape = x.shape
    shape[0] = indices.count
    let inner = shape.dropFirst().reduce(1, *)
    let out = Tensor<Scalar>(uninitialized: shape)
    for (row, index) in indices.enumerated() {
      precondition(index >= 0 && index < x.shape[0], "row \(index) of \(x.shape)")
      (out.mutableBase + row * inner).update(from: x.tensor.base + index * inner, count: inner)
    }
    let node = x.node
    return result(out, from: node) { dy, gradients in
      gradients.accumulate(into: node) { target, _ in
        for (row, index) in indices.enumerated() {
          kernels.add(inner, target + index * inner, dy.base + row * inner, target + index * inner)
        }
      }
    }
  }

  /// `x` with the rows of `y` below it; `[a, …]` and `[b, …]` give `[a + b, …]`.
  public func concatenate(_ x: Variable<Scalar>, _ y: Variable<Scalar>) -> Variable<Scalar> {
    precondition(x.shape.dropFirst() == y.shape.dropFirst(), "\(x.shape) above \(y.shape)")
    var shape = x.shape
    shape[0] += y.shape[0]
    let out = Tensor<Scalar>(uninitialized: shape)
    out.mutableBase.update(from: x.tensor.base, count: x.tensor.count)
    (out.mutableBase + x.tensor.count).update(from: y.tensor.base, count: y.tensor.count)
    let (first, second, split) = (x.node, y.node, x.tensor.count)
    return result(out, from: first, second) { dy, gradients in
      gradients.accumulate(into: first) { kernels.add($1, $0, dy.base, $0) }
      gradients.accumulate(into: second) { kernels.add($1, $0, dy.base + split, $0) }
    }
  }

  // MARK: Elementwise

  /// x + y, of equal shapes.
  public func add(_ x: Variable<Scalar>, _ y: Variable<Scalar>) -> Variable<Scalar> {
    precondition(x.tensor.count == y.tensor.count, "\(x.shape) + \(y.shape)")
    let out = Tensor<Scalar>(uninitialized: x.shape)
    context.parallelRanges(out.count, cost: out.count / 4) { range in
      let at = range.lowerBound
      kernels.add(range.count, x.tensor.base + at, y.tensor.base + at, out.mutableBase + at)
    }
    let (first, second) = (x.node, y.node)
    return result(out, from: first, second) { dy, gradients in
      gradients.add(dy, to: first)
      gradients.add(dy, to: second)
    }
  }

  /// x ∘ y, of equal shapes.
  public func multiply(_ x: Variable<Scalar>, _ y: Variable<Scalar>) -> Variable<Scalar> {
    precondition(x.tensor.count == y.tensor.count, "\(x.shape) ∘ \(y.shape)")
    let out = Tensor<Scalar>(uninitialized: x.shape)
    context.parallelRanges(out.count, cost: out.count / 4) { range in
      let at = range.lowerBound
      kernels.multiply(range.count, x.tensor.base + at, y.tensor.base + at, out.mutableBase + at)
    }
    return result(out, from: x.node, y.node) { dy, gradients in
      for (input, other) in [(x, y), (y, x)] {
        gradients.accumulate(into: input.node) { target, count in
          context.parallelRanges(count, cost: count / 4) { range in
            let at = range.lowerBound
            kernels.multiply_add(range.count, dy.base + at, other.tensor.base + at, target + at)
          }
        }
      }
    }
  }

  /// factor · x.
  public func scale(_ x: Variable<Scalar>, by factor: Double) -> Variable<Scalar> {
    let out = Tensor<Scalar>(uninitialized: x.shape)
    kernels.scale(out.count, factor, x.tensor.base, out.mutableBase)
    let node = x.node
    return result(out, from: node) { dy, gradients in
      gradients.accumulate(into: node) { kernels.add_scaled($1, factor, dy.base, $0) }
    }
  }

  /// cap·tanh(x / cap), element by element; −inf, which is a mask, stays.
  ///
  /// - Source: Gemma 2 (Riviere et al. 2024), arXiv:2408.00118, §2.
  public func softCap(_ x: Variable<Scalar>, at cap: Double) -> Variable<Scalar> {
    let out = Tensor<Scalar>(uninitialized: x.shape)
    context.parallelRanges(out.count, cost: out.count * 2) { range in
      let at = range.lowerBound
      kernels.soft_cap(range.count, cap, x.tensor.base + at, out.mutableBase + at)
    }
    let node = x.node
    return result(out, from: node) { dy, gradients in
      gradients.accumulate(into: node) { kernels.soft_cap_backward($1, cap, out.base, dy.base, $0) }
    }
  }

  /// An activation function, element by element.
  public func activation(_ kind: Activation, _ x: Variable<Scalar>) -> Variable<Scalar> {
    if kind == .identity { return x }
    let out = Tensor<Scalar>(uninitialized: x.shape)
    context.parallelRanges(out.count, cost: out.count * 2) { range in
      let at = range.lowerBound
      kernels.activation(range.count, kind.code, x.tensor.base + at, out.mutableBase + at)
    }
    let node = x.node
    return result(out, from: node) { dy, gradients in
      gradients.accumulate(into: node) { target, count in
        context.parallelRanges(count, cost: count * 2) { range in
          let at = range.lowerBound
          kernels.activation_backward(
            range.count, kind.code, x.tensor.base + at, dy.base + at, target + at)
        }
      }
    }
  }
}

/// Activation functions of MLPs and feature maps of linear attention.
public enum Activation: String, Sendable, Codable, CaseIterable {
  case identity, relu, gelu, silu
  /// GELU by its tanh approximation ("gelu_new", "gelu_pytorch_tanh").
  case geluTanh = "gelu_tanh"
  /// elu(x) + 1, the feature map of Katharopoulos et al. 2020, arXiv:2006.16236, eq. 7.
  case eluPlusOne = "elu_plus_one"
  /// 1 / (1 + exp(−x)): gates and write strengths.
  case logistic

  var code: ck_activation {
    switch self {
    case .identity: CK_IDENTITY
    case .relu: CK_RELU
    case .gelu: CK_GELU
    case .geluTanh: CK_GELU_TANH
    case .silu: CK_SILU
    case .eluPlusOne: CK_ELU_PLUS_ONE
    case .logistic: CK_LOGISTIC
    }
  }
}
