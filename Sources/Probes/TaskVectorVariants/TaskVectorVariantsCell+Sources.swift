// Where the vectors come from: residuals of the demonstrations, and the states of linear attention.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

extension TaskVectorVariantsCell {
  mutating func sources(_ sets: [DemonstrationSet]) throws -> Sources {
    let prompts = try sets.map {
      try task.dataset.dummyPrompts($0, task.template)[0].tokenized(by: cell.model.encoder)
    }
    let factor = spec.momentum
    var (average, momentum): ([[[Float]]], [[[Float]]]) = ([], [])
    for prompt in prompts {
      let arrows = (prompt.roles["arrow"] ?? []) + [prompt.tokens.count - 1]
      let own = try residuals([prompt]) { rows -> [Float] in Self.mean(arrows.map { rows[$0] }) }
      average += own
      momentum += try residuals([prompt]) { rows -> [Float] in
        Self.momentum(arrows.map { rows[$0] }, factor: factor)
      }
    }
    return Sources(
      sets: sets, theta: try cell.thetas(sets, of: task), average: average, momentum: momentum,
      hidden: try residuals(prompts) { Self.mean($0) })
  }

  /// What `body` makes of the residuals after each block over a prompt's tokens, `[prompt][layer]`.
  mutating func residuals(_ prompts: [TokenizedPrompt], _ body: ([[Float]]) -> [Float]) throws
    -> [[[Float]]]
  {
    let hooks = (0..<cell.layers).map { HookName.block($0, .residPost) }
    return try prompts.chunked(tokens: 4096, count: \.tokens.count).flatMap { chunk in
      let cache = try cell.model.model.captured(
        chunk.map { EditedPrompt(prompt: $0.tokens, answer: [0]) }, reading: hooks,
        notes: &cell.output.notes)
      return try chunk.indices.map { index in
        try hooks.map { hook in
          let rows = try cache.tensor(hook, sequence: index)
          return body((0..<rows.rows).map(rows.row))
        }
      }
    }
  }

  static func mean(_ rows: [[Float]]) -> [Float] {
    ActivationVector<Residual>(meanOf: rows.map { ActivationVector($0) }).values
  }

  /// h_n + Σ_i η^(n−i) (h_i − h_(i−1)): the last state carried on in the direction of its steps, the later ones more.
  static func momentum(_ rows: [[Float]], factor: Double) -> [Float] {
    guard let last = rows.last else { return [] }
    return last.indices.map { column in
      var step = 0.0
      for (before, after) in zip(rows, rows.dropFirst()) {
        step = factor * step + Double(after[column]) - Double(before[column])
      }
      return Float(Double(last[column]) + step)
    }
  }

  // MARK: The state of linear attention

  /// The state of S at one layer only (the other layers start empty), and at all layers cut down to a rank. The query
  /// stands behind a prefix of S, so that its positions are those of in-context learning.
  mutating func states(_ reference: [StudyCell.Verdict], _ sources: [DatasetSplit: Sources])
    throws
  {
    let model = cell.model.model
    let linear = (0..<cell.layers).filter {
      model.catalog.contains(.block($0, .ssmStateInitial))
    }
    cell.output.notes.dropped += cell.model.lacking(.ssmStateInitial)
    guard !linear.isEmpty, let test = sources[.test] else { return }
    var runs: [(place: StudyCell.Place, injections: [StateInjection])] = []
    for layer in linear {
      var place = StudyCell.Place(
        condition: .stateInjected, split: .test, hook: BlockPoint.ssmStateInitial.rawValue,
        layer: layer)
      place.extra = [.empty]
      runs.append((place, linear.filter { $0 != layer }.map { .empty($0) }))
    }
    for rank in spec.ranks {
      var place = StudyCell.Place(
        condition: .stateTruncated, split: .test, hook: BlockPoint.ssmStateInitial.rawValue)
      place.extra = [.text("rank=\(rank)")]
      runs.append((place, linear.map { .rank(rank, $0) }))
    }
    var judged: [[StudyCell.Verdict]] = []
    let (task, dataset, encoder) = (task, task.dataset, cell.model.encoder)
    let questions = test.sets.map {
      StudyCell.Question(pair: $0.query, prompt: dataset.inContextPrompt($0, task.template))
    }
    for (place, injections) in runs {
      let verdicts = try questions.map { question in
        let prompt = try question.prompt.tokenized(by: encoder)
        let answers = cell.answers(to: question.pair, of: task)
        let observed = try answers.map {
          try model.observation(
            prompt.tokens, after: prompt.contextLength, answer: $0, injections,
            notes: &cell.output.notes)
        }
        return cell.verdict(on: question.pair, of: task, observed, answers)
      }
      cell.addAccuracy(task.name, place, verdicts)
      cell.addMcNemar(task.name, place, verdicts, against: reference)
      cell.addSamples(task, place, questions, verdicts)
      judged.append(verdicts)
    }
    // The layers are one family of tests.
    let pValues = judged.prefix(linear.count).map { StudyCell.mcNemar($0, reference) }
    for (metric, values) in [
      (Metric.holmP, Statistics.holmAdjusted(pValues)),
      (.benjaminiHochbergP, Statistics.benjaminiHochbergAdjusted(pValues)),
    ] {
      for (run, value) in zip(runs, values) {
        cell.add(
          task.name, run.place, metric,
          Estimate(value: value, interval: nil, count: questions.count))
      }
    }
  }
}
