// What is printed on a terminal, and what where there is none: widths, colours, characters, silence. The terminal is
// made by `script` of util-linux.

import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite struct ScreenTests {
    private static let patching = """
      probe: activation-patching
      models: [models/gpt2-tiny, models/llama-gqa]
      tasks_folder: tasks
      tasks: [upper]
      template: arrow
      shots: 2
      test_sets: 2
      seed: 7
      position_hooks: [hook_resid_pre]
      head_hooks: [attn.hook_z]

      """

    /// What a terminal of so many columns shows of a command; nil where there is no `script` to make one.
    private func shown(
      _ arguments: String, columns: Int, _ environment: [String: String] = [:], in space: Workspace
    ) throws -> String? {
      guard FileManager.default.isExecutableFile(atPath: "/usr/bin/script") else { return nil }
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/script")
      process.arguments = [
        "-qec", "stty cols \(columns) rows 40; exec \(Command.path) \(arguments)", "screen",
      ]
      process.currentDirectoryURL = URL(fileURLWithPath: space.path)
      process.environment = [
        "PATH": "/usr/bin:/bin", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8",
      ]
      .merging(environment) { $1 }
      .merging(["THETASCOPE_CACHE": "\(space.path)/cache"]) { $1 }
      process.standardInput = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      // script's own first and last lines say when.
      let text = try space.text("screen").replacingOccurrences(of: "\r\n", with: "\n")
      return text.split(separator: "\n", omittingEmptySubsequences: false)
        .filter { !$0.hasPrefix("Script ") }.joined(separator: "\n")
    }

    private func lines(_ text: String) -> [String] {
      text.split { $0 == "\n" || $0 == "\r" }.map {
        $0.replacing(/\u{1B}\[[0-9;]*[mK]/, with: "")
      }
    }

    @Test(arguments: [40, 60, 80, 120]) func terminal(_ columns: Int) throws {
      let space = try Workspace.prepared()
      try space.write(Self.patching, to: "patching.yaml")
      guard let text = try shown("run patching.yaml --out a", columns: columns, in: space) else {
        return print("skipped: terminal: there is no /usr/bin/script here")
      }
      #expect(text.contains("\u{1B}[48;5;") && text.contains("cells/s"), "\(text)")
      for line in lines(text) { #expect(line.count <= columns, "\(line)") }
      // A progress line that fills the last column would be broken by some terminals.
      let progress = lines(text).filter { $0.contains("done in") }
      #expect(!progress.isEmpty && progress.allSatisfy { $0.count < columns })

      let plain = try #require(
        try shown("run patching.yaml --out b", columns: columns, ["NO_COLOR": "1"], in: space))
      #expect(!plain.contains("\u{1B}[48;") && plain.contains("█"), "\(plain)")
      let ascii = try #require(
        try shown(
          "run patching.yaml --out c", columns: columns, ["NO_COLOR": "1", "LC_ALL": "C"], in: space
        ))
      #expect(ascii.utf8.allSatisfy { $0 < 128 }, "\(ascii)")
      #expect(
        try #require(try shown("run patching.yaml --out d --quiet", columns: columns, in: space))
          .isEmpty)

      for list in ["tasks --folder tasks", "models --folder models", "probes"] {
        let text = try #require(try shown(list, columns: columns, in: space))
        #expect(!text.contains("\t") && lines(text).count > 2)
        for line in lines(text) { #expect(line.count <= columns, "\(line)") }
      }
    }

    /// Without a terminal: 80 columns, no colour, no carriage return; the locale decides the characters.
    @Test func withoutTerminal() throws {
      let space = try Workspace.prepared()
      try space.write(Self.patching, to: "patching.yaml")
      for (locale, isASCII) in [
        ("C.UTF-8", false), ("en_US.utf8", false), ("C", true), ("de_DE.ISO-8859-1", true),
      ] {
        for probe in ["patching.yaml", "probe.yaml"] {
          let ending = try Command.run(
            ["run", probe, "--out", "\(locale)/\(probe)"], in: space.path,
            environment: ["LC_ALL": locale])
          ending.expectSuccess()
          #expect(!ending.talk.contains("\u{1B}") && !ending.talk.contains("\r"))
          #expect(ending.talk.utf8.allSatisfy { $0 < 128 } == isASCII, "\(locale): \(ending.talk)")
          for line in ending.talk.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        }
      }
    }

    /// The list of probes fits 80 columns whole, under any width nothing stands on two lines.
    @Test func lists() throws {
      let space = try Workspace.prepared()
      let probes = try space.thetascope("probes")
      probes.expectSuccess()
      for line in probes.output.split(separator: "\n") {
        let parts = line.split(separator: "\t")
        #expect(parts.count == 2 && 21 + 2 + parts[1].count <= 80, "\(line)")
      }
      // A folder that cannot be used does not hide the others.
      try space.remove("models/llama-gqa/model.safetensors")
      let models = try space.thetascope("models", "--folder", "models")
      models.expectSuccess()
      #expect(models.output.split(separator: "\n").count == 3)
      #expect(models.output.contains("models/llama-gqa\tcannot be used"))
      #expect(models.talk.contains("models/llama-gqa: there is no model.safetensors"))
    }
  }
}
