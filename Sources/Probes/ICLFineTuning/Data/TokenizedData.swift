// TokenizedData: a data set in the tokens of one model, and the demonstrations that a seed draws from it.

import CheckpointIO
import ICLTasks
import TensorCore
import Tokenization

/// What separates demonstrations.
enum Separator: String, Sendable, CaseIterable {
  /// The template's own text.
  case template
  /// The checkpoint's end-of-text token, as in Dai et al.
  case endOfText = "end_of_text"
}

/// Examples as one model sees them.
struct TokenizedData: Sendable {
  /// One example: its query, and itself as a demonstration.
  struct Example: Sendable {
    let pair: ICLTask.Pair
    let question: Question
    /// The right answers, as places in the labels.
    let right: Set<Int>
    let item: [Int]
    let answerCount: Int
  }

  let name: String
  /// With the text that separates demonstrations here.
  let template: PromptTemplate
  let labels: [String]
  let beginning, separator: [Int]
  let train, test: [Example]
  let division: LabelledData.Division
  let dropped: [Dropped]

  /// - Throws: `TokenizationError`; `RunError.invalidInput` where no example is left.
  init(_ data: LabelledData, model: ProbeModel, separator kind: Separator, longestQuery: Int?)
    throws
  {
    let tokenizer = model.encoder.tokenizer
    var template = data.template
    let prefix = try tokenizer.encode(template.prefix)
    switch model.encoder.bos {
    case .auto: beginning = tokenizer.summary.autoPrefix + prefix
    case .never: beginning = prefix
    case .always:
      guard let token = tokenizer.beginningOfSequence else {
        throw TokenizationError.noBeginningOfSequence
      }
      beginning = [token] + prefix
    }
    switch kind {
    case .template: separator = try tokenizer.encode(template.separator)
    case .endOfText:
      let config = try JSON(contentsOf: "\(model.folder.path)/config.json")
      let id = config["eos_token_id"]
      guard let token = id?.intValue ?? id?.arrayValue?.first?.intValue else {
        throw RunError.invalidInput(
          subject: "\(model.name)/config.json",
          fact: "there is no eos_token_id to separate demonstrations with; set separator: template")
      }
      separator = [token]
      template = template.separated(by: tokenizer.piece(token) ?? "")
    }
    self.template = template
    func reason(_ error: AnswerableTask.Reason) -> String { error.rawValue }
    var counts: [AnswerableTask.Reason: Int] = [:]
    func example(_ pair: ICLTask.Pair) throws -> Example? {
      let query = template.lead + pair.input + template.arrow
      let tokens: [Int]
      var answers: [[Int]] = []
      do {
        tokens = try tokenizer.encode(query)
        for label in data.labels {
          let whole = try tokenizer.encode(query + template.answerBlank + label)
          guard whole.starts(with: tokens) else {
            counts[.joinsPrompt, default: 0] += 1
            return nil
          }
          answers.append(Array(whole.dropFirst(tokens.count)))
        }
      } catch TokenizationError.inexpressible {
        counts[.unknownToken, default: 0] += 1
        return nil
      }
      guard !tokens.isEmpty, answers.allSatisfy({ !$0.isEmpty }) else {
        counts[.noToken, default: 0] += 1
        return nil
      }
      if let unknown = tokenizer.unknownToken, (tokens + answers.flatMap { $0 }).contains(unknown) {
        counts[.unknownToken, default: 0] += 1
        return nil
      }
      guard let target = data.labels.firstIndex(of: pair.output) else { return nil }
      let tail = try tokenizer.encode(template.tail)
      return Example(
        pair: pair, question: Question(tokens: tokens, answers: answers, right: target),
        right: Set(pair.answers.compactMap { data.labels.firstIndex(of: $0) }),
        item: tokens + answers[target] + tail, answerCount: answers[target].count + tail.count)
    }
    train = try data.train.compactMap(example)
    let asked = try data.test.compactMap(example)
    test = asked.filter { $0.question.longest <= longestQuery ?? .max }
    name = data.name
    labels = data.labels
    division = data.division
    var dropped = AnswerableTask.Reason.allCases.compactMap { reason in
      counts[reason].map { (count: $0, why: reason.rawValue) }
    }
    if test.count < asked.count {
      dropped.append((asked.count - test.count, "the query is longer than max_query_tokens"))
    }
    self.dropped = dropped.map {
      Dropped("examples of \(data.name) for \(model.name)", count: $0.count, why: $0.why)
    }
    guard !train.isEmpty, !test.isEmpty else {
      throw RunError.invalidInput(
        subject: "data set \(name)",
        fact: "\(model.name) can be asked none of its examples "
          + "(\(dropped.map { "\($0.count): \($0.why)" }.joined(separator: ", ")))")
    }
  }

  /// What a seed draws: the training examples in its order, of which the first are shown.
  struct Draw: Sendable {
    let demonstrations: Demonstrations
    let shown: [Example]
    /// Training examples that are not shown and no longer than the queries, in the order of the draw.
    let others: [Example]
    /// The first that is not shown, because there are enough or because it does not fit.
    let next: Example?
    /// Tokens of the longest query and answer.
    let longest: Int
  }

  /// The first `shots` of the training examples in a seeded order, or fewer: as many as leave room for the longest
  /// query and answer within `limit` tokens.
  ///
  /// - Source: Dai et al. 2023, App. B; LMOps understand_icl: `dataset.shuffle(seed)`, the first k, classes not balanced.
  func draw(seed: UInt64, shots: Int, limit: Int?, asking: [Example]) -> Draw {
    var generator = SeededGenerator(key: "demonstrations\u{0}\(name)", seed: seed)
    let order = generator.shuffled(train)
    let longest = asking.map(\.question.longest).max() ?? 1
    var room = (limit ?? .max) - beginning.count - longest
    var shown: [Example] = []
    for example in order.prefix(shots) {
      room -= example.item.count + separator.count
      guard room >= 0 else { break }
      shown.append(example)
    }
    let rest = order.dropFirst(shown.count)
    return Draw(
      demonstrations: demonstrations(shown), shown: shown,
      others: rest.filter { $0.question.longest <= longest }, next: rest.first, longest: longest)
  }

  /// The text of a prompt.
  func prompt(_ example: Example, after shown: [Example] = []) -> String {
    template.prompt(
      demonstrations: shown.map { ($0.pair.input, $0.pair.output) }, query: example.pair.input
    ).text
  }

  private func demonstrations(_ shown: [Example]) -> Demonstrations {
    Demonstrations(
      beginning: beginning, items: shown.map(\.item), separator: separator,
      answerCounts: shown.map(\.answerCount))
  }

  /// The same demonstrations with their answers permuted, as few as possible keeping their own.
  func shuffledLabels(_ draw: Draw, seed: UInt64) -> Demonstrations {
    let shuffled = ShuffledLabels(
      outputs: draw.shown.map(\.pair.output), key: "\(name)\u{0}train\u{0}0", seed: seed)
    let items = zip(draw.shown, shuffled.outputs).map { example, output in
      let tail = example.item.dropFirst(
        example.question.tokens.count + example.question.answers[example.question.right].count)
      let place = labels.firstIndex(of: output) ?? example.question.right
      return (
        example.question.tokens + example.question.answers[place] + tail,
        example.question.answers[place].count + tail.count
      )
    }
    return Demonstrations(
      beginning: beginning, items: items.map(\.0), separator: separator,
      answerCounts: items.map(\.1))
  }
}
