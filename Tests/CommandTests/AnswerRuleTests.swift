// Answers of several tokens under each rule: judged as what the model writes greedily says they must be.

import CheckpointIO
import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite struct AnswerRuleTests {
    /// What is right besides, and under which rules an answer is right then.
    private enum Kind: Int, CaseIterable {
      /// Both tokens as the model writes them.
      case both
      /// Only the first as the model writes it.
      case onlyFirst
      /// Another output, and what the model writes as a synonym.
      case synonym
      /// Another output, and a synonym that only begins so.
      case beginning
    }

    @Test(arguments: [
      ("exact", [true, false, false, false]), ("synonym", [true, false, true, false]),
      ("prefix", [true, false, true, true]),
    ])
    func severalTokens(rule: String, right: [Bool]) throws {
      let space = try Workspace.prepared()
      let known = Set(Workspace.words + Workspace.words.map { $0.uppercased() })
      // Two tokens that the model writes after each query, where both are words.
      var written: [(query: String, words: [String])] = []
      for word in Workspace.words {
        let ending = try space.thetascope(
          "generate", "--model", "models/gpt2-tiny", "--prompt", "\(word)->", "--max-new-tokens",
          "2", "--quiet")
        ending.expectSuccess()
        let words = ending.output.split(separator: " ").suffix(2).map {
          $0.trimmingCharacters(in: .newlines)
        }
        if words.allSatisfy(known.contains) { written.append((word, words)) }
      }
      try #require(written.count >= 8, "\(written)")
      var expected: [String: (answer: String, isRight: Bool)] = [:]
      let pairs = written.enumerated().map { index, item -> JSON in
        let kind = Kind.allCases[index % 4]
        func other(_ count: Int) -> String {
          Workspace.words.filter { !item.words.contains($0) }.prefix(count).joined(separator: " ")
        }
        let (both, begun) = (
          item.words.joined(separator: " "), "\(item.words[0]) \(other(1))"
        )
        let output = kind == .both ? both : kind == .onlyFirst ? begun : other(2)
        let accept = kind == .synonym ? [both] : kind == .beginning ? [begun] : []
        expected[item.query] = (output, right[kind.rawValue])
        return [
          "input": .string(item.query), "output": .string(output),
          "accept": .array(accept.map { .string($0) }),
        ]
      }
      // The paper's mixture is each rule where its category is.
      let categories = ["exact": "linguistic", "synonym": "translation", "prefix": "knowledge"]
      let category = categories[rule] ?? ""
      let task: JSON = [
        "name": "written", "category": .string(category),
        "source": "made by the test", "pairs": .array(pairs),
      ]
      try space.write(task.serialized(pretty: true), to: "tasks/\(category)/written.json")
      for (out, name) in [("own", rule), ("mixture", "hendel")] {
        try space.write(
          """
          probe: task-vectors
          models: [models/gpt2-tiny]
          tasks_folder: tasks
          tasks: [written]
          template: arrow
          answer: whole
          answer_rule: \(name)
          shots: 2
          dummies: 1
          development_sets: 20
          test_sets: 20
          controls: []

          """, to: "\(out).yaml")
        try space.thetascope("run", "\(out).yaml", "--out", out, "--quiet").expectSuccess()
        let samples = rows(of: try space.text("\(out)/samples.csv")).filter {
          $0["condition"] == "zero_shot"
        }
        #expect(samples.count == 40 && Set(samples.map { $0["query"] }).count == written.count)
        for row in samples {
          let (answer, isRight) = try #require(expected[row["query"] ?? ""])
          #expect(row["target"] == answer)
          #expect(row["correct"] == (isRight ? "1" : "0"), "\(name): \(row)")
        }
      }
    }
  }
}
