// The gradient of every operation against finite differences, on shapes that are no multiple of anything.

import TensorCore
import TestSupport
import Testing

@Suite struct OperationGradientTests {
  @Test func products() {
    var check = DifferenceCheck(inputs: [[5, 7]], weights: [[35, 7], [35]])
    check.check("linear") { $0.linear($1[0], weight: $2[0], bias: $2[1]) }
    check.weights = [check.weights[0]]
    check.check("linear without bias") { $0.linear($1[0], weight: $2[0]) }
    check.check("linear of a constant", constants: [0]) { $0.linear($1[0], weight: $2[0]) }
    var twice = DifferenceCheck(inputs: [[3, 6]], weights: [[6, 6]])
    twice.check("a weight used twice, and its input beside it") { ops, x, w in
      ops.add(x[0], ops.linear(ops.linear(x[0], weight: w[0]), weight: w[0]))
    }
  }

  @Test func rowsInAndOut() {
    var table = DifferenceCheck(inputs: [], weights: [[5, 3]])
    table.check("embed") { ops, _, w in ops.embed([4, 0, 4, 2, 1, 3], in: w[0]) }
    var rows = DifferenceCheck(inputs: [[4, 2, 3]])
    rows.check("rows") { ops, x, _ in ops.rows([3, 1, 1, 0, 2], of: x[0]) }
    var two = DifferenceCheck(inputs: [[2, 3], [4, 3]])
    two.check("concatenate") { ops, x, _ in ops.concatenate(x[0], x[1]) }
    two.check("concatenate with a constant", constants: [0]) { ops, x, _ in
      ops.concatenate(x[0], x[1])
    }
  }

  @Test func elementwise() {
    var two = DifferenceCheck(inputs: [[3, 5], [3, 5]])
    two.check("add") { ops, x, _ in ops.add(x[0], x[1]) }
    two.check("multiply") { ops, x, _ in ops.multiply(x[0], x[1]) }
    two.check("scale") { ops, x, _ in ops.add(ops.scale(x[0], by: -1.75), x[1]) }
    var one = DifferenceCheck(inputs: [[3, 5]])
    one.check("a value added to itself") { ops, x, _ in ops.add(x[0], x[0]) }
    one.check("a square") { ops, x, _ in ops.multiply(x[0], x[0]) }
    one.check("a value used in many places") { ops, x, _ in
      let square = ops.multiply(x[0], x[0])
      return ops.add(ops.add(square, x[0]), ops.scale(square, by: 0.5))
    }
    one.check("reshaped") { ops, x, _ in
      ops.multiply(x[0].reshaped([15]), ops.scale(x[0], by: 2).reshaped([15]))
    }
  }

  @Test(arguments: Activation.allCases) func activations(_ kind: Activation) {
    var check = DifferenceCheck(inputs: [[4, 19]])
    check.check("\(kind)") { ops, x, _ in ops.activation(kind, x[0]) }
  }

  @Test(arguments: [false, true]) func norms(centred: Bool) {
    var check = DifferenceCheck(inputs: [[4, 21]], weights: [[21], [21]])
    check.check("norm with gain and bias") { ops, x, w in
      let normalized = ops.norm(x[0], centred: centred, epsilon: 1e-3).normalized
      return ops.affine(normalized, gain: w[0], bias: w[1])
    }
    check.weights = [check.weights[0]]
    check.check("gain alone") { ops, x, w in ops.affine(x[0], gain: w[0]) }
    check.weights = []
    check.check("scale") { ops, x, _ in ops.normScale(x[0], centred: centred, epsilon: 1e-3) }
    check.check("scale and division apart") { ops, x, _ in
      let scale = ops.normScale(x[0], centred: centred, epsilon: 1e-3)
      return ops.norm(x[0], centred: centred, scale: ops.scale(scale, by: 0.5))
    }
    check.inputs.append(Tensor(shape: [4, 1], values: [1.5, -0.5, 2, 0.75]))
    check.check("division by a given scale") { ops, x, _ in
      ops.norm(x[0], centred: centred, scale: x[1])
    }
    check.check("division by a constant scale", constants: [1]) { ops, x, _ in
      ops.norm(x[0], centred: centred, scale: x[1])
    }
  }

  /// The two steps of a norm by themselves have the bits and the gradient of both at once.
  @Test(arguments: [false, true]) func normInSteps(centred: Bool) {
    let check = DifferenceCheck(inputs: [[6, 45], [6, 45]])
    let x: Tensor<Float> = check.inputs[0].converted()
    let ops = Operations<Float>(check.context)
    let (scale, normalized) = ops.norm(Variable(x), centred: centred, epsilon: 1e-5)
    let own = ops.normScale(Variable(x), centred: centred, epsilon: 1e-5)
    #expect(bitDifference(own.tensor, scale) == nil)
    #expect(
      bitDifference(ops.norm(Variable(x), centred: centred, scale: own).tensor, normalized.tensor)
        == nil)
    let flows = [false, true].map { inSteps in
      let tape = Tape<Double>()
      let ops = Operations(check.context, tape: tape)
      let x = tape.variable(check.inputs[0])
      let out =
        inSteps
        ? ops.norm(
          x, centred: centred, scale: ops.normScale(x, centred: centred, epsilon: 1e-5))
        : ops.norm(x, centred: centred, epsilon: 1e-5).normalized
      return tape.gradients(from: [(out, check.inputs[1])])[x]?.values ?? []
    }
    #expect(Difference(flows[1], flows[0]).largest < 1e-13)
  }

  @Test(arguments: [false, true]) func rotary(interleaved: Bool) {
    let table = RotaryTable<Double>(
      frequencies: [1, 0.3], positions: 12, interleaved: interleaved)
    var check = DifferenceCheck(inputs: [[5, 3, 7]])
    check.check("rotary of a part of each head") { ops, x, _ in
      ops.rotary(x[0], table: table, positions: [0, 1, 7, 3, 11])
    }
  }

  /// Two sequences, the second after two spans of a prefix; four heads on two.
  static func layout(_ check: inout DifferenceCheck) -> AttentionLayout<Double> {
    func past(_ rows: Int, _ count: Int) -> PastSpan<Double> {
      PastSpan(keys: check.normal([rows, 2, 5]), values: check.normal([rows, 2, 3]), count: count)
    }
    return AttentionLayout(
      sequences: [
        .init(start: 0, count: 6, past: []),
        .init(start: 6, count: 3, past: [past(3, 2), past(4, 4)]),
      ], heads: 4, keyValueHeads: 2)
  }

  @Test func softmaxAttention() {
    var check = DifferenceCheck(inputs: [[9, 4, 5], [9, 2, 5], [9, 2, 3]])
    let layout = Self.layout(&check)
    check.check("attention") { ops, x, _ in
      let scores = ops.attentionScores(q: x[0], k: x[1], layout: layout, scale: 0.4)
      let pattern = ops.attentionSoftmax(scores, layout: layout)
      return ops.attentionMix(pattern: pattern, v: x[2], layout: layout)
    }
    for constant in 0..<3 {
      check.check("attention with input \(constant) constant", constants: [constant]) { ops, x, _ in
        let scores = ops.attentionScores(q: x[0], k: x[1], layout: layout, scale: 0.4)
        let pattern = ops.attentionSoftmax(scores, layout: layout)
        return ops.attentionMix(pattern: pattern, v: x[2], layout: layout)
      }
    }
    let size = layout.scoreOffsets[2]
    #expect(size == 4 * 6 * 6 + 4 * 3 * 9)
    var parts = DifferenceCheck(inputs: [[size], [9, 2, 3]])
    for everyKey in [false, true] {
      parts.check("softmax, every key: \(everyKey)", constants: [1]) { ops, x, _ in
        ops.attentionSoftmax(x[0], layout: layout, everyKey: everyKey)
      }
    }
    parts.check("mix") { ops, x, _ in ops.attentionMix(pattern: x[0], v: x[1], layout: layout) }
  }

  /// The parts of attention have the bits of the whole, and hidden keys count only when they are let in.
  @Test func attentionInParts() {
    var check = DifferenceCheck(inputs: [[9, 4, 5], [9, 2, 5], [9, 2, 3]], seed: 4)
    let layout = Self.layout(&check)
    let floats = check.inputs.map { Variable<Float>($0.converted()) }
    func single(_ span: PastSpan<Double>) -> PastSpan<Float> {
      PastSpan(keys: span.keys.converted(), values: span.values.converted(), count: span.count)
    }
    let narrow = AttentionLayout<Float>(
      sequences: layout.sequences.map {
        .init(start: $0.start, count: $0.count, past: $0.past.map(single))
      }, heads: 4, keyValueHeads: 2)
    let ops = Operations<Float>(check.context)
    let whole = ops.attention(
      q: floats[0].tensor, k: floats[1].tensor, v: floats[2].tensor, layout: narrow, scale: 0.4)
    let scores = ops.attentionScores(q: floats[0], k: floats[1], layout: narrow, scale: 0.4)
    for everyKey in [false, true] {
      let pattern = ops.attentionSoftmax(scores, layout: narrow, everyKey: everyKey)
      #expect(!narrow.looksAhead(pattern.tensor))
      let mixed = ops.attentionMix(
        pattern: pattern, v: floats[2], layout: narrow, everyKey: everyKey)
      #expect(bitDifference(mixed.tensor, whole) == nil)
    }
    // Key 5 of the first sequence, for its query 2 of head 3.
    var edited = scores.tensor
    edited.withUnsafeMutableBufferPointer { $0[(3 * 6 + 2) * 6 + 5] = 1 }
    let blind = ops.attentionSoftmax(Variable(edited), layout: narrow)
    let seeing = ops.attentionSoftmax(Variable(edited), layout: narrow, everyKey: true)
    #expect(!narrow.looksAhead(blind.tensor) && narrow.looksAhead(seeing.tensor))
    #expect(seeing.tensor.values[(3 * 6 + 2) * 6 + 5] > 0)
    #expect(blind.tensor.values[(3 * 6 + 2) * 6 + 5] == 0)
  }

  /// Three segments, the second from a state, of four heads on two, with decay.
  static func segments(_ check: inout DifferenceCheck, sums: Bool) -> [RecurrentSegment<Double>] {
    let state = RecurrentState(
      matrix: check.normal([4, 5, 3]), keySum: sums ? check.normal([4, 5]) : nil)
    return [
      RecurrentSegment(start: 0, count: 4, initial: nil),
      RecurrentSegment(start: 4, count: 3, initial: state),
      RecurrentSegment(start: 7, count: 1, initial: state),
    ]
  }
  static let decays = [1, 0.95, 0.5, 0.8]

  @Test func linearAttention() {
    var check = DifferenceCheck(inputs: [[8, 4, 5], [8, 2, 5], [8, 2, 3]])
    let segments = Self.segments(&check, sums: false)
    for constants in [[], [0], [1], [2], [0, 1]] as [Set<Int>] {
      check.check("linear attention, constants \(constants)", constants: constants) { ops, x, _ in
        ops.linearAttention(
          q: x[0], k: x[1], v: x[2], segments: segments, decays: Self.decays, scale: 0.4
        ).out
      }
    }
  }

  @Test func linearNormaliser() {
    var check = DifferenceCheck(inputs: [[8, 4, 5], [8, 2, 5]])
    let segments = Self.segments(&check, sums: true)
    for constants in [[], [0], [1]] as [Set<Int>] {
      check.check("normaliser, constants \(constants)", constants: constants) { ops, x, _ in
        ops.linearNormaliser(
          q: x[0], k: x[1], segments: segments, decays: Self.decays, scale: 0.4
        ).out
      }
    }
    var ratio = DifferenceCheck(inputs: [[8, 4, 5], [8, 4]])
    ratio.inputs[1] = Tensor(shape: [8, 4], values: ratio.inputs[1].values.map { abs($0) + 0.5 })
    ratio.check("division by rows") { ops, x, _ in ops.divide(x[0], by: x[1], epsilon: 0.01) }
    ratio.check("division by constants", constants: [1]) { ops, x, _ in
      ops.divide(x[0], by: x[1], epsilon: 0.01)
    }
  }

  /// Decays of each key element and of each head, on two heads or on four, with and without the delta rule.
  @Test(arguments: [
    ([8, 2, 5], false), ([8, 4, 1], false), ([8, 2, 5], true), ([8, 4, 1], true),
  ])
  func gatedAttention(_ decays: [Int], delta: Bool) {
    var check = DifferenceCheck(
      inputs: [[8, 4, 5], [8, 2, 5], [8, 2, 3], decays] + (delta ? [[8, 4]] : []))
    let segments = Self.segments(&check, sums: false)
    for constants in [[], [0], [1, 2], [3], [0, 1, 2]] as [Set<Int>] {
      check.check("gated attention, constants \(constants)", constants: constants) { ops, x, _ in
        ops.gatedAttention(
          q: x[0], k: x[1], v: x[2], decays: x[3], betas: delta ? x[4] : nil, segments: segments,
          scale: 0.4
        ).out
      }
    }
  }

  @Test func gates() {
    var check = DifferenceCheck(inputs: [[4, 6]], weights: [[6]])
    check.check("decay with a rate of each head") { ops, x, w in
      ops.decay(x[0], rate: .exponential(w[0]))
    }
    check.check("bias") { ops, x, w in ops.add(x[0], bias: w[0]) }
    check.weights = []
    check.check("decay with a fixed rate") { ops, x, _ in ops.decay(x[0], rate: .fixed(0.3)) }
    check.check("decay with a bound") { ops, x, _ in
      ops.decay(x[0], rate: .fixed(2), least: -1.5)
    }
    check.check("sums") { ops, x, _ in ops.sums(x[0]) }
    check.check("softmax") { ops, x, _ in ops.softmax(x[0]) }
    check.check("columns") { ops, x, _ in
      ops.columns(x[0], sources: [5, 0, 0, 3], factors: [1, -2, 0.5, 1])
    }
    var tokens = DifferenceCheck(inputs: [[8, 3]], weights: [[3, 4]])
    let pasts = [nil, tokens.normal([3, 3]), tokens.normal([3, 3])]
    tokens.check("short convolution") { ops, x, w in
      ops.shortConvolution(
        x[0], weight: w[0], segments: [(0, 5), (5, 2), (7, 1)], pasts: pasts
      ).out
    }
    var values = DifferenceCheck(inputs: [[8, 2, 3]])
    let sums = [nil, values.normal([2, 3])]
    values.check("momentum") { ops, x, _ in
      ops.momentum(x[0], decay: 0.7, segments: [(0, 5), (5, 3)], initial: sums).out
    }
  }

  @Test func edits() {
    var check = DifferenceCheck(inputs: [[5, 4]])
    let slices = [Slice(start: 1, count: 2), Slice(start: 8, count: 2), Slice(start: 18, count: 2)]
    check.check("replace") { ops, x, _ in
      ops.replace(x[0], slices, with: [[1, 2], [3, 4], [5, 6]])
    }
    check.check("replace by one") { ops, x, _ in ops.replace(x[0], slices, with: [[1, 2]]) }
    check.check("add") { ops, x, _ in ops.add(x[0], slices, values: [[1, 2]], factor: 0.5) }
    check.check("scale") { ops, x, _ in ops.scale(x[0], slices, by: -1.5) }
    func row(_ row: Int) -> Slice { Slice(start: 4 * row, count: 4) }
    check.check("means of rows, some of them targets") { ops, x, _ in
      ops.replace(
        x[0],
        byMeans: [
          SliceMean(targets: [row(0), row(3)], sources: [row(1), row(2), row(3)]),
          SliceMean(targets: [row(1)], sources: [row(4), row(0)]),
        ])
    }
    check.check("a mean of one, by itself") { ops, x, _ in
      ops.replace(x[0], byMeans: [SliceMean(targets: [row(2)], sources: [row(2)])])
    }
  }

  @Test func editsByHand() {
    let ops = Operations<Double>(ComputeContext(threads: 1))
    let x = Variable(Tensor<Double>(shape: [3, 2], values: [1, 2, 3, 4, 5, 6]))
    let slice = [Slice(start: 1, count: 3)]
    #expect(ops.replace(x, slice, with: [[7, 8, 9]]).tensor.values == [1, 7, 8, 9, 5, 6])
    #expect(
      ops.add(x, slice, values: [[7, 8, 9]], factor: 2).tensor.values == [1, 16, 19, 22, 5, 6])
    #expect(ops.scale(x, slice, by: -1).tensor.values == [1, -2, -3, -4, 5, 6])
    let mean = SliceMean(
      targets: [Slice(start: 0, count: 2)],
      sources: [Slice(start: 2, count: 2), Slice(start: 4, count: 2)])
    #expect(ops.replace(x, byMeans: [mean]).tensor.values == [4, 5, 3, 4, 5, 6])
    #expect(x.tensor.values == [1, 2, 3, 4, 5, 6])
  }

  @Test func heads() {
    var check = DifferenceCheck(inputs: [[3, 10]], weights: [[7, 10]])
    check.check("head results") { ops, x, w in ops.headResults(x[0], weight: w[0], heads: 5) }
    check.check("an output whose second head is removed by its result") { ops, x, w in
      let results = ops.headResults(x[0], weight: w[0], heads: 5)
      let edited = ops.scale(
        ops.scale(results, by: 1), (0..<3).map { Slice(start: ($0 * 5 + 1) * 7, count: 7) }, by: 0)
      return ops.addChange(
        of: results, to: edited, overHeadsInto: ops.linear(x[0], weight: w[0]))
    }
  }

  @Test func crossEntropy() {
    var check = DifferenceCheck(inputs: [[4, 19]])
    check.check("cross entropy") { ops, x, _ in
      ops.crossEntropy(x[0], targets: [3, 0, 18, 3], weights: [1, 0.25, -0.5, 2]).variable
    }
    let ops = Operations<Double>(check.context)
    let (value, variable) = ops.crossEntropy(
      Variable(Tensor(shape: [2, 4], values: [0, 0, 0, 0, 1, 1, 1, 1])), targets: [2, 0],
      weights: [1, 0.5])
    #expect(abs(value - 1.5 * 1.3862943611198906) < 1e-15 && variable.tensor.values == [value])
  }

  /// Nothing is recorded for constants, and a parameter that a result does not depend on has gradient zero.
  @Test func whatNobodyAskedFor() throws {
    let context = ComputeContext(threads: 1)
    let (used, unused) = (
      Parameter(name: "used", tensor: Tensor<Double>(shape: [1, 2], values: [3, 4])),
      Parameter(name: "unused", tensor: Tensor<Double>(shape: [2, 2], values: [1, 2, 3, 4]))
    )
    let tape = Tape<Double>()
    let ops = Operations(context, tape: tape)
    let x = Variable(Tensor<Double>(shape: [1, 2], values: [5, 6]))
    #expect(ops.linear(x, weight: used).node == nil)
    tape.watch(used)
    tape.watch(used)
    tape.watch(unused)
    let y = ops.linear(x, weight: used)
    let found = tape.gradients(from: [(y, Tensor(shape: [1, 1], values: [2]))])
    #expect(found[used]?.values == [10, 12])
    #expect(found[unused]?.values == [0, 0, 0, 0])
    #expect(found[x] == nil)
    #expect(found[Parameter(name: "other", tensor: Tensor<Double>(shape: [1], values: [1]))] == nil)
  }

  /// The gradient of an intermediate value is there when it was asked for.
  @Test func intermediateValues() {
    let tape = Tape<Double>()
    let ops = Operations(ComputeContext(threads: 1), tape: tape)
    let x = tape.variable(Tensor<Double>(shape: [2], values: [2, 3]))
    let (kept, passed) = (ops.multiply(x, x), ops.scale(x, by: 4))
    tape.keepGradient(of: kept)
    let y = ops.multiply(kept, passed)
    let found = tape.gradients(from: [(y, Tensor(shape: [2], values: [1, 1]))])
    #expect(found[kept]?.values == [8, 12])
    #expect(found[passed] == nil)
    #expect(found[x]?.values == [12 * 4, 12 * 9])
  }
}
