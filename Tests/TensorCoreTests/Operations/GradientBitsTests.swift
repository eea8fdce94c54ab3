// The bits of f32 gradients do not depend on threads or on the instruction set.

import TensorCore
import TestSupport
import Testing

@Suite struct GradientBitsTests {
  /// A result and its gradients over shapes that are large enough to be split, and even nowhere.
  static func gradients(_ context: ComputeContext) -> [(name: String, values: Tensor<Float>)] {
    var check = DifferenceCheck(
      inputs: [[67, 129], [67, 129]],
      weights: [[95, 129], [95], [129], [129], [301, 129], [129, 301]])
    let parameters = check.weights.enumerated().map {
      Parameter<Float>(name: "w\($0)", tensor: $1.converted())
    }
    let tape = Tape<Float>()
    let ops = Operations(context, tape: tape)
    for parameter in parameters { tape.watch(parameter) }
    let inputs = check.inputs.map { tape.variable($0.converted()) }
    let normed = ops.affine(
      ops.norm(inputs[0], centred: true, epsilon: 1e-5).normalized, gain: parameters[2],
      bias: parameters[3])
    let hidden = ops.activation(.geluTanh, ops.linear(normed, weight: parameters[4]))
    let stream = ops.add(inputs[1], ops.linear(hidden, weight: parameters[5]))
    let out = ops.multiply(
      ops.linear(stream, weight: parameters[0], bias: parameters[1]),
      ops.linear(normed, weight: parameters[0]))
    let seed: Tensor<Float> = check.normal(out.shape).converted()
    let found = tape.gradients(from: [(out, seed)])
    return [("out", out.tensor)]
      + inputs.enumerated().compactMap { index, input in
        found[input].map { ("input \(index)", $0) }
      }
      + parameters.compactMap { parameter in found[parameter].map { (parameter.name, $0) } }
  }

  @Test func threadsAndInstructionSets() {
    let expected = Self.gradients(ComputeContext(threads: 1))
    #expect(expected.count == 9)
    for set in InstructionSet.allCases where set.isAvailable {
      for threads in [1, 2, 3] {
        #expect(
          bitDifferences(
            Self.gradients(ComputeContext(threads: threads, instructionSet: set)), expected) == [],
          "\(set), \(threads) threads")
      }
    }
  }
}
