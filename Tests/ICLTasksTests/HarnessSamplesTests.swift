// Samples of lm-evaluation-harness as tasks: of each kind of request, in the forms that its versions write, and what is
// refused. Tests/Fixtures/harness holds files that lm_eval itself wrote.

import Foundation
import ICLTasks
import TestSupport
import Testing

@Suite struct HarnessSamplesTests {
  private func task(_ lines: String..., name: String = "samples_t_x_2026-01-01T00-00-00.jsonl")
    throws -> TaskFile
  {
    let folder = NSTemporaryDirectory() + "harness-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/\(name)"
    try Data(lines.map { $0 + "\n" }.joined().utf8).write(to: URL(fileURLWithPath: path))
    return try TaskFile(contentsOf: path)
  }

  private func refusal(_ lines: String...) -> String {
    do {
      _ = try task(lines.joined(separator: "\n"))
      return "taken"
    } catch {
      let text = "\(error)"
      return String(text[(text.range(of: ".jsonl: ")?.upperBound ?? text.startIndex)...])
    }
  }

  /// What lm_eval itself wrote of three tasks, one of each kind of request.
  @Test func filesOfTheHarness() throws {
    let library = try TaskLibrary(folder: fixture("harness"), generating: false)
    #expect(library.names == ["capital_choice", "capital_text", "capital_word"])
    let inputs = [
      "capital_choice": "The capital of COUNTRY is",
      "capital_text": "Question: the capital of COUNTRY?\nAnswer:", "capital_word": "COUNTRY ->",
    ]
    for task in library.tasks {
      let input = try #require(inputs[task.name])
      #expect(
        task.pairs
          == [("France", "Paris"), ("Spain", "Madrid"), ("Norway", "Oslo")].map {
            .init(input: input.replacing("COUNTRY", with: $0.0), output: $0.1)
          })
    }
    // Logged under two filters.
    #expect(library.files[1].changes.repeatsDropped == 3)
  }

  @Test func choices() throws {
    let file = try task(
      #"{"doc_id": 0, "doc": {}, "target": "1", "arguments": {"gen_args_0": {"arg_0": "Q: a\nA:", "arg_1": " x"}, "gen_args_1": {"arg_0": "Q: a\nA:", "arg_1": " y"}}, "acc": 1.0}"#,
      // Eleven choices: the requests are in the order of their numbers, not of their keys.
      #"{"target": 10, "arguments": {\#((0...10).reversed().map { #""gen_args_\#($0)": {"arg_0": "b", "arg_1": " c\#($0)"}"# }.joined(separator: ", "))}}"#,
      // By its text, where it is no number; the context of the request that is right.
      #"{"target": "B", "arguments": [["c one", " A"], ["c two", " B"]]}"#)
    #expect(
      file.format == .harnessSamples && file.task.name == "t_x" && file.task.category == "lm_eval")
    #expect(file.task.pairs.map(\.input) == ["Q: a\nA:", "b", "c two"])
    #expect(file.task.pairs.map(\.output) == ["y", "c10", "B"])
  }

  @Test func generationAndOneContinuation() throws {
    let file = try task(
      #"{"doc_id": 0, "target": "Paris", "arguments": {"gen_args_0": {"arg_0": "France", "arg_1": {"until": ["\n"]}}}, "filter": "strict"}"#,
      // The same document under another filter.
      #"{"doc_id": 0, "target": "Paris", "arguments": {"gen_args_0": {"arg_0": "France", "arg_1": {"until": ["\n"]}}}, "filter": "flexible"}"#,
      #"{"doc_id": 1, "target": 7, "arguments": [["three and four", {}]]}"#,
      #"{"doc_id": 2, "target": "ignored", "arguments": [["the last", " word"]]}"#)
    #expect(file.task.pairs.map(\.input) == ["France", "three and four", "the last"])
    #expect(file.task.pairs.map(\.output) == ["Paris", "7", "word"])
    #expect(file.changes.repeatsDropped == 1)
    #expect(
      try task(#"{"target": "b", "arguments": [["a", {}]]}"#, name: "samples_t.jsonl").task.name
        == "t")
  }

  @Test func refusals() {
    #expect(refusal(#"{"target": "1"}"#) == "line 1: the key 'arguments' is missing")
    #expect(
      refusal(#"{"target": "", "arguments": {"gen_args_0": {"arg_0": "a"}}}"#)
        == "line 1, arguments: found a request without an answer, expected a context with a continuation, or with "
        + "settings of generation")
    #expect(
      refusal(#"{"target": "2", "arguments": [["a", " b"], ["a", " c"]]}"#)
        == "line 1, target: found the string '2', expected the number or the text of one of the 2 choices"
    )
    #expect(
      refusal(#"{"target": "['a', 'b']", "arguments": [["a", {}]]}"#).contains(
        "not a list of Python"))
    #expect(refusal(#"{"target": "b", "arguments": [["a", {}]]}"#, "").contains("(line 2)"))
    #expect(refusal(#"{"target": "b", "arguments": [["a", {}]]}"#, "{").contains("(line 2)"))
    #expect(
      refusal(#"{"target": "b", "arguments": {"gen_args_1": {"arg_0": "a"}}}"#).contains(
        "'gen_args_0'"))
    #expect(refusal(#"{"target": "b", "arguments": [[]]}"#).contains("a context"))
    #expect(refusal(#"{"target": "b", "arguments": "a"}"#).contains("expected the requests"))
    #expect(refusal("[]").contains("expected an object"))
    #expect(refusal("").contains("(line 1)"))
  }
}
