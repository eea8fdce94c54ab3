// The recipes of data/plots: each Python script draws its picture from a run and prints numbers that stand in its CSV; the R
// scripts likewise where Rscript is there.

import Foundation
import Probes
import TestSupport
import Testing

extension CommandTests {
  @Suite struct PlotTests {
    /// A recipe on a run, and where a number that it prints stands in the run's table.
    private struct Picture {
      let recipe: String
      /// A committed table, which is the run's results.csv.
      let golden: String
      var options: [String] = []
      /// What stands before the number in a line of the output.
      let label: String
      /// The greatest value, or the only one, of the rows in which columns have these values.
      let keys: [String: String]
      var isOverLayers: Bool { recipe == "layer_curve" || recipe == "heat_map" }
    }

    private static let pictures = [
      Picture(
        recipe: "layer_curve", golden: "results",
        label: "gpt2-tiny highest",
        keys: [
          "model": "gpt2-tiny", "condition": "task_vector", "task": "mean", "metric": "accuracy",
          "split": "test",
        ]),
      Picture(
        recipe: "heat_map", golden: "activation-patching",
        label: "linear greatest",
        keys: ["hook": "hook_resid_pre", "metric": "normalised_effect"]),
      Picture(
        recipe: "heat_map", golden: "activation-patching", options: ["across=head"],
        label: "linear greatest",
        keys: ["hook": "attn.hook_z", "metric": "normalised_effect"]),
      Picture(
        recipe: "bars", golden: "results", label: "icl gpt2-tiny",
        keys: [
          "model": "gpt2-tiny", "condition": "icl", "task": "mean", "metric": "accuracy",
          "split": "test",
        ]),
      Picture(
        recipe: "shots_error", golden: "linear-finetuning", label: "pretrained at 5 shots:",
        keys: [
          "condition": "pretrained", "task": "theta_0", "metric": "mse", "shots": "5", "seed": "",
        ]),
    ]

    private func draw(_ picture: Picture, _ program: String, _ ending: String, in space: Workspace)
      throws
    {
      let name = "\(picture.golden)-run"
      let source = fixture("command/\(picture.golden).csv")
      try space.write(Data(contentsOf: URL(fileURLWithPath: source)), to: "\(name)/results.csv")
      let output = try run(
        [program, "\(packageFolder)/data/plots/\(picture.recipe).\(ending)", name, "picture"]
          + picture.options, in: space)
      let table = try CellTable(path: "\(space.path)/\(name)/results.csv")
      let values = try table.rows(picture.keys).filter {
        try picture.isOverLayers == !table.cell($0, "layer").isEmpty
      }.compactMap { Double(try table.cell($0, "value")) }
      let expected = try #require(values.max(), "\(picture.keys)")
      let line = output.split(separator: "\n").first {
        $0.hasPrefix(picture.label)
      }
      let shown = try #require(line, "\(picture.recipe).\(ending) says: \(output)")
        .dropFirst(picture.label.count).split(separator: " ").first
      let number = try #require(shown.flatMap { Double($0) })
      #expect(
        abs(number - expected) <= 1e-12 * max(1, abs(expected)), "\(picture.recipe).\(ending)")
      #expect(try space.bytes("picture.\(ending == "R" ? "pdf" : "png")").count > 2000)
    }

    private func run(_ arguments: [String], in space: Workspace) throws -> String {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = arguments.map {
        $0 == "picture" ? (arguments[0] == "Rscript" ? "picture.pdf" : "picture.png") : $0
      }
      process.currentDirectoryURL = URL(fileURLWithPath: space.path)
      process.environment = ProcessInfo.processInfo.environment.merging(["MPLBACKEND": "Agg"]) {
        $1
      }
      for file in ["out", "err"] { try Data().write(to: space.url(file)) }
      process.standardOutput = try FileHandle(forWritingTo: space.url("out"))
      process.standardError = try FileHandle(forWritingTo: space.url("err"))
      process.standardInput = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      let talk = try space.text("err")
      guard process.terminationStatus == 0 else {
        throw ReadmeNumbers.Problem("\(arguments): \(process.terminationStatus): \(talk)")
      }
      return try space.text("out")
    }

    @Test(arguments: [("python", "py"), ("Rscript", "R")])
    func recipesReadWhatStandsThere(_ language: String, _ ending: String) throws {
      let space = try Workspace()
      let program =
        language == "python" ? ProcessInfo.processInfo.environment["PYTHON"] ?? "python3" : language
      let probe =
        language == "python" ? ["-c", "import pandas, matplotlib"] : ["-e", "1"]
      guard (try? run([program] + probe, in: space)) != nil else {
        return print(
          "skipped: recipesReadWhatStandsThere: no \(program)"
            + (language == "python" ? " with pandas and matplotlib" : ""))
      }
      for picture in Self.pictures { try draw(picture, program, ending, in: space) }
      try refuse("bars", "in-context-vectors", "scale=0.1, scale=0.5")
      try refuse("layer_curve", "linear-finetuning", "has a layer; its metrics are metric=mse")
      func refuse(_ recipe: String, _ golden: String, _ reason: String) throws {
        try space.write(
          Data(contentsOf: URL(fileURLWithPath: fixture("command/\(golden).csv"))),
          to: "\(golden)/results.csv")
        let script = "\(packageFolder)/data/plots/\(recipe).\(ending)"
        let refused = #expect(throws: ReadmeNumbers.Problem.self) {
          try run([program, script, golden, "picture"], in: space)
        }
        let said = try #require(refused).description
        #expect(said.contains(reason), "\(said)")
      }

      // The scatter is of a table that is not committed.
      guard
        FileManager.default.fileExists(
          atPath: "\(packageFolder)/data/models/linear/model.safetensors")
      else {
        return print(
          "skipped: recipesReadWhatStandsThere, scatter: data/models/linear is not there")
      }
      let ended = try Command.run(
        [
          "run", "probes/task-geometry.yaml", "--small", "--out",
          "\(space.path)/runs/task-geometry", "--quiet",
        ],
        in: packageFolder)
      ended.expectSuccess()
      let scatter = "\(packageFolder)/data/plots/scatter.\(ending)"
      let output = try run([program, scatter, "runs/task-geometry", "picture"], in: space)
      let table = try CellTable(path: "\(space.path)/runs/task-geometry/coordinates.csv")
      let own = try table.rows([
        "model": "linear", "task": "to_upper", "layer": "2", "projection": "pca",
        "condition": "task_vector",
      ])
      let mean =
        try own.compactMap { Double(try table.cell($0, "x")) }.reduce(0, +) / Double(own.count)
      let words = try #require(
        output.split(separator: "\n").first { $0.hasPrefix("linear to_upper") }
      )
      .split(separator: " ")
      #expect(words[2] == "\(own.count)" && own.count == 4)
      #expect(abs(try #require(Double(words[4])) - mean) < 1e-9 * max(1, abs(mean)))

      // The README's lines, each on the committed table of the probe that the README has written there.
      let readme = String(
        decoding: try Data(contentsOf: URL(fileURLWithPath: "\(packageFolder)/README.md")),
        as: UTF8.self)
      let lines = readme.matches(
        of: /(?m)^python3 (data\/plots\/\w+\.)py (runs\/\S+) (\S+)\.png(.*)$/)
      #expect(lines.count >= 8)
      for line in lines {
        let (_, script, folder, name, options) = line.output
        if folder != "runs/task-geometry" {
          let written = readme.matches(of: /thetascope run probes\/(\S+)\.yaml .*--out (\S+)/)
          let probe = try #require(written.first { $0.output.2 == folder }?.output.1, "\(folder)")
          try space.write(
            Data(contentsOf: URL(fileURLWithPath: fixture("command/\(probe).csv"))),
            to: "\(folder)/results.csv")
        }
        let picture = "\(name).\(ending == "R" ? "pdf" : "png")"
        _ = try run(
          [program, "\(packageFolder)/\(script)\(ending)", String(folder), picture]
            + options.split(separator: " ").map(String.init), in: space)
        #expect(try space.bytes(picture).count > 2000, "\(line.output.0)")
      }
    }
  }
}
