// TrainingRun: a training from its spec to a model folder, with a checkpoint every so often. It continues from the
// last checkpoint exactly: killed and resumed any number of times it makes the same bytes as left alone.

import CheckpointIO
import HookedModels
import ICLTasks
import TensorCore
import Tokenization

/// What a training does, step by step.
public struct TrainingRun {
  /// What the run says while it goes.
  public enum Event: Sendable {
    /// It continues after a checkpoint.
    case resumed(step: Int)
    case step(Int, of: Int, loss: Double)
    case evaluated(step: Int, zeroShot: Double, inContext: Double, patched: [Double])
    case taskVectorLossBegins(step: Int)
  }

  private let spec: TrainingSpec
  private let inputs: String
  private let folder: String
  private let tokenizerFile: JSON
  private let tokenizer: PromptEncoder
  private let stream: TrainingStream
  private let evaluation: EvaluationSets
  private var state: TrainingState

  /// Prepares a training, or takes up one that was interrupted in the same folder.
  ///
  /// - Parameters:
  ///   - spec: everything that decides the model, but for the data.
  ///   - tasks: what is learned.
  ///   - inputs: digest of spec and data, which a checkpoint must share.
  ///   - folder: where the model will be; exists.
  ///   - context: what the model runs on.
  /// - Throws: `TrainingError` for a checkpoint of other inputs; errors of data and tokenizer.
  public init(
    _ spec: TrainingSpec, tasks: [ICLTask], inputs: String, folder: String, context: ComputeContext
  ) throws {
    self.spec = spec
    self.inputs = inputs
    self.folder = folder
    tokenizerFile = WordTokenizer.file(
      for: tasks.lazy.flatMap { $0.pairs.lazy.flatMap { [$0.input] + $0.answers } })
    let tokenizer = PromptEncoder(
      try Tokenizer(
        tokenizerJSON: Array(tokenizerFile.serialized(pretty: false).utf8),
        file: "\(folder)/tokenizer.json"), bos: .never)
    let answerable = try tasks.map {
      try AnswerableTask($0, template: spec.template, tokenizer: tokenizer)
    }.filter { !$0.task.pairs.isEmpty }
    self.tokenizer = tokenizer
    stream = try TrainingStream(answerable, tokenizer: tokenizer, spec: spec)
    evaluation = try EvaluationSets(answerable, tokenizer: tokenizer, spec: spec)
    let model = Transformer<Float>.random(
      name: spec.name,
      architecture: spec.architecture(vocabulary: tokenizer.tokenizer.vocabularySize),
      seed: spec.seed, deviation: spec.model.deviation,
      embeddingDeviation: spec.model.embeddingDeviation, context: context)
    state = try TrainingState(
      resuming: Self.checkpoint(in: folder), inputs: inputs, model: model, spec: spec)
  }

  private static func checkpoint(in folder: String) -> String { "\(folder)/.training.safetensors" }

  /// Trains to the end, or until asked to stop.
  ///
  /// - Parameters:
  ///   - shouldStop: asked before each step; the state is saved when it says yes.
  ///   - report: told of each step and evaluation, and of a training that was taken up.
  /// - Returns: whether the model is finished.
  public mutating func run(
    shouldStop: () -> Bool = { false }, report: (Event) -> Void = { _ in }
  ) throws -> Bool {
    if state.step > 0 { report(.resumed(step: state.step)) }
    while state.step < spec.steps {
      if shouldStop() {
        try state.save(to: Self.checkpoint(in: folder), inputs: inputs)
        return false
      }
      let step = state.step
      let batch = try stream.batch(step: step, withTaskVectors: state.taskVectorsSince != nil)
      let done = try state.trainer.step(batch)
      state.step += 1
      if step % 10 == 0 {
        state.log(step, "loss", done.loss)
        if let norm = done.gradientNorm { state.log(step, "gradient_norm", norm) }
        state.log(step, "learning_rate", done.rate)
      }
      report(.step(state.step, of: spec.steps, loss: done.loss))
      if state.step % spec.evaluateEvery == 0 || state.step == spec.steps { try evaluate(report) }
      if state.step % spec.checkpointEvery == 0 {
        try state.save(to: Self.checkpoint(in: folder), inputs: inputs)
      }
    }
    try finish()
    return true
  }

  private mutating func evaluate(_ report: (Event) -> Void) throws {
    let found = try evaluation.evaluate(state.trainer.model)
    state.log(state.step, "zero_shot_accuracy", found.zeroShot)
    state.log(state.step, "in_context_accuracy", found.inContext)
    for (layer, accuracy) in found.patched.enumerated() {
      state.log(state.step, "task_vector_accuracy", accuracy, layer: layer)
    }
    report(
      .evaluated(
        step: state.step, zeroShot: found.zeroShot, inContext: found.inContext,
        patched: found.patched))
    if let loss = spec.taskVectorLoss, state.taskVectorsSince == nil,
      found.inContext >= loss.fromAccuracy
    {
      state.taskVectorsSince = state.step
      state.log(state.step, "task_vector_loss_begins", 1)
      report(.taskVectorLossBegins(step: state.step))
    }
  }

  /// The model folder: weights in bf16, the tokenizer, the log, and what it was trained on.
  private func finish() throws {
    try state.trainer.model.save(
      to: folder, as: .bfloat16,
      tokens: SpecialTokens(beginning: nil, end: tokenizer.tokenizer.id(ofPiece: "\n")))
    try AtomicFile.write(
      tokenizerFile.serialized(pretty: true) + "\n", to: "\(folder)/tokenizer.json")
    try AtomicFile.write(state.csv, to: "\(folder)/training.csv")
    let record: JSON = [
      "tasks": .array(stream.tasks.map { .string($0.task.name) }), "seed": .integer(Int(spec.seed)),
      "steps": .integer(spec.steps), "holdout": .number(spec.holdout),
      "task_vector_loss_since": state.taskVectorsSince.map { .integer($0) } ?? .null,
    ]
    try AtomicFile.write(record.serialized(pretty: true) + "\n", to: "\(folder)/training.json")
  }
}
