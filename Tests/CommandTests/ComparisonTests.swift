// `diff`, `replay` and `explain` on runs of tiny models: what changed is found and nothing else, a row computed again is
// the same, a row that was tampered with is not, and every column of every committed table is explained.

import CheckpointIO
import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite struct ComparisonTests {
    @Test func differences() throws {
      let space = try Workspace.prepared()
      for (out, settings) in [
        ("a", [String]()), ("b", ["--set", "dummies=1"]),
        ("c", ["--model", "models/gpt2-tiny", "--set", "seed=8"]),
      ] {
        // Random models are right now and then under this rule only.
        try Command.run(
          ["run", "probe.yaml", "--out", out, "--quiet", "--set", "answer_rule=synonym"] + settings,
          in: space.path
        ).expectSuccess()
      }
      let same = try space.thetascope("diff", "a", "a")
      same.expectSuccess()
      #expect(same.output.split(separator: "\n").count == 1)
      #expect(same.talk.contains("same inputs") && same.talk.contains(" 0 of them changed"))

      // Fewer dummy queries move θ and nothing that θ has no part in.
      let moved = try space.thetascope("diff", "a", "b", "--all")
      #expect(moved.status == 1 && moved.talk.contains("dummies: 2 and 1"))
      // What tells the rows apart has a column of its own; numbers stand under the folders' names.
      #expect(
        moved.talk.contains(/\n[^\n]*task +[^\n]*layer +[^\n]* a +b +change/), "\(moved.talk)")
      let header = try #require(moved.output.split(separator: "\n").first).split(
        separator: ",", omittingEmptySubsequences: false
      ).map(String.init)
      let rows = moved.output.split(separator: "\n").dropFirst().map { line in
        Dictionary(
          uniqueKeysWithValues: zip(
            header,
            line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)))
      }
      #expect(rows.count > 100)
      #expect(rows.contains { $0["first"] != $0["second"] })
      for row in rows where row["condition"] == "zero_shot" || row["condition"] == "icl" {
        #expect(row["first"] == row["second"], "\(row)")
      }
      // The paired test is McNemar's: with four examples a side it can only be 1, ½, ¼ or ⅛.
      let tested = rows.filter { $0["metric"] == "accuracy" && $0["p"]?.isEmpty == false }
      #expect(tested.count > 50)
      for row in tested {
        let p = try #require(row["p"].flatMap(Double.init))
        #expect([1, 0.5, 0.25, 0.125].contains(p), "\(row)")
        if row["first"] == row["second"] { #expect(p == 1) }
      }

      // Other seeds draw other examples: numbers are compared, but nothing is paired.
      let other = try space.thetascope("diff", "a", "c")
      #expect(other.status == 1 && other.talk.contains("only in a"))
      #expect(
        !other.output.hasPrefix("probe,model,attention,task,source_task,condition,split,seed"))

      try space.thetascope("diff", "a", "nowhere").expectSentence(66, "nowhere/run.json")
      try space.write("{", to: "b/columns.json")
      try space.thetascope("diff", "a", "b").expectSentence(65, "b/columns.json")
    }

    @Test func rowsAgain() throws {
      let space = try Workspace.prepared()
      try space.thetascope("run", "probe.yaml", "--out", "a", "--quiet").expectSuccess()
      let rows = try space.text("a/results.csv").split(separator: "\n").dropFirst()
      // The first cell, a later one, and a row over all.
      for row in [0, rows.count / 2, rows.count - 1] {
        let ending = try space.thetascope("replay", "a", "--row", "\(row)")
        ending.expectSuccess()
        let line = rows[rows.startIndex + row]
        #expect(ending.output == "recorded\t\(line)\ncomputed\t\(line)\n")
        #expect(ending.talk.contains("the same"))
      }
      let samples = try space.text("a/samples.csv").split(separator: "\n")
      let sample = try space.thetascope("replay", "a", "--row", "7", "--table", "samples.csv")
      sample.expectSuccess()
      #expect(sample.output.hasSuffix("computed\t\(samples[8])\n"))

      try space.thetascope("replay", "a", "--row", "\(rows.count)").expectSentence(
        65, "a/results.csv", "\(rows.count)")
      try space.thetascope("replay", "a", "--row", "0", "--table", "layers.csv").expectSentence(
        66, "a/layers.csv", "results.csv")

      // A number that nobody computed.
      let line = String(rows[rows.startIndex])
      let tampered = line.replacingOccurrences(of: ",4", with: ",5")
      #expect(tampered != line)
      try space.edit("a/results.csv", line, tampered)
      let wrong = try space.thetascope("replay", "a", "--row", "0")
      #expect(wrong.status == 1 && wrong.talk.contains("1 of "), "\(wrong.talk)")
      #expect(wrong.talk.contains("row 0: ") && wrong.talk.contains("recorded '"), "\(wrong.talk)")
      #expect(wrong.output == "recorded\t\(tampered)\ncomputed\t\(line)\n")

      // A task that is no longer what it was.
      try space.edit("tasks/tiny/upper.json", "RED", "PINK")
      try space.thetascope("replay", "a", "--row", "0", "--quiet").expectSentence(64, "task upper")
    }

    @Test func explanations() throws {
      let space = try Workspace()
      let ending = try space.thetascope("explain", "sim_aou")
      ending.expectSuccess()
      #expect(ending.output.hasPrefix("sim_aou: metric\n") && ending.output.contains("2212.10559"))
      try space.thetascope("explain", "sim_aoo").expectSentence(64, "'sim_aou'")
      // As papers write names, and what stands in the column `task`.
      let several = try space.thetascope(
        "explain", "SimAOU", "Rec2FTP", "SimAM", "mean_knowledge", "theta_0")
      several.expectSuccess()
      for name in [
        "sim_aou: metric", "rec2ftp: metric", "sim_am: metric", "mean_<category>: value",
        "theta_0: value",
      ] {
        #expect(several.output.contains("\(name)"), "\(name)")
      }

      let all = try space.thetascope("explain")
      all.expectSuccess()
      let lines = all.output.split(separator: "\n").map {
        $0.split(separator: "\t", omittingEmptySubsequences: false)
      }
      let names = Set(lines.map { String($0[0]) })
      #expect(lines.allSatisfy { $0.count == 3 && !$0[2].isEmpty })
      // Whatever stands in a committed table is in the dictionary: columns, metrics, conditions.
      let folder = fixture("command")
      var seen = 0
      for file in try FileManager.default.contentsOfDirectory(atPath: folder)
      where file.hasSuffix(".csv") {
        let text = String(
          decoding: try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)")), as: UTF8.self)
        let rows = text.split(separator: "\n").map {
          $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        for name in rows[0] { #expect(names.contains(name), "\(file): \(name)") }
        for column in ["metric", "condition"] {
          guard let place = rows[0].firstIndex(of: column) else { continue }
          for row in rows.dropFirst() where row.count == rows[0].count {
            #expect(names.contains(row[place]), "\(file): \(row[place])")
            seen += 1
          }
        }
      }
      #expect(seen > 500)
    }
  }
}
