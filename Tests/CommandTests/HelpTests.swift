// Help texts: every command has an example, every example is one that the command takes, and none is broken by an
// ordinary terminal's width. Examples are run as they stand, by a shell, where their files are not: whatever they end in, it
// is no usage error.

import CheckpointIO
import Foundation
import Testing

extension CommandTests {
  @Suite struct HelpTests {
    /// The commands with their discussions, the whole command first, as the argument parser describes them.
    private func described(_ space: Workspace) throws -> [(name: String, discussion: String)] {
      let ending = try space.thetascope("--experimental-dump-help")
      ending.expectSuccess()
      let root = try JSON(parsing: ending.output.utf8, file: "help")["command"]
      let commands = [root] + (root?["subcommands"]?.arrayValue ?? [])
      return commands.compactMap { command in
        command?["commandName"]?.stringValue.map { ($0, command?["discussion"]?.stringValue ?? "") }
      }.filter { $0.0 != "help" }
    }

    @Test func everyCommandHasExamplesThatParse() throws {
      let space = try Workspace()
      let commands = try described(space)
      #expect(commands.count >= 20, "\(commands.map(\.name))")
      for (name, discussion) in commands {
        guard let start = discussion.range(of: "Examples:\n") ?? discussion.range(of: "Example:\n")
        else {
          Issue.record("\(name) has no example")
          continue
        }
        let lines = discussion[start.upperBound...].split(separator: "\n").map(String.init)
        #expect(lines.contains { $0.contains("thetascope") }, "\(name)")
        // As a person sees it: nothing wider than a terminal, nothing wrapped.
        let help = try Command.run(
          name == "thetascope" ? ["--help"] : ["help", name], in: space.path)
        help.expectSuccess()
        let shown = help.output.split(separator: "\n").map(String.init)
        #expect(shown.allSatisfy { $0.count <= 80 }, "\(name): \(shown.filter { $0.count > 80 })")
        for line in lines { #expect(shown.contains { $0.hasSuffix(line) }, "\(name): \(line)") }

        // Scripts and measurements need files or minutes that are not here.
        let script = lines.filter { !$0.hasPrefix("  sh ") && $0 != "  thetascope bench" }
        let usage = "\(space.path)/usage"
        try Data().write(to: URL(fileURLWithPath: usage))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.arguments = [
          "-c",
          """
          HOME=.
          thetascope() {
            "$PROGRAM" "$@" > said 2>&1; status=$?
            [ $status -ne 64 ] || { echo "$@" >> "$USAGE"; cat said >> "$USAGE"; }
            echo ran >> ran
          }
          \(script.joined(separator: "\n"))
          """,
        ]
        process.currentDirectoryURL = URL(fileURLWithPath: space.path)
        process.environment = ProcessInfo.processInfo.environment.merging([
          "PROGRAM": Command.path, "USAGE": usage, "THETASCOPE_CACHE": "\(space.path)/cache",
        ]) { $1 }
        try process.run()
        process.waitUntilExit()
        #expect(try space.text("usage").isEmpty, "\(name): \(try space.text("usage"))")
        #expect(space.exists("ran"), "\(name): no example was run")
        for file in try space.names(in: ".") where file != "usage" { try space.remove(file) }
      }
    }
  }
}
