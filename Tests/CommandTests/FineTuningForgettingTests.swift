// `thetascope run` of the probe finetuning-forgetting on tiny models, GPT-2's fused projections among them: the same bytes on
// any number of threads, pairs kept apart, means and changes that follow from the rows of the cells, and what it refuses.

import Foundation
import Testing

extension CommandTests {
  @Suite struct FineTuningForgettingTests {
    private static let probe = """
      probe: finetuning-forgetting
      models: [models/gpt2-tiny, models/linear-decay]
      tasks_folder: tasks
      tasks: [upper, shout]
      targets: [shout]
      template: arrow
      shots: 2
      auxiliary_shots: 2
      parts: [all, value]
      development_sets: 4
      test_sets: 6
      other_sets: 5
      batch: 4
      steps: [1, 3]
      learning_rates: [0.01]
      seeds: [4, 5]

      """

    /// The rows of a table, by column.
    private func rows(_ text: String) -> [[String: String]] {
      let lines = text.split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      }
      return lines.dropFirst().map { Dictionary(uniqueKeysWithValues: zip(lines[0], $0)) }
    }

    @Test func tables() throws {
      let space = try Workspace.prepared()
      try space.write(Self.probe, to: "probe.yaml")
      for (name, threads) in [("one", "1"), ("two", "2")] {
        try space.thetascope("run", "probe.yaml", "--out", name, "--quiet", "--threads", threads)
          .expectSuccess()
      }
      for file in ["results.csv", "samples.csv"] {
        #expect(try space.bytes("one/\(file)") == space.bytes("two/\(file)"), "\(file)")
      }
      let results = rows(try space.text("one/results.csv"))
      func value(_ row: [String: String]?) -> Double { Double(row?["value"] ?? "") ?? .nan }

      // No query is both fine-tuned on and held out, and no held-out one repeats within its set.
      let samples = rows(try space.text("one/samples.csv"))
      for seed in ["4", "5"] {
        func asked(_ queries: String) -> Set<String> {
          Set(
            samples.filter {
              $0["queries"] == queries && $0["seed"] == seed && $0["task"] == "shout"
            }.compactMap { $0["query"] })
        }
        #expect(asked("fine_tuned").count == 6 && asked("held_out").count == 3)
        #expect(asked("fine_tuned").isDisjoint(with: asked("held_out")))
      }

      // Fine-tuning does something, and rows over runs are means and differences of those of single runs.
      let changes = results.filter { $0["metric"] == "accuracy_change" }
      #expect(changes.contains { value($0) > 0 })
      for change in changes where change["queries"] == "fine_tuned" {
        func runs(_ condition: String?) -> [Double] {
          results.filter { row in
            row["metric"] == "accuracy" && row["condition"] == condition && row["seed"] != ""
              && row["split"] == "train"
              && ["model", "queries", "shots"].allSatisfy { row[$0] == change[$0] }
          }.map { value($0) }
        }
        let (own, before) = (runs(change["condition"]), runs("pretrained"))
        #expect(own.count == 2 && before.count == 2 && change["n"] == "2")
        let expected = zip(own, before).reduce(0) { $0 + $1.0 - $1.1 } / 2
        #expect(abs(value(change) - expected) < 1e-12)
      }
      // The setting that is reported is the best on the development split.
      for row in results where row["split"] == "test" && row["seed"] == "4" && row["steps"] != "" {
        let own = results.filter { other in
          other["split"] == "development" && other["queries"] == "held_out"
            && other["shots"] == "0"
            && ["model", "source_task", "condition", "seed"].allSatisfy { other[$0] == row[$0] }
        }
        let best = own.map { value($0) }.max() ?? .nan
        let first = own.first { value($0) == best }
        #expect(own.count == 2 && row["steps"] == first?["steps"])
      }
    }

    @Test func refusals() throws {
      let space = try Workspace.prepared()
      func expect(_ old: String, _ new: String, _ words: String...) throws {
        try space.write(
          Self.probe.replacingOccurrences(of: old, with: new), to: "probe.yaml")
        let ending = try space.thetascope("run", "probe.yaml", "--out", "out")
        for word in words { ending.expectSentence(65, word) }
      }
      try expect("targets: [shout]", "targets: [lower]", "targets", "'lower'")
      try expect("seeds: [4, 5]", "seeds: [4, 4]", "seeds", "twice")
      try expect(
        "parts: [all", "adapters: {ranks: [1], target_modules: [qproj]}\nparts: [all",
        "adapters.target_modules", "did you mean 'q_proj'?")
      // Of fused queries, keys and values none can be written, which is known before the first step.
      try expect(
        "parts: [all", "adapters: {ranks: [1], save: adapters}\nparts: [all", "target_modules",
        "by themselves")
      try expect("auxiliary_shots: 2", "auxiliary_shots: 30", "shout", "30 demonstrations")
    }
  }
}
