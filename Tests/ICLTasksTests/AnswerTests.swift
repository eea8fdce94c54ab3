// Which pairs are kept, which token is the target, and when a prediction is right.

import ICLTasks
import Testing

@Suite struct AnswerTests {
  func task(_ pairs: [ICLTask.Pair]) -> ICLTask {
    ICLTask(name: "t", category: "c", source: "s", pairs: pairs)
  }

  @Test func keepsAnswersOfOneToken() throws {
    let tokenizer = SmallTokenizer(vocabulary: ["a", "b", "New", "York", "->", "c"])
    let answerable = try AnswerableTask(
      task([
        .init(input: "a", output: "b", accept: ["c", "New York", "zzz"]),
        .init(input: "b", output: "New York"), .init(input: "zzz", output: "c"),
        .init(input: "c", output: "zzz"), .init(input: "c", output: " "),
        .init(input: "York", output: "a"),
      ]), template: .arrow, tokenizer: tokenizer)
    #expect(answerable.task.pairs.map(\.input) == ["a", "York"])
    #expect(
      answerable.answers == [
        .init(token: 3, acceptedTokens: [3, 7]), .init(token: 2, acceptedTokens: [2]),
      ])
    #expect(
      answerable.dropped == [
        .init(input: "b", output: "New York", reason: .severalTokens),
        .init(input: "zzz", output: "c", reason: .unknownToken),
        .init(input: "c", output: "zzz", reason: .unknownToken),
        .init(input: "c", output: " ", reason: .noToken),
      ])
    #expect(answerable.droppedCounts.map(\.count) == [1, 2, 1])
    // Blanks vanish in this tokenizer, so the leading-space variant changes nothing and is not used.
    #expect(!answerable.usesLeadingSpace)
    #expect(answerable.template == .arrow)
  }

  @Test func firstTokenKeepsLongAnswers() throws {
    let tokenizer = SmallTokenizer(vocabulary: ["a", "b", "New", "York", "->"])
    let answerable = try AnswerableTask(
      task([.init(input: "a", output: "New York"), .init(input: "b", output: "New")]),
      template: .arrow, tokenizer: tokenizer, policy: .firstToken)
    #expect(answerable.answers.map(\.token) == [4, 4])
    #expect(answerable.dropped.isEmpty)
    #expect(answerable.isCorrect(token: 4, text: "New", pair: 0))
    #expect(!answerable.isCorrect(token: 5, text: "York", pair: 0))
    #expect(answerable.isCorrect(token: 9, text: "N", pair: 0, rule: .prefix))
  }

  @Test func anAnswerThatJoinsThePromptIsDropped() throws {
    let tokenizer = SmallTokenizer(
      vocabulary: ["x", "y", "a", " is", "isy", "is", " "], blanks: .kept, splitsUnknown: true)
    let template = try PromptTemplate(demonstration: "{input} is{output}", separator: "\n")
    let answerable = try AnswerableTask(
      task([.init(input: "x", output: "y")]), template: template, tokenizer: tokenizer,
      leadingSpace: .never)
    #expect(answerable.dropped.map(\.reason) == [.joinsPrompt])
  }

  /// Ten answers; with the blank before it, `kept` of them are one token, without it all ten are.
  @Test(arguments: [(7, true), (6, false), (0, false), (10, true)])
  func leadingSpaceNeedsSeventyPercent(kept: Int, expected: Bool) throws {
    let words = (0..<10).map { "w\($0)" }
    let tokenizer = SmallTokenizer(
      vocabulary: words + words.prefix(kept).map { " \($0)" } + ["->", " q", "q", " ", "w"]
        + (0..<10).map(String.init),
      blanks: .leading, splitsUnknown: true)
    let example = task(words.map { .init(input: "q", output: $0) })
    let answerable = try AnswerableTask(example, template: .arrow, tokenizer: tokenizer)
    #expect(answerable.usesLeadingSpace == expected)
    #expect(answerable.task.pairs.count == (expected ? kept : 10))
    let never = try AnswerableTask(
      example, template: .arrow, tokenizer: tokenizer, leadingSpace: .never)
    #expect(never.task.pairs.count == 10)
    let always = try AnswerableTask(
      example, template: .arrow, tokenizer: tokenizer, leadingSpace: .always)
    #expect(always.task.pairs.count == kept)
  }

  @Test func nothingIsOneTokenEitherWay() throws {
    let tokenizer = SmallTokenizer(
      vocabulary: ["->", "a", "b", " "], blanks: .leading, splitsUnknown: true)
    let answerable = try AnswerableTask(
      task([.init(input: "a", output: "bb")]), template: .arrow, tokenizer: tokenizer)
    #expect(!answerable.usesLeadingSpace)
    #expect(answerable.task.pairs.isEmpty)
  }

  @Test(arguments: [
    ("Paris", true, true, true), (" Paris ", true, true, true), ("Paris\nFrance", true, true, true),
    ("paris", false, false, false), ("Par", false, false, true), ("P", false, false, true),
    ("Parisian", false, false, true), ("", false, false, false), (" ", false, false, false),
    ("\nParis", false, false, false), ("Rome", false, false, false),
    ("Lutetia", false, true, true), ("Lu", false, false, true),
  ])
  func rules(prediction: String, exact: Bool, synonym: Bool, prefix: Bool) {
    let answers = ["Paris", "Lutetia"]
    #expect(AnswerRule.exact.accepts(prediction: prediction, answers: answers) == exact)
    #expect(AnswerRule.synonym.accepts(prediction: prediction, answers: answers) == synonym)
    #expect(AnswerRule.prefix.accepts(prediction: prediction, answers: answers) == prefix)
  }

  /// The paper's presets: knowledge by first token and prefix, translation by any synonym, all else exactly.
  @Test func hendelPreset() throws {
    let tokenizer = SmallTokenizer(vocabulary: ["a", "b", "New", "York", "->", "c"])
    let pairs: [ICLTask.Pair] = [
      .init(input: "a", output: "New York"), .init(input: "b", output: "a", accept: ["c"]),
    ]
    func ready(_ category: String) throws -> AnswerableTask {
      try AnswerableTask(
        ICLTask(name: "t", category: category, source: "s", pairs: pairs), template: .arrow,
        tokenizer: tokenizer, policy: .hendel)
    }
    let knowledge = try ready("knowledge")
    #expect(knowledge.task.pairs.count == 2 && knowledge.policy == .firstToken)
    #expect(knowledge.isCorrect(token: 9, text: "N", pair: 0, rule: .hendel))
    let translation = try ready("translation")
    #expect(translation.task.pairs.map(\.input) == ["b"] && translation.policy == .singleToken)
    #expect(translation.isCorrect(token: 9, text: "c", pair: 0, rule: .hendel))
    #expect(!translation.isCorrect(token: 9, text: "", pair: 0, rule: .hendel))
    let linguistic = try ready("linguistic")
    #expect(!linguistic.isCorrect(token: 9, text: "c", pair: 0, rule: .hendel))
    #expect(linguistic.isCorrect(token: 9, text: "a", pair: 0, rule: .hendel))
  }
}
