// DifferenceCheck: the gradient that a tape gives for every element of every input of an operation, against central
// finite differences in f64.

import TensorCore
import TestSupport
import Testing

struct DifferenceCheck {
  let context = ComputeContext(threads: 2)
  private(set) var generator: SeededGenerator
  var inputs: [Tensor<Double>] = []
  var weights: [Tensor<Double>] = []

  /// - Parameters:
  ///   - inputs: shapes of the variables; weights: shapes of the parameters. All elements are N(0, 1).
  init(inputs: [[Int]], weights: [[Int]] = [], seed: UInt64 = 1) {
    generator = SeededGenerator(seed: seed)
    self.inputs = inputs.map { normal($0) }
    self.weights = weights.map { normal($0) }
  }

  mutating func normal(_ shape: [Int]) -> Tensor<Double> {
    Tensor(shape: shape, values: (0..<shape.reduce(1, *)).map { _ in generator.normal() })
  }

  typealias Function = (Operations<Double>, [Variable<Double>], [Parameter<Double>]) -> Variable<
    Double
  >

  /// Checks the gradients of Σ seed∘f, with a random seed.
  ///
  /// - Parameter constants: inputs that are on no tape; the others must not notice.
  mutating func check(
    _ what: String, constants: Set<Int> = [], step: Double = 1e-5,
    sourceLocation: SourceLocation = #_sourceLocation, _ function: Function
  ) {
    func parameters(_ weights: [Tensor<Double>]) -> [Parameter<Double>] {
      weights.enumerated().map { Parameter(name: "w\($0)", tensor: $1) }
    }
    let tape = Tape<Double>()
    let ops = Operations(context, tape: tape)
    let variables = inputs.enumerated().map {
      constants.contains($0) ? Variable($1) : tape.variable($1)
    }
    let own = parameters(weights)
    for parameter in own { tape.watch(parameter) }
    let result = function(ops, variables, own)
    let seed = normal(result.shape)
    let gradients = tape.gradients(from: [(result, seed)])

    func value(_ inputs: [Tensor<Double>], _ weights: [Tensor<Double>]) -> Double {
      let plain = Operations<Double>(context)
      let found = function(plain, inputs.map { Variable($0) }, parameters(weights)).tensor
      return zip(found.values, seed.values).reduce(0) { $0 + $1.0 * $1.1 }
    }
    #expect(
      value(inputs, weights)
        == zip(result.tensor.values, seed.values).reduce(0) { $0 + $1.0 * $1.1 },
      "\(what): the tape changes the value", sourceLocation: sourceLocation)
    func compare(
      _ gradient: Tensor<Double>?, _ name: String, count: Int, _ moved: (Int, Double) -> Double
    ) {
      let expected = (0..<count).map { (moved($0, step) - moved($0, -step)) / (2 * step) }
      let difference = Difference(gradient?.values ?? [], expected)
      #expect(
        difference.largest < Tolerance.finiteDifference, "\(what), \(name): \(difference)",
        sourceLocation: sourceLocation)
      #expect(
        expected.contains { abs($0) > 1e-3 }, "\(what), \(name): nothing to see",
        sourceLocation: sourceLocation)
    }
    func moved(_ tensor: Tensor<Double>, _ index: Int, _ step: Double) -> Tensor<Double> {
      var copy = tensor
      copy.withUnsafeMutableBufferPointer { $0[index] += step }
      return copy
    }
    for (place, input) in inputs.enumerated() where !constants.contains(place) {
      compare(gradients[variables[place]], "input \(place)", count: input.count) { index, step in
        var inputs = inputs
        inputs[place] = moved(input, index, step)
        return value(inputs, weights)
      }
    }
    for (place, weight) in weights.enumerated() {
      compare(gradients[own[place]], "weight \(place)", count: weight.count) { index, step in
        var weights = weights
        weights[place] = moved(weight, index, step)
        return value(inputs, weights)
      }
    }
  }
}
