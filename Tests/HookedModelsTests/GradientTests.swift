// Gradients of whole models in f64 against central finite differences of the run without a tape: every parameter and
// every hook point, for every kind of model, over ragged batches, prefixes, joins and edits.

import HookPoints
import HookedModels
import TensorCore
import TestSupport
import Testing

/// A loss of a model on a batch under a plan.
struct LossCase {
  var batch: [BatchSequence<Double>]
  var plan = HookPlan.empty
  var targets: [Target]

  /// Three ragged sequences; targets of unequal weight, two of them at one place, none in the second sequence.
  init(_ model: Transformer<Double>, lengths: [Int] = [4, 2, 5]) {
    batch = model.batch(lengths)
    targets = [(0, 3, 5, 1.0), (0, 1, 9, 0.5), (2, 4, 1, -0.7), (2, 4, 30, 0.4), (2, 0, 2, 0.3)].map
    {
      Target(at: BatchPosition(sequence: $0, position: $1), token: $2, weight: $3)
    }
  }

  /// The loss by a run without a tape.
  func value(_ model: Transformer<Double>, adding edits: [Intervention] = []) throws -> Double {
    var plan = plan
    plan.interventions += edits
    let result = try model.run(batch, plan: plan, logitsAt: .at(targets.map(\.place)))
    let logs = Operations<Double>(model.context).logProbabilities(
      result.logits, targets: targets.map { Int32($0.token) })
    return -zip(logs, targets).reduce(0) { $0 + $1.0 * $1.1.weight }
  }

  /// Points of the central difference of fourth order, in steps, and their weights: models with a norm of each head
  /// bend too much for the one of second order.
  static let points: [(step: Double, weight: Double)] = [
    (1e-5, 8.0 / 12), (-1e-5, -8.0 / 12), (2e-5, -1.0 / 12), (-2e-5, 1.0 / 12),
  ]
  static let step = 1e-5

  /// Checks the gradient of every parameter along a random direction of its own.
  func checkParameters(_ model: Transformer<Double>, _ what: String) throws {
    let found = try model.gradients(batch, plan: plan, targets: targets, parameters: { _ in true })
    #expect(abs(found.loss - (try value(model))) < 1e-13, "\(what)")
    var sum = 0.0
    for parameter in model.parameters {
      let gradient = try #require(found.parameters[parameter.name])
      #expect(gradient.shape == parameter.shape)
      let direction = Self.direction(parameter.count, key: parameter.name)
      let slope = zip(gradient.values, direction).reduce(0) { $0 + $1.0 * Double($1.1) }
      let losses = try Self.points.map { step, _ in
        let moved = zip(parameter.tensor().values, direction).map { $0 + step * Double($1) }
        return try value(
          model.replacing([parameter.name: Tensor(shape: parameter.shape, values: moved)]))
      }
      expect(slope, losses, "\(parameter.name) of \(what)")
      sum += abs(slope)
    }
    #expect(sum > 0.1, "the gradients of \(what) vanish")
  }

  /// Checks the gradient at hook points along random directions over all their rows; edits of the plan come first.
  func checkHooks(_ model: Transformer<Double>, _ hooks: [HookName], _ what: String) throws {
    let found = try model.gradients(
      batch, plan: plan, targets: targets, parameters: { _ in false }, hooks: hooks)
    #expect(found.parameters.isEmpty && found.hooks.count == hooks.count)
    let rows = batch.reduce(0) { $0 + $1.count }
    for hook in hooks {
      let gradient = try #require(found.hooks[hook])
      let entry = try model.catalog.entry(hook)
      #expect(gradient.shape == [rows] + entry.widths, "\(hook)")
      // Rows that exist at the hook; the gradient of the others is zero.
      let isFinal = [.finalScale, .finalNormalized].contains(hook)
      let layer = hook.layer ?? (isFinal ? model.architecture.layers : 0)
      var existing: [Int] = []
      var row = 0
      for sequence in batch {
        if sequence.shape.firstLayer <= layer {
          existing += row..<row + sequence.count
        }
        row += sequence.count
      }
      let direction = Self.direction(existing.count * entry.width, key: "\(hook)")
      let values = existing.indices.map {
        Array(direction[$0 * entry.width..<($0 + 1) * entry.width])
      }
      var slope = 0.0
      for (own, row) in existing.enumerated() {
        for column in 0..<entry.width {
          slope += gradient.values[row * entry.width + column] * Double(values[own][column])
        }
      }
      let missing = Set(0..<rows).subtracting(existing)
      for row in missing {
        #expect(gradient.rows(row..<row + 1).values.allSatisfy { $0 == 0 }, "\(hook)")
      }
      let losses = try Self.points.map { step, _ in
        try value(
          model,
          adding: [
            Intervention(
              hook: .name(hook), positions: .all,
              action: .add(HookValues(rows: values), scaled: step))
          ])
      }
      expect(slope, losses, "\(hook) of \(what)")
    }
  }

  /// One direction for every parameter at once.
  func checkTogether(_ model: Transformer<Double>, _ what: String) throws {
    let found = try model.gradients(batch, plan: plan, targets: targets, parameters: { _ in true })
    var slope = 0.0
    var moved: [[String: Tensor<Double>]] = Self.points.map { _ in [:] }
    for parameter in model.parameters {
      let direction = Self.direction(parameter.count, key: parameter.name)
      let gradient = try #require(found.parameters[parameter.name])
      slope += zip(gradient.values, direction).reduce(0) { $0 + $1.0 * Double($1.1) }
      for (index, (step, _)) in Self.points.enumerated() {
        moved[index][parameter.name] = Tensor(
          shape: parameter.shape,
          values: zip(parameter.tensor().values, direction).map { $0 + step * Double($1) })
      }
    }
    expect(slope, try moved.map { try value(model.replacing($0)) }, what)
  }

  private func expect(_ slope: Double, _ losses: [Double], _ what: String) {
    let expected = zip(losses, Self.points).reduce(0) { $0 + $1.0 * $1.1.weight } / Self.step
    let difference = abs(slope - expected) / max(1, abs(expected))
    #expect(
      difference <= Tolerance.finiteDifference,
      "\(what): \(slope), by differences \(expected)")
  }

  private static func direction(_ count: Int, key: String) -> [Float] {
    var generator = SeededGenerator(key: key, seed: 11)
    return (0..<count).map { _ in Float(generator.normal()) }
  }
}

@Suite struct GradientTests {
  static func differentiable(_ model: Transformer<Double>) -> [HookName] {
    model.catalog.entries.filter {
      $0.rowKind == .token && ![.ssmWrite, .ssmState].contains($0.name.point)
    }.map(\.name)
  }

  @Test(arguments: SmallModel.allCases) func everyParameter(_ kind: SmallModel) throws {
    let model: Transformer<Double> = kind.model()
    try LossCase(model).checkParameters(model, "\(kind)")
  }

  @Test(arguments: SmallModel.allCases) func everyHookPoint(_ kind: SmallModel) throws {
    let model: Transformer<Double> = kind.model()
    try LossCase(model).checkHooks(model, Self.differentiable(model), "\(kind)")
  }

  /// The loss that trains task vectors: rows of some sequences become means of rows of others.
  @Test(arguments: SmallModel.allCases) func meansOverOtherSequences(_ kind: SmallModel) throws {
    let model: Transformer<Double> = kind.model()
    var loss = LossCase(model)
    let layer = model.architecture.layers / 2
    loss.plan.interventions = [
      .mean(
        .residPost(layer), of: RowSelector(sequences: .indices([1, 2]), positions: .index(1)),
        at: .last, in: .index(0)),
      .mean(
        .residPost(layer), of: RowSelector(sequences: .index(0), positions: .index(2)), at: .last,
        in: .index(2)),
    ]
    try loss.checkParameters(model, "means in \(kind)")
    try loss.checkHooks(
      model,
      [.embed, .block(layer, .residPre), .block(layer, .residPost), .finalNormalized].filter {
        model.catalog.contains($0)
      }, "means in \(kind)")
  }

  /// What comes after prefixes, and rows that join later, beside whole sequences.
  @Test(arguments: SmallModel.causal) func prefixesAreConstants(_ kind: SmallModel) throws {
    let model: Transformer<Double> = kind.model()
    var loss = LossCase(model)
    let prefix = try model.prefix([3, 1, 4], after: model.prefix([1, 5]))
    loss.batch[0] = BatchSequence(tokens: model.tokens(4, seed: 100), after: prefix)
    loss.targets = loss.targets.map { target in
      let place = target.place
      return Target(
        at: BatchPosition(
          sequence: place.sequence, position: place.position + (place.sequence == 0 ? 5 : 0)),
        token: target.token, weight: target.weight)
    }
    let rows = try model.run(model.batch([5]), stopAt: 1).stream
    loss.batch[2] = BatchSequence(.residual(rows, layer: model.architecture.layers == 1 ? 0 : 1))
    try loss.checkParameters(model, "prefixes in \(kind)")
    try loss.checkHooks(model, Self.differentiable(model), "prefixes in \(kind)")
  }

  /// Gradients flow through what an edit leaves, at every hook point that can be edited with a tape.
  @Test(arguments: SmallModel.allCases) func editsAtEveryHookPoint(_ kind: SmallModel) throws {
    let model: Transformer<Double> = kind.model()
    let differentiable = Set(Self.differentiable(model))
    for entry in model.catalog.entries {
      let isScore = entry.rowKind == .query
      let isSoftmax = entry.name.layer.map { model.architecture.attention[$0].name } == "softmax"
      guard differentiable.contains(entry.name) || isScore && isSoftmax else { continue }
      var loss = LossCase(model, lengths: [4, 4, 5])
      func edit(_ position: Int, _ action: InterventionAction, heads: HeadSelector = .all) {
        loss.plan.interventions.append(
          Intervention(
            hook: .name(entry.name), sequences: .indices([0, 1]), positions: .index(position),
            heads: heads, action: action))
      }
      edit(1, .scale(0.7))
      edit(3, .mean(of: RowSelector(sequences: .index(0), positions: .index(2))))
      if !isScore {
        let width = entry.width
        edit(2, .replace(HookValues((0..<width).map { 1.5 + 0.25 * Float($0 % 5) })))
        edit(0, .add(HookValues(Array(repeating: 0.5, count: width)), scaled: 0.5))
      }
      if entry.heads ?? 1 > 1 { edit(1, .scale(1.5), heads: .index(0)) }
      try loss.checkTogether(model, "edits at \(entry.name) of \(kind)")
      if !isScore { try loss.checkHooks(model, [entry.name], "edits in \(kind)") }
    }
  }

  @Test(arguments: [SmallModel.gpt2, .groupedQuery, .linearDecay, .linearNormalised])
  func threadsAndInstructionSetsChangeNoBit(_ kind: SmallModel) throws {
    let model = BatchLawTests.wide(kind)
    let batch = model.batch([40, 3, 21])
    let targets = [(0, 39), (0, 20), (1, 2), (2, 13), (2, 20)].map {
      Target(
        at: BatchPosition(sequence: $0, position: $1), token: 17 * ($0 + $1) % 411, weight: 0.2)
    }
    let hooks: [HookName] = [.embed, .block(1, .q), .block(1, .z), .block(2, .mlpPost)]
    func gradients(_ context: ComputeContext) throws -> [(name: String, values: Tensor<Float>)] {
      let found = try model.on(context).gradients(
        batch, targets: targets, parameters: { _ in true }, hooks: hooks)
      return model.parameters.compactMap { parameter in
        found.parameters[parameter.name].map { (parameter.name, $0) }
      } + hooks.compactMap { hook in found.hooks[hook].map { ("\(hook)", $0) } }
    }
    let expected = try gradients(ComputeContext(threads: 1))
    #expect(expected.count == model.parameters.count + hooks.count)
    var contexts = [ComputeContext(threads: 2), ComputeContext(threads: 3)]
    for set in InstructionSet.allCases where set.isAvailable && set != .best {
      contexts.append(ComputeContext(threads: 2, instructionSet: set))
    }
    for context in contexts {
      #expect(
        bitDifferences(try gradients(context), expected) == [],
        "\(context.instructionSet), \(context.threads) threads")
    }
  }

  /// The tape's forward pass is the run's.
  @Test(arguments: SmallModel.allCases) func aTapeChangesNoBitOfTheLoss(_ kind: SmallModel) throws {
    let model = kind.float
    let batch = model.batch([5, 3])
    let places = (0..<5).map { BatchPosition(sequence: 0, position: $0) }
    let logits = try model.run(batch, logitsAt: .at(places)).logits
    let expected = Operations<Float>(model.context).logProbabilities(
      logits, targets: [1, 2, 3, 4, 5])
    let found = try model.gradients(
      batch, plan: model.readingEverything(),
      targets: places.enumerated().map { Target(at: $1, token: $0 + 1, weight: 1) },
      parameters: { _ in true })
    #expect(found.logProbabilities == expected)
  }
}
