// The construction of von Oswald et al. against explicit gradient descent, both against PyTorch's gradient steps, the best
// step size against drawn prompts, and the dual identity on a tiny model of every kind of attention.

import CheckpointIO
import HookPoints
import HookedModels
import Probes
import TensorCore
import TestSupport
import Testing

@Suite struct DualFormTests {
  private let setting = LeastSquares(dimension: 5, shots: 7, range: 1.4)

  private func prompts(_ count: Int) -> [LeastSquares.Prompt] {
    var generator = SeededGenerator(seed: 4)
    return (0..<count).map { _ in setting.prompt(&generator) }
  }

  /// One layer is one step, L layers are L steps; GD++ too. Written out, as a stack and as the house's Transformer.
  @Test(arguments: [1, 2, 4], [0, 0.9]) func layersAreSteps(layers: Int, correction: Double) throws
  {
    let isCorrected = correction != 0
    let shape = StackShape(width: setting.width, layers: layers, reach: .demonstrations)
    var generator = SeededGenerator(seed: 1)
    var weights = StackWeights(
      .gradientDescent(corrected: isCorrected), shape, isShared: true, deviation: 0,
      generator: &generator)
    weights.tensors["rate"] = Tensor(shape: [1], values: [1.3])
    if isCorrected { weights.tensors["correction"] = Tensor(shape: [1], values: [correction]) }
    let stack = weights.stack
    let own = prompts(8)
    let pass = StackPass(shape, tokens: setting.shots + 1)
    for (lane, prompt) in own.enumerated() { pass.load(prompt.tokens, lane: lane) }
    pass.forward(stack, tokens: setting.shots + 1)
    let house: Transformer<Double> = stack.transformer(on: ComputeContext(threads: 2))
    let stream = try house.run(own.map { stack.sequence($0.tokens) }, stopAt: layers).stream
    for (lane, prompt) in own.enumerated() {
      let expected = ExplicitDescent(
        steps: layers, rate: 1.3, correction: correction
      ).prediction(prompt)
      let found = [
        -pass.output[setting.dimension][lane],
        -stream.row(lane * (setting.shots + 1) + setting.shots)[setting.dimension],
      ]
      for prediction in found {
        #expect(abs(prediction - expected) < 1e-10, "\(prediction), expected \(expected)")
      }
      // Another step size is another prediction: the comparison can fail.
      let other = ExplicitDescent(steps: layers, rate: 1.4, correction: correction)
      #expect(abs(other.prediction(prompt) - expected) > 1e-6)
    }
  }

  /// Gradient descent and GD++ of one to four steps, written out and as attention, against autograd's steps and the paper's
  /// x ← (I − γ X Xᵀ) x. Here γ is divided by the number of demonstrations, as the step size is.
  @Test func asPyTorchDescends() throws {
    let file = try JSON(contentsOf: fixture("dual-form/descent.json"))
    func numbers(_ json: JSON?) -> [Double] {
      json?.arrayValue?.compactMap(\.doubleValue) ?? []
    }
    let x = try #require(file["x"]?.arrayValue).map { ($0.arrayValue ?? []).map(numbers) }
    let y = try #require(file["y"]?.arrayValue).map(numbers)
    let prompts = try #require(file["query"]?.arrayValue).enumerated().map { place, query in
      LeastSquares.Prompt(x: x[place], y: y[place], query: numbers(query), target: 0)
    }
    let (dimension, shots) = (prompts[0].query.count, prompts[0].y.count)
    let cases = try #require(file["cases"]?.arrayValue)
    #expect(cases.count { $0["gamma"]?.doubleValue != 0 } >= 12 && prompts.count == 4)
    for own in cases {
      let steps = try #require(own["steps"]?.intValue)
      let rate = try #require(own["eta"]?.doubleValue)
      let correction = try #require(own["gamma"]?.doubleValue) * Double(shots)
      let descent = ExplicitDescent(steps: steps, rate: rate, correction: correction)
      let shape = StackShape(width: dimension + 1, layers: steps, reach: .demonstrations)
      var generator = SeededGenerator(seed: 1)
      var weights = StackWeights(
        .gradientDescent(corrected: true), shape, isShared: true, deviation: 0,
        generator: &generator)
      weights.tensors["rate"] = Tensor(shape: [1], values: [rate])
      weights.tensors["correction"] = Tensor(shape: [1], values: [correction])
      let pass = StackPass(shape, tokens: shots + 1)
      for (lane, prompt) in prompts.enumerated() { pass.load(prompt.tokens, lane: lane) }
      pass.forward(weights.stack, tokens: shots + 1)
      let expected = numbers(own["predictions"])
      #expect(expected.count == prompts.count)
      for (lane, (prompt, value)) in zip(prompts, expected).enumerated() {
        for found in [descent.prediction(prompt), -pass.output[dimension][lane]] {
          #expect(
            abs(found - value) < 1e-10,
            "\(steps) steps, γ \(correction): \(found), expected \(value)")
        }
      }
    }
  }

  /// Explicit steps without correction are gradient descent on the weights themselves.
  @Test func explicitStepsDescend() {
    for prompt in prompts(3) {
      var weights = Array(repeating: 0.0, count: setting.dimension)
      func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
      for steps in 1...3 {
        let residuals = zip(prompt.x, prompt.y).map { $1 - dot(weights, $0) }
        for (x, residual) in zip(prompt.x, residuals) {
          for index in weights.indices {
            weights[index] += 0.8 / Double(setting.shots) * residual * x[index]
          }
        }
        let found = ExplicitDescent(steps: steps, rate: 0.8).prediction(prompt)
        #expect(abs(found - dot(weights, prompt.query)) < 1e-12)
      }
    }
  }

  /// (W_ZSL + ΔW_ICL) q is the numerator of linear attention to rounding, whatever it forgets and writes; of softmax
  /// attention it is not the output.
  @Test(arguments: [
    "linear-decay", "gla-tiny", "deltanet-tiny", "retnet-tiny", "linear-fla", "gpt2-tiny",
  ])
  func identity(family: String) throws {
    let folder = fixture("families/\(family)")
    let model = try ModelFolder(path: folder).model(
      as: Float.self, on: ComputeContext(threads: 2))
    let tokens = (0..<12).map { ($0 * 7 + 3) % model.architecture.vocabulary }
    var fires = FireCounts()
    let found = try model.dualIdentities(
      [(tokens: tokens, demonstrations: 1..<9), (tokens: tokens, demonstrations: 0..<0)],
      fires: &fires)
    let isLinear = family != "gpt2-tiny"
    for layer in 0..<model.architecture.layers {
      #expect(found[0][layer].count == model.architecture.attentionShape(layer).heads)
      for (shown, nothing) in zip(found[0][layer], found[1][layer]) {
        let residual = try #require(shown.residual)
        #expect(isLinear ? residual < 1e-5 : residual > 1e-3, "layer \(layer): \(residual)")
        // Which tokens are demonstrations moves terms from one sum to the other.
        #expect(try abs(#require(nothing.residual) - residual) < 1e-5)
        #expect(nothing.share == 0)
        #expect(try #require(shown.share) > 0)
      }
    }
  }

  @Test func bestStepSize() {
    let own = prompts(40_000)
    func error(_ rate: Double) -> Double {
      let descent = ExplicitDescent(steps: 1, rate: rate)
      return own.reduce(0) { sum, prompt in
        let difference = descent.prediction(prompt) - prompt.target
        return sum + difference * difference / Double(own.count)
      }
    }
    let best = error(setting.bestRate)
    #expect(abs(best / setting.leastError - 1) < 0.03, "\(best), expected \(setting.leastError)")
    // A parabola: its vertex from three points.
    let step = 0.2 * setting.bestRate
    let (low, high) = (error(setting.bestRate - step), error(setting.bestRate + step))
    let vertex = setting.bestRate + step * (low - high) / (2 * (low - 2 * best + high))
    #expect(abs(vertex / setting.bestRate - 1) < 0.03, "\(vertex), expected \(setting.bestRate)")
  }
}
