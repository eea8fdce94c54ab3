// Plan, shards, merge, memory limits and the Slurm script, on tiny models.

import CheckpointIO
import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite struct ScaleTests {
    // MARK: plan

    @Test func planSaysWhatRunTakes() throws {
      let space = try Workspace.prepared()
      let ending = try space.thetascope("plan", "probe.yaml")
      ending.expectSuccess()
      let lines = ending.output.split(separator: "\n")
      #expect(lines.count == 5, "\(ending.output)")
      for word in ["cells", "tokens", "GFLOP", "GB", "time"] { #expect(lines[0].contains(word)) }
      let words = lines[4].split(separator: " ")
      #expect(words[0] == "all" && words[1] == "6", "\(ending.output)")
      #expect(ending.talk.contains("did not run on this machine yet"))
    }

    /// No weight is touched: a checkpoint whose numbers are all NaN plans as well, and run_id is that of the run.
    @Test func planReadsNoWeights() throws {
      let space = try Workspace.prepared()
      let before = try space.thetascope("plan", "probe.yaml")
      let file = "models/gpt2-tiny/model.safetensors"
      var bytes = try space.bytes(file)
      let header = bytes.prefix(8).enumerated().reduce(8) {
        $0 + Int($1.element) << (8 * $1.offset)
      }
      bytes.replaceSubrange(header..., with: Data(repeating: 0xFF, count: bytes.count - header))
      try space.write(bytes, to: file)
      let after = try space.thetascope("plan", "probe.yaml")
      after.expectSuccess()
      func counts(_ ending: Ending) -> [[Substring]] {
        ending.output.split(separator: "\n").map { Array($0.split(separator: " ").prefix(4)) }
      }
      #expect(counts(before) == counts(after))
    }

    /// Each shard with cells of a model measures the model's heads; the whole run does so once.
    @Test func planCountsWhatShardsShare() throws {
      let space = try Workspace.prepared()
      func tokens(_ probe: String, _ more: String...) throws -> Int {
        let ending = try Command.run(["plan", probe] + more, in: space.path)
        ending.expectSuccess()
        return Int(
          ending.output.split(separator: "\n").last?.split(separator: " ").dropFirst(
            more.isEmpty ? 2 : 3
          ).first ?? "") ?? -1
      }
      try space.addHeadsProbe(tasks: "upper, shout")
      for (probe, isShared) in [("heads.yaml", true), ("probe.yaml", false)] {
        let whole = try tokens(probe)
        let parts = try (0..<2).map { try tokens(probe, "--shard", "\($0)/2") }
        #expect(whole > 0 && parts.allSatisfy { $0 > 0 })
        #expect((parts[0] + parts[1] > whole) == isShared, "\(probe): \(parts), \(whole)")
      }
      // In a folder that both see the heads of each task are kept once, and nothing of the result changes.
      try space.thetascope("run", "heads.yaml", "--out", "whole", "--quiet").expectSuccess()
      for index in 0..<2 {
        try space.thetascope(
          "run", "heads.yaml", "--shard", "\(index)/2", "--stages", "stages", "--out",
          "part\(index)", "--quiet"
        ).expectSuccess()
        #expect(try space.names(in: "stages").count == 2)
      }
      try space.thetascope("merge", "part0", "part1", "--out", "all", "--quiet").expectSuccess()
      for name in ["results.csv", "samples.csv", "vectors.safetensors"] {
        #expect(try space.bytes("all/\(name)") == space.bytes("whole/\(name)"), "\(name)")
      }
      let stage = try #require(try space.names(in: "stages").first)
      try space.write("{}", to: "stages/\(stage)")
      try space.thetascope(
        "run", "heads.yaml", "--shard", "0/2", "--stages", "stages", "--out", "other", "--quiet"
      ).expectSentence(65, stage, "remove it")
    }

    /// What a run finds, and be it only in its first cell (a prompt longer than the model has positions), the plan finds.
    @Test func planFindsWhatRunFinds() throws {
      let space = try Workspace.prepared()
      for (setting, status, word) in [
        ("shots=15", Int32(65), "positions"), (#"tasks=["uper"]"#, 65, "upper"),
        ("dev_sets=3", 64, "dev_sets"), ("shots=20000", 64, "shots"),
        (#"models=["models/none"]"#, 66, "models/none"),
      ] {
        let run = try space.thetascope("run", "probe.yaml", "--set", setting, "--out", "out")
        let plan = try space.thetascope("plan", "probe.yaml", "--set", setting)
        plan.expectSentence(status, word)
        #expect(run.status == status, "\(setting): \(run.talk)")
        #expect(run.talk.hasSuffix(plan.talk), "\(setting): \(run.talk) \(plan.talk)")
        #expect(!space.exists("out/run.json"))
      }
      // And a folder in which the run could not begin.
      try space.write("mine", to: "taken/thesis.txt")
      try space.thetascope("plan", "probe.yaml", "--out", "taken").expectSentence(64, "thesis.txt")
    }

    // MARK: shards

    private func shard(_ space: Workspace, _ index: Int, of count: Int, _ more: String...) throws
      -> Ending
    {
      try Command.run(
        ["run", "probe.yaml", "--shard", "\(index)/\(count)", "--out", "part\(index)"] + more,
        in: space.path)
    }

    @Test func shardsMergeToTheWhole() throws {
      let space = try Workspace.prepared()
      try space.thetascope("run", "probe.yaml", "--out", "whole").expectSuccess()
      // More shards than cells: the last ones are empty.
      for index in 0..<8 { try shard(space, index, of: 8).expectSuccess() }
      #expect(try space.names(in: "part3") == ["shard.json", "unfinished"])
      let again = try shard(space, 3, of: 8)
      again.expectSuccess()
      #expect(again.talk.contains("finished before"))
      try space.thetascope("run", "probe.yaml", "--out", "part3").expectSentence(64, "shard 3/8")
      try shard(space, 3, of: 7).expectSentence(64, "shard 3/8")

      let parts = (0..<8).map { "part\($0)" }
      func merge(_ parts: [String]) throws -> Ending {
        try Command.run(["merge"] + parts + ["--out", "merged"], in: space.path)
      }
      try merge(Array(parts.dropLast())).expectSentence(64, "1 of 8 shards", "7/8")
      try merge(parts + ["part2"]).expectSentence(64, "part2", "2/8")
      try merge(["part0", "none"]).expectSentence(66, "none/shard.json")
      // Another run's shard.
      try space.thetascope(
        "run", "probe.yaml", "--set", "seed=8", "--shard", "5/8", "--out", "other"
      ).expectSuccess()
      try merge(parts.map { $0 == "part5" ? "other" : $0 }).expectSentence(
        64, "other", "spec is another")
      #expect(!space.exists("merged"))

      try merge(parts.reversed()).expectSuccess()
      for name in ["results.csv", "samples.csv", "columns.json", "vectors.safetensors"] {
        #expect(try space.bytes("merged/\(name)") == space.bytes("whole/\(name)"), "\(name)")
      }
      #expect(try space.names(in: "merged") == space.names(in: "whole"))
      try merge(parts).expectSuccess()

      // Data that changed since are refused.
      try space.edit("tasks/tiny/upper.json", "RED", "red")
      try Command.run(["merge"] + parts + ["--out", "late"], in: space.path)
        .expectSentence(64, "task upper")
    }

    /// A stopped shard goes on, and only as the shard that it is.
    @Test func shardsResume() throws {
      let space = try Workspace.prepared()
      let more = ["--set", "development_sets=40", "--set", "test_sets=40", "--out", "part"]
      func start(_ arguments: [String], stop: Command.Stop? = nil) throws -> Ending {
        try Command.run(["run", "probe.yaml"] + more + arguments, in: space.path, stop: stop)
      }
      let stopped = try start(
        ["--shard", "1/2"], stop: Command.Stop(signal: SIGKILL) { $0.contains(" 1 of 3 cells") })
      guard stopped.isSignal else {
        return print("skipped: shardsResume: the shard was over before it could be killed")
      }
      try Command.run(["merge", "part"], in: space.path).expectSentence(66, "unfinished")
      try start(["--shard", "0/2", "--resume"]).expectSentence(64, "shard 1/2", "shard 0/2")
      try start(["--resume"]).expectSentence(64, "shard 1/2", "a whole run")
      let resumed = try start(["--shard", "1/2", "--resume"])
      resumed.expectSuccess()
      #expect(!resumed.talk.contains(" 0 of 3 cells"), "\(resumed.talk)")
    }

    @Test func autoReadsSlurmsArray() throws {
      let space = try Workspace.prepared()
      func auto(_ id: String?, _ minimum: String, _ count: String) throws -> Ending {
        var variables = ["SLURM_ARRAY_TASK_MIN": minimum, "SLURM_ARRAY_TASK_COUNT": count]
        variables["SLURM_ARRAY_TASK_ID"] = id
        return try Command.run(
          ["run", "probe.yaml", "--shard", "auto", "--out", "part\(id ?? "")"], in: space.path,
          environment: variables)
      }
      try auto("6", "5", "3").expectSuccess()
      #expect(try space.text("part6/shard.json").contains("\"shard\": \"1/3\""))
      try auto(nil, "0", "2").expectUsageError("SLURM_ARRAY_TASK_ID")
      // An array in steps: 0, 5, 10.
      try auto("10", "0", "3").expectUsageError("without gaps")
      // Without being asked, a run inside an array is whole.
      try Command.run(
        ["run", "probe.yaml", "--out", "whole"], in: space.path,
        environment: [
          "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_TASK_MIN": "0", "SLURM_ARRAY_TASK_COUNT": "2",
        ]
      ).expectSuccess()
      #expect(space.exists("whole/run.json"))
    }

    // MARK: memory

    @Test func memoryLimits() throws {
      let space = try Workspace.prepared()
      try space.thetascope("run", "probe.yaml", "--out", "whole").expectSuccess()
      let refused = try space.thetascope(
        "run", "probe.yaml", "--out", "cut", "--max-memory", "1M")
      refused.expectSentence(64, "--max-memory", "would do")
      #expect(!space.exists("cut"))
      // The number that it names is one that does.
      let words = refused.talk.split(separator: " ")
      let place = try #require(words.firstIndex(of: "would"))
      let number = String(words[place - 1])
      let least = try #require(Int(number.dropLast()))
      try space.thetascope(
        "run", "probe.yaml", "--out", "cut", "--max-memory", "\(least + 8)M"
      ).expectSuccess()
      for name in ["results.csv", "samples.csv", "columns.json", "vectors.safetensors"] {
        #expect(try space.bytes("cut/\(name)") == space.bytes("whole/\(name)"), "\(name)")
      }
      try space.thetascope("run", "probe.yaml", "--max-memory", "much").expectUsageError("much")
    }

    // MARK: slurm

    /// The script is a shell's, submits an array with a merge behind it, and its tasks do what the command does.
    @Test func slurmScript() throws {
      let space = try Workspace.prepared()
      let ending = try space.thetascope(
        "slurm", "probe.yaml", "--shards", "3", "--out", "all", "--partition", "long",
        "--threads", "2", "--set", "seed=9", "--sbatch", "--account=it's mine")
      ending.expectSuccess()
      try space.write(ending.output, to: "job.sh")
      // An sbatch that does at once what it is asked, task by task.
      try space.write(
        """
        #!/bin/sh
        echo "$*" >> submitted
        for last; do :; done
        case "$last" in
        shard) for i in 0 1 2; do SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_COUNT=3 sh job.sh shard >&2; done ;;
        merge) sh job.sh merge >&2 ;;
        esac
        echo "41;cluster"

        """, to: "bin/sbatch")
      let shell = Process()
      shell.executableURL = URL(fileURLWithPath: "/bin/sh")
      shell.arguments = ["-c", "chmod +x bin/sbatch; PATH=$PWD/bin:$PATH sh job.sh > out 2> err"]
      shell.currentDirectoryURL = URL(fileURLWithPath: space.path)
      try shell.run()
      shell.waitUntilExit()
      let talk = try space.text("err")
      #expect(shell.terminationStatus == 0, "\(talk)")
      let submitted = try space.text("submitted").split(separator: "\n")
      #expect(submitted.count == 2)
      for word in [
        "--array=0-2", "--cpus-per-task=2", "--mem=", "--time=", "--requeue", "--partition=long",
        "--account=it's mine",
      ] {
        #expect(submitted[0].contains(word), "\(submitted[0])")
      }
      #expect(submitted[1].contains("--dependency=afterok:41 "))
      try space.thetascope("run", "probe.yaml", "--set", "seed=9", "--out", "whole").expectSuccess()
      for name in ["results.csv", "samples.csv", "vectors.safetensors"] {
        #expect(try space.bytes("all/\(name)") == space.bytes("whole/\(name)"), "\(name)")
      }
    }
  }
}
