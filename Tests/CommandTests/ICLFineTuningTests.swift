// `thetascope run` of the probe icl-vs-finetuning on tiny models: golden tables, the probe files as they are shipped,
// and what it refuses.

import Foundation
import Probes
import TestSupport
import Testing

extension CommandTests {
  @Suite struct ICLFineTuningTests {
    private static let written = [
      "columns.json", "layers.csv", "results.csv", "run.json", "samples.csv",
    ]

    private static let probe = """
      probe: icl-vs-finetuning
      models: [models/gpt2-tiny, models/linear-decay]
      tasks_folder: tasks
      data: [{task: shout}, {name: colours, file: colours.csv, labels: {"0": RED, "1": BLUE}}]
      shots: 3
      train_share: 0.5
      test_examples: 4
      max_tokens: 24
      fine_tuning: {rates: [0.01, 0.1], curve: [0.05]}
      top_tokens: 4
      top_demonstrations: 2
      dual_examples: 1
      dual_rank: 1
      order_sensitivity: {orders: 2, examples: 3}

      """

    private func prepared() throws -> Workspace {
      let space = try Workspace.prepared()
      try space.write(Self.probe, to: "probe.yaml")
      let rows = Workspace.words.prefix(12).enumerated().map { "\"\($1)\",\($0 % 2)" }
      try space.write("sentence,label\r\n" + rows.joined(separator: "\r\n"), to: "colours.csv")
      return space
    }

    @Test func goldenTables() throws {
      let space = try prepared()
      try space.thetascope("run", "probe.yaml", "--out", "one", "--quiet", "--threads", "1")
        .expectSuccess()
      try space.thetascope("run", "probe.yaml", "--out", "two", "--quiet", "--threads", "2")
        .expectSuccess()
      #expect(try space.names(in: "one") == Self.written)
      for file in ["results.csv", "samples.csv", "layers.csv"] {
        #expect(try space.bytes("one/\(file)") == space.bytes("two/\(file)"), "\(file)")
      }
      try expectGolden(space.bytes("one/results.csv"), "icl-vs-finetuning.csv")
    }

    /// The shipped models' run ends in seconds, and its terminal shows the paper's rows.
    @Test func shippedProbe() throws {
      let space = try Workspace()
      let ending = try Command.run(
        ["run", "probes/icl-vs-finetuning.yaml", "--small", "--out", "\(space.path)/out"],
        in: packageFolder, environment: ["LC_ALL": "C.UTF-8"])
      ending.expectSuccess()
      #expect(try space.names(in: "out") == Self.written)
      for line in ["ZSL accuracy", "SimAOU (FT)", "SimAM before FT", "Kendall (ICL, FT)"] {
        #expect(ending.talk.contains(line))
      }
      try expectGoldenSummary(ending, "\(space.path)/out", "icl-vs-finetuning")
    }

    /// The paper's data sets, on a real model that is not made for them: that all of it runs.
    @Test(arguments: ["sst2", "sst5", "mr", "subj", "agnews", "cb"])
    func paperDataSets(_ name: String) throws {
      guard let folder = realMaterial("data/ordered-prompt/\(name)"),
        let model = realMaterial("models/stories260K/hf")
      else { return }
      let space = try Workspace()
      var arguments = [
        "run", "probes/icl-vs-finetuning-\(name).yaml", "--small", "--model", model, "--out",
        "\(space.path)/out",
      ]
      switch name {
      case "sst2": arguments += ["--set", "data.0.file=\(folder)/dev.jsonl"]
      case "agnews":
        // Of several articles one is too long for a context of 512.
        arguments += ["--set", "data.0.file=\(folder)/test.jsonl", "--set", "test_examples=1"]
      default:
        let asked = name == "cb" ? "dev" : "test"
        arguments += ["--set", "data.0.train=\(folder)/train.jsonl"]
        arguments += ["--set", "data.0.test=\(folder)/\(asked).jsonl"]
      }
      try Command.run(arguments, in: packageFolder).expectSuccess()
      #expect(try space.names(in: "out") == Self.written)
      let rows = try space.text("out/results.csv")
      #expect(rows.contains(name == "sst2" || name == "agnews" ? ",by_seed\n" : ",given\n"))
      #expect(rows.contains(",sim_aou,") && rows.contains(",kendall_tau,"))
    }

    /// SST-2's test file says 0 on every line: it holds no labels.
    @Test func unlabelled() throws {
      let space = try prepared()
      try space.write(
        Workspace.words.prefix(6).map { "\($0)\t0\n" }.reduce("sentence\tlabel\n", +),
        to: "bare.tsv")
      try space.write(
        Self.probe.replacingOccurrences(of: "colours.csv", with: "bare.tsv"), to: "probe.yaml")
      try space.thetascope("run", "probe.yaml", "--out", "out")
        .expectSentence(65, "colours", "label 'RED'", "holds no labels")
      try space.write(
        Self.probe.replacingOccurrences(of: "rates: [0.01, 0.1]", with: "rate: 1"),
        to: "probe.yaml")
      try space.thetascope("run", "probe.yaml", "--out", "out")
        .expectSentence(65, "fine_tuning.rate", "rates")
    }
  }
}
