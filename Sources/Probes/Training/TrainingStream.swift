// TrainingStream: the batches of a training run, each a pure function of the spec and the step, so that training can
// go on from anywhere.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

/// Prompts of tasks as training batches.
struct TrainingStream: Sendable {
  let prompts: TrainingPrompts
  let tasks: [AnswerableTask]
  let tokenizer: PromptEncoder
  let spec: TrainingSpec

  /// - Throws: `TrainingError.invalidHoldout`; `TaskError` for a task of which the tokenizer or the holdout leaves nothing.
  init(_ tasks: [AnswerableTask], tokenizer: PromptEncoder, spec: TrainingSpec) throws {
    guard (0..<1).contains(spec.holdout) else {
      throw TrainingError.invalidHoldout(spec.holdout)
    }
    self.tasks = tasks
    self.tokenizer = tokenizer
    self.spec = spec
    prompts = try TrainingPrompts(
      tasks: tasks.map(\.task), shots: spec.shots, seed: spec.seed, holdout: spec.heldOut,
      weights: spec.weights)
  }

  /// The batch of a step: every answer of every in-context prompt is a target; with the task-vector loss also the
  /// answers of zero-shot prompts whose last residual is that of an arrow of an in-context prompt.
  func batch(step: Int, withTaskVectors: Bool) throws -> TrainingBatch<Float> {
    var sequences: [BatchSequence<Float>] = []
    var answers: [(place: BatchPosition, token: Int)] = []
    var arrows: [[Int]] = []
    let draws = prompts.batch(step: step, size: spec.batch)
    for (index, draw) in draws.enumerated() {
      let prompt = try prompts.prompt(draw, spec.template).tokenized(by: tokenizer)
      let own = (prompt.roles["arrow"] ?? []) + (prompt.roles["last"] ?? [])
      let labels =
        (prompt.roles["label"] ?? []).map { prompt.tokens[$0] }
        + [tasks[draw.task].answers[draw.query].token]
      for (position, token) in zip(own, labels) {
        answers.append((BatchPosition(sequence: index, position: position), token))
      }
      arrows.append(Array(own.dropFirst()))
      sequences.append(BatchSequence(tokens: prompt.tokens))
    }
    var targets = answers.map {
      Target(at: $0.place, token: $0.token, weight: 1 / Double(answers.count))
    }
    guard withTaskVectors, let loss = spec.taskVectorLoss else {
      return TrainingBatch(sequences: sequences, targets: targets)
    }
    var generator = SeededGenerator(key: "task vectors of step \(step)", seed: spec.seed)
    let layer = loss.layers[generator.uniformInteger(below: loss.layers.count)]
    var interventions: [Intervention] = []
    var patched: [(place: BatchPosition, token: Int)] = []
    for (index, draw) in draws.enumerated() where !arrows[index].isEmpty {
      for arrow in generator.sample(min(loss.arrows, arrows[index].count), from: arrows[index]) {
        let pool = prompts.pool(of: draw.task)
        let pair = pool[generator.uniformInteger(below: pool.count)]
        let task = tasks[draw.task]
        let prompt = try spec.template.zeroShotPrompt(query: task.task.pairs[pair].input)
          .tokenized(by: tokenizer)
        interventions.append(
          .mean(
            Site<Residual>.residPost(layer),
            of: RowSelector(sequences: .index(index), positions: .index(arrow)), at: .last,
            in: .index(sequences.count)))
        patched.append(
          (
            BatchPosition(sequence: sequences.count, position: prompt.tokens.count - 1),
            task.answers[pair].token
          ))
        sequences.append(BatchSequence(tokens: prompt.tokens))
      }
    }
    targets += patched.map {
      Target(at: $0.place, token: $0.token, weight: loss.weight / Double(patched.count))
    }
    return TrainingBatch(
      sequences: sequences, plan: HookPlan(interventions: interventions), targets: targets)
  }
}

extension TrainingSpec {
  /// The pairs that training never shows and never asks; nil without a holdout.
  var heldOut: Holdout? { holdout > 0 ? Holdout(fraction: holdout, seed: seed) : nil }
}
