// TrainingEvaluation: what a model in training does with fresh demonstration sets: zero-shot, in-context and patched
// accuracy. The probe proper is TaskVectors; this is its protocol on a few sets over all tasks.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

/// Accuracies over the evaluation's sets.
struct TrainingEvaluation: Sendable, Equatable {
  let zeroShot: Double
  let inContext: Double
  /// By the layer that θ is taken from and patched into.
  let patched: [Double]
}

/// Demonstration sets that training does not draw: the same pairs, other combinations.
struct EvaluationSets: Sendable {
  private struct Item {
    let prompts: DemonstrationPrompts
    let zeroShot: TokenizedPrompt
    let accepted: [Int]
  }
  private let items: [Item]

  init(_ tasks: [AnswerableTask], tokenizer: PromptEncoder, spec: TrainingSpec) throws {
    var datasets: [(TaskDataset, AnswerableTask)] = []
    for task in tasks {
      let pool: PairPool = spec.heldOut == nil ? .all : .seen
      do {
        let dataset = try TaskDataset(
          task: task.task, shots: spec.evaluationShots, seed: spec.seed &+ 0x5EED,
          holdout: spec.heldOut, queries: pool, demonstrations: pool)
        datasets.append((dataset, task))
      } catch TaskError.tooFewPairs { continue }
    }
    items = try (0..<(datasets.isEmpty ? 0 : spec.evaluationSets)).map { index in
      let (dataset, task) = datasets[index % datasets.count]
      let set = dataset.demonstrationSet(.development, index / datasets.count)
      let answer = task.answers[set.query]
      return Item(
        prompts: DemonstrationPrompts(
          query: (
            try dataset.inContextPrompt(set, spec.template).tokenized(by: tokenizer),
            [[answer.token]]
          ),
          dummies: try dataset.dummyPrompts(set, spec.template).map {
            try $0.tokenized(by: tokenizer)
          }),
        zeroShot: try dataset.zeroShotPrompt(set, spec.template).tokenized(by: tokenizer),
        accepted: answer.acceptedTokens)
    }
  }

  func evaluate(_ model: Transformer<Float>) throws -> TrainingEvaluation {
    var fires = FireCounts()
    let runs = try model.inContextRuns(items.map(\.prompts), fires: &fires)
    var notes = CellNotes()
    let swept = try model.sweep(
      zip(items, runs).map { item, run in
        PatchedQuery(
          tokens: item.zeroShot.tokens, answers: [[item.accepted[0]]],
          patches: run.vectors.enumerated().map { ($0.offset, $0.element) })
      }, notes: &notes)
    func share(_ isRight: (Int) -> Bool) -> Double {
      Double(items.indices.count(where: isRight)) / Double(max(1, items.count))
    }
    func right(_ index: Int, _ observed: [Observation]) -> Bool {
      items[index].accepted.contains(observed[0].prediction)
    }
    return TrainingEvaluation(
      zeroShot: share { right($0, swept[$0].zeroShot) },
      inContext: share { right($0, runs[$0].query) },
      patched: (0..<model.architecture.layers).map { layer in
        share { right($0, swept[$0].patched[layer]) }
      })
  }
}
