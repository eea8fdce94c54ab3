// Templates, prompts as text, and the token positions of roles, by hand.

import Foundation
import ICLTasks
import Testing

@Suite struct PromptTests {
  let capitals = [("France", "Paris"), ("Peru", "Lima")]

  @Test(arguments: [
    ("arrow", "France->Paris\nPeru->Lima\nItaly->", "Italy->"),
    (
      "hendel", "example:France->Paris\nexample:Peru->Lima\nexample:Italy->",
      "example:Italy->"
    ),
    ("todd", "Q: France\nA: Paris\n\nQ: Peru\nA: Lima\n\nQ: Italy\nA:", "Q: Italy\nA:"),
  ])
  func presets(name: String, inContext: String, zeroShot: String) throws {
    let template = try PromptTemplate(preset: name)
    #expect(template.prompt(demonstrations: capitals, query: "Italy").text == inContext)
    #expect(template.zeroShotPrompt(query: "Italy").text == zeroShot)
    #expect(
      try PromptTemplate(demonstration: template.demonstration, separator: template.separator)
        == template)
    #expect(template.presetName == name)
  }

  @Test func leadingSpaceVariant() {
    let prompt = PromptTemplate.hendel.withLeadingSpace.prompt(
      demonstrations: [("k", "v")], query: "q")
    #expect(prompt.text == "example: k-> v\nexample: q->")
  }

  @Test func segmentsCoverTheText() throws {
    let template = try PromptTemplate(
      demonstration: "<{input}> is {output}.", separator: " | ", prefix: "Größe: ")
    let prompt = template.prompt(demonstrations: [("é", "ü"), ("b", "c")], query: "d")
    #expect(prompt.text == "Größe: <é> is ü. | <b> is c. | <d> is")
    let bytes = Array(prompt.text.utf8)
    #expect(prompt.segments.first?.bytes.lowerBound == 0)
    #expect(prompt.segments.last?.bytes.upperBound == bytes.count)
    for (one, next) in zip(prompt.segments, prompt.segments.dropFirst()) {
      #expect(one.bytes.upperBound == next.bytes.lowerBound)
    }
    let texts = prompt.segments.map { String(decoding: bytes[$0.bytes], as: UTF8.self) }
    #expect(
      texts == [
        "Größe: ", "<", "é", "> is", " ü", ".", " | ", "<", "b", "> is", " c", ".", " | ", "<", "d",
        "> is",
      ])
    #expect(prompt.segments[4].part == .label(0))
    #expect(prompt.segments[15].part == .queryArrow)
  }

  @Test(arguments: [
    ("{input}->{ouput}", "'{ouput}' is unknown; did you mean '{output}'?"),
    ("{input}->", "expected {input} once and then {output} once"),
    ("{output}<-{input}", "expected {input} once and then {output} once"),
    ("{input}->{output}{output}", "expected {input} once and then {output} once"),
    (
      "{input}{output}", "{input} and {output} touch; expected text between them, such as '->'"
    ),
  ])
  func badTemplates(text: String, problem: String) {
    #expect(throws: TaskError.badTemplate(template: text, problem: problem)) {
      try PromptTemplate(demonstration: text, separator: "\n")
    }
  }

  @Test func unknownPreset() throws {
    let error = #expect(throws: TaskError.self) { try PromptTemplate(preset: "hendal") }
    #expect(error?.description == "there is no template 'hendal'; did you mean 'hendel'?")
  }

  @Test func codable() throws {
    let own = try PromptTemplate(
      demonstration: "{input} => {output}", separator: ";", prefix: "Go: ")
    let templates = [PromptTemplate.todd, own]
    let stored = try JSONEncoder().encode(templates)
    #expect(try JSONDecoder().decode([PromptTemplate].self, from: stored) == templates)
    let text =
      #"["todd", {"demonstration": "{input} => {output}", "separator": ";", "prefix": "Go: "}]"#
    #expect(try JSONDecoder().decode([PromptTemplate].self, from: Data(text.utf8)) == templates)
    let wrong = #"[{"demonstration": "{input}:{output}", "seperator": ";"}]"#
    let error = #expect(throws: TaskError.self) {
      try JSONDecoder().decode([PromptTemplate].self, from: Data(wrong.utf8))
    }
    #expect(
      error?.description == "there is no template key 'seperator'; did you mean 'separator'?")
  }

  // MARK: Roles

  @Test func rolesOfTheArrowTemplate() throws {
    let tokenizer = SmallTokenizer(vocabulary: ["a", "b", "c", "d", "->", "\n", "e"])
    let prompt = try PromptTemplate.arrow.prompt(
      demonstrations: [("a", "b"), ("c", "d e")], query: "e d"
    ).tokenized(by: tokenizer)
    // 0 BOS, 1 a, 2 ->, 3 b, 4 \n, 5 c, 6 ->, 7 d, 8 e, 9 \n, 10 e, 11 d, 12 ->
    #expect(prompt.tokens == [0, 2, 6, 3, 7, 4, 6, 5, 8, 7, 8, 5, 6])
    #expect(
      prompt.roles == [
        "input": [1, 5], "arrow": [2, 6], "label": [3, 7], "separator": [4, 9], "query": [11],
        "last": [12],
      ])
    #expect(
      prompt.spans == [
        "input": [1..<2, 5..<6], "label": [3..<4, 7..<9], "demonstration": [1..<5, 5..<10],
        "query": [10..<13],
      ])
    #expect(prompt.contextLength == 10)
  }

  @Test func rolesWithBlanksInTokens() throws {
    let tokenizer = SmallTokenizer(
      vocabulary: ["Q", ":", " France", "\n", "A", " Paris", " Italy"], blanks: .leading,
      addsBeginning: false)
    let prompt = try PromptTemplate.todd.prompt(
      demonstrations: [("France", "Paris")], query: "Italy"
    ).tokenized(by: tokenizer)
    // 0 Q, 1 :, 2 _France, 3 \n, 4 A, 5 :, 6 _Paris, 7 \n, 8 \n, 9 Q, 10 :, 11 _Italy, 12 \n, 13 A, 14 :
    #expect(prompt.tokens == [2, 3, 4, 5, 6, 3, 7, 5, 5, 2, 3, 8, 5, 6, 3])
    #expect(
      prompt.roles == [
        "input": [2], "arrow": [5], "label": [6], "separator": [8], "query": [11], "last": [14],
      ])
    #expect(prompt.spans["query"] == [9..<15])
  }

  @Test func zeroShotHasTheKeysAndNoPositions() throws {
    let tokenizer = SmallTokenizer(vocabulary: ["a", "->"])
    let prompt = try PromptTemplate.arrow.zeroShotPrompt(query: "a").tokenized(by: tokenizer)
    #expect(
      prompt.roles == [
        "input": [], "arrow": [], "label": [], "separator": [], "query": [1], "last": [2],
      ])
    #expect(prompt.contextLength == 1)
  }

  @Test func aSeparatorWithoutTokensHasNoRole() throws {
    let tokenizer = SmallTokenizer(vocabulary: ["a", "b", "c", "->"])
    let template = try PromptTemplate(demonstration: "{input}->{output}", separator: " ")
    let prompt = try template.prompt(demonstrations: [("a", "b")], query: "c").tokenized(
      by: tokenizer)
    #expect(prompt.roles["separator"] == nil)
    #expect(prompt.roles["arrow"] == [2])
  }

  @Test func promptsThatCannotBeTokens() throws {
    let tokenizer = SmallTokenizer(
      vocabulary: ["a", "b", "->", "\n"], addsBeginning: false)
    let blank = try PromptTemplate(demonstration: "{input} {output}", separator: " ")
    #expect(
      throws: TaskError.inexpressible(
        prompt: " ", problem: "it has no tokens, and the tokenizer adds no beginning token")
    ) { try blank.zeroShotPrompt(query: " ").tokenized(by: tokenizer) }
    // The run "toa" is one token, so nothing predicts the answer "a" alone.
    let joined = try PromptTemplate(demonstration: "{input} to{output}", separator: "\n")
    let error = #expect(throws: TaskError.self) {
      try joined.prompt(demonstrations: [("a", "a")], query: "b").tokenized(by: tokenizer)
    }
    #expect(error?.description.contains("one token holds the end of the arrow") == true)
  }
}
