// LensCell: prompts are run once, their activations read at the places that are looked at, and decoded.

import CKernels
import HookPoints
import HookedModels
import ICLTasks
import TensorCore

struct LensCell {
  var cell: StudyCell
  private let spec: LensSpec
  private var model: Transformer<Float> { cell.model.model }

  init(_ model: ProbeModel, _ spec: LensSpec) {
    cell = StudyCell(model, spec.prompting)
    self.spec = spec
  }

  /// A prompt, the places that are looked at, and what should be predicted at each.
  struct Asked {
    let tokens: [Int]
    let query: String
    let places: [(name: String, position: Int, target: Int)]
    /// What should follow the prompt.
    let answer: Int
  }

  // MARK: What is looked at

  mutating func run(_ task: ReadyTask, others: [ReadyTask]) throws {
    let sets = task.dataset.demonstrationSets(.test, count: spec.prompting.testSets)
    let outputs = Set(task.answerable.answers.flatMap(\.acceptedTokens))
    for condition in [Condition.zeroShot, .icl] {
      let asked = try sets.map { try self.asked($0, task, inContext: condition == .icl) }
      try look(at: asked, condition, task: task.name, outputs: outputs)
    }
    try decode(
      try cell.thetas(sets, of: task), .taskVectorDecoded, of: task, sets, outputs: outputs)
    let source = otherTask(
      than: task.name, among: others.map(\.name), index: 0, seed: spec.prompting.seed)
    if let other = others.first(where: { $0.name == source }) {
      let own = other.dataset.demonstrationSets(.test, count: sets.count)
      try decode(
        try cell.thetas(own, of: other), .taskVectorOtherTaskDecoded, of: task, sets,
        outputs: outputs, source: source)
    }
  }

  private func asked(_ set: DemonstrationSet, _ task: ReadyTask, inContext: Bool) throws -> Asked {
    let (dataset, answers) = (task.dataset, task.answerable.answers)
    let prompt =
      try
      (inContext
      ? dataset.inContextPrompt(set, task.template) : dataset.zeroShotPrompt(set, task.template))
      .tokenized(by: cell.model.encoder)
    let answer = answers[set.query].token
    var targets: [String: Int] = [:]
    for (index, pair) in set.demonstrations.enumerated() {
      targets["arrow[\(index)]"] = answers[pair].token
    }
    let places = prompt.places.filter { place in
      place.name == "last" || spec.positions.contains(String(place.name.prefix { $0 != "[" }))
    }
    return Asked(
      tokens: prompt.tokens, query: dataset.task.pairs[set.query].input,
      places: places.map { ($0.name, $0.position, targets[$0.name] ?? answer) }, answer: answer)
  }

  /// The prompts that the file spells out; every position is looked at.
  func given() throws -> [Asked] {
    try spec.prompts.map { given in
      let tokens = try cell.model.encoder.promptTokens(given.text).map(\.id)
      let answer = try cell.model.encoder.firstToken(of: given.answer, after: given.text)
      return Asked(
        tokens: tokens, query: given.text,
        places: tokens.indices.map { ("\($0)", $0, answer) } + [("last", tokens.count - 1, answer)],
        answer: answer)
    }
  }

  // MARK: Looking

  /// Rows of every hook, layer, end and place: the right answer's rank, logit and probability.
  mutating func look(
    at asked: [Asked], _ condition: Condition, task: String?, outputs: Set<Int>
  ) throws {
    let hooks = spec.hooks.flatMap(model.hooks).sorted()
    let modules = spec.attribution ? self.modules : []
    var names: [String] = []
    for place in asked.flatMap(\.places) where !names.contains(place.name) {
      names.append(place.name)
    }
    var found: [HookName: [[Int: [Float]]]] = [:]
    for hook in hooks + modules { found[hook] = [] }
    for chunk in asked.chunked(tokens: 4096, count: \.tokens.count) {
      let reads = chunk.enumerated().flatMap { index, own in
        Set(own.places.map(\.position)).sorted().flatMap { position in
          hooks.map { Read(hook: .name($0), sequences: .index(index), positions: .index(position)) }
        } + modules.map { Read(hook: .name($0), sequences: .index(index), positions: .last) }
      }
      let result = try model.capture(
        chunk.map { BatchSequence(tokens: $0.tokens) }, plan: HookPlan(reads: reads))
      cell.output.notes.add(result.fireCounts)
      for hook in Set(hooks + modules) {
        var own = [[Int: [Float]]](repeating: [:], count: chunk.count)
        for address in try result.cache.addresses(hook) {
          own[address.sequence][address.position ?? 0] = try result.cache.value(hook, address)
        }
        found[hook]? += own
      }
    }
    var rows: [StudyCell.MeanRow] = []
    for end in spec.ends {
      for hook in hooks {
        let values = found[hook] ?? []
        for name in names {
          // A prompt without this place has no value.
          let places = asked.map { own in own.places.first { $0.name == name } }
          let present = asked.indices.filter { places[$0] != nil }
          let read = try readings(
            present.compactMap { index in
              places[index].flatMap { place in
                values[index][place.position].map { ($0, place.target) }
              }
            }, end)
          for measure in Reading.measures {
            var series = [Double?](repeating: nil, count: asked.count)
            for (index, reading) in zip(present, read) { series[index] = measure.value(reading) }
            rows.append(
              StudyCell.MeanRow(place(condition, hook, end, name), measure.metric, series))
          }
        }
        let last = asked.indices.compactMap { values[$0][asked[$0].tokens.count - 1] }
        rows += try decode(
          last, condition, hook, end, task: task, outputs: outputs, source: nil)
      }
    }
    if spec.attribution { rows += try attributed(asked, found, condition) }
    cell.addMeans(task, rows, queries: asked.map(\.query), key: condition.rawValue)
  }

  /// θ of each set, by layer, decoded.
  private mutating func decode(
    _ vectors: [[[Float]]], _ condition: Condition, of task: ReadyTask, _ sets: [DemonstrationSet],
    outputs: Set<Int>, source: String? = nil
  ) throws {
    var rows: [StudyCell.MeanRow] = []
    for end in spec.ends {
      for layer in 0..<cell.layers {
        rows += try decode(
          vectors.map { $0[layer] }, condition, .block(layer, .residPost), end, task: task.name,
          outputs: outputs, source: source)
      }
    }
    cell.addMeans(
      task.name, rows, queries: sets.map { task.dataset.task.pairs[$0.query].input },
      key: condition.rawValue)
  }

  /// Lists the first tokens of the activations' mean, and says how many of the first of each are outputs of the task.
  private mutating func decode(
    _ vectors: [[Float]], _ condition: Condition, _ hook: HookName, _ end: LensSpec.End,
    task: String?, outputs: Set<Int>, source: String?
  ) throws -> [StudyCell.MeanRow] {
    let mean = ActivationVector<Residual>(meanOf: vectors.map { ActivationVector($0) }).values
    let logits = try lens([mean], end).row(0)
    let probabilities = PatchReading.logProbabilities(logits)
    for (rank, token, text) in listed(logits) {
      cell.output.tokens.append(
        TokenRow(
          model: cell.model.name, task: task, hook: hook.point?.rawValue, layer: hook.layer,
          rank: rank, tokenID: token, token: text, logit: Double(logits[token]),
          probability: ck_exp(probabilities[token]),
          extra: [
            .text(condition.rawValue), .text(end.rawValue), .integer(vectors.count),
          ]))
    }
    guard !outputs.isEmpty else { return [] }
    let each = try lens(vectors, end)
    let shares = vectors.indices.map { index -> Double? in
      let first = Self.first(spec.top, of: each.row(index))
      return Double(first.count { outputs.contains($0) }) / Double(first.count)
    }
    var place = place(condition, hook, end, "last")
    place.source = source
    return [StudyCell.MeanRow(place, .taskOutputShare, shares)]
  }

  /// The tokens that are listed of one activation.
  private func listed(_ logits: [Float]) -> [(rank: Int, token: Int, text: String)] {
    let tokenizer = cell.model.encoder.tokenizer
    let ranked = Self.first(spec.wordsOnly ? 100 : spec.top, of: logits).enumerated().map {
      (rank: $0.offset, token: $0.element, text: tokenizer.decode([$0.element]))
    }
    guard spec.wordsOnly else { return ranked }
    var seen: Set<String> = []
    return Array(
      ranked.filter { _, _, text in
        let word = text.trimmingPrefix(while: { $0 == " " })
        return !word.isEmpty
          && word.utf8.allSatisfy {
            UInt8(ascii: "a") <= $0 | 0x20 && $0 | 0x20 <= UInt8(ascii: "z")
          }
          && seen.insert(word.lowercased()).inserted
      }.prefix(spec.top))
  }

  /// The tokens of the greatest logits; of equal ones the first comes first.
  private static func first(_ count: Int, of logits: [Float]) -> [Int] {
    Array(logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }.prefix(count))
  }

  private func lens(_ rows: [[Float]], _ end: LensSpec.End) throws -> Tensor<Float> {
    let width = model.architecture.modelWidth
    return try model.lens(
      Tensor(shape: [rows.count, width], values: rows.flatMap { $0 }), normed: end == .final)
  }

  private struct Reading {
    let rank, logit, probability: Double

    static let measures: [(metric: Metric, value: @Sendable (Reading) -> Double)] = [
      (.targetRank, { $0.rank }), (.targetLogit, { $0.logit }), (.probability, { $0.probability }),
    ]
  }

  private func readings(_ rows: [(values: [Float], target: Int)], _ end: LensSpec.End) throws
    -> [Reading]
  {
    let logits = try lens(rows.map(\.values), end)
    let observed = Operations<Float>(model.context).observations(
      logits, targets: rows.map(\.target))
    return observed.enumerated().map { index, observation in
      Reading(
        rank: Double(observation.targetRank), logit: Double(logits.row(index)[rows[index].target]),
        probability: ck_exp(observation.targetLogProbability))
    }
  }

  private func place(
    _ condition: Condition, _ hook: HookName, _ end: LensSpec.End, _ position: String,
    head: Int? = nil
  ) -> StudyCell.Place {
    var place = StudyCell.Place(condition: condition, split: condition == .given ? nil : .test)
    (place.hook, place.layer, place.head) = (hook.point?.rawValue, hook.layer, head)
    place.position = position
    if condition == .zeroShot { place.shots = 0 }
    place.extra = [.text(end.rawValue)]
    return place
  }

  // MARK: Direct attribution

  /// What must be read to say what each module, and each head, adds to a logit.
  private var modules: [HookName] {
    var points: [BlockPoint] = [.attnOut, .mlpOut]
    if spec.heads { points += [.z, .ln1PostScale] }
    let all = points.flatMap(model.hooks)
    return all + (model.catalog.contains(.finalScale) ? [.finalScale] : [])
  }

  /// The share of each module and head in the right answer's logit above the mean logit, before a cap, the divisors of
  /// the norms on the way held.
  private func attributed(
    _ asked: [Asked], _ found: [HookName: [[Int: [Float]]]], _ condition: Condition
  ) throws -> [StudyCell.MeanRow] {
    func value(_ hook: HookName, _ index: Int) -> [Float]? {
      found[hook]?[index][asked[index].tokens.count - 1]
    }
    func divisor(_ hook: HookName, _ index: Int) -> Double {
      value(hook, index).map { Double($0[0]) } ?? 1
    }
    let targets = Set(asked.map(\.answer)).sorted()
    let behind = model.unembeddingDirections(of: targets)
    var directionOf: [Int: [Double]] = [:]
    for (token, direction) in zip(targets, behind) {
      directionOf[token] = model.direction(direction, beforeNormOfAttentionIn: nil)
    }
    func pushed(_ index: Int, _ values: [Float], _ direction: [Double]) -> Double {
      Statistics.dot(values.map { Double($0) }, direction) / divisor(.finalScale, index)
    }
    var rows: [StudyCell.MeanRow] = []
    for hook in [BlockPoint.attnOut, .mlpOut].flatMap(model.hooks).sorted() {
      let series = asked.indices.map { index -> Double? in
        guard let values = value(hook, index), let direction = directionOf[asked[index].answer]
        else { return nil }
        return pushed(index, values, direction)
      }
      rows.append(StudyCell.MeanRow(place(condition, hook, .final, "last"), .directLogit, series))
    }
    guard spec.heads else { return rows }
    for layer in 0..<cell.layers {
      let scale = HookName.block(layer, .ln1PostScale)
      var series = [[Double?]](
        repeating: [], count: model.architecture.attentionShape(layer).heads)
      for index in asked.indices {
        guard let z = value(.block(layer, .z), index),
          let direction = directionOf[asked[index].answer]
        else { continue }
        let before = model.direction(direction, beforeNormOfAttentionIn: layer)
        let writes = model.headWrites(z, layer: layer)
        for head in series.indices {
          series[head].append(pushed(index, writes.row(head), before) / divisor(scale, index))
        }
      }
      for (head, values) in series.enumerated() {
        rows.append(
          StudyCell.MeanRow(
            place(condition, .block(layer, .result), .final, "last", head: head), .directLogit,
            values))
      }
    }
    return rows
  }
}
