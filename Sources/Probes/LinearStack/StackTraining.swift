// StackTraining: gradient steps on a stack, deterministic: a batch is cut into chunks of fixed size, each with its own
// stream of random numbers, and summed in their order, whatever the threads.

import TensorCore

/// How a stack is trained.
package struct StackTraining {
  package var batch: Int
  package var steps: Int
  package var schedule: Schedule
  package var optimiser: OptimiserKind
  package var weightDecay: Double = 0
  /// The joint gradient norm that steps are clipped to.
  package var clip: Double?
  /// Names the stream of random numbers.
  package var key: String
  package var seed: Int
  package let context: ComputeContext

  /// Prompts of one stream of draws.
  package static let chunk = 64

  /// What a chunk is given for each eight prompts.
  package struct Turn {
    package let pass: StackPass
    package let gradient: StackGradient
    package let stack: LinearStack
    package let step: Int
    /// The number of the first prompt in the batch.
    package let first: Int
    /// 1 / batch in lanes that count, 0 elsewhere.
    package let share: Lanes
  }

  /// The weights after all steps.
  ///
  /// - Parameters:
  ///   - trained: which weights change, by name.
  ///   - tokens: the most tokens of a prompt.
  ///   - prompts: makes what one chunk draws prompts into.
  ///   - observed: is shown the weights before each step, and after the last.
  ///   - run: draws eight prompts and adds their gradients.
  package func trained<Prompts>(
    _ start: StackWeights, trained: (String) -> Bool = { _ in true }, tokens: Int,
    prompts: () -> Prompts, observed: (Int, StackWeights) -> Void = { _, _ in },
    run: (Turn, Prompts, inout SeededGenerator) -> Void
  ) -> StackWeights {
    let chunks = (batch + Self.chunk - 1) / Self.chunk
    let workers = (0..<chunks).map { _ in
      (
        pass: StackPass(start.shape, tokens: tokens), gradient: StackGradient(start.shape),
        prompts: prompts()
      )
    }
    var weights = start
    var optimiser = Optimiser<Double>(optimiser, weightDecay: weightDecay)
    let zero = LinearStack.Layer(
      queryKey: weights.stack.layers[0].queryKey.map { _ in 0 },
      value: weights.stack.layers[0].value.map { _ in 0 },
      position: weights.stack.layers[0].position.map { $0.map { _ in 0 } })
    for step in 0..<steps {
      observed(step, weights)
      let stack = weights.stack
      context.parallel(chunks) { chunk in
        let (pass, gradient, prompts) = workers[chunk]
        gradient.clear()
        var generator = SeededGenerator(key: "\(key)/\(step)/\(chunk)", seed: UInt64(seed))
        let end = min(batch, (chunk + 1) * Self.chunk)
        for first in stride(from: chunk * Self.chunk, to: end, by: RegressionPrompts.lanes) {
          var share = Lanes()
          for lane in 0..<min(RegressionPrompts.lanes, end - first) {
            share[lane] = 1 / Double(batch)
          }
          run(
            Turn(
              pass: pass, gradient: gradient, stack: stack, step: step, first: first, share: share),
            prompts, &generator)
        }
      }
      var sums = Array(repeating: zero, count: weights.shape.layers)
      for worker in workers { worker.gradient.addSums(to: &sums) }
      var gradients = weights.gradients(sums, trained: trained)
      if let clip { TensorCore.clip(&gradients, toNorm: clip, on: context) }
      optimiser.step(
        &weights.tensors, gradients: gradients, rate: schedule.rate(at: step), on: context)
    }
    observed(steps, weights)
    return weights
  }
}

/// The slope of a loss at the query's token, `[D]`, zeros at first.
package final class StackSlope {
  package let base: UnsafeMutablePointer<Lanes>

  package init(width: Int) {
    base = .allocate(capacity: width)
    base.initialize(repeating: Lanes(), count: width)
  }

  deinit { base.deallocate() }
}
