// The probe files that are shipped, on the shipped models: each ends in its overlay `small`, and its table is committed.

import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite struct ShippedProbeTests {
    @Test(arguments: [
      "activation-patching", "dual-form", "linear-finetuning", "linear-finetuning-deep",
      "linear-task-vectors", "task-vector-variants",
    ])
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
      try expectGolden(found, "\(probe).csv")
    }
  }
}
