// The training loop of `linear-finetuning` against PyTorch's autograd, clipping and SGD on the same prompts: pre-training and
// every way to fine-tune, as moments, as a stack of merged and of separate matrices; and what a pool gives.

import CheckpointIO
import Probes
import TensorCore
import TestSupport
import Testing

@Suite struct RegressionTrainingTests {
  /// make_training.py's file.
  private struct Reference {
    /// Weights after a run, by name, and in how many steps the gradient was clipped.
    struct Run {
      let variant: RegressionVariant
      let weights: [String: [Double]]
      let clipped: Int
    }

    let json: JSON
    let spec: LinearFineTuningSpec
    let steps: Int

    init() throws {
      json = try JSON(contentsOf: fixture("linear-finetuning/training.json"))
      let tree = try SpecTree(
        JSON(parsing: #"{"probe": "linear-finetuning"}"#.utf8, file: "p.yaml"), file: "p.yaml")
      var spec = try tree.decode(small: false, LinearFineTuningSpec.init(reading:)).spec
      spec.variances = Array(repeating: 1, count: try #require(json["dimension"]?.intValue))
      spec.shots = try #require(json["shots"]?.intValue)
      spec.batch = try #require(json["batch"]?.intValue)
      spec.iterations = try #require(json["steps"]?.intValue)
      spec.rate = try #require(json["rate"]?.doubleValue)
      spec.momentum = try #require(json["momentum"]?.doubleValue)
      spec.clip = try #require(json["clip"]?.doubleValue)
      self.spec = spec
      steps = spec.iterations
    }

    var width: Int { spec.variances.count + 2 }

    private static func numbers(_ json: JSON?) -> [Double] {
      json?.arrayValue?.compactMap(\.doubleValue) ?? []
    }

    /// What a phase is trained on, `[steps · batch][tokens][d + 1]`.
    func prompts(_ variant: RegressionVariant) throws -> [[[Double]]] {
      func points(_ json: JSON?) -> [[Double]] { json?.arrayValue?.map(Self.numbers) ?? [] }
      guard variant != .pretraining else {
        return try #require(json["pretraining"]?.arrayValue).map(points)
      }
      let pool = points(json["pool"])
      return try #require(json["drawn"]?.arrayValue).map { Self.numbers($0).map { pool[Int($0)] } }
    }

    func weights(_ form: String, _ json: JSON?) -> [String: [Double]] {
      let names = form == "merged" ? ["query_key", "value"] : ["query", "key", "value"]
      return names.reduce(into: [:]) { $0[$1] = Self.numbers(json?[$1]) }
    }

    func start(_ form: String) -> [String: [Double]] { weights(form, json[form]?["start"]) }

    func runs(_ form: String) throws -> [Run] {
      let variants =
        [.pretraining] + RegressionVariant.fineTunings
        + (form == "separate" ? RegressionVariant.halves : [])
      let runs = try #require(json[form]?["runs"]?.arrayValue)
      // Every variant of the probe has its reference, in the probe's order.
      #expect(variants.map(\.condition.rawValue) == runs.map { $0["condition"]?.stringValue })
      return try zip(variants, runs).map { variant, run in
        Run(
          variant: variant, weights: weights(form, run),
          clipped: try #require(run["clipped"]?.intValue))
      }
    }
  }

  private func training(_ spec: LinearFineTuningSpec) -> RegressionTraining {
    RegressionTraining(spec: spec, context: ComputeContext(threads: 2), key: "given", seed: 0)
  }

  /// Of the merged matrices the theory's kernel has Q and the last row of V, which alone reaches the prediction.
  private func moments(_ weights: [String: [Double]], width: Int) throws -> MomentModel {
    MomentModel(
      queryKey: try #require(weights["query_key"]),
      value: try #require(weights["value"]).suffix(width).map { $0 })
  }

  /// f64 on both sides, sums in another order over 20 steps: 5e-16 is the most that they differ by.
  private let tolerance = 1e-12

  /// With each prompt twenty times in the batch, which is then of two chunks and has the same mean gradient, too.
  @Test(arguments: [1, 20]) func momentsAsPyTorchTrains(times: Int) throws {
    let reference = try Reference()
    let width = reference.width
    let runs = try reference.runs("merged")
    var spec = reference.spec
    spec.batch *= times
    #expect(times == 1 || spec.batch > 200)
    let before = try moments(runs[0].weights, width: width)
    for run in runs {
      // Both kinds of step are there.
      #expect(run.clipped > 0 && run.clipped < reference.steps)
      let given = try reference.prompts(run.variant)
      let prompts = (0..<reference.steps).flatMap { step in
        let batch = given[step * reference.spec.batch..<(step + 1) * reference.spec.batch]
        return (0..<times).flatMap { _ in batch }
      }
      let start =
        run.variant == .pretraining
        ? try moments(reference.start("merged"), width: width) : before
      let found = training(spec).trained(start, run.variant, on: .given(prompts))
      let expected = try moments(run.weights, width: width)
      let difference = Difference(
        found.queryKey + found.value, expected.queryKey + expected.value)
      #expect(difference.largest < tolerance, "\(run.variant.condition): \(difference)")
      let name = run.variant.condition.rawValue
      if name.contains("query_key") { #expect(found.value == start.value) }
      if name.contains("value") { #expect(found.queryKey == start.queryKey) }
    }
  }

  /// The loop of every other model, on one layer; with separate matrices queries alone and keys alone too.
  @Test(arguments: ["merged", "separate"]) func stacksAsPyTorchTrains(form: String) throws {
    let reference = try Reference()
    let shape = StackShape(width: reference.width, layers: 1, reach: .sequence)
    func stack(_ weights: [String: [Double]]) -> StackWeights {
      var generator = SeededGenerator(seed: 0)
      var stack = StackWeights(
        form == "merged" ? .merged : .separate, shape, deviation: 0, generator: &generator)
      for (name, tensor) in stack.tensors {
        let own = weights[name.replacing("layers.0.", with: "")] ?? []
        stack.tensors[name] = Tensor(shape: tensor.shape, values: own)
      }
      return stack
    }
    let runs = try reference.runs(form)
    for run in runs {
      let start =
        run.variant == .pretraining ? stack(reference.start(form)) : stack(runs[0].weights)
      let found = training(reference.spec).trained(
        start, run.variant, on: .given(try reference.prompts(run.variant)))
      let expected = stack(run.weights)
      for (name, tensor) in expected.tensors {
        let own = try #require(found.tensors[name])
        let difference = Difference(own.values, tensor.values)
        #expect(difference.largest < tolerance, "\(run.variant.condition) \(name): \(difference)")
        // What is not trained keeps its bits.
        if tensor.values == start.tensors[name]?.values { #expect(own.values == tensor.values) }
      }
    }
  }

  /// Without clipping, with another momentum, and without annealing the weights are others: the comparison can fail.
  @Test func theComparisonCanFail() throws {
    let reference = try Reference()
    let runs = try reference.runs("merged")
    let start = try moments(runs[0].weights, width: reference.width)
    let variant = RegressionVariant.fineTunings[3]
    let expected = try moments(runs[4].weights, width: reference.width)
    let prompts = try reference.prompts(variant)
    func difference(_ spec: LinearFineTuningSpec, _ variant: RegressionVariant) -> Double {
      let found = training(spec).trained(start, variant, on: .given(prompts))
      return Difference(found.queryKey + found.value, expected.queryKey + expected.value).largest
    }
    #expect(difference(reference.spec, variant) < tolerance)
    var spec = reference.spec
    spec.clip = 1e12
    #expect(difference(spec, variant) > 1e-3)
    spec = reference.spec
    spec.momentum = 0.89
    #expect(difference(spec, variant) > 1e-3)
    #expect(difference(reference.spec, .fineTunings[0]) > 1e-3)
    // The given prompts in one order are not those in another.
    let found = training(reference.spec).trained(
      start, variant, on: .given(prompts.reversed()))
    #expect(Difference(found.queryKey, expected.queryKey).largest > 1e-3)
  }

  /// A pool is of one task; prompts are its points with replacement, each as often as another, with the query's y hidden.
  @Test func poolIsDrawnFrom() {
    let setting = RegressionSetting(variances: [1, 0.25], noise: 0.1)
    var generator = SeededGenerator(seed: 8)
    let task = setting.task(&generator)
    let many = RegressionPool(setting, task: task, count: 100_000, generator: &generator)
    var (square, own) = (0.0, [0.0, 0.0])
    for point in stride(from: 0, to: many.points.count, by: 3) {
      let x = [many.points[point], many.points[point + 1]]
      let rest = many.points[point + 2] - task[0] * x[0] - task[1] * x[1]
      square += rest * rest / 100_000
      for index in 0..<2 { own[index] += x[index] * x[index] / 100_000 }
    }
    // Five standard errors of a variance of 100,000 draws: 5 √(2 / 100,000) = 2.2 %.
    for (found, expected) in [(square, 0.1), (own[0], 1), (own[1], 0.25)] {
      #expect(abs(found / expected - 1) < 0.0224, "\(found), expected \(expected)")
    }

    let pool = RegressionPool(setting, task: task, count: 16, generator: &generator)
    let prompts = RegressionPrompts(setting, shots: 3)
    let (table, groups) = (NormalTable(), 2000)
    var counts = Array(repeating: 0, count: pool.count)
    var repeats = 0
    for _ in 0..<groups {
      prompts.draw(.pool(pool), first: 0, table: table, &generator)
      for lane in 0..<RegressionPrompts.lanes {
        var drawn: [Int] = []
        for token in 0...3 {
          let z = (0..<4).map { prompts.tokens[token * 4 + $0][lane] }
          #expect(z[0] == 1 && (token < 3 || z[3] == 0))
          let y = token < 3 ? z[3] : prompts.targets[lane]
          let point = (0..<pool.count).first {
            Array(pool.points[3 * $0..<3 * $0 + 3]) == [z[1], z[2], y]
          }
          guard let point else {
            Issue.record("\(z) is no point of the pool")
            return
          }
          drawn.append(point)
          counts[point] += 1
        }
        if Set(drawn).count < drawn.count { repeats += 1 }
      }
    }
    let expected = Double(groups * RegressionPrompts.lanes * 4) / Double(pool.count)
    let chiSquare = counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) }
    // The 0.9999 quantile of 15 degrees of freedom is 44.3.
    #expect(chiSquare / expected < 44.3, "\(counts)")
    // 1 − (15 · 14 · 13) / 16³ of prompts of four have a point twice; five standard errors.
    let share = Double(repeats) / Double(groups * RegressionPrompts.lanes)
    #expect(abs(share - (1 - 15.0 * 14 * 13 / 4096)) < 5 * (0.2222 / 16_000).squareRoot())
  }
}
