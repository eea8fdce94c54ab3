// What icl-vs-finetuning writes, checked against itself: shares recomputed from samples.csv, digests from the prompts'
// text, layers by example; every family of checkpoints; what it says where a context is too short.

import Foundation
import Probes
import TestSupport
import Testing

extension CommandTests {
  @Suite struct ICLFineTuningTableTests {
    private static let probe = """
      probe: icl-vs-finetuning
      models: [models/gpt2-tiny]
      tasks_folder: tasks
      data: [{task: shout}]
      other_task: {task: upper}
      shots: 3
      train_share: 0.3
      test_examples: 12
      fine_tuning: {rates: [0.3], rate_selection: fixed}
      controls: [gaussian, other_order, other_task]
      top_tokens: 4
      top_demonstrations: 2
      dual_examples: 2
      dual_rank: 1
      order_sensitivity: {orders: 2, examples: 3}

      """

    /// Rows of a file without quoted fields, by column.
    private static func rows(_ space: Workspace, _ file: String) throws -> [[String: String]] {
      let lines = try space.text(file).split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false).map { String($0) }
      }
      let header = try #require(lines.first)
      return try lines.dropFirst().map { line in
        try #require(line.count == header.count)
        return Dictionary(uniqueKeysWithValues: zip(header, line))
      }
    }

    @Test func tablesAgree() throws {
      let space = try Workspace.prepared()
      try space.write(Self.probe + "example_layers: true\n", to: "probe.yaml")
      try space.thetascope("run", "probe.yaml", "--out", "out", "--quiet").expectSuccess()
      let samples = try Self.rows(space, "out/samples.csv")
      let results = try Self.rows(space, "out/results.csv")
      func right(_ condition: String) -> [Bool] {
        samples.filter { $0["condition"] == condition }.map { $0["correct"] == "1" }
      }
      let (zero, icl, tuned) = (right("zero_shot"), right("icl"), right("fine_tuned"))
      #expect(zero.count == 12 && icl.count == 12 && tuned.count == 12)
      func share(_ of: [Bool], where condition: (Int) -> Bool) -> Double? {
        let picked = of.indices.filter(condition)
        return picked.isEmpty ? nil : Double(picked.count { of[$0] }) / Double(picked.count)
      }
      let recall = share(icl) { !zero[$0] && tuned[$0] }
      let base = share(icl) { !zero[$0] }
      let reverse = share(tuned) { !zero[$0] && icl[$0] }
      for (metric, expected) in [
        ("rec2ftp", recall), ("rec2ftp_base_rate", base), ("rec2ftp_reverse", reverse),
        ("rec2ftp_lift", recall.flatMap { recall in base.map { recall - $0 } }),
      ] {
        let row = try #require(
          results.first { $0["condition"] == "fine_tuned" && $0["metric"] == metric })
        let value = row["value"].flatMap { Double($0) }
        #expect(
          value == expected || abs((value ?? .nan) - (expected ?? .nan)) < 1e-12,
          "\(metric): \(row)")
      }
      // Fine-tuned models are asked the zero-shot prompt; in context there is more before it.
      for row in samples {
        let query = try #require(row["query"])
        let zeroShot = SHA256.digest(of: "\(query)->".utf8)
        let isBare = row["condition"] != "icl" && row["condition"] != "icl_other_order"
        #expect((row["prompt_sha256"] == zeroShot) == isBare, "\(row)")
      }
      // Layers by example are what samples and layers are means of.
      let layers = try Self.rows(space, "out/example_layers.csv")
      for row in samples where row["condition"] == "fine_tuned" {
        let own = layers.filter {
          $0["condition"] == "fine_tuned" && $0["example"] == row["example"]
        }
        #expect(own.count == 3)
        for metric in ["sim_aou", "sim_am_delta", "kendall_tau"] {
          let values = own.compactMap { $0[metric].flatMap { Double($0) } }
          let mean = try #require(row[metric].flatMap { Double($0) })
          #expect(abs(values.reduce(0, +) / Double(values.count) - mean) < 1e-12, "\(metric)")
        }
      }
      #expect(
        results.contains {
          $0["condition"] == "fine_tuned_other_task" && $0["source_task"] == "upper"
        })
    }

    /// Every kind of attention that checkpoints have; those without scores have outputs to compare still.
    @Test func everyFamily() throws {
      let space = try Workspace.prepared()
      let scored = [
        "gptj-tiny", "neox-tiny", "opt-tiny", "xglm-tiny", "phi-tiny", "llama-momentum",
        "mistral-window", "qwen2-tiny", "qwen3-tiny", "gemma-tiny", "gemma2-tiny", "gemma3-tiny",
        "linear-fla", "retnet-tiny",
      ]
      let gated = ["gla-tiny", "deltanet-tiny"]
      let names = scored + gated + ["deltanet-hybrid"]
      for name in names { try space.addModel(name) }
      let models = names.map { "models/\($0)" }.joined(separator: ", ")
      try space.write(
        """
        probe: icl-vs-finetuning
        models: [\(models)]
        tasks_folder: tasks
        data: [{task: shout}]
        shots: 3
        train_share: 0.3
        test_examples: 2
        fine_tuning: {methods: [layer_causal], rates: [0.01], rate_selection: fixed}
        controls: [other_order]
        dual_examples: 1
        order_sensitivity: {orders: 0}

        """,
        to: "probe.yaml")
      try space.thetascope("run", "probe.yaml", "--out", "out", "--quiet").expectSuccess()
      let rows = try Self.rows(space, "out/results.csv").filter {
        $0["condition"] == "fine_tuned"
      }
      for name in names {
        func isDefined(_ metric: String) -> Bool {
          rows.contains { $0["model"] == name && $0["metric"] == metric && $0["value"] != "" }
        }
        #expect(isDefined("sim_aou") && isDefined("sim_aou_unnormalised"), "\(name)")
        for metric in ["sim_am", "kendall_tau", "dual_cosine"] {
          #expect(isDefined(metric) == !gated.contains(name), "\(metric) of \(name)")
        }
      }
    }

    @Test func shortContext() throws {
      let space = try Workspace.prepared()
      try space.write(
        Self.probe.replacingOccurrences(of: "shots: 3", with: "shots: 3\nmax_tokens: 5"),
        to: "probe.yaml")
      // A query with its answer has three tokens, a demonstration with its separator four.
      try space.thetascope("run", "probe.yaml", "--out", "out").expectSentence(
        65, "shout", "3 tokens", "first demonstration 4", "raise max_tokens",
        "max_query_tokens to 1")
      try space.thetascope("run", "probe.yaml", "--out", "out", "--set", "max_query_tokens=2")
        .expectSentence(65, "shout", "longer than max_query_tokens")
      try space.thetascope("run", "probe.yaml", "--out", "out", "--set", "max_tokens=7")
        .expectSuccess()
      #expect(try Self.rows(space, "out/samples.csv").allSatisfy { $0["shots"] == "1" })
    }
  }
}
