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
    var prompts: [EditedPrompt] = []
    var answers: [[[Int]]] = []
    for question in questions {
      let tokens = try question.prompt.tokenized(by: model.encoder).tokens
      answers.append(self.answers(to: question.pair, of: task))
      prompts += answers[answers.count - 1].map {
        EditedPrompt(prompt: tokens, answer: $0, edits: question.edits)
      }
    }
    var observed = try (other ?? model.model).observations(of: prompts, notes: &output.notes)[...]
    return zip(questions, answers).map { question, answers in
      defer { observed = observed.dropFirst(answers.count) }
      return verdict(on: question.pair, of: task, Array(observed.prefix(answers.count)), answers)
    }
  }

  /// The answers to a pair that are run, in tokens. Greedy decoding gives an answer of several tokens exactly when it agrees
  /// with it token by token, so every answer that counts is run; of one token, a single row tells all.
  func answers(to pair: Int, of task: ReadyTask) -> [[Int]] {
    let answer = task.answerable.answers[pair]
    let rule = spec.rule.rule(for: task.dataset.task.category)
    return spec.answer == .whole && rule == .synonym ? answer.accepted : [answer.accepted[0]]
  }

  /// What the observations of a pair's answers come to.
  func verdict(
    on pair: Int, of task: ReadyTask, _ observed: [Observation], _ answers: [[Int]]
  ) -> Verdict {
    let rule = spec.rule.rule(for: task.dataset.task.category)
    let agreeing = zip(observed[0].predictions, answers[0]).prefix { $0 == $1 }.count
    let text = model.encoder.tokenizer.decode(Array(observed[0].predictions.prefix(agreeing + 1)))
    let isRight =
      spec.answer == .whole && rule != .prefix
      ? zip(observed, answers).contains { $0.predictions == $1 }
      : task.answerable.isCorrect(
        token: observed[0].prediction, text: text, pair: pair, rule: rule)
    return Verdict(observation: observed[0], text: text, isRight: isRight)
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
    /// Of the columns that the probe adds, in results.csv and in samples.csv.
    var extra: [TableValue] = []
  }

  func row(_ task: String?, _ place: Place, _ metric: Metric, _ estimate: Estimate) -> ResultRow {
    ResultRow(
      model: model.name, attention: model.attention, task: task, sourceTask: place.source,
      condition: place.condition, split: place.split,
      // Prompts that the file spells out are of no split, and nobody counted their demonstrations.
      shots: place.split == nil ? nil : place.shots ?? spec.shots,
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

  /// A metric at a place, a value for each example.
  struct MeanRow {
    let place: Place
    let metric: Metric
    let values: [Double?]

    init(_ place: Place, _ metric: Metric, _ values: [Double?]) {
      self.place = place
      self.metric = metric
      self.values = values
    }
  }

  /// Means over the same examples, their intervals from one set of resamples over queries.
  mutating func addMeans(_ task: String?, _ rows: [MeanRow], queries: [String], key: String) {
    var sample = ClusteredSample(clusters: queries)
    let statistics = rows.map { BootstrapStatistic.mean(sample.add($0.values)) }
    let estimates = Bootstrap(
      key: "\(model.name)\u{0}\(task ?? "")\u{0}\(key)", seed: spec.seed
    ).estimates(of: statistics, over: sample)
    for (row, estimate) in zip(rows, estimates) { add(task, row.place, row.metric, estimate) }
  }

  /// - Parameters:
  ///   - examples: the numbers of the examples, where they are not counted from 0.
  ///   - name: what the rows call the task, where that is not its own name.
  ///   - extra: the probe's own columns; the place's by default.
  mutating func addSamples(
    _ task: ReadyTask, _ place: Place, _ questions: [Question], _ verdicts: [Verdict],
    examples: [Int]? = nil, named name: String? = nil, extra: [TableValue]? = nil
  ) {
    for (index, (question, verdict)) in zip(questions, verdicts).enumerated() {
      let pair = task.dataset.task.pairs[question.pair]
      output.samples.append(
        SampleRow(
          model: model.name, attention: model.attention, task: name ?? task.name,
          condition: place.condition, split: place.split, shots: place.shots ?? spec.shots,
          hook: place.hook, layer: place.layer, position: place.position, seed: Int(spec.seed),
          example: examples?[index] ?? index, query: pair.input, target: pair.output,
          prediction: verdict.text,
          correct: verdict.isRight, targetRank: verdict.observation.targetRank,
          targetLogProbability: verdict.observation.targetLogProbability,
          logitDifference: verdict.observation.logitDifference,
          promptSHA256: SHA256.digest(ofPrompt: question.prompt.text), extra: extra ?? place.extra))
    }
  }
}
