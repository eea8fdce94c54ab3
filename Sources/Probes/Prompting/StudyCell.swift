// StudyCell: a cell of a probe over tasks while it is being computed: prompts are asked and judged, and become rows.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

/// A model, and the rows that are made of what it says.
struct StudyCell {
  let model: ProbeModel
  let spec: PromptingSpec
  var output = CellOutput()

  var layers: Int { model.model.architecture.layers }

  init(_ model: ProbeModel, _ spec: PromptingSpec) {
    self.model = model
    self.spec = spec
  }

  // MARK: Asking

  /// A question about one pair of a task.
  struct Question {
    let pair: Int
    let prompt: Prompt
    var edits: [PromptEdit] = []
  }

  /// What came of a question.
  struct Verdict: Sendable {
    let observation: Observation
    /// Decoded up to the first token that differs from the answer.
    let text: String
    let isRight: Bool
  }

  /// Asks questions about a task, edits applied.
  ///
  /// - Parameter other: another model of the same tokenizer, such as an untrained one.
  mutating func ask(
    _ questions: [Question], of task: ReadyTask, on other: Transformer<Float>? = nil
  ) throws -> [Verdict] {
    let rule = spec.rule.rule(for: task.dataset.task.category)
    var prompts: [EditedPrompt] = []
    var counts: [Int] = []
    for question in questions {
      let tokens = try question.prompt.tokenized(by: model.encoder).tokens
      let answer = task.answerable.answers[question.pair]
      // Greedy decoding gives an answer of several tokens exactly when it agrees with it token by token, so every
      // answer that counts is run; of one token, a single row tells all.
      let accepted =
        spec.answer == .whole && rule == .exact ? answer.accepted : [answer.accepted[0]]
      prompts += accepted.map { EditedPrompt(prompt: tokens, answer: $0, edits: question.edits) }
      counts.append(accepted.count)
    }
    let observed = try (other ?? model.model).observations(of: prompts, notes: &output.notes)
    var place = 0
    return zip(questions, counts).map { question, count in
      let own = place..<place + count
      place += count
      let observation = observed[own.lowerBound]
      let answer = prompts[own.lowerBound].answer
      let agreeing = zip(observation.predictions, answer).prefix { $0 == $1 }.count
      let text = model.encoder.tokenizer.decode(
        Array(observation.predictions.prefix(agreeing + 1)))
      let isRight =
        spec.answer == .whole && rule != .prefix
        ? own.contains { observed[$0].predictions == prompts[$0].answer }
        : task.answerable.isCorrect(
          token: observation.prediction, text: text, pair: question.pair, rule: rule)
      return Verdict(observation: observation, text: text, isRight: isRight)
    }
  }

  // MARK: Rows

  /// Where an observation was made.
  struct Place {
    var condition: Condition
    var split: Split?
    var hook: String?
    var layer: Int?
    var head: Int?
    var position: String?
    var source: String?
    var shots: Int?
    var extra: [TableValue] = []
  }

  func row(_ task: String?, _ place: Place, _ metric: Metric, _ estimate: Estimate) -> ResultRow {
    ResultRow(
      model: model.name, attention: model.attention, task: task, sourceTask: place.source,
      condition: place.condition, split: place.split, shots: place.shots ?? spec.shots,
      hook: place.hook, layer: place.layer, head: place.head, position: place.position,
      seed: Int(spec.seed), metric: metric, estimate: estimate, extra: place.extra)
  }

  mutating func add(_ task: String?, _ place: Place, _ metric: Metric, _ estimate: Estimate) {
    output.results.append(row(task, place, metric, estimate))
  }

  mutating func addAccuracy(_ task: String?, _ place: Place, _ verdicts: [Verdict]) {
    add(task, place, .accuracy, Statistics.proportion(verdicts.map(\.isRight)))
  }

  /// The mean of values over examples, its interval bootstrapped over queries.
  func mean(_ values: [Double?], _ queries: [String], key: String) -> Estimate {
    Bootstrap(key: "\(model.name)\u{0}\(key)", seed: spec.seed).mean(values, clusters: queries)
  }

  mutating func addSamples(
    _ task: ReadyTask, _ place: Place, _ questions: [Question], _ verdicts: [Verdict]
  ) {
    for (index, (question, verdict)) in zip(questions, verdicts).enumerated() {
      let pair = task.dataset.task.pairs[question.pair]
      output.samples.append(
        SampleRow(
          model: model.name, attention: model.attention, task: task.name,
          condition: place.condition, split: place.split, shots: place.shots ?? spec.shots,
          hook: place.hook, layer: place.layer, position: place.position, seed: Int(spec.seed),
          example: index, query: pair.input, target: pair.output, prediction: verdict.text,
          correct: verdict.isRight, targetRank: verdict.observation.targetRank,
          targetLogProbability: verdict.observation.targetLogProbability,
          logitDifference: verdict.observation.logitDifference,
          promptSHA256: SHA256.digest(of: question.prompt.text.utf8)))
    }
  }
}
