// Runs and trainings killed at random moments, inputs that change between the sessions of a run, damaged journals, two
// processes in one folder: nothing that was finished is lost, and what is resumed has the bytes of what was left alone.

import Foundation
import TensorCore
import Testing

extension CommandTests {
  @Suite struct CrashTests {
    /// Six cells, long enough that moments fall into every part of a run.
    static let run = [
      "run", "probe.yaml", "--set", "development_sets=10", "--set", "test_sets=10",
    ]
    static let finals = ["results.csv", "samples.csv", "columns.json", "vectors.safetensors"]

    /// Runs a command and kills it after so many seconds, unless it is over by then.
    private func run(
      _ arguments: [String], in space: Workspace, killedAfter seconds: Double
    ) throws -> Ending {
      let start = Date()
      return try Command.run(
        arguments, in: space.path,
        stop: Command.Stop(signal: SIGKILL) { _ in -start.timeIntervalSinceNow >= seconds })
    }

    private func expectSame(
      _ space: Workspace, _ out: String, _ names: [String] = finals,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      for name in names {
        #expect(
          try space.bytes("\(out)/\(name)") == space.bytes("whole/\(name)"), "\(out)/\(name)",
          sourceLocation: sourceLocation)
      }
    }

    /// The cells that each line of progress says are finished.
    private func finishedCells(_ talk: String) -> [Int] {
      talk.split(separator: "\n").compactMap { line in
        let words = line.split(separator: " ")
        return words.firstIndex(of: "of").flatMap { $0 > 0 ? Int(words[$0 - 1]) : nil }
      }
    }

    @Test func killedAtFiftyRandomMoments() throws {
      let space = try Workspace.prepared()
      let start = Date()
      try Command.run(Self.run + ["--out", "whole", "--quiet"], in: space.path).expectSuccess()
      let duration = -start.timeIntervalSinceNow
      var generator = SeededGenerator(key: "kill -9", seed: 8)
      var (kills, attempts, runs, kept, resumed) = (0, 0, 0, 0, 0)
      while kills < 50 || runs == 0 {
        attempts += 1
        try #require(attempts < 500, "\(kills) of 50 processes could be killed")
        let out = "out\(runs)"
        let ending = try run(
          Self.run + ["--out", out, "--resume"], in: space,
          killedAfter: generator.uniform() * duration)
        let cells = finishedCells(ending.talk)
        // At most the cell in flight is lost: what one session said was finished, the next one begins with.
        if let first = cells.first {
          #expect(first >= kept, "\(kept) cells were finished, \(first) were kept")
          if first > 0 { resumed += 1 }
        }
        kept = max(kept, cells.last ?? 0)
        if ending.isSignal {
          kills += 1
          // No final file is ever there in part.
          for name in Self.finals where space.exists("\(out)/\(name)") {
            try expectSame(space, out, [name])
          }
        } else {
          ending.expectSuccess()
          try expectSame(space, out)
          #expect(try space.names(in: out) == space.names(in: "whole"))
          (runs, kept) = (runs + 1, 0)
        }
      }
      #expect(resumed > 10, "\(resumed) sessions began with cells of earlier ones")
    }

    @Test func trainingKilledAtRandomMoments() throws {
      let space = try Workspace.prepared()
      try space.write(Workspace.spec(attention: "linear"), to: "spec.yaml")
      let train = ["train", "spec.yaml", "--tasks", "tasks", "--out"]
      let start = Date()
      try Command.run(train + ["whole"], in: space.path).expectSuccess()
      let duration = -start.timeIntervalSinceNow
      var generator = SeededGenerator(key: "kill -9 of a training", seed: 8)
      var (kills, attempts, runs) = (0, 0, 0)
      while kills < 15 || runs == 0 {
        attempts += 1
        try #require(attempts < 200, "\(kills) of 15 processes could be killed")
        let ending = try run(
          train + ["out\(runs)"], in: space, killedAfter: generator.uniform() * duration)
        if ending.isSignal {
          kills += 1
        } else {
          ending.expectSuccess()
          try expectSame(
            space, "out\(runs)",
            ["config.json", "model.safetensors", "tokenizer.json", "training.csv", "training.json"])
          runs += 1
        }
      }
    }

    /// A run killed after its first cell.
    private func unfinished(_ space: Workspace, _ out: String) throws {
      for _ in 0..<10 {
        let ending = try Command.run(
          StoppingTests.run + ["--out", out, "--force"], in: space.path,
          stop: Command.Stop(signal: SIGKILL) { finishedCells($0).contains { $0 >= 1 } })
        if ending.isSignal { return }
      }
      Issue.record("ten runs were over before they could be killed")
    }

    @Test func changedInputsAreNamed() throws {
      let space = try Workspace.prepared()
      try Command.run(StoppingTests.run + ["--out", "whole", "--quiet"], in: space.path)
        .expectSuccess()
      try unfinished(space, "out")
      let resume = StoppingTests.run + ["--out", "out", "--resume"]
      func expectRefusal(_ name: String, _ words: [String], _ change: (inout Data) throws -> Void)
        throws
      {
        let original = try space.bytes(name)
        var changed = original
        try change(&changed)
        try space.write(changed, to: name)
        let ending = try Command.run(resume, in: space.path)
        ending.expectSentence(
          64, "out: the folder holds an unfinished run of other inputs", "--force")
        for word in words { #expect(ending.talk.contains(word), "\(word): \(ending.talk)") }
        try space.write(original, to: name)
      }
      func replace(_ old: String, _ new: String) -> (inout Data) throws -> Void {
        { data in
          let text = String(decoding: data, as: UTF8.self)
          try #require(text.contains(old))
          data = Data(text.replacingOccurrences(of: old, with: new).utf8)
        }
      }
      try expectRefusal(
        "probe.yaml", ["shots was 3, is 2"], replace("shots: 3", "shots: 2"))
      try expectRefusal(
        "models/llama-gqa/model.safetensors",
        ["checkpoint llama-gqa/model.safetensors has other contents"]
      ) { $0[$0.count - 1] ^= 1 }
      try expectRefusal(
        "models/llama-gqa/config.json", ["checkpoint llama-gqa/config.json has other contents"],
        replace("{\n", "{ \n"))
      try expectRefusal(
        "models/linear-decay/tokenizer.json",
        ["tokenizer linear-decay/tokenizer.json has other contents"], replace("{\n", "{ \n"))
      try expectRefusal(
        "tasks/tiny/upper.json", ["data task upper has other contents"],
        replace("\"output\": \"RED\"", "\"output\": \"BLUE\""))
      // All as it was: it goes on.
      try Command.run(resume, in: space.path).expectSuccess()
      try expectSame(space, "out")
      // And with --force the changed run starts anew.
      try unfinished(space, "out2")
      try Command.run(
        StoppingTests.run + ["--set", "shots=2", "--out", "out2", "--force"], in: space.path
      ).expectSuccess()
    }

    @Test func damagedJournals() throws {
      let space = try Workspace.prepared()
      try Command.run(StoppingTests.run + ["--out", "whole", "--quiet"], in: space.path)
        .expectSuccess()
      try unfinished(space, "out")
      let resume = StoppingTests.run + ["--out", "out", "--resume"]
      let journal = "out/unfinished/journal"
      let original = try space.bytes(journal)

      // A flipped byte before the last record, here in the first, is refused, and nothing is touched.
      var flipped = original
      flipped[45] ^= 4
      try space.write(flipped, to: journal)
      try Command.run(resume, in: space.path).expectSentence(65, "journal", "damaged", "--force")
      #expect(try space.bytes(journal) == flipped)

      // Bytes that a stopped machine did not finish writing are dropped.
      try space.write(original.dropLast(7), to: journal)
      try Command.run(resume, in: space.path).expectSuccess()
      try expectSame(space, "out")
    }

    @Test func twoRunsInOneFolder() throws {
      let space = try Workspace.prepared()
      try Command.run(StoppingTests.run + ["--out", "whole", "--quiet"], in: space.path)
        .expectSuccess()
      var other: Ending?
      let ending = try Command.run(
        StoppingTests.run + ["--out", "out"], in: space.path,
        stop: Command.Stop(signal: 0) { talk in
          guard !finishedCells(talk).isEmpty, other == nil else { return false }
          other = try? Command.run(
            StoppingTests.run + ["--out", "out", "--resume"], in: space.path)
          return true
        })
      ending.expectSuccess()
      try expectSame(space, "out")
      let second = try #require(other)
      // Where the first was over by then, the second found it finished.
      if second.status != 0 {
        second.expectSentence(74, "out: another process is working in this folder")
      }
    }

    @Test func twoTrainingsInOneFolder() throws {
      let space = try Workspace.prepared()
      try space.write(Workspace.spec(attention: "linear"), to: "spec.yaml")
      try space.edit("spec.yaml", "steps: 20", "steps: 1000000")
      let train = ["train", "spec.yaml", "--tasks", "tasks", "--out", "out"]
      var other: Ending?
      func stopped() throws -> Ending {
        try Command.run(
          train, in: space.path,
          stop: Command.Stop(signal: SIGTERM) { talk in
            guard talk.contains(" of 1000000") else { return false }
            if other == nil { other = try? Command.run(train, in: space.path) }
            return true
          })
      }
      #expect(try stopped().status == 130)
      try #require(other).expectSentence(74, "out: another process is working in this folder")
      // The lock went with the first: the training goes on.
      #expect(try !space.names(in: "out").contains(".training.lock"))
      let ending = try stopped()
      #expect(ending.status == 130 && ending.talk.hasPrefix("resumed after step"), "\(ending.talk)")
    }

    /// Cut short or removed while the run uses it.
    @Test(arguments: ["shrinks", "is removed", "is replaced"])
    func checkpointChangesDuringTheRun(_ what: String) throws {
      let space = try Workspace.prepared()
      let file = "models/llama-gqa/model.safetensors"
      let original = try space.bytes(file)
      var isChanged = false
      let ending = try Command.run(
        StoppingTests.run + ["--out", "out"], in: space.path,
        stop: Command.Stop(signal: 0) { talk in
          guard !finishedCells(talk).isEmpty, !isChanged else { return isChanged }
          isChanged = true
          switch what {
          case "shrinks": truncate("\(space.path)/\(file)", 9000)
          case "is removed": unlink("\(space.path)/\(file)")
          default: try? space.write(original, to: file)
          }
          return true
        })
      ending.expectSentence65(file)
      try space.write(original, to: file)
      // What was finished before is kept.
      try Command.run(StoppingTests.run + ["--out", "out", "--resume"], in: space.path)
        .expectSuccess()
      try Command.run(StoppingTests.run + ["--out", "whole"], in: space.path).expectSuccess()
      try expectSame(space, "out")
    }

    /// The pages of a mapped checkpoint are lost before they were ever read: the plan, read after the model is opened,
    /// comes from a pipe, and whoever writes it cuts the file.
    @Test func lostPagesEndInASentence() throws {
      let space = try Workspace.prepared()
      try #require(mkfifo("\(space.path)/plan.yaml", 0o600) == 0)
      let file = "models/gpt2-tiny/model.safetensors"
      let path = space.path
      let writer = Thread {
        // Opens when the command does.
        guard let pipe = FileHandle(forWritingAtPath: "\(path)/plan.yaml") else { return }
        truncate("\(path)/\(file)", 9000)
        pipe.write(Data("interventions: []\n".utf8))
        try? pipe.close()
      }
      writer.start()
      let ending = try Command.run(
        [
          "generate", "--model", "models/gpt2-tiny", "--prompt", "red", "--plan", "plan.yaml",
          "--max-new-tokens", "2",
        ], in: space.path)
      ending.expectSentence(65, file, "became shorter while it was in use")
    }

    @Test func formulasAreMadeHarmlessWhereAsked() throws {
      let space = try Workspace.prepared()
      let probe = ["run", "probe.yaml", "--set", "tasks=[\"formula\", \"upper\"]"]
      try space.addTask(
        "formula",
        pairs: Workspace.words.map { ["input": .string("-> " + $0), "output": .string($0)] })
      try Command.run(probe + ["--out", "plain"], in: space.path).expectSuccess()
      try Command.run(probe + ["--out", "safe", "--spreadsheet-safe"], in: space.path)
        .expectSuccess()
      let plain = try space.text("plain/samples.csv")
      let safe = try space.text("safe/samples.csv")
      #expect(plain.contains(",-> ") && !safe.contains(",-> ") && safe.contains(",'-> "))
      #expect(
        safe.replacingOccurrences(of: ",'-> ", with: ",-> ")
          .replacingOccurrences(of: ",'->,", with: ",->,") == plain)
      #expect(try space.bytes("plain/results.csv") == space.bytes("safe/results.csv"))
      #expect(try space.text("safe/run.json").contains("\"spreadsheet_safe\": true"))
    }
  }
}

extension Ending {
  /// A file that changed: one sentence at the end, behind the progress.
  func expectSentence65(_ file: String, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(!isSignal && status == 65, "\(status): \(talk)", sourceLocation: sourceLocation)
    let last = talk.split(separator: "\n").last ?? ""
    #expect(
      last.hasPrefix("thetascope: ") && last.contains(file), "\(talk)",
      sourceLocation: sourceLocation)
  }
}
