// thetascope replay: a row of a finished run, computed again.

import ArgumentParser
import Foundation
import Probes
import TensorCore

struct ReplayRow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Compute the cell of a row again and show that it is the same.",
    discussion: """
      The cell is worked anew from the spec in the run's run.json, with the same models and data, and every line that it \
      has in the table is compared. A row over all cells, such as a mean over tasks, needs all of them. Paths in the \
      spec count from the current folder. The exit status is 1 where a line differs.

      Example:
        thetascope replay runs/task-vectors-0123456789abcdef --row 0
      """)

  @Argument(help: "The folder of a finished run.", completion: .directory) var folder: String
  @Option(help: "The row, counted from 0 without the header, as pandas does.") var row: Int
  @Option(
    help: "The table.",
    completion: .list(ProbeRegistry.tableFiles)) var table =
    "results.csv"
  @Option(
    help: "Where the models lie now, if they were moved; may be given again.",
    completion: .directory)
  var model: [String] = []
  @OptionGroup var common: CommonOptions

  func run() throws {
    let finished = try FinishedRun(path: folder)
    let replay = try Replay(finished, table: table, row: row)
    let name = finished.record["precision"]?.stringValue ?? ""
    let context = common.context(Precision(rawValue: name) ?? .f32)
    var tree = try replay.spec()
    if !model.isEmpty { try tree.set("models", to: .array(model.map { .string($0) })) }
    let prepared = try ProbeRegistry.prepare(tree, small: false, on: context)
    common.say(
      replay.cell.map { "cell '\($0)' again" } ?? "a row over all cells: all of them again")
    let scratch = FileManager.default.temporaryDirectory.appendingPathComponent(
      "thetascope-replay-\(ProcessInfo.processInfo.processIdentifier)"
    ).path
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    let progress = ProgressPrinter(common)
    let outcome = try replay.outcome(
      prepared, environment: RunEnvironment(version: Thetascope.version, context: context),
      folder: scratch, progress: { progress.show($0, title: "replay") },
      shouldStop: { Interruption.isRequested })
    progress.end()
    print("recorded\t\(outcome.recorded[outcome.place])")
    print(
      "computed\t"
        + (outcome.computed.indices.contains(outcome.place)
          ? outcome.computed[outcome.place] : "no such row"))
    let count = outcome.recorded.count
    guard outcome.isSame else {
      common.say("\(outcome.differing) of \(count) lines differ")
      for change in try replay.changes(outcome) { common.say(change) }
      throw ExitCode(1)
    }
    common.say("the same: all \(count) lines")
  }
}
