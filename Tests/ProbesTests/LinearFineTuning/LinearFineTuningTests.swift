// The theory of fine-tuning linear attention: closed forms against drawn prompts and against the paper's formulas, the
// fused kernel against the Transformer and its tape.

import HookPoints
import HookedModels
import Probes
import TensorCore
import Testing

@Suite struct LinearFineTuningTests {
  private let context = ComputeContext(threads: 2)
  private let isotropic = RegressionSetting(variances: [1, 1, 1, 1, 1], noise: 0.1)

  private func task(_ setting: RegressionSetting) -> [Double] {
    var generator = SeededGenerator(seed: 3)
    return setting.task(&generator)
  }

  private func random(_ setting: RegressionSetting, seed: UInt64) -> MomentModel {
    var generator = SeededGenerator(seed: seed)
    return MomentModel(width: setting.width, deviation: 0.4, generator: &generator)
  }

  /// The formulas as they are derived for Σ = I and unit θ, written out apart from the general one.
  @Test(arguments: [0, 1, 5, 20], [1.0, -1.0]) func papersFormulas(shots: Int, sign: Double) {
    let theta = task(isotropic)
    let risk = RegressionRisk(setting: isotropic, task: theta.map { sign * $0 })
    let (n, d, s2, w, c, g) = (Double(shots), 5.0, 0.1, 0.52, 1.0 / 9, 0.77)
    func found(_ model: TheoryModel) -> Double {
      risk.value(model.model(isotropic, tuned: theta, shots: 20), shots: shots)
    }
    let pretrained =
      1 - 2 * g * n / (n + 1) + g * g * n / ((n + 1) * (n + 1)) * (n + 1 + d + d * s2) + s2
    #expect(abs(found(.pretrained(g: g)) - pretrained) < 1e-12)
    let (bias, spread) = (sign - 1 / (n + 1), 1 + sign / w)
    let full =
      bias * bias + n / ((n + 1) * (n + 1)) * (spread * spread + s2 / (w * w)) + s2
    #expect(abs(found(.full(w: w)) - full) < 1e-12)
    let sum = c + w * sign
    let square =
      n * (n + d + 1) * sum * sum + w * w * n * d * s2 + 2 * n * (d + 2) * c * sum + c * c * (d + 2)
      * (d + 4)
    let value =
      1 - 2 * (n * sum * sign + c * (d + 2) * sign) / (n + 1) + square / ((n + 1) * (n + 1)) + s2
    #expect(abs(found(.valueOnly(c: c, w: w)) - value) < 1e-12)
  }

  /// 200,000 prompts at the theory's own weights, and at weights without any structure, within 1 %; both covariances.
  @Test(arguments: [[1, 1, 1, 1, 1], [0.25, 0.5, 1, 1.5, 2]]) func drawnPrompts(
    variances: [Double]
  ) {
    let setting = RegressionSetting(variances: variances, noise: 0.1)
    let theta = task(setting)
    let models =
      [
        TheoryModel.pretrained(g: 20.0 / 26), .full(w: 0.52), .valueOnly(c: 1.0 / 9, w: 0.66),
      ].map { $0.model(setting, tuned: theta, shots: 20) } + [random(setting, seed: 5)]
    for sign in [1.0, -1.0] {
      let own = theta.map { sign * $0 }
      let test = RegressionTest(setting: setting, prompts: 200_000, shots: 20, context: context)
      for (index, model) in models.enumerated() {
        let errors = test.errors(.moment(model), source: .tasks([own]), key: "drawn", seed: 1)
        for shots in [0, 1, 5, 20] {
          let measured = errors[shots].reduce(0, +) / Double(RegressionTest.blocks)
          let expected = RegressionRisk(setting: setting, task: own).value(model, shots: shots)
          // The unstructured model's errors have heavy tails: sixth powers of Gaussians.
          let bound = index < 3 ? 0.01 : 0.03
          #expect(
            abs(measured / expected - 1) < bound,
            "model \(index), \(shots) shots, sign \(sign): \(measured), expected \(expected)")
        }
      }
    }
  }

  /// The theory's numbers are where the expected error is least, for any covariance; for Σ = I they are the paper's.
  @Test(arguments: [[1, 1, 1, 1, 1], [0.25, 0.5, 1, 1.5, 2]]) func optima(variances: [Double]) {
    let setting = RegressionSetting(variances: variances, noise: 0.1)
    let d = setting.dimension
    let theta = task(setting)
    let optimum = setting.optimalPrecision(shots: 20)
    // Mean over the sphere of what is quadratic in θ: the mean over an orthonormal basis.
    func pretraining(_ precision: [Double]) -> Double {
      var queryKey = Array(repeating: 0.0, count: setting.width * setting.width)
      for i in 0..<d { queryKey[(i + 1) * setting.width + i + 1] = precision[i] }
      let model = MomentModel(
        queryKey: queryKey, value: Array(repeating: 0, count: setting.width - 1) + [1])
      return (0..<d).reduce(0) { sum, axis in
        let basis = (0..<d).map { $0 == axis ? 1.0 : 0 }
        return sum + RegressionRisk(setting: setting, task: basis).value(model, shots: 20)
          / Double(d)
      }
    }
    let direction = setting.valueDirection(tuned: theta, shots: 20)
    func zeroShot(_ direction: [Double]) -> Double {
      var model = TheoryModel.valueOnly(c: 1, w: 0.7).model(setting, tuned: theta, shots: 20)
      for i in 0..<d { model.value[i + 1] = direction[i] / Double(d + 4) }
      return RegressionRisk(setting: setting, task: theta).value(model, shots: 0)
    }
    for i in 0..<d {
      for (function, best) in [(pretraining, optimum), (zeroShot, direction)] {
        let errors = [-1e-3, 0, 1e-3].map { step in
          var moved = best
          moved[i] += step
          return function(moved)
        }
        #expect(errors[0] > errors[1] && errors[2] > errors[1])
        #expect(abs(errors[0] - errors[2]) < 1e-8)
      }
    }
    let best = setting.bestValue(tuned: theta, c: 1 / Double(d + 4), shots: 20, trainedWith: 20)
    guard variances == [1, 1, 1, 1, 1] else { return }
    for value in optimum { #expect(abs(value - 21 / 26.5) < 1e-12) }
    for (value, own) in zip(direction, theta) { #expect(abs(value - own) < 1e-12) }
    // w*(20, θ₀) = ((n + 1) − (n + 3 + 2d)/(d + 4)) / (n + 1 + d + d σ²).
    #expect(abs(best - (21 - 33.0 / 9) / 26.5) < 1e-9)
    let errors = [0, 1, 2].map {
      RegressionRisk(setting: setting, task: theta).value(
        TheoryModel.valueOnly(c: 1.0 / 9, w: best + 1e-3 * Double($0 - 1)).model(
          setting, tuned: theta, shots: 20), shots: 20)
    }
    #expect(errors[0] > errors[1] && errors[2] > errors[1])
  }

  /// The ordinary hook interface on the theory's model: every activation can be read, replacing each by itself changes no
  /// bit, and the state of the demonstrations put into a query alone, with the number of tokens as its normaliser, makes
  /// the query answer as in context.
  @Test func hooks() throws {
    let stack = random(isotropic, seed: 4).stack
    let house: Transformer<Float> = stack.transformer(on: context)
    let prompt = drawnPrompt(shots: 6)
    let everything = HookPlan(reads: house.catalog.entries.map { Read(hook: .name($0.name)) })
    let read = try house.run([stack.sequence(prompt)], plan: everything, stopAt: 1)
    #expect(read.cache.hooks == house.catalog.entries.map(\.name))
    for entry in house.catalog.entries {
      let rows = try read.cache.addresses(entry.name).map { try read.cache.value(entry.name, $0) }
      let edit = Intervention(
        hook: .name(entry.name), positions: .all, action: .replace(HookValues(rows: rows)))
      let edited = try house.run(
        [stack.sequence(prompt)], plan: HookPlan(interventions: [edit]), stopAt: 1)
      #expect(edited.stream.values == read.stream.values, "\(entry.name)")
    }
    let shown = try house.run(
      [stack.sequence(prompt.dropLast())], plan: HookPlan(reads: [Read(.ssmState(0), at: .last)]),
      stopAt: 1)
    let state = try shown.cache.vector(.ssmState(0), sequence: 0, position: 5)
    let injected = try house.run(
      [stack.sequence([prompt[6]])],
      plan: HookPlan(interventions: [
        .replace(.ssmStateInitial(0), with: state, at: .all),
        .replace(.normaliser(0), with: ActivationVector([7]), at: .all),
      ]), stopAt: 1)
    #expect(injected.stream.values[6] == read.stream.values[6 * 7 + 6])
    let alone = try house.run([stack.sequence([prompt[6]])], stopAt: 1)
    #expect(alone.stream.values[6] != injected.stream.values[6])
  }

  /// One prompt's tokens, the query last.
  private func drawnPrompt(shots: Int) -> [[Double]] {
    let prompts = RegressionPrompts(isotropic, shots: shots)
    var generator = SeededGenerator(seed: 2)
    prompts.draw(.newTasks, first: 0, table: NormalTable(), &generator)
    return (0...shots).map { token in
      (0..<7).map { prompts.tokens[token * 7 + $0][0] }
    }
  }

  /// Predictions and gradients of the fused kernel are the Transformer's and its tape's.
  @Test(arguments: [0, 1, 20]) func transformer(shots: Int) throws {
    let model = random(isotropic, seed: 9)
    let width = model.width
    let prompts = RegressionPrompts(isotropic, shots: shots)
    var generator = SeededGenerator(seed: 2)
    prompts.draw(.newTasks, first: 0, table: NormalTable(), &generator)
    for token in 0..<shots { prompts.addDemonstration(token) }
    prompts.closeMoments(demonstrations: shots)
    let scratch = UnsafeMutablePointer<Lanes>.allocate(capacity: width)
    scratch.initialize(repeating: Lanes(), count: width)
    defer { scratch.deallocate() }
    let fused = model.predictions(prompts, scratch: scratch)

    let house: Transformer<Double> = model.transformer(on: context)
    let batch = (0..<8).map { lane in
      BatchSequence<Double>(
        .residual(
          Tensor(
            shape: [shots + 1, width],
            values: (0..<(shots + 1) * width).map { prompts.tokens[$0][lane] }), layer: 0))
    }
    let last = { (lane: Int) in (lane * (shots + 1) + shots) * width + width - 1 }
    let found = try house.gradients(
      batch, parameters: { $0.hasSuffix("q_proj.weight") || $0.hasSuffix("v_proj.weight") },
      slope: { stream in
        var slope = Tensor<Double>(shape: stream.shape)
        let values = stream.values
        slope.withUnsafeMutableBufferPointer {
          for lane in 0..<8 {
            #expect(abs(values[last(lane)] - fused[lane]) < 1e-12)
            $0[last(lane)] = 2 * (values[last(lane)] - prompts.targets[lane]) / 8
          }
        }
        return slope
      })
    let gradient = MomentGradient(width: width, queryKey: true, value: true)
    let share = Lanes(repeating: 0.125)
    gradient.add(prompts, model, zeroShot: nil, fewShot: share)
    let alone = MomentGradient(width: width, queryKey: true, value: true)
    alone.add(prompts, model, zeroShot: share, fewShot: nil)
    for own in shots == 0 ? [gradient, alone] : [gradient] {
      var queryKey = Array(repeating: 0.0, count: width * width)
      var value = Array(repeating: 0.0, count: width)
      own.addSums(queryKey: &queryKey, value: &value)
      let query = try #require(found["layers.0.attn.q_proj.weight"]).values
      let row = try #require(found["layers.0.attn.v_proj.weight"]).row(width - 1)
      for i in 0..<width {
        #expect(abs(row[i] - value[i]) < 1e-11, "\(row[i]) \(value[i])")
        for j in 0..<width { #expect(abs(query[j * width + i] - queryKey[i * width + j]) < 1e-11) }
      }
    }
  }

  /// Moments of a million draws within four standard errors, and the tail's share.
  @Test func normalDraws() {
    let count = 1_000_000
    let draws = UnsafeMutablePointer<Double>.allocate(capacity: count)
    defer { draws.deallocate() }
    var generator = SeededGenerator(seed: 11)
    NormalTable().fill(draws, count: count, from: &generator)
    let all = UnsafeBufferPointer(start: draws, count: count)
    func moment(_ power: Int) -> Double {
      all.reduce(0) { sum, x in sum + (0..<power).reduce(1.0) { product, _ in product * x } }
        / Double(count)
    }
    for (power, expected, variance) in [
      (1, 0.0, 1.0), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10_170),
    ] {
      let error = 4 * (variance / Double(count)).squareRoot()
      #expect(abs(moment(power) - expected) < error, "moment \(power): \(moment(power))")
    }
    // P(|x| > 3.442619855899) = 5.76109e-4 (scipy: 2 * norm.sf).
    let tail = Double(all.count { abs($0) > 3.442619855899 }) / Double(count)
    #expect(abs(tail - 5.76109e-4) < 4 * (5.76109e-4 / Double(count)).squareRoot(), "\(tail)")
  }
}
