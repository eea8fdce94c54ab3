// thetascope run: execute a probe file.

import ArgumentParser
import CheckpointIO
import Foundation
import Probes
import TensorCore

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a probe file and write its CSV files.")

  @OptionGroup var options: ProbeOptions
  @OptionGroup var place: RunOptions
  @OptionGroup var tables: TableOption

  func validate() throws {
    if place.shard != nil, tables.spreadsheetSafe {
      throw ValidationError("a shard writes no tables; give --spreadsheet-safe to merge")
    }
  }

  func run() throws {
    let common = options.common
    let meter = WorkMeter(.counting)
    let batchBytes = try place.maxMemory.flatMap { try options.batchBytes(within: $0) }
    let context = options.context.metered(by: meter).cuttingBatches(to: batchBytes)
    let share = try place.shard?.shard
    let prepared = try options.prepared(on: context)
    let folder = place.out ?? RunFolder.defaultPath(for: prepared.inputs, share)
    let environment = options.environment(context)
    let opening = try RunFolder.open(
      folder, inputs: prepared.inputs, environment: environment,
      mode: place.mode,
      shard: share)
    switch opening {
    case .alreadyFinished(let path):
      common.say("finished before, with the same inputs: \(path)")
    case .ready(let run):
      let progress = ProgressPrinter(common, title: prepared.inputs.probe)
      var rows: [ResultRow] = []
      var timed = TimedCells()
      let outcome = try run.execute(
        prepared.plan, stages: prepared.stages, spreadsheetSafe: tables.spreadsheetSafe,
        progress: { progress.show($0) },
        shouldStop: { Interruption.isRequested },
        conclude: { cells in
          let output = try prepared.conclude(cells)
          rows = try cells.results() + output.results
          return output
        }, work: { cell in try timed.run(cell, meter) { try prepared.work(cell) } })
      progress.end()
      var memory = MachineMemory.standard
      memory.remember(prepared.inputs)
      timed.remember(in: &memory, prepared.inputs, environment)
      memory.save()
      if share == nil {
        common.say(prepared.summary(rows))
        common.say("")
      }
      for file in outcome.files { common.say("\(outcome.folder)/\(file)") }
    }
  }
}
