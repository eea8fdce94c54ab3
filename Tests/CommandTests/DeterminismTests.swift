// Every probe file that is shipped, its overlay `small`: the same bytes twice, on one thread and on two, as two shards
// that are merged, and stopped in the middle and resumed. `make determinism` does the same at full size.

import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite struct DeterminismTests {
    private static let probes: [String] = {
      let names = try? FileManager.default.contentsOfDirectory(atPath: "\(packageFolder)/probes")
      return (names ?? []).filter { $0.hasSuffix(".yaml") }.sorted()
    }()

    @Test(arguments: probes) func sameBytes(_ probe: String) throws {
      let space = try Workspace()
      func start(_ out: String, _ more: [String], stop: Command.Stop? = nil) throws -> Ending {
        try Command.run(
          ["run", "probes/\(probe)", "--small", "--out", "\(space.path)/\(out)"] + more,
          in: packageFolder, stop: stop)
      }
      let whole = try start("whole", ["--threads", "2"])
      guard whole.status != 66 else {
        return print("skipped: sameBytes \(probe): \(whole.talk.split(separator: "\n").last ?? "")")
      }
      whole.expectSuccess()

      for shard in 0..<2 {
        try start("part\(shard)", ["--shard", "\(shard)/2", "--threads", "1"]).expectSuccess()
      }
      let parts = (0..<2).map { "\(space.path)/part\($0)" }
      try Command.run(["merge"] + parts + ["--out", "\(space.path)/merged"], in: packageFolder)
        .expectSuccess()

      // Stopped after its first cell, if it has more than one and the machine lets us.
      let stopped = try start(
        "resumed", ["--threads", "1"],
        stop: Command.Stop(signal: SIGINT) { $0.split(separator: "\n").count >= 2 })
      if stopped.status != 0 {
        #expect(stopped.status == 130, "\(stopped.talk)")
        try start("resumed", ["--threads", "2", "--resume"]).expectSuccess()
      }

      let files = try space.names(in: "whole").filter { $0 != "run.json" }
      #expect(files.contains("results.csv"))
      for out in ["merged", "resumed"] {
        #expect(try space.names(in: out).filter { $0 != "run.json" } == files, "\(out)")
        for file in files {
          #expect(
            try space.bytes("\(out)/\(file)") == space.bytes("whole/\(file)"), "\(out)/\(file)")
        }
      }
    }
  }
}
