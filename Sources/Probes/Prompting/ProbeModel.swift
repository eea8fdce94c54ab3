// ProbeModel: a checkpoint folder opened for a probe: model, tokenizer with its BOS policy, and the files that decide
// the numbers.

import CheckpointIO
import HookedModels
import ICLTasks
import TensorCore
import Tokenization

/// A model that prompts can be run on.
struct ProbeModel: Sendable {
  let folder: ModelFolder
  let model: Transformer<Float>
  let encoder: PromptEncoder
  let files: [InputFile]
  /// The tasks that the model was trained on, where it was trained here (its training.json says so).
  let trainedTasks: [ICLTask]?

  var name: String { model.name }
  var attention: AttentionClass {
    AttentionClass(rawValue: model.architecture.attentionName) ?? .hybrid
  }

  /// - Throws: `CheckpointError`, `ModelError` and `TokenizationError` for a folder that cannot be used,
  ///   `RunError.invalidInput` where tokenizer and model do not belong together.
  init(path: String, bos: BOSPolicy, library: TaskLibrary, on context: ComputeContext) throws {
    folder = try ModelFolder(path: path)
    model = folder.model(on: context)
    let name = folder.name
    files =
      try folder.files.map {
        let (named, file) = ("\(name)/\($0)", "\(path)/\($0)")
        return context.rehearsal == nil
          ? try InputFile(.checkpoint, named: named, at: file)
          : try InputFile(.checkpoint, named: named, unread: file)
      }
      + ["tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json"].filter {
        FileReading.kind(of: "\(path)/\($0)") == .file
      }.map { try InputFile(.tokenizer, named: "\(name)/\($0)", at: "\(path)/\($0)") }
    // What was opened before the digests is what they are of; what is read from now on, each cell asks about.
    try folder.verifyUnchanged()
    encoder = PromptEncoder(try Tokenizer.load(folder: path), bos: bos)
    let known = encoder.tokenizer.vocabularySize
    guard known <= model.architecture.vocabulary else {
      throw RunError.invalidInput(
        subject: path,
        fact: "its tokenizer has \(known) tokens, but the model's vocabulary is "
          + "\(model.architecture.vocabulary); they are not of one checkpoint")
    }
    let training = "\(path)/training.json"
    if FileReading.kind(of: training) == .file {
      let names = try JSON(contentsOf: training)["tasks"]?.arrayValue?.compactMap(\.stringValue)
      // Sentence tasks are not in the library and share no input with those that are.
      trainedTasks = names.map { $0.compactMap { try? library.task(named: $0) } }
    } else {
      trainedTasks = nil
    }
  }

  /// The same architecture with random weights.
  func untrained(seed: UInt64) -> Transformer<Float> {
    .random(
      name: name, architecture: model.architecture, seed: seed, redraws: true,
      context: model.context)
  }

  /// What run.json says of it.
  var details: JSON {
    [
      "family": .string(model.architecture.family),
      "parameters": .integer(model.architecture.parameterCount),
      "attention": .string(model.architecture.attentionName),
      "config_defaults": .object(folder.defaultsUsed),
      "tokenizer": .string(encoder.tokenizer.summary.kind),
      "bos_policy": .string(encoder.bos.rawValue),
      "bos_tokens": .array(encoder.tokenizer.summary.autoPrefix.map { .integer($0) }),
    ]
  }
}

/// Random models, made once each.
final class UntrainedModels {
  private let seed: UInt64
  private var made: Transformer<Float>?

  init(seed: UInt64) { self.seed = seed }

  func model(like model: ProbeModel) -> Transformer<Float> {
    if let made, made.name == model.name { return made }
    // One at a time, the earlier one given up first: cells come model by model.
    made = nil
    let random = model.untrained(seed: seed)
    made = random
    return random
  }
}
