// The probe files that are shipped, on the shipped models: each ends in its overlay `small`, and its table is committed.

import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite struct ShippedProbeTests {
    @Test(arguments: ["activation-patching", "task-vector-variants"])
    func goldenResults(_ probe: String) throws {
      for model in ["softmax", "linear"] {
        guard
          FileManager.default.fileExists(
            atPath: "\(packageFolder)/data/models/\(model)/model.safetensors")
        else { return print("skipped: goldenResults: data/models/\(model) is not there") }
      }
      let space = try Workspace()
      let ending = try Command.run(
        ["run", "probes/\(probe).yaml", "--small", "--out", "\(space.path)/out"],
        in: packageFolder)
      ending.expectSuccess()
      let found = try space.bytes("out/results.csv")
      #expect(found.count <= 200_000)
      let golden = URL(fileURLWithPath: fixture("command/\(probe).csv"))
      if ProcessInfo.processInfo.environment["RECORD"] == "1" {
        try found.write(to: golden)
        Issue.record("\(golden.path) was recorded anew; look at the difference")
        return
      }
      let expected = try Data(contentsOf: golden)
      guard found != expected else { return }
      let lines = [found, expected].map {
        String(decoding: $0, as: UTF8.self).split(separator: "\n")
      }
      let first = zip(lines[0], lines[1]).first { $0 != $1 }
      Issue.record(
        """
        \(probe): \(lines[0].count) lines, recorded \(lines[1].count); first difference
        \(first?.0 ?? "")
        \(first?.1 ?? "")
        RECORD=1 records it anew; the changelog's Numbers says why.
        """)
    }
  }
}
