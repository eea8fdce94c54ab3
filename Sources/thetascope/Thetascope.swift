// The command: parse, call, print. Nothing is computed here.

import ArgumentParser
import CheckpointIO
import Foundation
import HookPoints

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
      try refuseUnknownCommand(CommandLine.arguments.dropFirst())
      var command = try Thetascope.parseAsRoot()
      try command.run()
    } catch {
      guard let failure = Failure(error) else {
        // Statuses that a command chose, and usage, are the parser's to end with; what nobody foresaw is our fault.
        if error is ExitCode || Thetascope.exitCode(for: error) != .failure {
          Thetascope.exit(withError: error)
        }
        talk("thetascope: this should not have happened, please report it: \(error)")
        Foundation.exit(70)
      }
      talk("thetascope: \(failure.sentence)")
      Foundation.exit(failure.status)
    }
  }

  /// - Throws: `ValidationError` where the first word, or the word after `help`, is no command: the parser would take it for
  ///   one argument too many, and name none that is near.
  private static func refuseUnknownCommand(_ words: ArraySlice<String>) throws {
    let names = Thetascope.configuration.subcommands.map { $0._commandName } + ["help"]
    guard let word = words.first(where: { $0 != "help" }), !word.hasPrefix("-"),
      !names.contains(word)
    else { return }
    let hint = nearName(to: word, among: names).map { "; did you mean '\($0)'?" }
    throw ValidationError("there is no command \(Excerpt.quoted(word))" + (hint ?? ""))
  }
}
