// The probe `momentum-attention`: small models are trained from scratch on stories and on prompts of tasks, with plain
// attention and with momentum added to it, from the same weights on the same batches; then compared on held-out text at
// several lengths and in context by the number of demonstrations. One cell is one model: kind × η × seed.
//
// Source: Dai et al. 2023, arXiv:2212.10559, §5, whose η is not published: it is swept here. Their models have 350 million
// parameters and read books; nothing here is of that size.

import CheckpointIO
import HookedModels
import ICLTasks
import TensorCore
import Tokenization

struct MomentumAttentionProbe {
  let spec: MomentumAttentionSpec
  let context: ComputeContext
  let tasks: [AnswerableTask]
  let encoder: PromptEncoder
  private let files: [InputFile]

  static let tables: [TableSchema] = [
    .results.adding([momentum, length]), .samples.adding([momentum]),
  ]
  private static let momentum = Column(
    "momentum", .real, "η: how much of the sum of earlier values is kept from token to token.",
    formula: "η in s_t = η (s_(t−1) + v_(t−1))", range: "0 … 1", whenEmpty: "attention is plain",
    source: "Dai et al. 2023, arXiv:2212.10559, §5")
  private static let length = Column(
    "length", .integer, "How many words of text the model sees at a time.", unit: "tokens",
    whenEmpty: "the row is about prompts of tasks")

  init(_ spec: MomentumAttentionSpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    self.context = context
    let library = try TaskLibrary(folder: spec.tasksFolder)
    let tasks = try (spec.base.tasks ?? []).map { try library.task(named: $0) }
    let words = tasks.flatMap { $0.pairs.flatMap { [$0.input] + $0.answers } }
    let tokenizer = try Tokenizer(
      tokenizerJSON: Array(
        WordTokenizer.file(for: words + StoryCorpus.vocabulary).serialized(pretty: false).utf8),
      file: file)
    let encoder = PromptEncoder(tokenizer, bos: .never)
    self.encoder = encoder
    self.tasks = try tasks.map {
      try AnswerableTask($0, template: spec.base.template, tokenizer: encoder)
    }
    files = tasks.map {
      InputFile(.data, named: "task \($0.name)", contents: $0.digestBytes)
    }
  }

  /// What one cell trains.
  private struct Variant {
    let attention: TrainingSpec.Model.Attention
    let momentum: Double?
    let seed: Int

    var key: String {
      "\(attention.rawValue)/\(momentum.map { "momentum \($0)" } ?? "plain")/seed \(seed)"
    }
  }

  private var momenta: [Double?] { [nil] + spec.decays }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    let variants = spec.attention.flatMap { attention in
      momenta.flatMap { momentum in
        spec.seeds.map { Variant(attention: attention, momentum: momentum, seed: $0) }
      }
    }
    let byKey = Dictionary(uniqueKeysWithValues: variants.map { ($0.key, $0) })
    let work = work
    return PreparedProbe(
      inputs: try RunInputs(
        probe: "momentum-attention", spec: resolved, files: files,
        precision: context.precision.rawValue),
      plan: RunPlan(
        cells: variants.map { Cell(key: $0.key, cost: work.floatingPointOperations, work: work) },
        tables: Self.tables,
        details: RunDetails(seeds: spec.seeds)),
      work: { cell in
        guard let variant = byKey[cell.key] else {
          preconditionFailure("a cell of another plan: \(cell.key)")
        }
        let training = spec.training(
          variant.attention, momentum: variant.momentum, seed: variant.seed)
        let model = try trained(training)
        return try MomentumAttentionTest(
          spec: spec, tasks: tasks, encoder: encoder, training: training, model: model
        ).output()
      },
      conclude: { cells in
        var output = CellOutput()
        output.results = MomentumAttentionSummary(spec: spec).rows(try cells.results())
        return output
      }, summary: { MomentumAttentionSummary(spec: spec).text($0, on: $1) })
  }

  /// What a cell takes, to some tens of per cent: of a demonstration four tokens, each forward and backward through all
  /// matrices.
  private var work: Work {
    let (model, base) = (spec.base.model, spec.base)
    let shots = (base.shots.lowerBound + base.shots.upperBound) / 2
    let tokens = base.steps * (spec.texts * spec.textLength + base.batch * 4 * (shots + 1))
    let block = model.width * (4 * model.width + 3 * model.mlpWidth)
    let matrices = model.layers * block + encoder.tokenizer.vocabularySize * model.width
    return Work(floatingPointOperations: 6 * Double(matrices) * Double(tokens), tokens: tokens)
  }

  // MARK: Training

  /// The model of a training, after its last step.
  func trained(_ training: TrainingSpec) throws -> Transformer<Float> {
    let stream = try TrainingStream(tasks, tokenizer: encoder, spec: training)
    var trainer = Trainer(
      Transformer<Float>.random(
        name: training.name,
        architecture: training.architecture(vocabulary: encoder.tokenizer.vocabularySize),
        seed: training.seed, deviation: training.model.deviation,
        embeddingDeviation: training.model.embeddingDeviation, context: context),
      optimiser: training.adamW(), schedule: training.schedule,
      clipNorm: training.optimiser.clip)
    for step in 0..<training.steps {
      var batch = try stream.batch(step: step, withTaskVectors: false)
      let texts = try (0..<spec.texts).map {
        try self.text("training", step * spec.texts + $0, length: spec.textLength, training)
      }
      let weight = 1 / Double(spec.texts * (spec.textLength - 1))
      for text in texts {
        let place = batch.sequences.count
        batch.sequences.append(BatchSequence(tokens: text))
        batch.targets += text.indices.dropFirst().map {
          Target(
            at: BatchPosition(sequence: place, position: $0 - 1), token: text[$0], weight: weight)
        }
      }
      _ = try trainer.step(batch)
    }
    return trainer.model
  }

  private func text(_ stream: String, _ index: Int, length: Int, _ training: TrainingSpec) throws
    -> [Int]
  {
    try StoryCorpus(seed: training.seed).tokens(stream, index, length: length, encoder)
  }
}

extension StoryCorpus {
  /// A text as tokens, one a word.
  func tokens(_ stream: String, _ index: Int, length: Int, _ encoder: PromptEncoder) throws -> [Int]
  {
    let tokens = try encoder.promptTokens(
      words(stream, index, length: length).joined(separator: " "))
    precondition(tokens.count == length, "\(tokens.count) tokens for \(length) words")
    return tokens.map(\.id)
  }
}
