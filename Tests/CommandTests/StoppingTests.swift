// A run and a training that are stopped or killed, and continued: the same bytes as undisturbed.

import Foundation
import Testing

extension CommandTests {
  @Suite struct StoppingTests {
    // MARK: run

    /// Long enough to be caught in the middle: six cells of some tens of milliseconds each.
    static let run = [
      "run", "probe.yaml", "--set", "development_sets=40", "--set", "test_sets=40",
    ]

    /// A run with a signal after its first cell, or nil where it was over before.
    private func stoppedRun(
      in space: Workspace, _ out: String, by signal: Int32, resume: Bool = false
    ) throws -> Ending? {
      let ending = try Command.run(
        Self.run + ["--out", out] + (resume ? ["--resume"] : []), in: space.path,
        stop: Command.Stop(signal: signal) { talk in
          let lines = talk.split(separator: "\n")
          return lines.count >= 2 && lines[0].contains(" 0 of 6 cells")
        })
      return !ending.isSignal && ending.status == 0 ? nil : ending
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGKILL]) func stoppedRunContinues(_ signal: Int32) throws {
      let space = try Workspace.prepared()
      try Command.run(Self.run + ["--out", "whole", "--quiet"], in: space.path).expectSuccess()

      // The machine may be so busy that the signal comes late.
      var caught: (out: String, ending: Ending)?
      for attempt in 0..<5 where caught == nil {
        caught = try stoppedRun(in: space, "out\(attempt)", by: signal).map {
          ("out\(attempt)", $0)
        }
      }
      let (out, ending) = try #require(caught, "five runs were over before they could be stopped")
      if signal == SIGKILL {
        #expect(ending.isSignal && ending.status == SIGKILL)
      } else {
        #expect(!ending.isSignal && ending.status == 130, "\(ending.talk)")
        #expect(ending.talk.contains("--resume"))
      }
      #expect(try space.names(in: out) == ["unfinished"])

      let refused = try Command.run(Self.run + ["--out", out], in: space.path)
      refused.expectSentence(64, out, "unfinished", "--resume", "--force")
      #expect(try space.names(in: out) == ["unfinished"])

      let resumed = try Command.run(Self.run + ["--out", out, "--resume"], in: space.path)
      resumed.expectSuccess()
      #expect(!resumed.talk.contains(" 0 of 6 cells"), "nothing was kept: \(resumed.talk)")
      for name in ["results.csv", "samples.csv", "columns.json", "vectors.safetensors"] {
        #expect(try space.bytes("\(out)/\(name)") == space.bytes("whole/\(name)"), "\(name)")
      }
      #expect(try space.names(in: out) == space.names(in: "whole"))
    }

    // MARK: train

    private static let model = [
      "config.json", "model.safetensors", "tokenizer.json", "training.csv", "training.json",
    ]

    private func train(
      in space: Workspace, _ out: String, stop: Command.Stop? = nil
    ) throws -> Ending {
      try space.thetascope("train", "spec.yaml", "--tasks", "tasks", "--out", out, stop: stop)
    }

    /// The same bytes twice, with other threads, and killed after a checkpoint and run again.
    @Test(arguments: ["softmax", "linear"]) func trainingIsTheSame(_ attention: String) throws {
      let space = try Workspace.prepared()
      try space.write(Workspace.spec(attention: attention), to: "spec.yaml")
      let whole = try train(in: space, "whole")
      whole.expectSuccess()
      #expect(whole.output.isEmpty && whole.talk.contains("step 20"))
      // Progress with rate and time: from the first step to the last.
      let progress = whole.talk.split(separator: "\n").filter { $0.contains("of 20 steps") }
      #expect(progress.first?.contains(#/1 of 20 steps  5 %  .+ steps/s  .+ s left/#) == true)
      #expect(progress.last?.contains(#/20 of 20 steps  100 %  .+ steps/s  done in /#) == true)
      for line in progress { #expect(line.hasPrefix("loss ") && line.count <= 80, "\(line)") }
      #expect(try space.text("whole/training.csv").contains("\n20,in_context_accuracy,,"))
      for name in Self.model { #expect(try !space.bytes("whole/\(name)").isEmpty, "\(name)") }

      let quiet = try space.thetascope(
        "train", "spec.yaml", "--tasks", "tasks", "--out", "again", "--threads", "1", "--quiet")
      quiet.expectSuccess()
      #expect(quiet.output.isEmpty && quiet.talk.isEmpty)
      try expectSameModel(space, "again")

      for signal in [SIGKILL, SIGTERM] {
        // The steps take a millisecond or two: where the signal comes late, the next one may not.
        var caught: (out: String, ending: Ending)?
        for attempt in 0..<20 where caught == nil {
          let out = "stopped\(signal)-\(attempt)"
          let ending = try train(
            in: space, out,
            stop: Command.Stop(signal: signal) { _ in
              space.exists("\(out)/.training.safetensors")
            })
          if ending.isSignal || ending.status != 0 { caught = (out, ending) }
        }
        let (out, ending) = try #require(caught, "no training could be stopped in the middle")
        if signal == SIGKILL {
          #expect(ending.isSignal && ending.status == SIGKILL)
        } else {
          #expect(!ending.isSignal && ending.status == 130, "\(ending.talk)")
        }
        let continued = try train(in: space, out)
        continued.expectSuccess()
        #expect(continued.talk.hasPrefix("resumed after step"), "\(continued.talk)")
        try expectSameModel(space, out)
      }

      // Another spec in the same folder is refused, and what is there stays.
      try space.edit("spec.yaml", "seed: 3", "seed: 4")
      try train(in: space, "whole").expectSentence(65, "whole", "another spec")
      try expectSameModel(space, "again")
    }

    /// Another model than without it, from the same seed, and one that opens with its own hook point.
    @Test(arguments: ["softmax", "linear"]) func momentumIsTrained(_ attention: String) throws {
      let space = try Workspace.prepared()
      try space.write(Workspace.spec(attention: attention), to: "spec.yaml")
      try train(in: space, "plain").expectSuccess()
      try space.write(Workspace.spec(attention: "\(attention), momentum: 0.5"), to: "spec.yaml")
      try train(in: space, "whole").expectSuccess()
      #expect(try space.bytes("whole/model.safetensors") != space.bytes("plain/model.safetensors"))
      let hooks = try space.thetascope("hooks", "--model", "whole")
      hooks.expectSuccess()
      #expect(hooks.output.contains("blocks.1.attn.hook_momentum"))
      #expect(
        try !space.thetascope("hooks", "--model", "plain").output.contains(
          "blocks.1.attn.hook_momentum\t"))
    }

    private func expectSameModel(_ space: Workspace, _ out: String) throws {
      for name in Self.model {
        #expect(try space.bytes("\(out)/\(name)") == space.bytes("whole/\(name)"), "\(out)/\(name)")
      }
    }
  }
}
