// What `run` and `plan` take beside the probe: where to, which share, how much memory.

import ArgumentParser
import Probes

struct RunOptions: ParsableArguments {
  @Option(help: "The run's folder; runs/<probe>-<run_id> by default.", completion: .directory)
  var out: String?
  @Option(
    help: "I/N, or auto: compute one of N shares of the cells, counted from 0; merge joins them.",
    completion: .list(["auto"]))
  var shard: ShardOption?
  @Option(help: "Bytes, such as 8G: batches are cut so that the run keeps within them.")
  var maxMemory: ByteCount?
  @Flag(help: "Continue an unfinished run.") var resume = false
  @Flag(help: "Start anew where another run lies.") var force = false

  func validate() throws {
    if resume && force { throw ValidationError("--resume and --force exclude each other") }
    _ = try shard?.shard
  }

  var mode: RunFolder.Mode { resume ? .resume : force ? .force : .start }
}
