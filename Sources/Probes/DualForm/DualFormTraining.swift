// DualFormTraining: linear self-attention trained on in-context least squares, and gradient descent with its best
// numbers, compared on the same test prompts along the training.

import TensorCore

/// One trained stack and one seed.
struct DualFormTraining {
  let spec: DualFormSpec
  let variant: DualFormSpec.Variant
  let seed: Int
  let context: ComputeContext

  /// What a stack says of every test prompt.
  struct Reading {
    var predictions: [Double] = []
    /// ∂ŷ/∂x of the query, `[prompt][d]`.
    var sensitivities: [[Double]] = []
  }

  /// The trained stack at one step of its training.
  struct Point {
    let step: Int
    let reading: Reading
  }

  struct Outcome {
    let targets: [Double]
    let points: [Point]
    /// By condition: gradient descent, and with curvature correction where there is more than one step.
    let descents: [(condition: Condition, weights: StackWeights, reading: Reading)]
    let trained: StackWeights
  }

  var shape: StackShape {
    StackShape(width: spec.setting.width, layers: variant.layers, reach: .demonstrations)
  }

  func run() -> Outcome {
    var generator = SeededGenerator(key: "dual-form/test", seed: UInt64(seed))
    let test = (0..<spec.testTasks).map { _ in spec.setting.prompt(&generator) }
    let corrections = variant.layers > 1 ? [false, true] : [false]
    let descents = corrections.map { corrected in
      let weights = descent(corrected: corrected)
      return (
        condition: corrected ? Condition.gradientDescentCorrected : .gradientDescent,
        weights: weights, reading: reading(weights.stack, test)
      )
    }
    var points: [Point] = []
    var draws = SeededGenerator(
      key: "dual-form/initial weights/\(variant.name)", seed: UInt64(seed))
    // Variance scaling with 0.002 / layers over the width, as released.
    let deviation = (0.002 / Double(variant.layers) / Double(shape.width)).squareRoot()
    let start = StackWeights(
      .factored, shape, isShared: variant.isShared, deviation: deviation, generator: &draws)
    let trained = training(
      "training/\(variant.name)", steps: spec.steps, rate: spec.rate
    ).run(start, spec.setting) { step, weights in
      guard step % spec.interval == 0 || step == spec.steps else { return }
      points.append(Point(step: step, reading: reading(weights.stack, test)))
    }
    return Outcome(
      targets: test.map(\.target), points: points, descents: descents, trained: trained)
  }

  /// The η (and γ) that training on the same loss finds, shared by all steps.
  func descent(corrected: Bool) -> StackWeights {
    var draws = SeededGenerator(seed: 0)
    var start = StackWeights(
      .gradientDescent(corrected: corrected), shape, isShared: true, deviation: 0,
      generator: &draws)
    start.tensors["rate"] = Tensor(shape: [1], values: [spec.setting.bestRate / 2])
    return training(
      "descent/\(variant.layers)/\(corrected)", steps: spec.descentSteps,
      rate: spec.setting.bestRate / 100
    ).run(start, spec.setting) { _, _ in }
  }

  private func training(_ phase: String, steps: Int, rate: Double) -> StackTraining {
    StackTraining(
      batch: spec.batch, steps: steps,
      schedule: Schedule(
        peak: rate, warmup: 0, total: steps,
        decay: phase.hasPrefix("descent") ? .linear : .constant),
      optimiser: .adamW(
        beta1: 0.9, beta2: phase.hasPrefix("descent") ? 0.999 : 0.98, epsilon: 1e-8),
      key: "dual-form/\(phase)", seed: seed, context: context)
  }

  /// Predictions −z_q and their derivatives.
  func reading(_ stack: LinearStack, _ prompts: [LeastSquares.Prompt]) -> Reading {
    let pass = StackPass(stack.shape, tokens: spec.shots + 1)
    let slope = StackSlope(width: stack.shape.width)
    slope.base[spec.dimension] = Lanes(repeating: -1)
    var found = Reading()
    for first in stride(from: 0, to: prompts.count, by: RegressionPrompts.lanes) {
      let own = prompts[first..<min(prompts.count, first + RegressionPrompts.lanes)]
      for (lane, prompt) in own.enumerated() { pass.load(prompt.tokens, lane: lane) }
      pass.forward(stack, tokens: spec.shots + 1)
      found.predictions += own.indices.map { -pass.output[spec.dimension][$0 - first] }
      pass.backward(stack, slope: slope.base, into: nil)
      found.sensitivities += own.indices.map { place in
        (0..<spec.dimension).map { pass.inputGradient()[$0][place - first] }
      }
    }
    return found
  }
}

extension StackTraining {
  /// Trains on half the squared error of −z_q.
  fileprivate func run(
    _ start: StackWeights, _ setting: LeastSquares, observed: (Int, StackWeights) -> Void
  ) -> StackWeights {
    let last = setting.dimension
    return trained(
      start, tokens: setting.shots + 1, prompts: { StackSlope(width: setting.width) },
      observed: observed,
      run: { turn, slope, generator in
        let targets = setting.draw(into: turn.pass, &generator)
        turn.pass.forward(turn.stack, tokens: setting.shots + 1)
        slope.base[last] = turn.share * (turn.pass.output[last] + targets)
        turn.pass.backward(turn.stack, slope: slope.base, into: turn.gradient)
      })
  }
}
