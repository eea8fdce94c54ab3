// LinearTaskVectorsCell: trains one linear transformer on triplets and measures in-context learning and task vectors.

import CheckpointIO
import TensorCore

struct LinearTaskVectorsCell {
  let spec: LinearTaskVectorsSpec
  let context: ComputeContext
  let shots: Int
  let layers: Int
  let keep: Double
  let seed: Int

  static let columns = [
    Column("layers", .integer, "Layers of the linear transformer.", range: "≥ 1"),
    Column(
      "keep", .real,
      "The probability that a token took part in a layer in training; 1 is no dropout.",
      formula: "1 − dropout", range: "0 … 1", source: "Dong et al. 2026, arXiv:2506.09048"),
    Column(
      "mse_closed_form", .real,
      "The expected squared error of a coordinate where the prediction is known to say nothing of the target: a query alone is "
        + "answered 0; one layer cannot join x to its arrow and y, so that its answers in context have the best scale 0.",
      formula: "d", unit: "squared units of y", range: "≥ 0",
      whenEmpty:
        "the metric is neither `mse` nor `mse_rescaled`; the model has more layers than one and is shown demonstrations or a "
        + "vector; or it has one layer, is shown demonstrations, and the metric is `mse`, which depends on the scale",
      source: "this project, from Dong et al. 2026, arXiv:2506.09048, §3"),
  ]

  var name: String { "linear-transformer-\(layers)" + (keep < 1 ? "-dropout" : "") }
  var key: String { "\(name)/\(shots) shots/seed \(seed)" }
  var triplets: Triplets { Triplets(dimension: spec.dimension, shots: shots) }

  /// What training takes, to some tens of per cent; tests are little beside it.
  var work: Work {
    let (tokens, width) = (Double(triplets.tokens), Double(triplets.width))
    let layer = 6 * tokens * width * (tokens + 3 * width)
    return Work(
      floatingPointOperations: Double(spec.batch * spec.steps) * (Double(layers - 1) + 0.2) * layer,
      tokens: spec.batch * spec.steps * triplets.tokens)
  }

  // MARK: Training

  private final class Worker {
    let slope: StackSlope
    let keep, signs: StackSlope

    init(_ shape: StackShape, tokens: Int) {
      slope = StackSlope(width: shape.width)
      keep = StackSlope(width: shape.layers * tokens)
      signs = StackSlope(width: shape.layers * tokens)
    }
  }

  func trained() -> StackWeights {
    let triplets = triplets
    let shape = triplets.shape(layers: layers)
    var draws = SeededGenerator(
      key: "linear-task-vectors/initial weights/\(layers)/\(shots)", seed: UInt64(seed))
    let start = StackWeights(.triplets, shape, deviation: spec.deviation, generator: &draws)
    let training = StackTraining(
      batch: spec.batch, steps: spec.steps,
      schedule: Schedule(peak: spec.rate, warmup: 0, total: spec.steps, decay: .cosine),
      optimiser: .adamW(beta1: 0.9, beta2: 0.9, epsilon: 1e-8), weightDecay: spec.weightDecay,
      key: "linear-task-vectors/training/\(shots)", seed: seed, context: context)
    let table = NormalTable()
    let (d, most) = (spec.dimension, triplets.tokens)
    return training.trained(
      start, tokens: most, prompts: { Worker(shape, tokens: most) },
      run: { turn, own, generator in
        let targets = triplets.draw(into: turn.pass, table: table, &generator).targets
        if keep < 1 { drop(own.keep.base, &generator) }
        turn.pass.keep = keep < 1 ? own.keep.base : nil
        if spec.flipsSigns { flip(own.signs.base, &generator) }
        turn.pass.signs = spec.flipsSigns ? own.signs.base : nil
        turn.pass.forward(turn.stack, tokens: most)
        for column in 0..<d {
          own.slope.base[d + column] =
            2 / Double(d) * turn.share * (turn.pass.output[d + column] + targets[column])
        }
        turn.pass.backward(turn.stack, slope: own.slope.base, into: turn.gradient)
      })
  }

  /// Draws which tokens take part; the query's triplet always does.
  private func drop(_ mask: UnsafeMutablePointer<Lanes>, _ generator: inout SeededGenerator) {
    let tokens = triplets.tokens
    for place in 0..<layers * tokens {
      mask[place] = Lanes(repeating: 1)
      guard place % tokens < tokens - 3 else { continue }
      for lane in 0..<RegressionPrompts.lanes where generator.uniform() >= keep {
        mask[place][lane] = 0
      }
    }
  }

  /// Draws a sign for each triplet; arrows keep theirs.
  private func flip(_ signs: UnsafeMutablePointer<Lanes>, _ generator: inout SeededGenerator) {
    let tokens = triplets.tokens
    for first in stride(from: 0, to: layers * tokens, by: 3) {
      let bits = generator.next()
      var drawn = Lanes(repeating: 1)
      for lane in 0..<RegressionPrompts.lanes where bits >> UInt64(lane) & 1 == 1 {
        drawn[lane] = -1
      }
      (signs[first], signs[first + 1], signs[first + 2]) = (drawn, Lanes(repeating: 1), drawn)
    }
  }

  // MARK: Measuring

  private static let conditions: [Condition] = [
    .icl, .zeroShot, .taskVector, .taskVectorOtherTask, .taskVectorRandom,
  ]

  /// Sums of one condition over a block of prompts.
  private struct Sums {
    var error = 0.0
    var found = 0.0
    var cross = 0.0
    var wanted = 0.0

    mutating func add(_ prediction: [Lanes], _ target: [Lanes], lanes: Int) {
      for (p, y) in zip(prediction, target) {
        for lane in 0..<lanes {
          error += (p[lane] - y[lane]) * (p[lane] - y[lane])
          found += p[lane] * p[lane]
          cross += p[lane] * y[lane]
          wanted += y[lane] * y[lane]
        }
      }
    }
  }

  func output() -> CellOutput {
    let weights = trained()
    var output = CellOutput()
    output.results = rows(weights.stack)
    output.vectors = weights.tensors.sorted { $0.key < $1.key }.map { name, tensor in
      RunVector(
        StoredTensor(name: "\(key)/\(name)", shape: tensor.shape, doubles: tensor.values),
        metadata: ["model": name, "shots": "\(shots)", "seed": "\(seed)"])
    }
    return output
  }

  private func rows(_ stack: LinearStack) -> [ResultRow] {
    let blocks = min(100, spec.testPrompts / RegressionPrompts.lanes)
    let table = NormalTable()
    var sums = Array(
      repeating: Array(repeating: Sums(), count: Self.conditions.count), count: blocks)
    var maps: [[(rank: Int, first: Double)]] = Array(repeating: [], count: blocks)
    for block in 0..<blocks {
      var generator = SeededGenerator(
        key: "linear-task-vectors/test/\(shots)/\(block)", seed: UInt64(seed))
      let range = spec.testPrompts * block / blocks..<spec.testPrompts * (block + 1) / blocks
      let pass = TaskVectorPass(triplets, stack)
      for first in stride(from: range.lowerBound, to: range.upperBound, by: RegressionPrompts.lanes)
      {
        let lanes = min(RegressionPrompts.lanes, range.upperBound - first)
        let (tasks, targets) = triplets.draw(into: pass.whole, table: table, &generator)
        sums[block][0].add(pass.inContext(), targets, lanes: lanes)
        let vector = pass.vector()
        // The vector is of a prompt with another query of the task.
        let query = (0..<spec.dimension).map { _ in gaussian(&generator) }
        let wanted = Triplets.product(tasks, query)
        let other = vector?.map { lane in
          Lanes((0..<RegressionPrompts.lanes).map { lane[($0 + 1) % RegressionPrompts.lanes] })
        }
        let drawn = vector.map { random(like: $0, &generator) }
        for (place, injected) in [nil, vector, other, drawn].enumerated() {
          sums[block][place + 1].add(
            pass.injected(injected, query: query), wanted, lanes: lanes)
        }
        guard let vector else { continue }
        maps[block] += pass.map(vector).prefix(lanes).compactMap { Self.spectrum($0) }
      }
    }
    return errors(sums) + spectra(maps)
  }

  private func gaussian(_ generator: inout SeededGenerator) -> Lanes {
    Lanes((0..<RegressionPrompts.lanes).map { _ in generator.normal() })
  }

  /// Gaussian, of the vector's norm.
  private func random(like vector: [Lanes], _ generator: inout SeededGenerator) -> [Lanes] {
    var drawn = vector.map { _ in gaussian(&generator) }
    func square(_ x: [Lanes]) -> Lanes { x.reduce(Lanes()) { $0 + $1 * $1 } }
    let factor = (square(vector) / square(drawn)).squareRoot()
    for index in drawn.indices { drawn[index] *= factor }
    return drawn
  }

  /// How many singular values exceed 1e-6 of the greatest, and its share of the squared norm; nil for a map of zeros.
  private static func spectrum(_ map: [[Double]]) -> (rank: Int, first: Double)? {
    let values = WeightUpdate.singular(map).map(\.value).sorted(by: >)
    let total = values.reduce(0) { $0 + $1 * $1 }
    guard total > 0 else { return nil }
    return (values.count { $0 > 1e-6 * values[0] }, values[0] * values[0] / total)
  }

  private func errors(_ sums: [[Sums]]) -> [ResultRow] {
    let d = Double(spec.dimension)
    var sample = ClusteredSample(clusters: sums.indices.map { "\($0)" })
    var statistics: [BootstrapStatistic] = []
    for place in Self.conditions.indices {
      func series(_ value: (Sums) -> Double) -> BootstrapStatistic {
        .mean(sample.add(sums.map { value($0[place]) / d }))
      }
      statistics += [
        series(\.error), series(\.found), series(\.cross), series(\.wanted),
      ]
    }
    // Blocks differ by one prompt in size at most; their means are of sums, so that they weigh as they should.
    let count = Double(spec.testPrompts) / Double(sums.count)
    let estimates = Bootstrap(key: "linear-task-vectors\u{0}\(key)", seed: UInt64(seed)).estimates(
      of: statistics.enumerated().compactMap { $0.offset % 4 == 0 ? $0.element : nil },
      over: sample)
    return Self.conditions.enumerated().flatMap { place, condition -> [ResultRow] in
      let total = sums.reduce(into: Sums()) {
        $0.error += $1[place].error
        $0.found += $1[place].found
        $0.cross += $1[place].cross
        $0.wanted += $1[place].wanted
      }
      let prompts = d * Double(spec.testPrompts)
      let rescaled =
        total.found > 0
        ? (total.wanted - total.cross * total.cross / total.found) / prompts
        : total.wanted / prompts
      let estimate = estimates[place]
      return [
        row(
          condition, .meanSquaredError,
          Estimate(
            value: total.error / prompts,
            interval: estimate.interval.map {
              Interval(low: $0.low / count, high: $0.high / count)
            }, count: spec.testPrompts)),
        row(
          condition, .meanSquaredErrorRescaled,
          Estimate(value: rescaled, interval: nil, count: spec.testPrompts)),
      ]
    }
  }

  private func spectra(_ maps: [[(rank: Int, first: Double)]]) -> [ResultRow] {
    let all = maps.enumerated().flatMap { block, own in own.map { (block, $0) } }
    guard !all.isEmpty else { return [] }
    let clusters = all.map { "\($0.0)" }
    func estimate(_ values: [Double]) -> Estimate {
      Bootstrap(key: "linear-task-vectors/map\u{0}\(key)", seed: UInt64(seed), resamples: 1000)
        .mean(values, clusters: clusters)
    }
    return [
      row(.taskVector, .injectedMapRank, estimate(all.map { Double($0.1.rank) })),
      row(.taskVector, .injectedMapFirst, estimate(all.map(\.1.first))),
    ]
  }

  /// What theory says of an error. Without y in the prompt the answer is 0; nothing reads a vector behind the only layer.
  private func closedForm(_ condition: Condition, _ metric: Metric) -> Double? {
    guard metric == .meanSquaredError || metric == .meanSquaredErrorRescaled else { return nil }
    return switch condition {
    case .zeroShot: triplets.errorOfNothing
    case .icl where metric == .meanSquaredError: nil
    default: layers == 1 ? triplets.errorOfNothing : nil
    }
  }

  private func row(_ condition: Condition, _ metric: Metric, _ estimate: Estimate) -> ResultRow {
    let isInjected = condition != .icl && condition != .zeroShot
    return ResultRow(
      model: name, attention: .linear, condition: condition, split: .test, shots: shots,
      hook: isInjected ? "hook_resid_post" : nil, layer: nil,
      position: isInjected ? "arrow" : nil, seed: seed, metric: metric, estimate: estimate,
      extra: [.integer(layers), .real(keep), .real(closedForm(condition, metric))])
  }
}
