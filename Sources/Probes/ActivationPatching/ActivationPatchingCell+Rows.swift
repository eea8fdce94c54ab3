// The rows of activation patching: both ends, every place, and how well one backward pass predicts them.

import HookPoints
import ICLTasks
import TensorCore

extension ActivationPatchingCell {
  private static let measures: [(metric: Metric, value: @Sendable (PatchReading) -> Double)] = [
    (.logitDifference, { $0.metric }), (.probability, { $0.probability }),
    (.targetRank, { $0.rank }), (.kullbackLeibler, { $0.divergence }),
  ]

  /// - Parameter withEnds: whether the prompts without edits have their rows too.
  mutating func addRows(_ outcomes: [Outcome], _ condition: Condition, withEnds: Bool) {
    // Every statistic of the cell comes from one set of resamples.
    var sample = ClusteredSample(clusters: outcomes.map(\.query))
    var rows: [(place: StudyCell.Place, metric: Metric, statistic: BootstrapStatistic)] = []
    func end(_ condition: Condition) -> StudyCell.Place { place(condition) }
    let (own, other): (Condition, Condition) =
      condition == .denoised ? (.corrupt, .clean) : (.clean, .corrupt)
    let ends: [(Condition, (Outcome) -> PatchReading)] = [(own, \.unedited), (other, \.donor)]
    for (condition, reading) in withEnds ? ends : [] {
      for (index, outcome) in outcomes.enumerated() {
        addSample(index, outcome, place(condition), reading(outcome), to: condition)
      }
      for measure in Self.measures where measure.metric != .kullbackLeibler {
        let series = sample.add(outcomes.map { measure.value(reading($0)) })
        rows.append((end(condition), measure.metric, .mean(series)))
      }
    }
    let distance = sample.add(outcomes.map { $0.donor.metric - $0.unedited.metric })
    let spots = Self.spots(outcomes)
    for spot in spots {
      let place = place(condition, spot)
      for measure in Self.measures {
        let series = sample.add(outcomes.map { $0.edited[spot].map(measure.value) })
        rows.append((place, measure.metric, .mean(series)))
      }
      for (index, outcome) in outcomes.enumerated() {
        if let reading = outcome.edited[spot] {
          addSample(index, outcome, place, reading, to: own, spot)
        }
      }
      let effect = sample.add(outcomes.map { $0.effect(spot) })
      rows.append((place, .indirectEffect, .mean(effect)))
      rows.append((place, .normalisedEffect, .ratio(effect, distance)))
      if outcomes.contains(where: { $0.attributed[spot] != nil }) {
        let series = sample.add(outcomes.map { $0.attributed[spot] })
        rows.append((place, .attributionEffect, .mean(series)))
      }
    }
    addAgreement(outcomes, spots, condition, &sample, &rows)
    let estimates = Bootstrap(
      key: "activation-patching\u{0}\(cell.model.name)\u{0}\(task)\u{0}\(condition.rawValue)",
      seed: cell.spec.seed
    ).estimates(of: rows.map(\.statistic), over: sample)
    for (row, estimate) in zip(rows, estimates) {
      cell.add(task, row.place, row.metric, estimate)
    }
    addTests(outcomes, spots, condition)
    addCorrelations(outcomes, spots, condition)
  }

  /// One pair at one place; the answer is what the clean prompt should be followed by, whichever prompt is edited.
  private mutating func addSample(
    _ index: Int, _ outcome: Outcome, _ place: StudyCell.Place, _ reading: PatchReading,
    to edited: Condition, _ spot: Spot? = nil
  ) {
    let (pair, tokenizer) = (outcome.pair, cell.model.encoder.tokenizer)
    cell.output.samples.append(
      SampleRow(
        model: cell.model.name, attention: cell.model.attention, task: task,
        condition: place.condition, split: place.split,
        shots: place.split == nil ? nil : cell.spec.shots, hook: place.hook, layer: place.layer,
        position: place.position, seed: Int(cell.spec.seed), example: index, query: pair.query,
        target: tokenizer.decode([pair.answer]), prediction: tokenizer.decode([reading.prediction]),
        correct: reading.prediction == pair.answer, targetRank: Int(reading.rank),
        targetLogProbability: reading.logProbability, logitDifference: reading.metric,
        promptSHA256: SHA256.digest(
          ofPrompt: edited == .clean ? pair.texts.clean : pair.texts.corrupt),
        extra: place.extra + [
          .optional(place.head), .real(spot.flatMap(outcome.effect)),
          .real(spot.flatMap { outcome.attributed[$0] }),
        ]))
  }

  /// Whether the pairs' effects at a place are other than 0. The positions of one hook in one direction are one family of
  /// tests, and so are its heads, and those of one path.
  private mutating func addTests(_ outcomes: [Outcome], _ spots: [Spot], _ condition: Condition) {
    let permutation = PairedPermutation(
      key: "activation-patching\u{0}\(cell.model.name)\u{0}\(task)\u{0}\(condition.rawValue)",
      seed: cell.spec.seed)
    var tests: [Spot: [(Metric, Double)]] = [:]
    let families = Dictionary(grouping: spots) {
      [$0.hook.point?.rawValue, $0.head.map { _ in "head" }, $0.receiver?.point?.rawValue]
    }
    for own in families.values {
      // A pair without the place says nothing of it: its sign changes no sum.
      let p = permutation.pValues(
        of: own.map { spot in outcomes.map { $0.effect(spot) ?? 0 } },
        clusters: outcomes.map(\.query))
      let holm = Statistics.holmAdjusted(p.each)
      let benjaminiHochberg = Statistics.benjaminiHochbergAdjusted(p.each)
      for (index, spot) in own.enumerated() {
        tests[spot] = [
          (.permutationP, p.each[index]), (.permutationPCorrected, p.corrected[index]),
          (.holmP, holm[index]), (.benjaminiHochbergP, benjaminiHochberg[index]),
        ]
      }
    }
    for spot in spots {
      let count = outcomes.count { $0.edited[spot] != nil }
      for (metric, p) in tests[spot] ?? [] {
        cell.add(
          task, place(condition, spot), metric, Estimate(value: p, interval: nil, count: count))
      }
    }
  }

  private func place(_ condition: Condition, _ spot: Spot? = nil) -> StudyCell.Place {
    var place = StudyCell.Place(condition: condition, split: spec.pairs.isEmpty ? .test : nil)
    place.hook = spot?.hook.point?.rawValue
    place.layer = spot?.hook.layer
    place.head = spot?.head
    place.position = spot?.position
    place.extra = [.optional(spot?.receiver?.description)]
    return place
  }

  /// All spots, hook by hook as the pairs have them.
  private static func spots(_ outcomes: [Outcome]) -> [Spot] {
    var order: [String: Int] = [:]
    for outcome in outcomes {
      for (name, _) in outcome.pair.places where order[name] == nil { order[name] = order.count }
    }
    let all = outcomes.reduce(into: Set<Spot>()) { $0.formUnion($1.edited.keys) }
    return all.sorted { left, right in
      func key(_ spot: Spot) -> (Int, HookName, HookName, Int, Int) {
        (
          spot.receiver == nil ? 0 : 1, spot.hook, spot.receiver ?? .embed, spot.head ?? -1,
          order[spot.position] ?? -1
        )
      }
      return key(left) < key(right)
    }
  }

  /// The hooks whose effects were predicted, without their layers, with their spots.
  private func predicted(_ outcomes: [Outcome], _ spots: [Spot]) -> [(BlockPoint, [Spot])] {
    BlockPoint.allCases.compactMap { point in
      let own = spots.filter { spot in
        spot.hook.point == point && outcomes.contains { $0.attributed[spot] != nil }
      }
      return own.isEmpty ? nil : (point, own)
    }
  }

  private func addAgreement(
    _ outcomes: [Outcome], _ spots: [Spot], _ condition: Condition, _ sample: inout ClusteredSample,
    _ rows: inout [(place: StudyCell.Place, metric: Metric, statistic: BootstrapStatistic)]
  ) {
    for (point, own) in predicted(outcomes, spots) {
      let errors = sample.add(
        outcomes.map { outcome in
          Statistics.mean(
            own.compactMap { spot in
              guard let predicted = outcome.attributed[spot], let edited = outcome.edited[spot]
              else { return nil }
              return abs(predicted - (edited.metric - outcome.unedited.metric))
            })
        })
      var place = place(condition)
      place.hook = point.rawValue
      rows.append((place, .attributionError, .mean(errors)))
    }
  }

  private mutating func addCorrelations(
    _ outcomes: [Outcome], _ spots: [Spot], _ condition: Condition
  ) {
    for (point, own) in predicted(outcomes, spots) {
      let both = outcomes.flatMap { outcome in
        own.compactMap { spot -> (Double, Double)? in
          guard let predicted = outcome.attributed[spot], let edited = outcome.edited[spot] else {
            return nil
          }
          return (predicted, edited.metric - outcome.unedited.metric)
        }
      }
      var place = place(condition)
      place.hook = point.rawValue
      cell.add(
        task, place, .attributionCorrelation,
        Estimate(
          value: Statistics.pearson(both.map(\.0), both.map(\.1)), interval: nil,
          count: outcomes.count))
    }
  }
}
