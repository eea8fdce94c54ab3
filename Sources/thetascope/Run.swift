// thetascope run: execute a probe file.

import ArgumentParser
import CheckpointIO
import Foundation
import Probes
import TensorCore

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a probe file and write its CSV files.")

  @Argument(help: "The probe file, YAML.") var probe: String
  @Option(help: "A model folder, instead of the probe file's; may be given again.")
  var model: [String] = []
  @Option(help: "The run's folder; runs/<probe>-<run_id> by default.") var out: String?
  @Option(help: "KEY=VALUE, replaces a key of the probe file; may be given again.")
  var set: [String] = []
  @Flag(help: "Use the probe file's overlay 'small', which ends in seconds.") var small = false
  @Flag(help: "Continue an unfinished run.") var resume = false
  @Flag(help: "Start anew where another run lies.") var force = false
  @OptionGroup var tables: TableOption
  @OptionGroup var precision: PrecisionOption
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if resume && force { throw ValidationError("--resume and --force exclude each other") }
  }

  func run() throws {
    let context = common.context(precision.precision)
    var tree = try SpecTree(readYAML(probe), file: probe)
    for override in set { try tree.set(override) }
    if !model.isEmpty { try tree.set("models", to: .array(model.map { .string($0) })) }
    let prepared = try ProbeRegistry.prepare(tree, small: small, on: context)
    let folder = out ?? RunFolder.defaultPath(for: prepared.inputs)
    let opening = try RunFolder.open(
      folder, inputs: prepared.inputs,
      environment: RunEnvironment(version: Thetascope.version, context: context),
      mode: resume ? .resume : force ? .force : .start)
    switch opening {
    case .alreadyFinished(let path):
      common.say("finished before, with the same inputs: \(path)")
    case .ready(let run):
      let progress = ProgressPrinter(common, title: prepared.inputs.probe)
      var rows: [ResultRow] = []
      let outcome = try run.execute(
        prepared.plan, spreadsheetSafe: tables.spreadsheetSafe, progress: { progress.show($0) },
        shouldStop: { Interruption.isRequested },
        conclude: { cells in
          let output = try prepared.conclude(cells)
          rows = try cells.results() + output.results
          return output
        }, work: prepared.work)
      progress.end()
      common.say(prepared.summary(rows))
      common.say("")
      for file in outcome.files { common.say("\(outcome.folder)/\(file)") }
    }
  }
}
