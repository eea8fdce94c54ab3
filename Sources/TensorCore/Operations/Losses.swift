// Operations: losses and the sums that decide, in f64.

import CKernels

extension Operations {
  /// log p(target) of each row of logits, in nats.
  public func logProbabilities(_ logits: Tensor<Scalar>, targets: [Int32]) -> [Double] {
    precondition(logits.rows == targets.count, "\(targets.count) targets for \(logits.shape)")
    let width = logits.width
    var result = Array(repeating: 0.0, count: targets.count)
    result.withUnsafeMutableBufferPointer { out in
      targets.withUnsafeBufferPointer { wanted in
        guard let out = out.baseAddress, let wanted = wanted.baseAddress else { return }
        context.parallelRanges(targets.count, cost: logits.count) { range in
          let at = range.lowerBound
          kernels.log_probability(
            range.count, width, logits.base + at * width, width, wanted + at, out + at)
        }
      }
    }
    return result
  }

  /// Σ −weight · log p(target), in nats, as a value that gradients can start from.
  public func crossEntropy(_ logits: Variable<Scalar>, targets: [Int32], weights: [Double]) -> (
    value: Double, variable: Variable<Scalar>
  ) {
    precondition(weights.count == targets.count, "\(weights.count) weights")
    let logs = logProbabilities(logits.tensor, targets: targets)
    let value = -zip(logs, weights).reduce(0) { $0 + $1.0 * $1.1 }
    let width = logits.tensor.width
    let node = logits.node
    let out = result(Tensor(shape: [], values: [Scalar(value)]), from: node) { dy, gradients in
      let seed = Double(dy.base[0])
      let scaled = weights.map { -$0 * seed }
      gradients.accumulate(into: node) { target, _ in
        scaled.withUnsafeBufferPointer { scaled in
          targets.withUnsafeBufferPointer { wanted in
            guard let scaled = scaled.baseAddress, let wanted = wanted.baseAddress else { return }
            context.parallelRanges(weights.count, cost: 2 * logits.tensor.count) { range in
              let at = range.lowerBound
              kernels.log_probability_backward(
                range.count, width, logits.tensor.base + at * width, width, wanted + at,
                scaled + at,
                target + at * width)
            }
          }
        }
      }
    }
    return (value, out)
  }

  /// Σ x·y in f64.
  public func dot(_ x: UnsafeBufferPointer<Scalar>, _ y: UnsafeBufferPointer<Scalar>) -> Double {
    precondition(x.count == y.count, "\(x.count) · \(y.count)")
    return kernels.dot(x.count, x.baseAddress, y.baseAddress)
  }
}
