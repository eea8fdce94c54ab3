// Labelled text from jsonl files, and its prompts.

import CheckpointIO
import Foundation
import ICLTasks
import Testing

@Suite struct ClassificationTests {
  func dataset(_ text: String) throws -> ClassificationDataset {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "\(UUID().uuidString).jsonl")
    defer { try? FileManager.default.removeItem(at: file) }
    try Data(text.utf8).write(to: file)
    return try ClassificationDataset(contentsOf: file.path)
  }

  func refusal(_ text: String) -> String {
    do {
      _ = try dataset(text)
      return "taken"
    } catch {
      let text = "\(error)"
      return text.range(of: ".jsonl").map { String(text[$0.upperBound...]) } ?? text
    }
  }

  @Test func readsBothForms() throws {
    let read = try dataset(
      #"""
      {"sentence": "a fine film ", "label": "1", "split": "train"}
      {"premise": "It rains.", "hypothesis": "It is wet", "label": "entailment", "idx": 4}
      {"sentence_1": "a", "sentence_2": "b", "label": 0}

      """#)
    #expect(
      read.examples == [
        .init(text: .sentence("a fine film "), label: "1", split: "train"),
        .init(text: .pair(premise: "It rains.", hypothesis: "It is wet"), label: "entailment"),
        .init(text: .pair(premise: "a", hypothesis: "b"), label: "0"),
      ])
  }

  /// Quoted fields of CSV lose their quotes; two quoted fields side by side are none.
  @Test(arguments: [
    (" plain . ", "plain ."), (#""simplistic , silly""#, "simplistic , silly"),
    (#"" "" analyze that "" is one""#, #"" analyze that " is one"#),
    (#""an "" ambitious failure . """"#, #"an " ambitious failure . ""#),
    (#""Profit Up". "NEW YORK""#, #""Profit Up". "NEW YORK""#), ("\"\"", "\"\""), (#""a"#, #""a"#),
  ])
  func cleaned(_ text: String, _ expected: String) {
    let example = ClassificationDataset.Example(
      text: .pair(premise: text, hypothesis: "b"), label: "1", split: "test")
    #expect(
      example.cleaned
        == .init(text: .pair(premise: expected, hypothesis: "b"), label: "1", split: "test"))
  }

  @Test(arguments: [
    (#"{"sentence": "a"}"#, ": line 1: the key 'label' is missing"),
    (
      #"{"sentnce": "a", "label": "1"}"#,
      ": line 1: unknown key 'sentnce'; did you mean 'sentence'?"
    ),
    (#"{"premise": "a", "label": "1"}"#, ": line 1: the key 'hypothesis' is missing"),
    (
      #"{"sentence": " ", "label": "1"}"#,
      ": line 1, sentence: the text is empty, expected at least one visible character"
    ),
    (
      #"{"sentence": "a", "label": true}"#,
      ": line 1, label: found the boolean true, expected a class name or number"
    ),
    (
      "{\"sentence\": \"a\", \"label\": 1}\n\n{\"sentence\": \"b\", \"label\": 1}",
      ": line 2: the text is empty, expected at least one visible character"
    ),
    ("", ": the file: the text is empty, expected at least one visible character"),
  ])
  func refusals(text: String, sentence: String) {
    #expect(refusal(text) == sentence)
  }

  @Test(arguments: [
    ("sst2", ["0": "Negative"], "Sentence: bad Label: Negative\nSentence: good Label:"),
    ("mr", ["0": "Negative"], "Review: bad Sentiment: Negative\nReview: good Sentiment:"),
    ("subj", ["0": "subjective"], "Input: bad Type: subjective\nInput: good Type:"),
  ])
  func sentencePrompts(name: String, words: [String: String], text: String) throws {
    let template = try ClassificationTemplate(preset: name)
    let task = try template.task(
      of: ClassificationDataset(
        name: name,
        examples: [
          .init(text: .sentence("bad"), label: "0"), .init(text: .sentence("good"), label: "1"),
        ]))
    #expect(task.pairs.first?.output == words["0"])
    #expect(task.prompt(template.prompt, showing: [0], asking: 1).text == text)
  }

  @Test func pairPrompt() throws {
    let template = try ClassificationTemplate(preset: "cb")
    let task = try template.task(
      of: ClassificationDataset(
        name: "cb",
        examples: [
          .init(text: .pair(premise: "It rains.", hypothesis: "It is wet"), label: "entailment")
        ]))
    #expect(
      task.prompt(template.prompt, showing: [], asking: 0).text
        == "It rains. Question: It is wet True, False, or Neither? Answer:")
    #expect(task.pairs[0].output == "True")
  }

  @Test func anUnknownLabelIsAnError() throws {
    let template = try ClassificationTemplate(preset: "sst2")
    let error = #expect(throws: TaskError.self) {
      try template.task(
        of: ClassificationDataset(
          name: "x", examples: [.init(text: .sentence("a"), label: "7")]))
    }
    #expect(
      error?.description.hasPrefix("there is no sst2 label '7'; ") == true,
      "\(String(describing: error))"
    )
  }

  static let realFolder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "shared/real/data/ordered-prompt").path

  /// Sizes and class counts as `wc` and Python count them.
  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: realFolder),
      "shared/real/data/ordered-prompt is absent"),
    arguments: [
      ("sst2", "dev", 872, [428, 444]), ("sst5", "train", 8544, [1092, 2218, 1624, 2322, 1288]),
      ("mr", "train", 8662, [4331, 4331]), ("subj", "test", 2000, [1000, 1000]),
      ("agnews", "test", 7600, [1900, 1900, 1900, 1900]), ("cb", "train", 250, [115, 119, 16]),
    ])
  func realFiles(name: String, split: String, count: Int, classes: [Int]) throws {
    let read = try ClassificationDataset(contentsOf: "\(Self.realFolder)/\(name)/\(split).jsonl")
    let template = try ClassificationTemplate(preset: name)
    #expect(read.examples.count == count)
    #expect(
      template.labels.map { label in read.examples.count { $0.label == label.value } } == classes)
    let words = Set(template.labels.map(\.word))
    #expect(try template.task(of: read).pairs.allSatisfy { words.contains($0.output) })
  }

  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: realFolder),
      "shared/real/data/ordered-prompt is absent"))
  func unlabelledTestSetIsRefused() {
    let error = #expect(throws: TaskError.self) {
      try ClassificationDataset(contentsOf: "\(Self.realFolder)/cb/test.jsonl")
    }
    #expect(error?.description.hasSuffix("line 1: the key 'label' is missing") == true)
  }
}
