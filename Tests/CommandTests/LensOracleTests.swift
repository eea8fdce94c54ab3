// The probe lens against transformers, and plain torch for linear attention, on prompts that the file spells out:
// Tests/Fixtures/laboratory/make_laboratory.py.

import CheckpointIO
import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite struct LensOracleTests {
    private static let probe = """
      tasks_folder: tasks
      prompts:
        - {text: "one->ONE\\ntwo->TWO\\nred->", answer: RED}
        - {text: "hot->HOT\\nwet->WET\\ndry->", answer: DRY}
      hooks: [hook_resid_pre, hook_resid_post]
      top: 5

      """

    private func prepared(_ model: String, _ more: String = "") throws -> Workspace {
      let space = try Workspace.prepared()
      try space.addModel(model)
      try space.write(
        "probe: lens\nmodels: [models/\(model)]\n" + Self.probe + more, to: "probe.yaml")
      return space
    }

    @Test(arguments: ["gpt2-tiny", "llama-mqa", "gemma2-tiny", "linear-decay"])
    func everyNumberIsTheReferences(_ model: String) throws {
      let space = try prepared(model)
      try space.thetascope("run", "probe.yaml", "--out", "out", "--quiet").expectSuccess()
      let cases = try JSON(contentsOf: fixture("laboratory/lens.json")).arrayValue ?? []
      let item = try #require(cases.first { $0["model"]?.stringValue == model })
      func list(_ key: String) -> [[JSON]] {
        item[key]?.arrayValue?.compactMap(\.arrayValue) ?? []
      }
      func text(_ json: JSON) -> String {
        json.boolValue.map { $0 ? "final" : "none" } ?? json.stringValue
          ?? json.intValue.map { "\($0)" } ?? ""
      }
      var found: [[String]: String] = [:]
      for row in rows(of: try space.text("out/results.csv")) {
        let key = ["norm", "hook", "layer", "head", "position", "metric"]
        found[key.map { row[$0] ?? "" }] = row["value"]
      }
      var compared = 0
      func compare(_ own: String?, _ expected: JSON, _ what: [String]) {
        let (own, expected) = (Double(own ?? "") ?? .nan, expected.doubleValue ?? .nan)
        #expect(
          abs(own - expected) <= Tolerance.probe * max(1, abs(expected)),
          "\(what): \(own), expected \(expected)")
        compared += 1
      }
      for row in list("rows") {
        for (metric, value) in zip(["target_rank", "target_logit", "probability"], row[4...]) {
          let key = row[..<3].map(text) + ["", text(row[3]), metric]
          if !value.isNull { compare(found[key], value, key) }
        }
      }
      for row in list("direct") {
        let key = ["final"] + row[..<3].map(text) + ["last", "direct_logit"]
        compare(found[key], row[3], key)
      }
      var tokens: [[String]: [[String: String]]] = [:]
      for row in rows(of: try space.text("out/tokens.csv")) {
        tokens[["norm", "hook", "layer"].map { row[$0] ?? "" }, default: []].append(row)
      }
      for row in list("top") {
        let key = row[..<3].map(text)
        let listed = tokens[key] ?? []
        #expect(listed.map { $0["token_id"] ?? "" } == row[3].arrayValue?.map(text), "\(key)")
        for (own, (logit, probability)) in zip(
          listed, zip(row[4].arrayValue ?? [], row[5].arrayValue ?? []))
        {
          compare(own["logit"], logit, key)
          compare(own["probability"], probability, key)
          #expect(own["n"] == "2" && own["condition"] == "as_given")
        }
      }
      #expect(compared > 300)
    }

    /// Of the hundred first tokens only words, each once whatever its case, with the ranks they have among all.
    @Test func wordsOnly() throws {
      let space = try prepared("gpt2-tiny", "words_only: true\n")
      try space.thetascope("run", "probe.yaml", "--out", "out", "--quiet").expectSuccess()
      let listed = rows(of: try space.text("out/tokens.csv")).filter {
        $0["norm"] == "final" && $0["hook"] == "hook_resid_post" && $0["layer"] == "2"
      }
      let words = listed.map { $0["token"] ?? "" }
      #expect(words.count == 5 && words.allSatisfy { $0.allSatisfy(\.isLetter) })
      #expect(Set(words.map { $0.lowercased() }).count == 5)
      let ranks = listed.compactMap { Int($0["rank"] ?? "") }
      #expect(ranks == ranks.sorted() && ranks.count == 5)
    }

    @Test func refusals() throws {
      let space = try prepared("gpt2-tiny")
      func run(_ old: String, _ new: String) throws -> Ending {
        try space.write(
          "probe: lens\nmodels: [models/gpt2-tiny]\n"
            + Self.probe.replacingOccurrences(of: old, with: new), to: "probe.yaml")
        return try space.thetascope("run", "probe.yaml", "--out", "out")
      }
      try run("hook_resid_pre", "attn.hook_z").expectSentence(65, "attn.hook_z", "residual stream")
      try run("hook_resid_pre", "hook_resid_prae").expectSentence(
        65, "did you mean 'hook_resid_pre'")
      try run("answer: RED", "answer: \"\"").expectSentence(65, "one->ONE", "answer")
    }

    @Test func refusalsOfVectorProbes() throws {
      let space = try prepared("gemma2-tiny")
      func run(_ probe: String, _ model: String, _ more: String) throws -> Ending {
        try space.write(
          """
          probe: \(probe)
          models: [models/\(model)]
          tasks_folder: tasks
          template: arrow
          shots: 3
          \(more)

          """, to: "probe.yaml")
        return try space.thetascope("run", "probe.yaml", "--out", "out")
      }
      try run("function-vectors", "gemma2-tiny", "tasks: [shout]")
        .expectSentence(65, "gemma2-tiny", "passes a norm before it is added")
      try run("function-vectors", "gpt2-tiny", "tasks: [shout]\nheads: 12")
        .expectSentence(65, "'heads' is 12", "only 12")
      try run("in-context-vectors", "gpt2-tiny", "tasks: [shout]\nhooks: [hook_resid_pre]")
        .expectSentence(65, "hooks", "hook_mlp_out")
      try run(
        "vector-arithmetic", "gpt2-tiny", "expressions: [{target: shout, terms: [{task: shut}]}]"
      ).expectSentence(65, "shut", "did you mean 'shout'")
    }
  }
}
