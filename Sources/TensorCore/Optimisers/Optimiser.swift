// Optimisers: SGD with momentum and AdamW, gradient clipping by the joint norm, learning-rate schedules.
// Weights, gradients and moments are dictionaries by parameter name; every sum runs in the order of sorted names.

import CKernels

/// How gradients become steps. The update rules are PyTorch's (torch.optim.SGD, torch.optim.AdamW).
public enum OptimiserKind: Sendable, Equatable {
  /// m ← μ m + g + decay · w;  w ← w − rate · m.
  case sgd(momentum: Double)
  /// Decoupled weight decay: Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2.
  case adamW(beta1: Double, beta2: Double, epsilon: Double)
}

/// An optimiser and its moments.
public struct Optimiser<Scalar: TensorScalar>: Sendable {
  /// The update rule.
  public let kind: OptimiserKind
  /// SGD adds it · weight to the gradient; AdamW takes rate · it · weight from the weight.
  public let weightDecay: Double
  /// Steps taken.
  public private(set) var steps: Int
  /// Running means of gradients (SGD's momentum, Adam's first moment), and of their squares (Adam).
  public private(set) var firstMoments: [String: Tensor<Scalar>]
  /// Empty for SGD.
  public private(set) var secondMoments: [String: Tensor<Scalar>]

  /// - Parameters steps, firstMoments, secondMoments: what an earlier optimiser left, to continue from.
  public init(
    _ kind: OptimiserKind, weightDecay: Double = 0, steps: Int = 0,
    firstMoments: [String: Tensor<Scalar>] = [:], secondMoments: [String: Tensor<Scalar>] = [:]
  ) {
    self.kind = kind
    self.weightDecay = weightDecay
    self.steps = steps
    self.firstMoments = firstMoments
    self.secondMoments = secondMoments
  }

  /// One step, in place.
  ///
  /// - Parameters:
  ///   - weights: changed where there is a gradient of the same name, left alone otherwise.
  ///   - gradients: by parameter name, of the parameter's shape.
  ///   - rate: the learning rate of this step.
  ///   - context: what the arithmetic runs on.
  ///   - decayed: whether weight decay applies to a parameter.
  public mutating func step(
    _ weights: inout [String: Tensor<Scalar>], gradients: [String: Tensor<Scalar>], rate: Double,
    on context: ComputeContext, decayed: (String) -> Bool = { _ in true }
  ) {
    let kernels = Scalar.kernels(context.instructionSet)
    steps += 1
    for name in gradients.keys.sorted() {
      guard let gradient = gradients[name], var weight = weights.removeValue(forKey: name) else {
        continue
      }
      precondition(weight.count == gradient.count, "\(name): \(gradient.shape) for \(weight.shape)")
      weight.makeUnique(on: context)
      let decay = decayed(name) ? weightDecay : 0
      let count = weight.count
      switch kind {
      case .sgd(let momentum):
        var first = momentum == 0 ? nil : Self.take(name, of: &firstMoments, shape: weight.shape)
        first?.makeUnique(on: context)
        context.parallelRanges(count, cost: count) { range in
          let at = range.lowerBound
          kernels.sgd(
            range.count, rate, momentum, decay, gradient.base + at,
            first.map { $0.mutableBase + at },
            weight.mutableBase + at)
        }
        firstMoments[name] = first
      case .adamW(let beta1, let beta2, let epsilon):
        var first = Self.take(name, of: &firstMoments, shape: weight.shape)
        var second = Self.take(name, of: &secondMoments, shape: weight.shape)
        first.makeUnique(on: context)
        second.makeUnique(on: context)
        let (c1, c2) = (1 - Self.power(beta1, steps), 1 - Self.power(beta2, steps))
        context.parallelRanges(count, cost: count) { range in
          let at = range.lowerBound
          kernels.adamw(
            range.count, rate, beta1, beta2, epsilon, decay, c1, c2, gradient.base + at,
            first.mutableBase + at, second.mutableBase + at, weight.mutableBase + at)
        }
        firstMoments[name] = first
        secondMoments[name] = second
      }
      weights[name] = weight
    }
  }

  private static func take(_ name: String, of moments: inout [String: Tensor<Scalar>], shape: [Int])
    -> Tensor<Scalar>
  {
    moments.removeValue(forKey: name) ?? Tensor(repeating: 0, shape: shape)
  }

  /// base^exponent by squaring, the same bits everywhere.
  private static func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, factor, left) = (1.0, base, exponent)
    while left > 0 {
      if left & 1 == 1 { result *= factor }
      factor *= factor
      left >>= 1
    }
    return result
  }
}

/// Scales gradients down to a joint Euclidean norm of `maximum` when they exceed it
/// (torch.nn.utils.clip_grad_norm_, with its 1e-6 beside the norm).
///
/// - Returns: the norm before.
@discardableResult
public func clip<Scalar: TensorScalar>(
  _ gradients: inout [String: Tensor<Scalar>], toNorm maximum: Double, on context: ComputeContext
) -> Double {
  let kernels = Scalar.kernels(context.instructionSet)
  let names = gradients.keys.sorted()
  let squares = names.reduce(0.0) { sum, name in
    gradients[name].map { sum + kernels.dot($0.count, $0.base, $0.base) } ?? sum
  }
  let norm = squares.squareRoot()
  let factor = maximum / (norm + 1e-6)
  guard factor < 1 else { return norm }
  for name in names {
    guard var gradient = gradients.removeValue(forKey: name) else { continue }
    gradient.makeUnique(on: context)
    kernels.scale(gradient.count, factor, gradient.base, gradient.mutableBase)
    gradients[name] = gradient
  }
  return norm
}
