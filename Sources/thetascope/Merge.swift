// thetascope merge: the shards of one run become the run.

import ArgumentParser
import Probes
import TensorCore

struct Merge: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Join the shards of one run into its CSV files.",
    discussion: """
      The files have the same bytes as those of a run on one machine. A shard that is missing, there twice or of \
      another run is refused. The models and data must lie where the shards found them; no weight is read.

      Example:
        for i in 0 1 2 3; do thetascope run probe.yaml --shard $i/4 --out runs/part$i; done
        thetascope merge runs/part0 runs/part1 runs/part2 runs/part3 --out runs/all
      """)

  @Argument(help: "The folders of all shards, in any order.", completion: .directory) var shards:
    [String]
  @Option(help: "The run's folder; runs/<probe>-<run_id> by default.", completion: .directory)
  var out: String?
  @Flag(help: "Start anew where another run lies.") var force = false
  @OptionGroup var tables: TableOption
  @OptionGroup var samples: SamplesOption
  @OptionGroup var common: CommonOptions

  func run() throws {
    let merge = try ShardMerge(shards)
    let context = common.context(Precision(rawValue: merge.precision) ?? .f32)
      .metered(by: WorkMeter(.rehearsing))
    let prepared = try ProbeRegistry.prepare(try merge.spec(), small: false, on: context)
    var rows: [ResultRow] = []
    let outcome = try merge.outcome(
      prepared, into: out,
      environment: RunEnvironment(version: Thetascope.version, context: context), force: force,
      spreadsheetSafe: tables.spreadsheetSafe, harnessSamples: samples.isGiven,
      conclude: { cells in
        let output = try prepared.conclude(cells)
        rows = try cells.results() + output.results
        return output
      })
    guard let outcome else { return common.say("merged before, from the same inputs") }
    common.say(Screen.talk.fitted(prepared.summary(rows, .talk)))
    common.say("")
    for file in outcome.files { common.say("\(outcome.folder)/\(file)") }
  }
}
