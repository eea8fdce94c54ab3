// The probe activation-patching against transformers with forward hooks, and against plain torch for linear attention:
// every place of the grid, paths, and attribution. Tests/Fixtures/laboratory/make_laboratory.py.

import CheckpointIO
import Foundation
import TestSupport
import Testing

/// The rows of a table, by column; new lines and commas of its texts become blanks.
func rows(of csv: String) -> [[String: String]] {
  var isQuoted = false
  let plain = csv.map { character -> Character in
    if character == "\"" { isQuoted.toggle() }
    return isQuoted && (character == "\n" || character == ",") ? " " : character
  }
  let lines = String(plain).split(separator: "\n").map {
    $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
  }
  return lines.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(lines[0], $0)) }
}

extension CommandTests {
  @Suite struct PatchingOracleTests {
    /// The pairs of make_laboratory.py.
    private static let pairs = [
      ["one->ONE\\ntwo->TWO\\nred->", "one->ONE\\ntwo->TWO\\nblue->", "RED", "BLUE"],
      ["hot->HOT\\nwet->WET\\ndry->", "hot->WET\\nwet->HOT\\nsix->", "DRY", "HOT"],
    ]

    private static func probe(_ model: String, _ pairs: [[String]], _ more: String) -> String {
      let spelled = pairs.map {
        "{clean: \"\($0[0])\", corrupt: \"\($0[1])\", answer: \($0[2]), contrast: \($0[3])}"
      }
      return """
        probe: activation-patching
        models: [models/\(model)]
        tasks_folder: tasks
        pairs: [\(spelled.joined(separator: ", "))]
        directions: [denoising, noising]
        \(more)

        """
    }

    private func text(_ json: JSON?) -> String {
      json?.stringValue ?? json?.intValue.map { "\($0)" } ?? ""
    }

    @Test(arguments: ["gpt2-tiny", "llama-gqa", "linear-decay"])
    func everyPlaceIsTheReferences(_ model: String) throws {
      let space = try Workspace.prepared()
      let cases = try JSON(contentsOf: fixture("laboratory/patching.json")).arrayValue ?? []
      let item = try #require(cases.first { $0["model"]?.stringValue == model })
      func list(_ key: String) -> String { (item[key] ?? .null).serialized(pretty: false) }
      try space.write(
        Self.probe(
          model, Self.pairs,
          """
          position_hooks: \(list("position_hooks"))
          head_hooks: \(list("head_hooks"))
          head_positions: \(text(item["head_positions"]))
          paths: \(list("paths"))
          """), to: "probe.yaml")
      try space.thetascope("run", "probe.yaml", "--out", "out", "--quiet").expectSuccess()
      var found: [[String]: String] = [:]
      for row in rows(of: try space.text("out/results.csv")) {
        let key = ["condition", "hook", "layer", "head", "position", "receiver", "metric"]
        found[key.map { row[$0] ?? "" }] = row["value"]
      }
      var compared = 0
      func compare(_ key: [String], _ expected: JSON?) {
        guard let expected = expected?.doubleValue else { return }
        let own = found.removeValue(forKey: key).flatMap { Double($0) }
        #expect(
          abs((own ?? .nan) - expected) <= Tolerance.probe * max(1, abs(expected)),
          "\(key): \(own.map { "\($0)" } ?? "no value"), expected \(expected)")
        compared += 1
      }
      let metrics = item["metrics"]?.arrayValue?.map { text($0) } ?? []
      for row in item["rows"]?.arrayValue ?? [] {
        let cells = row.arrayValue ?? []
        for (metric, value) in zip(metrics, cells[6].arrayValue ?? []) {
          compare(cells[..<6].map { text($0) } + [metric], value)
        }
      }
      for row in item["agreement"]?.arrayValue ?? [] {
        let cells = row.arrayValue ?? []
        let place = [text(cells[0]), text(cells[1]), "", "", "", ""]
        compare(place + ["attribution_error"], cells[2])
        compare(place + ["attribution_correlation"], cells[3])
      }
      #expect(compared > 1000)
      // Nothing is left but the two ends of each direction.
      #expect(found.keys.allSatisfy { ["clean", "corrupt"].contains($0[0]) }, "\(found.keys)")
    }

    /// With both prompts the same there is nothing to restore, and no share of it.
    @Test func effectsOfNothingHaveNoShare() throws {
      let space = try Workspace.prepared()
      let same = [["one->ONE\\nred->", "one->ONE\\nred->", "RED", "BLUE"]]
      try space.write(Self.probe("gpt2-tiny", same, "head_hooks: []"), to: "probe.yaml")
      try space.thetascope("run", "probe.yaml", "--out", "out", "--quiet").expectSuccess()
      let all = rows(of: try space.text("out/results.csv"))
      let shares = all.filter { $0["metric"] == "normalised_effect" }
      #expect(shares.count == 2 * 3 * 3 * 6 && shares.allSatisfy { $0["value"] == "" })
      let effects = all.filter { $0["metric"] == "indirect_effect" }
      #expect(
        effects.count == shares.count && effects.allSatisfy { Double($0["value"] ?? "") == 0 })
    }

    @Test func refusals() throws {
      let space = try Workspace.prepared()
      func run(_ model: String, _ corrupt: String, _ more: String) throws -> Ending {
        try space.write(
          Self.probe(model, [["one->ONE\\nred->", corrupt, "RED", "BLUE"]], more), to: "probe.yaml")
        return try space.thetascope("run", "probe.yaml", "--out", "out")
      }
      try run("gpt2-tiny", "red->", "").expectSentence(
        65, #"6 tokens ["one", "->", "ONE", "\n", "red", "->"]"#, #"2 ["red", "->"]"#)
      let same = "one->ONE\\nblue->"
      try run("gpt2-tiny", same, "position_hooks: [attn.hook_ssm_state]")
        .expectSentence(65, "attn.hook_ssm_state", "softmax attention")
      try run("linear-decay", same, "position_hooks: [attn.hook_ssm_state_initial]")
        .expectSentence(65, "hook_ssm_state_initial", "no position")
      try run("gpt2-tiny", same, "head_hooks: [hook_resid_pre]")
        .expectSentence(65, "hook_resid_pre", "head")
      #expect(!space.exists("out/results.csv"))
    }
  }
}
