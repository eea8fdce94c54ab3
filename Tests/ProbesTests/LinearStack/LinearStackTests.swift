// LinearStack: its forward and backward pass against the Transformer of the same weights and its tape, and every form of
// trained weights against difference quotients.

import HookedModels
import Probes
import TensorCore
import Testing

@Suite struct LinearStackTests {
  private static let context = ComputeContext(threads: 2)

  struct Kind: CustomTestStringConvertible, Sendable {
    let form: StackForm
    let shape: StackShape
    var isShared = false

    var testDescription: String { "\(form), \(shape), shared: \(isShared)" }
  }

  static let kinds = [
    Kind(form: .merged, shape: StackShape(width: 4, layers: 1, reach: .causal)),
    Kind(form: .merged, shape: StackShape(width: 4, layers: 3, reach: .sequence)),
    Kind(form: .separate, shape: StackShape(width: 4, layers: 2, heads: 3, reach: .sequence)),
    Kind(
      form: .factored, shape: StackShape(width: 4, layers: 2, heads: 2, reach: .demonstrations),
      isShared: true),
    Kind(
      form: .gradientDescent(corrected: true),
      shape: StackShape(width: 4, layers: 3, reach: .demonstrations), isShared: true),
    Kind(
      form: .gradientDescent(corrected: false),
      shape: StackShape(width: 4, layers: 1, reach: .demonstrations)),
    Kind(
      form: .triplets,
      shape: StackShape(width: 4, layers: 2, reach: .demonstrations, scale: 0.3, positions: 6)),
  ]

  private static func weights(_ kind: Kind) -> StackWeights {
    var generator = SeededGenerator(seed: 5)
    return StackWeights(
      kind.form, kind.shape, isShared: kind.isShared, deviation: 0.5, generator: &generator)
  }

  /// Random tokens `[T, D]` of eight prompts in a pass.
  private static func fill(_ pass: StackPass, tokens: Int) -> [[[Double]]] {
    var generator = SeededGenerator(seed: 8)
    let width = pass.shape.width
    let prompts = (0..<RegressionPrompts.lanes).map { _ in
      (0..<tokens).map { _ in (0..<width).map { _ in generator.normal() } }
    }
    for (lane, prompt) in prompts.enumerated() {
      for (token, values) in prompt.enumerated() {
        for (column, value) in values.enumerated() {
          pass.input[token * width + column][lane] = value
        }
      }
    }
    return prompts
  }

  private static let slope: [Double] = [0.3, -0.7, 1.1, 0.5]

  /// Σ over prompts of slope · output.
  private static func loss(_ pass: StackPass, _ stack: LinearStack, tokens: Int) -> Double {
    pass.forward(stack, tokens: tokens)
    return slope.indices.reduce(0) { sum, column in
      sum
        + slope[column]
        * (0..<RegressionPrompts.lanes).reduce(0) { $0 + pass.output[column][$1] }
    }
  }

  private static func gradient(_ pass: StackPass, _ stack: LinearStack) -> [LinearStack.Layer] {
    let (gradient, seed) = (StackGradient(pass.shape), StackSlope(width: pass.shape.width))
    for column in slope.indices { seed.base[column] = Lanes(repeating: slope[column]) }
    pass.backward(stack, slope: seed.base, into: gradient)
    var sums = stack.layers.map {
      LinearStack.Layer(
        queryKey: $0.queryKey.map { _ in 0 }, value: $0.value.map { _ in 0 },
        position: $0.position.map { $0.map { _ in 0 } })
    }
    gradient.addSums(to: &sums)
    return sums
  }

  @Test(arguments: kinds) func theTransformersPredictionsAndGradients(_ kind: Kind) throws {
    let stack = Self.weights(kind).stack
    let (tokens, width) = (6, kind.shape.width)
    let pass = StackPass(kind.shape, tokens: tokens)
    let prompts = Self.fill(pass, tokens: tokens)
    _ = Self.loss(pass, stack, tokens: tokens)
    let outputs = (0..<RegressionPrompts.lanes).map { lane in
      (0..<width).map { pass.output[$0][lane] }
    }
    // Three layers make numbers of some thousands: the bound is of rounding, relative to the greatest.
    let greatest = outputs.joined().reduce(1) { max($0, abs($1)) }
    let merged = Self.gradient(pass, stack)
    let house: Transformer<Double> = stack.transformer(on: Self.context)
    let model = house.architecture.modelWidth
    let found = try house.gradients(
      prompts.map { stack.sequence($0) }, parameters: { _ in true },
      slope: { stream in
        var slope = Tensor<Double>(shape: stream.shape)
        let values = stream.values
        slope.withUnsafeMutableBufferPointer {
          for lane in prompts.indices {
            let last = (lane * tokens + tokens - 1) * model
            for column in 0..<width {
              #expect(abs(values[last + column] - outputs[lane][column]) < 1e-12 * greatest)
              $0[last + column] = Self.slope[column]
            }
          }
        }
        return slope
      })
    for (layer, own) in merged.enumerated() {
      // Gradients grow with depth, as cubes: the bound is relative to the layer's largest.
      let largest = (own.queryKey + own.value + (own.position ?? [])).reduce(1) { max($0, abs($1)) }
      let bound = 1e-12 * largest
      let name = "layers.\(layer).attn"
      let query = try #require(found["\(name).q_proj.weight"])
      let value = try #require(found["\(name).v_proj.weight"])
      for head in 0..<kind.shape.heads {
        for row in 0..<width {
          let place = (head * width + row) * width
          for column in 0..<width {
            // W_Q is Q transposed.
            let q = query.row(head * house.architecture.headWidth + column)[row]
            #expect(abs(q - own.queryKey[place + column]) < bound)
            let v = value.row(head * width + row)[column]
            #expect(abs(v - own.value[place + column]) < bound)
          }
        }
      }
      guard let position = own.position else { continue }
      for row in 0..<tokens {
        for column in 0..<tokens {
          let p = query.row(width + column)[width + row]
          #expect(abs(p - position[row * tokens + column]) < bound)
        }
      }
    }
  }

  @Test(arguments: kinds) func gradientsOfTrainedWeights(_ kind: Kind) throws {
    let weights = Self.weights(kind)
    let pass = StackPass(kind.shape, tokens: 6)
    _ = Self.fill(pass, tokens: 6)
    _ = Self.loss(pass, weights.stack, tokens: 6)
    let found = weights.gradients(Self.gradient(pass, weights.stack)) { _ in true }
    #expect(Set(found.keys) == Set(weights.tensors.keys))
    for (name, tensor) in weights.tensors {
      let gradient = try #require(found[name]).values
      for index in stride(from: 0, to: tensor.count, by: max(1, tensor.count / 7)) {
        let step = 1e-6
        let losses = [step, -step].map { step in
          var (moved, values) = (weights, tensor.values)
          values[index] += step
          moved.tensors[name] = Tensor(shape: tensor.shape, values: values)
          return Self.loss(pass, moved.stack, tokens: 6)
        }
        let quotient = (losses[0] - losses[1]) / (2 * step)
        #expect(
          abs(quotient - gradient[index]) < 1e-6 * max(1, abs(quotient)),
          "\(name)[\(index)]: \(gradient[index]), expected \(quotient)")
      }
    }
  }

  /// The gradient at the query's own token: what its prediction is sensitive to.
  @Test(arguments: kinds) func gradientAtTheQuery(_ kind: Kind) {
    let stack = Self.weights(kind).stack
    let pass = StackPass(kind.shape, tokens: 6)
    _ = Self.fill(pass, tokens: 6)
    _ = Self.loss(pass, stack, tokens: 6)
    _ = Self.gradient(pass, stack)
    let width = kind.shape.width
    let found = (0..<width).map { pass.inputGradient()[$0] }
    for column in 0..<width {
      let losses = [1e-6, -1e-6].map { step in
        pass.input[5 * width + column] += step
        defer { pass.input[5 * width + column] -= step }
        return Self.loss(pass, stack, tokens: 6)
      }
      let sum = (0..<RegressionPrompts.lanes).reduce(0) { $0 + found[column][$1] }
      #expect(abs((losses[0] - losses[1]) / 2e-6 - sum) < 1e-6 * max(1, abs(sum)))
    }
  }

  /// Dropped tokens take no part, and gradients know it.
  @Test func droppedTokens() {
    let kind = Self.kinds[6]
    let weights = Self.weights(kind)
    let pass = StackPass(kind.shape, tokens: 6)
    _ = Self.fill(pass, tokens: 6)
    let plain = Self.loss(pass, weights.stack, tokens: 6)
    let keep = UnsafeMutablePointer<Lanes>.allocate(capacity: 12)
    keep.initialize(repeating: Lanes(repeating: 1), count: 12)
    defer { keep.deallocate() }
    pass.keep = keep
    #expect(Self.loss(pass, weights.stack, tokens: 6) == plain)
    keep[1][3] = 0
    keep[6 + 2] = Lanes()
    let signs = UnsafeMutablePointer<Lanes>.allocate(capacity: 12)
    signs.initialize(repeating: Lanes(repeating: 1), count: 12)
    defer { signs.deallocate() }
    signs[1] = Lanes(repeating: -1)
    signs[6 + 4][2] = -1
    pass.signs = signs
    #expect(Self.loss(pass, weights.stack, tokens: 6) != plain)
    let found = weights.gradients(Self.gradient(pass, weights.stack)) { _ in true }
    for name in ["layers.0.a", "layers.1.c", "layers.0.position"] {
      var (moved, losses) = (weights, [0.0])
      losses = [1e-6, -1e-6].map { step in
        var values = weights.tensors[name]?.values ?? []
        values[values.count / 2] += step
        moved.tensors[name] = Tensor(shape: weights.tensors[name]?.shape ?? [], values: values)
        return Self.loss(pass, moved.stack, tokens: 6)
      }
      let own = found[name]?.values ?? []
      #expect(abs((losses[0] - losses[1]) / 2e-6 - own[own.count / 2]) < 1e-6)
    }
  }
}
