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

  /// Where a target stands among the logits of its row.
  public struct Standing: Sendable, Equatable {
    /// The index of the highest logit; of several equal ones the first.
    public let best: Int
    /// How many logits are higher than the target's.
    public let rank: Int
    /// The target's logit minus the highest of the others.
    public let lead: Double
  }

  /// Where each row's target stands among its logits `[n, V]`.
  public func standings(_ logits: Tensor<Scalar>, targets: [Int32]) -> [Standing] {
    precondition(logits.rows == targets.count, "\(targets.count) targets for \(logits.shape)")
    let (width, count) = (logits.width, targets.count)
    var lead = Array(repeating: 0.0, count: count)
    var places = Array(repeating: Int32(0), count: 2 * count)  // the best ones, then the ranks
    lead.withUnsafeMutableBufferPointer { lead in
      places.withUnsafeMutableBufferPointer { places in
        guard let lead = lead.baseAddress, let places = places.baseAddress else { return }
        context.parallelRanges(count, cost: logits.count / 4) { range in
          let at = range.lowerBound
          targets.withUnsafeBufferPointer {
            kernels.standing(
              range.count, width, logits.base + at * width, width, $0.baseAddress! + at,
              places + at,
              places + count + at, lead + at)
          }
        }
      }
    }
    return (0..<count).map {
      Standing(best: Int(places[$0]), rank: Int(places[count + $0]), lead: lead[$0])
    }
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
