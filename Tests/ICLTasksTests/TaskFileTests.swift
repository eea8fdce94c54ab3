// Reading task files: what is taken, and the sentence for everything that is not.

import CheckpointIO
import Foundation
import ICLTasks
import Testing

@Suite struct TaskFileTests {
  func file(_ text: String) throws -> TaskFile {
    try TaskFile(
      JSON(parsing: Array(text.utf8), file: "d/knowledge/t.json"), path: "d/knowledge/t.json")
  }

  func refusal(_ text: String) -> String {
    do {
      _ = try file(text)
      return "taken"
    } catch { return "\(error)" }
  }

  func house(_ pairs: String, more: String = "") -> String {
    #"{"name": "t", "category": "knowledge", "source": "general knowledge"\#(more), "pairs": \#(pairs)}"#
  }

  // MARK: The house's format

  @Test func house() throws {
    let read = try file(
      house(
        #"[{"input": "France", "output": "Paris"}, {"input": "Peru", "output": "Lima", "accept": ["Lima city"]}]"#,
        more: #", "input_domain": "country", "output_domain": "city", "inverse_of": "x""#))
    #expect(read.format == .house)
    #expect(
      read.task
        == ICLTask(
          name: "t", category: "knowledge", source: "general knowledge", inputDomain: "country",
          outputDomain: "city", inverseOf: "x",
          pairs: [
            .init(input: "France", output: "Paris"),
            .init(input: "Peru", output: "Lima", accept: ["Lima city"]),
          ]))
    #expect(read.changes == .init())
    let plain = try file(house(#"[{"input": "a", "output": "b"}]"#)).task
    #expect(plain.inputDomain == "t_input")
    #expect(plain.outputDomain == "t_output")
    #expect(plain.inverseOf == nil)
  }

  @Test(arguments: [
    (
      #"[{"input": "a", "output": "b"}, {"input": "a", "output": "b"}]"#,
      "pairs[1]: the input 'a' is given again with the same output as in pairs[0], expected every "
        + "input once"
    ),
    (
      #"[{"input": "a", "output": "b"}, {"input": "a", "output": "c"}]"#,
      "pairs[1]: the input 'a' has the output 'c', and 'b' in pairs[0]; put further right answers "
        + "under 'accept'"
    ),
    // é in two encodings is one input.
    (
      #"[{"input": "\u00e9", "output": "b"}, {"input": "e\u0301", "output": "b"}]"#,
      "pairs[1]: the input 'e\u{301}' is given again with the same output as in pairs[0], expected "
        + "every input once"
    ),
    (
      #"[{"input": "", "output": "b"}]"#,
      "pairs[0].input: the text is empty, expected at least one visible character"
    ),
    (
      #"[{"input": "a", "output": " \n"}]"#,
      "pairs[0].output: the text is empty, expected at least one visible character"
    ),
    (
      #"[{"input": "a ", "output": "b"}]"#,
      "pairs[0].input: 'a ' begins or ends with a blank, expected no blanks at the ends"
    ),
    (
      #"[{"input": "a\tb", "output": "b"}]"#,
      "pairs[0].input: the text contains the control character U+0009, expected printable text"
    ),
    (
      #"[{"input": "a", "output": "b\u2028c"}]"#,
      "pairs[0].output: the text contains the control character U+2028, expected printable text"
    ),
    (
      #"[{"input": "a", "output": 3}]"#,
      "pairs[0].output: found the integer 3, expected a string"
    ),
    (
      #"[{"input": "a", "ouput": "b"}]"#,
      "pairs[0]: unknown key 'ouput'; did you mean 'output'?"
    ),
    (#"[{"input": "a"}]"#, "pairs[0]: the key 'output' is missing"),
    (
      #"[["a", "b"]]"#,
      "pairs[0]: found an array of 2, expected an object with input, output, accept"
    ),
    (
      #"[{"input": "a", "output": "b", "accept": "c"}]"#,
      "pairs[0].accept: found the string 'c', expected an array of strings"
    ),
    (
      #"[{"input": "a", "output": "b", "accept": ["c", "b"]}]"#,
      "pairs[0].accept[1]: found the string 'b', expected an answer that is not given already"
    ),
    (
      #"[{"input": "a", "output": "b", "accept": ["c", "c"]}]"#,
      "pairs[0].accept[1]: found the string 'c', expected an answer that is not given already"
    ),
    ("[]", "pairs: found an array of 0, expected an array of pairs, at least one"),
    (#"{"a": "b"}"#, "pairs: found an object of 1 keys, expected an array of pairs, at least one"),
  ])
  func badPairs(pairs: String, sentence: String) {
    #expect(refusal(house(pairs)) == "d/knowledge/t.json: \(sentence)")
  }

  @Test(arguments: [
    (
      #"{"name": "t", "category": "c", "pairs": [{"input": "a", "output": "b"}]}"#,
      "the top level: the key 'source' is missing"
    ),
    (
      #"{"name": "t", "category": "c", "source": "s", "pair": []}"#,
      "the top level: unknown key 'pair'; did you mean 'pairs'?"
    ),
    (
      #"{"name": "t", "category": "c", "source": "s"}"#,
      "the top level: the key 'pairs' is missing"
    ),
    (
      #"{"name": "My task", "category": "c", "source": "s", "pairs": [{"input": "a", "output": "b"}]}"#,
      "name: found 'My task', expected letters a-z, digits, '_', '-' and '.' only"
    ),
    (
      #"{"name": "t", "category": 1, "source": "s", "pairs": [{"input": "a", "output": "b"}]}"#,
      "category: found the integer 1, expected a string"
    ),
    (
      #"{"name": "t", "category": "c", "source": "s", "input_domian": "x", "pairs": []}"#,
      "the top level: unknown key 'input_domian'; did you mean 'input_domain'?"
    ),
    ("3", "the top level: found the integer 3, expected an object or an array of pairs"),
    ("[]", "the top level: found no pairs, expected at least one pair"),
    ("{}", "the top level: found no pairs, expected at least one pair"),
  ])
  func badFiles(text: String, sentence: String) {
    #expect(refusal(text) == "d/knowledge/t.json: \(sentence)")
  }

  // MARK: The published formats

  @Test func mapping() throws {
    let read = try file(#"{"a": "b", "1": 2, "c": ["d", "e", "d"], "f": "g\n"}"#)
    #expect(read.format == .mapping)
    #expect(read.task.name == "t")
    #expect(read.task.category == "knowledge")
    #expect(
      read.task.pairs == [
        .init(input: "a", output: "b"), .init(input: "1", output: "2"),
        .init(input: "c", output: "d", accept: ["e"]), .init(input: "f", output: "g"),
      ])
    #expect(read.changes == .init(outputsTrimmed: 1))
  }

  @Test func list() throws {
    let read = try file(
      #"""
      [{"input": "a", "output": "b"}, {"input": "c\nd ", "output": 7}, {"input": "a", "output": "b"},
       {"input": "a", "output": "x"}, {"input": 5, "output": ["y", "z"]}]
      """#)
    #expect(read.format == .list)
    #expect(
      read.task.pairs == [
        .init(input: "a", output: "b", accept: ["x"]), .init(input: "c\nd ", output: "7"),
        .init(input: "5", output: "y", accept: ["z"]),
      ])
    #expect(read.changes == .init(repeatsDropped: 1, alternativesMerged: 1))
  }

  @Test(arguments: [
    (
      #"[{"input": "a", "output": 1.5}]"#,
      "[0].output: found the number 1.5, expected a string, an integer, or a list of them"
    ),
    (
      #"[{"input": "a", "output": true}]"#,
      "[0].output: found the boolean true, expected a string, an integer, or a list of them"
    ),
    (
      #"[{"input": "a", "output": []}]"#,
      "[0].output: found an array of 0, expected at least one answer"
    ),
    (
      #"[{"input": "a", "output": {"b": "c"}}]"#,
      "[0].output: found an object of 1 keys, expected a string, an integer, or a list of them"
    ),
    (#"[{"input": null, "output": "b"}]"#, "[0].input: found null, expected a string"),
    (
      #"[{"inputs": "a", "output": "b"}]"#,
      "[0]: unknown key 'inputs'; did you mean 'input'?"
    ),
    (#"[{"input": "a"}]"#, "[0]: the key 'output' is missing"),
    (#"["a"]"#, "[0]: found the string 'a', expected an object with input, output"),
    (
      #"{"a": "b\nc"}"#,
      #"['a'].output: found the string 'b\u{a}c', expected an answer of one line"#
    ),
    (
      #"{"a": "\u0007"}"#,
      "['a'].output: the text contains the control character U+0007, expected printable text"
    ),
    (
      #"{"a": " "}"#,
      "['a'].output: the text is empty, expected at least one visible character"
    ),
  ])
  func badPublished(text: String, sentence: String) {
    #expect(refusal(text) == "d/knowledge/t.json: \(sentence)")
  }

  @Test func brokenJSONIsTheReadersError() {
    #expect(throws: CheckpointError.self) { try file(#"{"a": "b""#) }
    #expect(throws: CheckpointError.self) { try TaskFile(contentsOf: "/nonexistent/t.json") }
  }
}
