// ICLFineTuningCell: one model on one data set with one seed of demonstrations: rates chosen, models fine-tuned, arms
// compared. Its rows are in ICLFineTuningRows.

import CKernels
import HookPoints
import HookedModels
import TensorCore

struct ICLFineTuningCell {
  let model: ProbeModel
  let data: TokenizedData
  /// The data set whose demonstrations are the control of another task.
  let other: TokenizedData?
  let spec: ICLFineTuningSpec
  let key: String
  private(set) var fires = FireCounts()

  init(
    model: ProbeModel, data: TokenizedData, other: TokenizedData?, spec: ICLFineTuningSpec,
    key: String
  ) {
    self.model = model
    self.data = data
    self.other = other
    self.spec = spec
    self.key = key
  }

  /// What came out of a cell.
  struct Result {
    let seed: UInt64
    let shown: [TokenizedData.Example]
    let examples: [TokenizedData.Example]
    /// In the order of the rows.
    let arms: [(arm: Arm, outcomes: [Outcome])]
  }

  private var limit: Int? {
    [spec.maximumTokens, model.model.architecture.maximumPositions].compactMap { $0 }.min()
  }

  /// The test examples that are asked.
  private var asked: [TokenizedData.Example] {
    var generator = SeededGenerator(key: "asked\u{0}\(data.name)", seed: spec.splitSeed)
    return Array(generator.shuffled(data.test).prefix(spec.testExamples))
  }

  private func draw(_ seed: UInt64, _ examples: [TokenizedData.Example]) -> TokenizedData.Draw {
    data.draw(seed: seed, shots: spec.shots, limit: limit, asking: examples)
  }

  /// - Throws: `RunError.invalidInput` where some seed's demonstrations do not fit the context, or leave none to choose on.
  func verify(seeds: [UInt64]) throws {
    let examples = asked
    for seed in seeds {
      let drawn = draw(seed, examples)
      guard !drawn.shown.isEmpty else { throw nothingFits(drawn) }
      if seeds.count > 1 { _ = try chosenOn(spec.seedSelection, drawn, examples) }
      if spec.rates.count > 1 { _ = try chosenOn(spec.rateSelection, drawn, examples) }
    }
  }

  /// - Parameter seeds: one, or those that the seed is chosen from; verified.
  mutating func run(seeds: [UInt64]) throws -> Result {
    let examples = asked
    let seed = try chosenSeed(seeds, examples)
    let drawn = draw(seed, examples)
    let (base, shown) = (model.model, drawn.demonstrations)
    var tuned: [(arm: Arm, result: FineTuned)] = []
    for method in spec.methods {
      let arm = Arm(
        condition: .fineTuned, method: method, rate: try chosenRate(method, drawn, examples),
        selection: spec.rateSelection)
      tuned.append((arm, try fineTuned(base, shown, arm)))
    }
    let main = tuned[0].arm
    if spec.controls.contains(.shuffledLabels) {
      let (arm, shuffled) = (
        main.with(.fineTunedShuffledLabels), data.shuffledLabels(drawn, seed: seed)
      )
      tuned.append((arm, try fineTuned(base, shuffled, arm, records: false)))
    }
    if spec.controls.contains(.otherTask), let other {
      let foreign = other.draw(seed: seed, shots: drawn.shown.count, limit: limit, asking: [])
      let arm = main.with(.fineTunedOtherTask)
      tuned.append((arm, try fineTuned(base, foreign.demonstrations, arm, records: false)))
    }
    for rate in spec.curve {
      let arm = Arm(
        condition: .fineTuned, method: main.method, rate: rate, selection: .curve)
      tuned.append((arm, try fineTuned(base, shown, arm)))
    }
    var found = try ComparisonRun(
      base: base, demonstrations: shown, tuned: tuned, spec: spec, key: key, seed: seed,
      hasControls: true
    ).outcomes(examples, fires: &fires)
    var order = [Arm.zeroShot, .icl] + tuned.map(\.arm)
    for condition in [
      Condition.iclOtherOrder, .updateUniform, .updateGaussian, .updateOtherExample,
    ] {
      order.append(Arm(condition: condition))
    }
    for (control, condition) in [
      (ICLFineTuningSpec.Control.untrained, Condition.untrained),
      (.untrainedEmbeddings, .untrainedEmbeddings),
    ] where spec.controls.contains(control) {
      let arm = main.with(condition)
      let random = untrained(keepsEmbeddings: control == .untrainedEmbeddings)
      let run = ComparisonRun(
        base: random, demonstrations: shown,
        tuned: [(arm: arm, result: try fineTuned(random, shown, arm))], spec: spec, key: key,
        seed: seed, hasControls: false)
      found[arm] = try run.outcomes(examples, fires: &fires)[arm]
      order.append(arm)
    }
    let ordered = tuned.map(\.arm).filter { $0.condition == .fineTuned }
    try addOrderSensitivity(to: &found, ordered, shown, examples, seed: seed)
    return Result(
      seed: seed, shown: drawn.shown, examples: examples,
      arms: order.compactMap { arm in found[arm].map { (arm, $0) } })
  }

  /// What to set where the context is too short for one demonstration and the longest query.
  private func nothingFits(_ drawn: TokenizedData.Draw) -> RunError {
    let item = (drawn.next?.item.count ?? 0) + data.separator.count
    let (limit, positions) = (limit ?? .max, model.model.architecture.maximumPositions ?? .max)
    let room = limit - data.beginning.count - item
    let isModel = limit == positions
    var advice = isModel ? [] : ["raise max_tokens"]
    if room > 0 {
      advice.append("set max_query_tokens to \(room) or less to leave long queries out")
    }
    if advice.isEmpty { advice.append("take a model with more positions, or shorter texts") }
    return RunError.invalidInput(
      subject: "data set \(data.name)",
      fact: "the longest query and answer have \(drawn.longest) tokens and the first demonstration "
        + "\(item), which is too much for the \(limit) "
        + (isModel ? "positions of \(model.name)" : "of max_tokens") + "; "
        + advice.joined(separator: ", or "))
  }

  // MARK: Choices

  private mutating func chosenSeed(_ seeds: [UInt64], _ examples: [TokenizedData.Example]) throws
    -> UInt64
  {
    guard spec.seedSelection != .fixed, seeds.count > 1 else { return seeds[0] }
    var best: (seed: UInt64, right: Int)?
    for seed in seeds {
      let drawn = draw(seed, examples)
      let right = try rightAnswers(
        model.model, drawn.demonstrations.context, beginning: data.beginning.count,
        try chosenOn(spec.seedSelection, drawn, examples))
      if best.map({ right > $0.right }) ?? true { best = (seed, right) }
    }
    return best?.seed ?? seeds[0]
  }

  /// The first of the rates with the most right answers.
  private mutating func chosenRate(
    _ method: FineTuning.Method, _ drawn: TokenizedData.Draw, _ examples: [TokenizedData.Example]
  ) throws -> Double {
    guard spec.rateSelection != .fixed, spec.rates.count > 1 else { return spec.rates[0] }
    let judged = try chosenOn(spec.rateSelection, drawn, examples)
    var best: (rate: Double, right: Int)?
    for rate in spec.rates {
      let tuned = try fineTuned(
        model.model, drawn.demonstrations,
        Arm(condition: .fineTuned, method: method, rate: rate), records: false)
      let right = try rightAnswers(
        tuned.model, data.beginning, beginning: data.beginning.count, judged)
      if best.map({ right > $0.right }) ?? true { best = (rate, right) }
    }
    return best?.rate ?? spec.rates[0]
  }

  private func chosenOn(
    _ selection: ICLFineTuningSpec.Selection, _ drawn: TokenizedData.Draw,
    _ examples: [TokenizedData.Example]
  ) throws -> [TokenizedData.Example] {
    guard selection == .heldOut else { return examples }
    guard !drawn.others.isEmpty else {
      throw RunError.invalidInput(
        subject: "data set \(data.name)",
        fact:
          "all \(data.train.count) training examples are shown or longer than the queries, so there "
          + "is none to choose on; lower shots, or set the selection to 'fixed' or 'validation'")
    }
    return Array(drawn.others.prefix(spec.developmentExamples))
  }

  private mutating func rightAnswers(
    _ model: Transformer<Float>, _ context: [Int], beginning: Int,
    _ examples: [TokenizedData.Example]
  ) throws -> Int {
    let before = try model.queryContext(context, reading: .answers, fires: &fires)
    var right = 0
    for chunk in examples.chunked(
      tokens: model.tokens(atMost: 2048), count: { $0.question.tokens.count })
    {
      let runs = try model.queryRuns(
        chunk.map(\.question), after: before, beginning: beginning, reading: .answers,
        fires: &fires)
      right += zip(runs, chunk).count { $1.right.contains($0.prediction) }
    }
    return right
  }

  private mutating func fineTuned(
    _ model: Transformer<Float>, _ shown: Demonstrations, _ arm: Arm, records: Bool = true
  ) throws -> FineTuned {
    guard let method = arm.method, let rate = arm.rate else {
      preconditionFailure("\(arm.condition) fine-tunes nothing")
    }
    return try model.fineTuned(
      on: shown,
      by: FineTuning(method: method, loss: spec.loss, rate: rate, epochs: spec.epochs),
      recording: records && spec.attentionExamples > 0, fires: &fires)
  }

  /// Weights drawn anew; perhaps all but embeddings, unembedding and norms.
  ///
  /// - Source: Deutch et al. 2024, arXiv:2311.07772, §4.
  private func untrained(keepsEmbeddings: Bool) -> Transformer<Float> {
    let random = model.untrained(seed: spec.splitSeed)
    guard keepsEmbeddings else { return random }
    var kept: [String: Tensor<Float>] = [:]
    for parameter in model.model.parameters
    where parameter.name.hasPrefix("embed") || parameter.name.contains("norm")
      || parameter.name.hasPrefix("lm_head")
    {
      kept[parameter.name] = parameter.tensor()
    }
    return random.replacing(kept)
  }

  // MARK: Orders

  /// How the next token's distribution varies over orders of the demonstrations, in context and in each fine-tuned arm.
  private mutating func addOrderSensitivity(
    to found: inout [Arm: [Outcome]], _ arms: [Arm], _ shown: Demonstrations,
    _ examples: [TokenizedData.Example], seed: UInt64
  ) throws {
    guard spec.orders > 1, shown.items.count > 1 else { return }
    let asked = Array(examples.prefix(spec.orderExamples))
    var generator = SeededGenerator(key: "orders\u{0}\(key)", seed: seed)
    let empty = OrderSensitivity(vocabulary: model.model.architecture.vocabulary)
    var inContext = asked.map { _ in empty }
    var tuned = arms.map { _ in inContext }
    for _ in 0..<spec.orders {
      let other = shown.reordered(generator.permutation(shown.items.count))
      try addDistributions(model.model, other.context, asked, to: &inContext)
      for (place, arm) in arms.enumerated() {
        let trained = try fineTuned(model.model, other, arm, records: false)
        try addDistributions(trained.model, other.beginning, asked, to: &tuned[place])
      }
    }
    for (arm, values) in [(Arm.icl, inContext)] + zip(arms, tuned) {
      for (index, value) in values.enumerated() {
        found[arm]?[index].whole[.orderSensitivity] = value.value
      }
    }
  }

  private mutating func addDistributions(
    _ model: Transformer<Float>, _ context: [Int], _ asked: [TokenizedData.Example],
    to sums: inout [OrderSensitivity]
  ) throws {
    let before = try model.queryContext(context, reading: .answers, fires: &fires)
    var place = 0
    for chunk in asked.chunked(
      tokens: model.tokens(atMost: 1024), count: { $0.question.tokens.count })
    {
      let result = try model.run(
        chunk.map { BatchSequence<Float>(tokens: $0.question.tokens, after: before.prefix) })
      for row in chunk.indices {
        let logits = result.logits.row(row)
        let greatest = Double(logits.max() ?? 0)
        let powers = logits.map { ck_exp(Double($0) - greatest) }
        let total = powers.reduce(0, +)
        sums[place].add(powers.map { $0 / total })
        place += 1
      }
    }
  }
}
