// The command: parse, call, print. Nothing is computed here.

import ArgumentParser

@main
struct Thetascope: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "thetascope",
    abstract: "Probes of in-context learning on hook-instrumented transformers.",
    subcommands: [Train.self, Generate.self])
}
