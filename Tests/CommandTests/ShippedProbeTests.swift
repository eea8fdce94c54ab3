// The probe files that are shipped, on the shipped models: each ends in its overlay `small`; its table and what the terminal
// shows are committed.

import Foundation
import Probes
import TestSupport
import Testing

extension CommandTests {
  @Suite struct ShippedProbeTests {
    @Test(arguments: [
      "activation-patching", "bijections", "conflicting-tasks", "dual-form",
      "finetuning-forgetting",
      "function-vectors", "hendel", "in-context-vectors", "lens", "linear-finetuning",
      "linear-finetuning-deep", "linear-task-vectors", "momentum-attention", "task-geometry",
      "task-vector-variants", "task-vectors", "task-vectors-held-out", "todd", "vector-arithmetic",
    ])
    func goldenResults(_ probe: String) throws {
      for model in ["softmax", "linear"] {
        guard
          FileManager.default.fileExists(
            atPath: "\(packageFolder)/data/models/\(model)/model.safetensors")
        else { return print("skipped: goldenResults: data/models/\(model) is not there") }
      }
      let space = try Workspace()
      let out = "\(space.path)/out"
      let ending = try Command.run(
        ["run", "probes/\(probe).yaml", "--small", "--out", out],
        in: packageFolder, environment: ["LC_ALL": "C.UTF-8"])
      ending.expectSuccess()
      let found = try space.bytes("out/results.csv")
      #expect(found.count <= 200_000)
      // The dictionary knows every table to the letter.
      let written = try #require(found.split(separator: 0x0A).dropFirst().first)
      let name = String(decoding: written, as: UTF8.self).split(separator: ",")[1]
      for file in try space.names(in: "out") where file.hasSuffix(".csv") {
        let header = try #require(try space.text("out/\(file)").split(separator: "\n").first)
        let known = DataDictionary.columnNames(of: file, by: String(name))
        #expect(known?.joined(separator: ",") == String(header), "\(probe): \(file)")
      }
      try expectGolden(found, "\(probe).csv")

      try expectGoldenSummary(ending, out, probe)

      // Nothing changed between the run and itself, and a row of each table is computed again (of samples: ComparisonTests).
      let same = try Command.run(["diff", out, out], in: packageFolder)
      same.expectSuccess()
      #expect(same.talk.contains(" 0 of them changed"))
      for file in try space.names(in: "out") where file.hasSuffix(".csv") && file != "samples.csv" {
        let lines = try space.text("out/\(file)").split(separator: "\n").dropFirst()
        guard !lines.isEmpty else { continue }
        let row = lines.count / 3
        let again = try Command.run(
          ["replay", out, "--row", "\(row)", "--table", file], in: packageFolder)
        again.expectSuccess()
        let line = lines[lines.startIndex + row]
        #expect(again.output == "recorded\t\(line)\ncomputed\t\(line)\n", "\(file)")
      }
    }

    /// Random weights answer nothing, with demonstrations, with θ or without: the baseline of a vocabulary of thousands.
    @Test(arguments: ["softmax", "linear"]) func untrainedModelsKnowNothing(_ model: String) throws
    {
      guard
        FileManager.default.fileExists(
          atPath: "\(packageFolder)/data/models/\(model)/model.safetensors")
      else {
        return print("skipped: untrainedModelsKnowNothing: data/models/\(model) is not there")
      }
      let space = try Workspace()
      let ending = try Command.run(
        [
          "run", "probes/task-vectors.yaml", "--small", "--set",
          "models=[\"data/models/\(model)\"]", "--set", "test_sets=40", "--set",
          "controls=[\"untrained\"]", "--out",
          "\(space.path)/out",
        ], in: packageFolder)
      ending.expectSuccess()
      let table = try CSVReader.table(at: "\(space.path)/out/results.csv", .results)
      func values(_ condition: Condition) throws -> [Estimate] {
        try table.rows(as: ResultRow.self).filter {
          $0.condition == condition && $0.metric == .accuracy && $0.task != "mean"
            && $0.split == .test && !($0.task ?? "").hasPrefix("mean_")
            && (condition != .taskVector || $0.layer == nil)
        }.map(\.estimate)
      }
      for condition in [Condition.untrained, .untrainedICL] {
        let found = try values(condition)
        #expect(found.count == 2)
        for estimate in found { #expect((estimate.value ?? 1) <= 0.05 && estimate.count == 40) }
      }
      // The same protocol on the trained weights.
      for estimate in try values(.taskVector) { #expect((estimate.value ?? 0) > 0.8) }
    }
  }
}
