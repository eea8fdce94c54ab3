// thetascope diff: what changed between two finished runs.

import ArgumentParser
import Foundation
import Probes

struct Diff: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show what changed between two runs of a probe, observation by observation.",
    discussion: """
      Rows of results.csv are matched by all columns that say what was observed; columns that tell the two runs apart \
      throughout, such as the model, are left out. Where samples.csv holds the same examples in both runs, p is that of a \
      paired test: McNemar's for accuracies, sign flips clustered by query for ranks and logit differences. The \
      table is CSV on stdout, only what differs unless --all. The exit status is 1 where anything does.

      Example:
        thetascope diff runs/before runs/after > changed.csv
      """)

  @Argument(help: "The folder of a finished run.", completion: .directory) var first: String
  @Argument(help: "The folder of another.", completion: .directory) var second: String
  @Flag(help: "Also the observations that are the same.") var all = false
  @OptionGroup var talkative: QuietOption

  func run() throws {
    let (a, b) = (try FinishedRun(path: first), try FinishedRun(path: second))
    let comparison = try RunComparison(a, b)
    FileHandle.standardOutput.write(Data(comparison.table(all: all).csv))
    if !talkative.quiet { for line in comparison.summary(a, b, on: .talk) { talk(line) } }
    if comparison.pairs.contains(where: \.isDifferent) { throw ExitCode(1) }
  }
}
