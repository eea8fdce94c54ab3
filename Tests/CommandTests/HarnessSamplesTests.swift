// --samples-jsonl: the samples as lm-evaluation-harness logs them say what samples.csv says, are the same bytes however the
// run was carried out, and can be tasks again.

import CheckpointIO
import Foundation
import Probes
import TestSupport
import Testing

extension CommandTests {
  @Suite struct HarnessSamplesTests {
    private func samples(_ space: Workspace, _ folder: String) throws -> [String] {
      try space.names(in: folder).filter { $0.hasSuffix(".jsonl") }
    }

    @Test func sameAsTheTable() throws {
      let space = try Workspace.prepared()
      try space.thetascope("run", "probe.yaml", "--out", "a", "--quiet", "--samples-jsonl")
        .expectSuccess()
      let files = try samples(space, "a")
      let record = try JSON(contentsOf: "\(space.path)/a/run.json")
      let id = try #require(record["run_id"]?.stringValue)
      #expect(files == ["samples_shout_\(id).jsonl", "samples_upper_\(id).jsonl"])

      let table = try CSVReader.table(at: "\(space.path)/a/samples.csv", .samples)
      let rows = try table.rows(as: SampleRow.self)
      for (task, file) in zip(["shout", "upper"], files) {
        let own = rows.filter { $0.task == task }
        let lines = try space.text("a/\(file)").split(separator: "\n").map {
          try JSON(parsing: $0.utf8, file: file)
        }
        #expect(lines.count == own.count && !own.isEmpty)
        for (line, row) in zip(lines, own) {
          #expect(line["doc_id"]?.intValue == row.example)
          #expect(line["doc"]?["query"]?.stringValue == row.query)
          #expect(line["doc"]?["layer"]?.intValue == row.layer)
          #expect(line["doc"]?["model"]?.stringValue == row.model)
          #expect(line["filter"]?.stringValue == row.condition.rawValue)
          #expect(line["target"]?.stringValue == row.target)
          #expect(line["filtered_resps"]?.arrayValue?.first?.stringValue == row.prediction)
          #expect(line["acc"]?.intValue == row.correct.map { $0 ? 1 : 0 })
          #expect(line["target_logprob"]?.doubleValue == row.targetLogProbability)
          #expect(line["prompt_hash"]?.stringValue == row.promptSHA256)
          #expect(line["target_hash"]?.stringValue == SHA256.digest(of: row.target.utf8))
        }
        // run.json vouches for it.
        let output = try #require(
          record["outputs"]?.arrayValue?.first { $0["file"]?.stringValue == file })
        #expect(output["rows"]?.intValue == own.count)
        #expect(
          output["sha256"]?.stringValue == SHA256.digest(of: Array(try space.bytes("a/\(file)"))))
      }

      // The same bytes on other threads, and from shards; all else as without the option.
      try space.thetascope(
        "run", "probe.yaml", "--out", "b", "--quiet", "--samples-jsonl", "--threads", "1"
      ).expectSuccess()
      for shard in 0..<2 {
        try space.thetascope(
          "run", "probe.yaml", "--shard", "\(shard)/2", "--out", "s\(shard)", "--quiet"
        )
        .expectSuccess()
      }
      try space.thetascope("merge", "s0", "s1", "--out", "c", "--quiet", "--samples-jsonl")
        .expectSuccess()
      try space.thetascope("run", "probe.yaml", "--out", "d", "--quiet").expectSuccess()
      for other in ["b", "c", "d"] {
        for file in (other == "d" ? [] : files) + ["results.csv", "samples.csv", "columns.json"] {
          #expect(
            try space.bytes("a/\(file)") == space.bytes("\(other)/\(file)"), "\(other)/\(file)")
        }
      }

      // What is finished is not made again in silence.
      #expect(try samples(space, "d").isEmpty)
      try space.thetascope("run", "probe.yaml", "--out", "d", "--samples-jsonl").expectSentence(
        64, "d", "--samples-jsonl", "--force")
      try space.thetascope("run", "probe.yaml", "--out", "a", "--samples-jsonl").expectSuccess()
      try space.thetascope("run", "probe.yaml", "--shard", "0/2", "--samples-jsonl")
        .expectUsageError("merge")
      // Started anew without, they are gone.
      try space.thetascope("run", "probe.yaml", "--out", "a", "--force", "--quiet").expectSuccess()
      #expect(try samples(space, "a").isEmpty)

      // And back: a task whose inputs are the queries.
      try space.write(space.bytes("b/\(files[1])"), to: "again/\(files[1])")
      let listed = try space.thetascope("tasks", "--folder", "again")
      listed.expectSuccess()
      let queries = Set(rows.filter { $0.task == "upper" }.map(\.query)).count
      #expect(listed.output.contains("upper\tlm_eval\t\(queries)\t"), "\(listed.output)")
    }

    /// The digests are the harness's: those of a document that lm_eval itself logged, computed as ours are.
    @Test func digests() throws {
      let path = fixture("harness/samples_capital_text_2026-11-25T00-00-00.jsonl")
      let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self)
      for line in text.split(separator: "\n") {
        let sample = try JSON(parsing: line.utf8, file: path)
        func digest(_ text: String?) -> String? { text.map { SHA256.digest(of: $0.utf8) } }
        #expect(sample["doc_hash"]?.stringValue == digest(sample["doc"]?.serialized(pretty: true)))
        #expect(sample["target_hash"]?.stringValue == digest(sample["target"]?.stringValue))
        let prompt = sample["arguments"]?["gen_args_0"]?["arg_0"]?.stringValue
        #expect(sample["prompt_hash"]?.stringValue == digest(prompt) && prompt != nil)
      }
    }
  }
}
