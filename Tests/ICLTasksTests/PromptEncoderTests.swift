// Prompts through real tokenizers. Expected ids and counts come from Hugging Face tokenizers 0.23.3
// on the same files (`tokenizers.ByteLevelBPETokenizer(vocab.json, merges.txt)`).

import CheckpointIO
import Foundation
import ICLTasks
import Testing
import Tokenization

@Suite struct PromptEncoderTests {
  static let real = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "shared/real").path
  static var exists: Bool { FileManager.default.fileExists(atPath: real) }

  @Test(.enabled(if: exists, "shared/real is absent"))
  func rolesWithGPT2() throws {
    let encoder = try PromptEncoder(
      Tokenizer.load(folder: "\(Self.real)/tokenizers/gpt2"), bos: .never)
    let todd = try PromptTemplate.todd.prompt(
      demonstrations: [("France", "Paris")], query: "Italy"
    ).tokenized(by: encoder)
    #expect(todd.tokens == [48, 25, 4881, 198, 32, 25, 6342, 198, 198, 48, 25, 8031, 198, 32, 25])
    #expect(
      todd.roles == [
        "input": [2], "arrow": [5], "label": [6], "separator": [8], "query": [11], "last": [14],
      ])
    let hendel = try PromptTemplate.hendel.prompt(
      demonstrations: [("France", "Paris")], query: "Burkina Faso"
    ).tokenized(by: encoder)
    #expect(
      hendel.tokens == [
        20688, 25, 28572, 3784, 40313, 198, 20688, 25, 22991, 74, 1437, 38971, 78, 3784,
      ])
    #expect(
      hendel.roles == [
        "input": [2], "arrow": [3], "label": [4], "separator": [5], "query": [12], "last": [13],
      ])
    #expect(hendel.contextLength == 6)
  }

  /// Of 197 capitals 5 are one token after "->" and 50 after "-> ": the leading-space variant.
  @Test(.enabled(if: exists, "shared/real is absent"))
  func answersWithGPT2() throws {
    let encoder = try PromptEncoder(
      Tokenizer.load(folder: "\(Self.real)/tokenizers/gpt2"), bos: .never)
    let capitals = try TaskFile(
      contentsOf:
        "\(Self.real)/data/function_vectors/dataset_files/abstractive/country-capital.json"
    ).task
    let answerable = try AnswerableTask(capitals, template: .hendel, tokenizer: encoder)
    #expect(answerable.usesLeadingSpace)
    #expect(answerable.task.pairs.count == 50)
    #expect(answerable.droppedCounts.map(\.count) == [147])
    #expect(answerable.droppedCounts.first?.reason == .severalTokens)
    let plain = try AnswerableTask(
      capitals, template: .hendel, tokenizer: encoder, leadingSpace: .never)
    #expect(plain.task.pairs.count == 5)
    let first = try AnswerableTask(
      capitals, template: .todd, tokenizer: encoder, policy: .firstToken)
    #expect(first.task.pairs.count == 197)
    let france = try #require(first.task.pairs.firstIndex { $0.input == "France" })
    #expect(first.answers[france].token == 6342)
    #expect(first.isCorrect(token: 6342, text: " Paris", pair: france))
  }

  /// The post-processor's token is counted, and spells nothing.
  @Test(.enabled(if: exists, "shared/real is absent"))
  func beginningOfSequenceIsCounted() throws {
    let tokenizer = try Tokenizer.load(folder: "\(Self.real)/models/stories260K/hf")
    let prompt = PromptTemplate.arrow.prompt(demonstrations: [("dog", "cat")], query: "boy")
    let with = try prompt.tokenized(by: PromptEncoder(tokenizer, bos: .always))
    let without = try prompt.tokenized(by: PromptEncoder(tokenizer, bos: .never))
    #expect(with.tokens == [1] + without.tokens)
    for role in ["input", "arrow", "label", "separator", "query", "last"] {
      #expect(with.roles[role] == without.roles[role]?.map { $0 + 1 }, "\(role)")
    }
    let encoder = PromptEncoder(tokenizer, bos: .always)
    #expect(try encoder.promptTokens("") == [PromptToken(id: 1, bytes: 0..<0)])
    #expect(throws: (any Error).self) {
      try PromptEncoder(tokenizer, bos: .never).promptTokens("")
    }
    // Every byte of the prompt is some token's.
    let spelled = try encoder.promptTokens(prompt.text).reduce(into: Set<Int>()) {
      $0.formUnion($1.bytes)
    }
    #expect(spelled.count == prompt.text.utf8.count)
  }
}
