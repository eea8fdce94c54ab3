// Optimisers, clipping and schedules step by step against PyTorch: Tests/Fixtures/tensorcore/make_optimisers.py.

import CheckpointIO
import Foundation
import TensorCore
import TestSupport
import Testing

@Suite struct OptimiserTests {
  struct Settings: Decodable {
    struct Case: Decodable {
      let kind: String
      let rate, weightDecay: Double
      let momentum, beta1, beta2, epsilon, clip: Double?
      let decayed: [String]
    }
    struct Rates: Decodable {
      let peak, finalFraction: Double
      let warmup, total: Int
      let decay: Schedule.Decay
    }
    let cases: [String: Case]
    let schedules: [String: Rates]
  }

  static func settings() throws -> Settings {
    let data = try Data(contentsOf: URL(fileURLWithPath: fixture("tensorcore/optimisers.json")))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Settings.self, from: data)
  }
  static let context = ComputeContext(threads: 2)

  /// Five steps, every loss, norm, gradient and weight compared; the weights are carried on by the optimiser alone.
  static func follow<Scalar: TensorScalar>(_ label: String, _ tolerance: Double, _: Scalar.Type)
    throws
  {
    let file = try SafetensorsFile(path: fixture("tensorcore/optimisers.safetensors"))
    func tensor(_ name: String) throws -> Tensor<Scalar> {
      let view = try file.tensor(named: "\(label)/\(name)")
      return Tensor(shape: view.shape, values: try view.doubles().map { Scalar($0) })
    }
    let x = Variable(try tensor("x"))
    let targets = try file.integers(named: "\(label)/targets").map { Int32($0) }
    let cases = try settings().cases
    #expect(cases.count == 7)
    for (name, settings) in cases.sorted(by: { $0.key < $1.key }) {
      let kind: OptimiserKind =
        settings.kind == "sgd"
        ? .sgd(momentum: try #require(settings.momentum))
        : .adamW(
          beta1: try #require(settings.beta1), beta2: try #require(settings.beta2),
          epsilon: try #require(settings.epsilon))
      var optimiser = Optimiser<Scalar>(kind, weightDecay: settings.weightDecay)
      var weights: [String: Tensor<Scalar>] = [:]
      for weight in ["w1", "b1", "w2"] {
        weights[weight] = transposed(try tensor("start/\(weight)"))
      }
      for step in 0..<5 {
        let tape = Tape<Scalar>()
        let ops = Operations(context, tape: tape)
        let parameters = weights.mapValues { Parameter(name: "", tensor: $0) }
        for parameter in parameters.values { tape.watch(parameter) }
        let (w1, b1, w2) = (
          try #require(parameters["w1"]), try #require(parameters["b1"]),
          try #require(parameters["w2"])
        )
        let hidden = ops.activation(.silu, ops.linear(x, weight: w1, bias: b1))
        let (loss, variable) = ops.crossEntropy(
          ops.linear(hidden, weight: w2), targets: targets,
          weights: Array(repeating: 1 / Double(targets.count), count: targets.count))
        let found = tape.gradients(from: [(variable, Tensor(shape: [], values: [1]))])
        var gradients = parameters.compactMapValues { found[$0] }
        #expect(gradients.count == 3)
        let norm = clip(&gradients, toNorm: settings.clip ?? .infinity, on: context)
        let wasMore = optimiser.steps
        optimiser.step(&weights, gradients: gradients, rate: settings.rate, on: context) {
          settings.decayed.contains($0)
        }
        #expect(optimiser.steps == wasMore + 1)
        func compare(_ found: [Scalar], _ what: String) throws {
          let expected = try file.doubles(named: "\(label)/\(name)/step\(step)/\(what)")
          let difference = Difference(found, expected)
          #expect(difference.largest <= tolerance, "\(name), step \(step), \(what) \(difference)")
        }
        try compare([Scalar(loss)], "loss")
        try compare([Scalar(norm)], "norm")
        for (weight, gradient) in gradients {
          try compare(transposed(gradient).values, "grad/\(weight)")
          try compare(transposed(try #require(weights[weight])).values, weight)
        }
        if name == "sgd-decay", step == 0 {
          // The comparison can fail: without the decay the weights are others.
          var plain = Optimiser<Scalar>(kind)
          var start = ["w1": transposed(try tensor("start/w1"))]
          plain.step(&start, gradients: gradients, rate: settings.rate, on: context)
          let difference = Difference(
            transposed(try #require(start["w1"])).values,
            try file.doubles(named: "\(label)/\(name)/step0/w1"))
          #expect(difference.largest > 1000 * tolerance)
        }
      }
    }
  }

  /// The fixtures hold matrices [in, out], parameters are [out, in].
  static func transposed<Scalar: TensorScalar>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    guard x.shape.count == 2 else { return x }
    let values = x.values
    return Tensor(
      shape: x.shape.reversed(),
      values: (0..<x.shape[1]).flatMap { column in
        (0..<x.shape[0]).map { values[$0 * x.shape[1] + column] }
      })
  }

  @Test func inSinglePrecision() throws { try Self.follow("f32", 2e-6, Float.self) }
  @Test func inDoublePrecision() throws { try Self.follow("f64", 1e-13, Double.self) }

  @Test func schedules() throws {
    let file = try SafetensorsFile(path: fixture("tensorcore/schedules.safetensors"))
    let schedules = try Self.settings().schedules
    #expect(schedules.count == 4)
    for (name, rates) in schedules {
      let schedule = Schedule(
        peak: rates.peak, warmup: rates.warmup, total: rates.total, decay: rates.decay,
        finalFraction: rates.finalFraction)
      let expected = try file.doubles(named: name)
      #expect(expected.count == rates.total + 1)
      let found = expected.indices.map { schedule.rate(at: $0) / rates.peak }
      #expect(Difference(found, expected.map { $0 / rates.peak }).largest < 1e-12, "\(name)")
    }
  }

  /// An optimiser continued from its saved moments is the one that never stopped, to the bit.
  @Test(arguments: [
    OptimiserKind.sgd(momentum: 0.9), .adamW(beta1: 0.9, beta2: 0.99, epsilon: 1e-8),
  ]) func continuing(_ kind: OptimiserKind) {
    var check = DifferenceCheck(inputs: [[3, 17], [3, 17], [3, 17]])
    let gradients = check.inputs.map { ["w": $0.converted() as Tensor<Float>] }
    let start: Tensor<Float> = check.normal([3, 17]).converted()
    var (whole, halves) = (["w": start], ["w": start])
    var one = Optimiser<Float>(kind, weightDecay: 0.1)
    for gradient in gradients { one.step(&whole, gradients: gradient, rate: 0.1, on: Self.context) }
    var first = Optimiser<Float>(kind, weightDecay: 0.1)
    first.step(&halves, gradients: gradients[0], rate: 0.1, on: Self.context)
    var second = Optimiser<Float>(
      kind, weightDecay: 0.1, steps: first.steps, firstMoments: first.firstMoments,
      secondMoments: first.secondMoments)
    for gradient in gradients[1...] {
      second.step(&halves, gradients: gradient, rate: 0.1, on: Self.context)
    }
    #expect(bitDifferences(whole.map { ($0, $1) }, halves.map { ($0, $1) }) == [])
  }

  /// A weight without a gradient is left alone, and so is one that someone else holds.
  @Test func whatIsNotTrained() {
    let (held, frozen) = (
      Tensor<Float>(shape: [2], values: [1, 2]), Tensor<Float>(shape: [2], values: [3, 4])
    )
    var weights = ["a": held, "b": frozen]
    var optimiser = Optimiser<Float>(.sgd(momentum: 0))
    optimiser.step(
      &weights, gradients: ["a": Tensor(shape: [2], values: [1, 1]), "c": held], rate: 0.5,
      on: Self.context)
    #expect(weights["a"]?.values == [0.5, 1.5] && weights["b"]?.values == [3, 4])
    #expect(held.values == [1, 2] && weights.count == 2)
  }

  @Test func clippingByHand() {
    var gradients = [
      "a": Tensor<Double>(shape: [2], values: [3, 0]), "b": Tensor<Double>(shape: [1], values: [4]),
    ]
    #expect(clip(&gradients, toNorm: 6, on: Self.context) == 5)
    #expect(gradients["a"]?.values == [3, 0])
    #expect(clip(&gradients, toNorm: 1, on: Self.context) == 5)
    #expect(abs((gradients["b"]?.values[0] ?? 0) - 0.8) < 1e-6)
  }
}
