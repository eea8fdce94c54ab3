// The command: parse, call, print. Nothing is computed here.

import ArgumentParser
import Foundation

struct Thetascope: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "thetascope",
    abstract: "Probes of in-context learning on hook-instrumented transformers.",
    discussion: """
      Examples:
        thetascope run probes/task-vectors.yaml
        thetascope help run
        thetascope --generate-completion-script bash > ~/.thetascope.bash
      """,
    version: version,
    subcommands: [
      Run.self, Plan.self, Merge.self, Slurm.self, Train.self, Generate.self, Tokens.self,
      Hooks.self, Tasks.self, Models.self,
      ProbesList.self, Bench.self, Verify.self, Capture.self, Extract.self, Patch.self,
      Diff.self, ReplayRow.self, Explain.self,
    ])
}

@main
enum Main {
  static func main() {
    Interruption.watch()
    do {
      var command = try Thetascope.parseAsRoot()
      try command.run()
    } catch {
      guard let failure = Failure(error) else { Thetascope.exit(withError: error) }
      talk("thetascope: \(failure.sentence)")
      Foundation.exit(failure.status)
    }
  }
}
