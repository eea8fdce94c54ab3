// `thetascope run` on tiny models: the files it writes, the same bytes with other threads and in another folder, and
// the golden copies of its tables.

import CheckpointIO
import Foundation
import Probes
import TestSupport
import Testing

/// One command at a time: the tests measure no speed, but they should not fight over the cores.
@Suite(.serialized) struct CommandTests {}

extension CommandTests {
  @Suite struct RunTests {
    private static let written = [
      "columns.json", "results.csv", "run.json", "samples.csv", "vectors.safetensors",
    ]

    /// DESIGN's columns, letter by letter.
    private static let headers = [
      "results.csv":
        "run_id,probe,model,attention,task,source_task,condition,split,shots,hook,layer,head,"
        + "position,seed,metric,value,ci_low,ci_high,n",
      "samples.csv":
        "run_id,probe,model,attention,task,condition,split,shots,hook,layer,position,seed,"
        + "example,query,target,prediction,correct,target_rank,target_logprob,logit_diff,prompt_sha256",
    ]

    @Test func filesOfARun() throws {
      let space = try Workspace.prepared()
      let first = try space.thetascope("run", "probe.yaml", "--out", "first", "--threads", "1")
      first.expectSuccess()
      #expect(first.output.isEmpty)
      #expect(try space.names(in: "first") == Self.written)
      for name in Self.written { #expect(first.talk.contains("first/\(name)\n")) }
      for (file, header) in Self.headers {
        #expect(try space.text("first/\(file)").hasPrefix(header + "\n"), "\(file)")
      }

      // Every column is documented, in order.
      let columns = try JSON(contentsOf: "\(space.path)/first/columns.json")
      for (file, header) in Self.headers {
        let names = columns["tables"]?[file]?["columns"]?.arrayValue?.map {
          $0["name"]?.stringValue ?? ""
        }
        #expect(names?.joined(separator: ",") == header)
      }

      // run.json agrees with the tables.
      let record = try JSON(contentsOf: "\(space.path)/first/run.json")
      let id = try #require(record["run_id"]?.stringValue)
      let rows = try space.text("first/results.csv").split(separator: "\n").dropFirst()
      #expect(rows.count > 100)
      for row in rows { #expect(row.hasPrefix("\(id),task-vectors,")) }
      for output in record["outputs"]?.arrayValue ?? [] {
        let name = try #require(output["file"]?.stringValue)
        let bytes = try space.bytes("first/\(name)")
        #expect(output["bytes"]?.intValue == bytes.count)
        #expect(output["sha256"]?.stringValue == SHA256.digest(of: Array(bytes)))
      }
      #expect(record["outputs"]?.arrayValue?.count == Self.written.count - 1)

      // Other threads, another folder, nothing said.
      let second = try space.thetascope(
        "run", "probe.yaml", "--out", "deep/second", "--threads", "2", "--quiet")
      second.expectSuccess()
      #expect(second.output.isEmpty && second.talk.isEmpty)
      for name in Self.written where name != "run.json" {
        #expect(try space.bytes("first/\(name)") == space.bytes("deep/second/\(name)"), "\(name)")
      }

      // A second time into the same folder: nothing is computed, nothing changes.
      let before = try space.bytes("first/run.json")
      let again = try space.thetascope("run", "probe.yaml", "--out", "first")
      again.expectSuccess()
      #expect(again.talk.contains("finished") && again.talk.contains("first"))
      #expect(try space.bytes("first/run.json") == before)

      // Other inputs are refused in the same folder, unless forced.
      let other = ["run", "probe.yaml", "--out", "first", "--set", "seed=8", "--quiet"]
      try Command.run(other, in: space.path).expectSentence(64, "first", "seed", "--force")
      try Command.run(other + ["--force"], in: space.path).expectSuccess()
      #expect(try space.names(in: "first") == Self.written)
      #expect(try space.text("first/results.csv") != space.text("deep/second/results.csv"))
    }

    /// Without --out: runs/<probe>-<run_id>; with the overlay: its keys.
    @Test func defaultFolderAndOverlay() throws {
      let space = try Workspace.prepared()
      try space.write(
        Workspace.probe + "small: {models: [models/linear-decay], tasks: [upper], test_sets: 2}\n",
        to: "probe.yaml")
      try space.thetascope("run", "probe.yaml", "--small", "--quiet").expectSuccess()
      let names = try space.names(in: "runs")
      #expect(names.count == 1)
      let name = try #require(names.first)
      let record = try JSON(contentsOf: "\(space.path)/runs/\(name)/run.json")
      #expect(name == "task-vectors-\(record["run_id"]?.stringValue ?? "?")")
      #expect(record["spec"]?["models"] == ["linear-decay"])
      #expect(record["spec"]?["test_sets"] == 2)
      #expect(record["spec"]?["shots"] == 3)
    }

    /// The tables of this run are committed: a change of any exported value shows here.
    @Test(arguments: ["results.csv", "samples.csv"]) func goldenTables(_ file: String) throws {
      let space = try Workspace.prepared()
      try space.thetascope("run", "probe.yaml", "--out", "out", "--quiet").expectSuccess()
      try expectGolden(space.bytes("out/\(file)"), file)
    }

    /// The probe file that is shipped, on the shipped models.
    @Test func shippedProbe() throws {
      let model = "\(packageFolder)/data/models/softmax"
      guard FileManager.default.fileExists(atPath: "\(model)/model.safetensors") else {
        return print("skipped: shippedProbe: data/models/softmax is not there")
      }
      let space = try Workspace()
      let ending = try Command.run(
        ["run", "probes/task-vectors.yaml", "--small", "--out", "\(space.path)/out"],
        in: packageFolder)
      ending.expectSuccess()
      #expect(try space.names(in: "out") == Self.written)
      #expect(ending.talk.contains("softmax") && ending.talk.contains("linear"))
    }
  }
}
