// The probe activation-patching against transformers with forward hooks, and against plain torch for linear attention:
// every place of the grid, paths, and attribution. Tests/Fixtures/laboratory/make_laboratory.py.

import CheckpointIO
import Foundation
import Probes
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
      // Nothing is left but the two ends, and the tests, which are below.
      let tests = ["permutation_p", "permutation_p_corrected", "holm_p", "bh_p"]
      let rest = found.keys.filter { !tests.contains($0[6]) }
      #expect(rest.allSatisfy { ["clean", "corrupt"].contains($0[0]) }, "\(rest)")
    }

    /// Five pairs with all signs tried by hand; Holm's and Benjamini and Hochberg's numbers over the places of one hook, by
    /// the functions that statsmodels checks; and the means of the pairs' rows are the table's.
    @Test func placesAreTestedOverPairs() throws {
      let space = try Workspace.prepared()
      let pairs = [
        ("red", "blue"), ("dry", "wet"), ("one", "six"), ("hot", "cold"), ("ten", "two"),
      ].map {
        ["pink->PINK\\n\($0)->", "pink->PINK\\n\($1)->", $0.uppercased(), $1.uppercased()]
      }
      try space.write(Self.probe("llama-gqa", pairs, "paths: []"), to: "probe.yaml")
      try space.thetascope("run", "probe.yaml", "--out", "out", "--quiet").expectSuccess()
      func key(_ row: [String: String]) -> [String] {
        ["condition", "hook", "layer", "head", "position"].map { row[$0] ?? "" }
      }
      var table: [[String]: [String: Double]] = [:]
      for row in rows(of: try space.text("out/results.csv")) {
        table[key(row), default: [:]][row["metric"] ?? ""] = Double(row["value"] ?? "")
      }
      let samples = Dictionary(grouping: rows(of: try space.text("out/samples.csv")), by: key)
      let places = samples.filter { ["denoised", "noised"].contains($0.key[0]) }
      #expect(places.count == 2 * 3 * (3 * 6 + 4))
      #expect(samples[["clean", "", "", "", ""]]?.count == 5)
      #expect(samples[["corrupt", "", "", "", ""]]?.count == 5)
      func values(_ rows: [[String: String]], _ column: String) -> [Double] {
        rows.compactMap { Double($0[column] ?? "") }
      }
      for (place, own) in samples {
        let difference = values(own, "logit_diff").reduce(0, +) / 5
        #expect(abs((table[place]?["logit_diff"] ?? .nan) - difference) < 1e-9, "\(place)")
        #expect(own.map { $0["example"] ?? "" } == (0..<5).map { "\($0)" })
      }
      var families: [[String]: [[String]]] = [:]
      for (place, own) in places {
        let effects = values(own, "indirect_effect")
        try #require(effects.count == 5)
        let found = try #require(table[place])
        #expect(abs((found["indirect_effect"] ?? .nan) - effects.reduce(0, +) / 5) < 1e-9)
        let observed = abs(effects.reduce(0, +))
        let hits = (0..<32).count { pattern in
          let sum = effects.indices.reduce(0.0) {
            $0 + (pattern >> $1 & 1 == 0 ? effects[$1] : -effects[$1])
          }
          return abs(sum) >= observed - 1e-12 * effects.reduce(0) { $0 + abs($1) }
        }
        #expect(found["permutation_p"] == Double(hits) / 32, "\(place)")
        #expect((found["permutation_p_corrected"] ?? 0) >= Double(hits) / 32)
        families[[place[0], place[1]], default: []].append(place)
      }
      #expect(families.count == 2 * 4)
      #expect(Set(places.keys.compactMap { table[$0]?["permutation_p"] }).count > 3)
      for family in families.values {
        let p = family.compactMap { table[$0]?["permutation_p"] }
        #expect(family.compactMap { table[$0]?["holm_p"] } == Statistics.holmAdjusted(p))
        #expect(
          family.compactMap { table[$0]?["bh_p"] } == Statistics.benjaminiHochbergAdjusted(p))
      }
    }

    /// Layers 0 and 2 have a state, layer 1 is softmax attention of another number of heads.
    @Test func hybridsArePatchedWhereTheyCan() throws {
      let space = try Workspace.prepared()
      try space.addModel("deltanet-hybrid")
      func run(_ more: String) throws -> Ending {
        try space.write(Self.probe("deltanet-hybrid", Self.pairs, more), to: "probe.yaml")
        return try space.thetascope("run", "probe.yaml", "--out", "out", "--quiet")
      }
      try run("position_hooks: [hook_normalized_twice]").expectSentence(65, "position_hooks")
      try run("position_hooks: [attn.hook_momentum]")
        .expectSentence(65, "attn.hook_momentum", "deltanet-hybrid")
      try run(
        """
        position_hooks: [hook_resid_pre, attn.hook_ssm_state]
        head_hooks: [attn.hook_z, attn.hook_pattern]
        paths: [{from: attn.hook_z, to: hook_resid_post}]
        attribution: false
        """
      ).expectSuccess()
      let effects = rows(of: try space.text("out/results.csv")).filter {
        $0["metric"] == "normalised_effect" && $0["condition"] == "denoised"
      }
      func heads(_ hook: String, _ layer: String) -> Set<String> {
        Set(
          effects.filter { $0["hook"] == hook && $0["layer"] == layer && $0["receiver"] == "" }
            .compactMap { $0["head"] })
      }
      #expect(
        heads("attn.hook_ssm_state", "0") == [""] && heads("attn.hook_ssm_state", "2") == [""])
      #expect(heads("attn.hook_ssm_state", "1").isEmpty)
      #expect(
        heads("attn.hook_z", "0") == ["0", "1"] && heads("attn.hook_z", "1") == ["0", "1", "2"])
      #expect(heads("attn.hook_pattern", "1") == ["0", "1", "2"])
      #expect(effects.contains { $0["receiver"] == "blocks.2.hook_resid_post" })
      let dropped = try JSON(contentsOf: "\(space.path)/out/run.json")["dropped"]?.arrayValue ?? []
      let lacking = dropped.first {
        $0["what"] == "attn.hook_ssm_state of deltanet-hybrid in blocks 1"
      }
      #expect(lacking?["count"] == 1)
      #expect(lacking?["why"] == "softmax attention has no feature map and no state")
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
