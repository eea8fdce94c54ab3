// MomentumAttentionTest: what a trained model does with held-out stories and with demonstrations that training did not
// draw. All models of a seed are asked the same.

import CheckpointIO
import HookedModels
import ICLTasks
import TensorCore

struct MomentumAttentionTest {
  let spec: MomentumAttentionSpec
  let tasks: [AnswerableTask]
  let encoder: PromptEncoder
  let training: TrainingSpec
  let model: Transformer<Float>

  func output() throws -> CellOutput {
    var output = CellOutput()
    // Two runs of one cell can be compared by this.
    var digest = SHA256()
    for parameter in model.parameters {
      digest.update(parameter.name.utf8)
      parameter.tensor().withUnsafeBufferPointer {
        digest.update(UnsafeRawBufferPointer($0))
      }
    }
    output.notes.facts["weights_sha256"] = .string(digest.digest)
    output.results = try textRows()
    try addPrompts(to: &output)
    return output
  }

  private func row(
    _ task: String, _ metric: Metric, _ estimate: Estimate, shots: Int? = nil, length: Int? = nil
  ) -> ResultRow {
    ResultRow(
      model: training.name, attention: AttentionClass(rawValue: training.name) ?? .hybrid,
      task: task, condition: training.model.momentum == nil ? .plainAttention : .momentumAttention,
      split: .test, shots: shots, seed: Int(training.seed), metric: metric, estimate: estimate,
      extra: [.real(training.model.momentum), .optional(length)])
  }

  // MARK: Text

  /// Of each length the mean loss a token, and the perplexity that it is; one cluster is one held-out text, which shorter
  /// lengths see in pieces.
  private func textRows() throws -> [ResultRow] {
    let whole = spec.lengths.max() ?? 0
    let texts = try (0..<spec.testTexts).map {
      try StoryCorpus(seed: training.seed).tokens("test", $0, length: whole, encoder)
    }
    return try spec.lengths.flatMap { length -> [ResultRow] in
      let losses = try texts.map { text in
        try Statistics.mean(
          stride(from: 0, through: whole - length, by: length).map {
            try loss(Array(text[$0..<$0 + length]))
          })
      }
      let mean = Bootstrap(key: "momentum-attention\u{0}text\u{0}\(length)", seed: training.seed)
        .mean(losses, clusters: losses.indices.map { "\($0)" })
      return [
        row("text", .loss, mean, length: length),
        row("text", .perplexity, mean.map(exponential), length: length),
      ]
    }
  }

  /// The mean of −log p over the tokens of a text but for the first, which nothing precedes.
  private func loss(_ text: [Int]) throws -> Double {
    let places = (0..<text.count - 1).map { BatchPosition(sequence: 0, position: $0) }
    let run = try model.run([BatchSequence(tokens: text)], logitsAt: .at(places))
    let logs = Operations<Float>(model.context).logProbabilities(
      run.logits, targets: text.dropFirst().map { Int32($0) })
    return -logs.reduce(0, +) / Double(logs.count)
  }

  // MARK: Prompts

  private func addPrompts(to output: inout CellOutput) throws {
    let most = spec.testShots.max() ?? 0
    var queries: [(task: String, input: String)] = []
    var right: [Int: [Bool]] = [:]
    for task in tasks {
      let sets = try TaskDataset(
        task: task.task, shots: most, dummies: 0, seed: training.seed &+ 0x5EED
      ).demonstrationSets(.test, count: spec.testSets)
      queries += sets.map { (task.task.name, task.task.pairs[$0.query].input) }
      for shots in spec.testShots {
        let prompts = sets.map {
          task.task.prompt(
            task.template, showing: Array($0.demonstrations.prefix(shots)), asking: $0.query)
        }
        let observed = try model.observations(
          of: zip(prompts, sets).map {
            EditedPrompt(
              prompt: try $0.tokenized(by: encoder).tokens, answer: [task.answers[$1.query].token])
          }, notes: &output.notes)
        let texts = observed.map { encoder.tokenizer.decode([$0.prediction]) }
        let correct = zip(zip(observed, texts), sets).map {
          task.isCorrect(token: $0.0.prediction, text: $0.1, pair: $1.query)
        }
        right[shots, default: []] += correct
        output.results.append(
          row(task.task.name, .accuracy, Statistics.proportion(correct), shots: shots))
        for (index, set) in sets.enumerated() {
          let pair = task.task.pairs[set.query]
          output.samples.append(
            SampleRow(
              model: training.name, attention: AttentionClass(rawValue: training.name) ?? .hybrid,
              task: task.task.name,
              condition: training.model.momentum == nil ? .plainAttention : .momentumAttention,
              split: .test, shots: shots, seed: Int(training.seed), example: index,
              query: pair.input, target: pair.output, prediction: texts[index],
              correct: correct[index], targetRank: observed[index].targetRank,
              targetLogProbability: observed[index].targetLogProbability,
              logitDifference: observed[index].logitDifference,
              promptSHA256: SHA256.digest(of: prompts[index].text.utf8),
              extra: [.real(training.model.momentum)]))
        }
      }
    }
    for shots in spec.testShots {
      var sample = ClusteredSample(clusters: queries.map(\.input), strata: queries.map(\.task))
      let series = sample.add(right[shots] ?? [])
      let mean = Bootstrap(key: "momentum-attention\u{0}prompts\u{0}\(shots)", seed: training.seed)
        .estimate(of: .mean(series), over: sample)
      output.results.append(row("mean", .accuracy, mean, shots: shots))
    }
  }
}

extension Estimate {
  /// An increasing function of the value, and of its interval's ends.
  func map(_ function: (Double) -> Double) -> Estimate {
    Estimate(
      value: value.map(function),
      interval: interval.map { Interval(low: function($0.low), high: function($0.high)) },
      count: count)
  }
}
