// thetascope run: execute a probe file.

import ArgumentParser
import CheckpointIO
import Foundation
import Probes
import TensorCore

struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a probe file and write its CSV files.",
    discussion: """
      Finished cells are kept: a run that was stopped goes on with --resume and writes the same bytes. The terminal \
      shows tables, curves and heat maps at the end; the numbers are in the CSV files.

      Examples:
        thetascope run probes/task-vectors.yaml --small
        thetascope run probes/hendel.yaml --model path/to/gpt2 --out runs/gpt2
        thetascope run probes/lens.yaml --set shots=3 --set 'tasks=["antonyms"]'
        thetascope run probes/hendel.yaml --shard 0/2 --out runs/part0 --resume
      """)

  @OptionGroup var options: ProbeOptions
  @OptionGroup var place: RunOptions
  @Option(
    help:
      "A folder that the shards see, for what the cells of several rest on: each part is computed by one.",
    completion: .directory)
  var stages: String?
  @OptionGroup var tables: TableOption
  @OptionGroup var samples: SamplesOption

  func validate() throws {
    if place.shard != nil, tables.spreadsheetSafe {
      throw ValidationError("a shard writes no tables; give --spreadsheet-safe to merge")
    }
    if place.shard != nil, samples.isGiven {
      throw ValidationError("a shard writes no samples; give --samples-jsonl to merge")
    }
  }

  func run() throws {
    let common = options.common
    var timed = TimedCells()
    let meter = WorkMeter(.counting)
    let batchBytes = try place.maxMemory.flatMap { try options.batchBytes(within: $0) }
    let context = options.context.metered(by: meter).cuttingBatches(to: batchBytes)
    let share = try place.shard?.shard
    let prepared = try options.prepared(on: context)
    for notice in prepared.plan.details.notices { common.say(notice) }
    let folder = place.out ?? RunFolder.defaultPath(for: prepared.inputs, share)
    let environment = options.environment(context)
    let opening = try RunFolder.open(
      folder, inputs: prepared.inputs, environment: environment,
      mode: place.mode,
      shard: share)
    switch opening {
    case .alreadyFinished(let path):
      // A run of a probe without samples has none to show.
      if samples.isGiven, try FinishedRun(path: path).lacksHarnessSamples {
        throw RunError.refused(
          folder: path, fact: "the run in this folder was finished without --samples-jsonl",
          remedy: "--force starts anew, or choose another --out")
      }
      common.say("finished before, with the same inputs: \(path)")
    case .ready(let run):
      if let stages {
        try prepared.stages.share(
          in: stages, of: prepared.inputs, version: environment.version, shard: share)
      }
      let progress = ProgressPrinter(common)
      var rows: [ResultRow] = []
      let outcome = try run.execute(
        prepared.plan, stages: prepared.stages, spreadsheetSafe: tables.spreadsheetSafe,
        harnessSamples: samples.isGiven,
        progress: { progress.show($0, title: prepared.inputs.probe) },
        shouldStop: { Interruption.isRequested },
        conclude: { cells in
          let output = try prepared.conclude(cells)
          rows = try cells.results() + output.results
          return output
        }, work: { cell in try timed.run(cell, meter) { try prepared.work(cell) } })
      progress.end()
      var memory = MachineMemory.standard
      memory.remember(prepared.inputs)
      timed.remember(
        in: &memory, prepared.inputs, environment, isWhole: share == nil && outcome.resumed == 0)
      memory.save()
      if share == nil {
        common.say(Screen.talk.fitted(prepared.summary(rows, .talk)))
        common.say("")
      }
      for file in outcome.files { common.say("\(outcome.folder)/\(file)") }
    }
  }
}
