// What the command says to bad input: one sentence that names the subject, the documented exit status, and no file
// under a final name.

import Foundation
import Testing

extension CommandTests {
  @Suite struct BadInputTests {
    let space: Workspace

    init() throws { space = try Workspace.prepared() }

    /// A run that must be refused before it leaves anything.
    private func run(_ arguments: String...) throws -> Ending {
      let ending = try Command.run(["run"] + arguments + ["--out", "out"], in: space.path)
      #expect(!space.exists("out"), "something was written")
      return ending
    }

    /// The probe file, changed.
    private func run(probe old: String, _ new: String) throws -> Ending {
      try space.edit("probe.yaml", old, new)
      return try run("probe.yaml")
    }

    /// A run of one model, a copy of a fixture that was changed.
    private func run(_ family: String, change: (String) throws -> Void) throws -> Ending {
      try space.addModel(family, as: "odd")
      try change("models/odd")
      return try run("probe.yaml", "--model", "models/odd")
    }

    // MARK: Probe files

    @Test func unknownKey() throws {
      try run(probe: "shots:", "shotz:").expectSentence(65, "probe.yaml", "'shotz'", "'shots'?")
    }

    @Test func unknownKeyInside() throws {
      try run(probe: "seed: 7", "seed: 7\nholdout: {fraction: 0.1, seed: 1, frac: 2}")
        .expectSentence(65, "probe.yaml", "holdout.frac", "fraction")
    }

    @Test func unknownKeyInTheOverlay() throws {
      try run(probe: "seed: 7", "seed: 7\nsmall: {test_set: 2}")
        .expectSentence(65, "probe.yaml", "'test_set'", "'test_sets'?")
    }

    @Test func wrongValue() throws {
      try run(probe: "shots: 3", "shots: many").expectSentence(
        65, "probe.yaml", "'shots'", "'many'", "integer")
    }

    /// Readings of YAML 1.1 are texts: refused where something else is expected, taken where a text is.
    @Test(arguments: [
      ("shots: 3", "shots: 012", "'shots'", "'012'"),
      ("shots: 3", "shots: 1_0", "'shots'", "'1_0'"),
      ("seed: 7", "seed: 12:30", "'seed'", "'12:30'"),
      ("upper,", "no,", "task", "'no'"),
      ("template: arrow", "template: on", "'template'", "'on'"),
    ]) func readingsOfOtherYAML(_ old: String, _ new: String, _ key: String, _ value: String) throws
    {
      try run(probe: old, new).expectSentence(65, key, value)
    }

    /// A task may be called `no`.
    @Test func aTaskThatIsATruthElsewhere() throws {
      try space.addTask(
        "no", pairs: Workspace.words.map { ["input": .string($0), "output": .string($0)] })
      try space.edit("probe.yaml", "[upper, shout]", "[no]")
      try space.thetascope("run", "probe.yaml", "--out", "out").expectSuccess()
      #expect(try space.text("out/results.csv").contains(",no,"))
    }

    @Test func unknownProbe() throws {
      try run(probe: "task-vectors", "task-vector").expectSentence(
        65, "probe.yaml", "'task-vector'", "task-vectors")
    }

    @Test(arguments: ["probe: [a\n", "probe: a\nprobe: b\n", "- 1\n", "", "a: 'b\n", "\u{1}"])
    func noProbeFile(_ text: String) throws {
      try space.write(text, to: "bad.yaml")
      try run("bad.yaml").expectSentence(65, "bad.yaml: ")
    }

    @Test func missingProbeFile() throws {
      try run("absent.yaml").expectSentence(66, "absent.yaml")
    }

    @Test func unknownTask() throws {
      try run(probe: "upper,", "uper,").expectSentence(65, "'uper'", "did you mean 'upper'?")
    }

    @Test func missingTasksFolder() throws {
      try run(probe: "tasks_folder: tasks", "tasks_folder: nowhere").expectSentence(66, "nowhere")
    }

    @Test func damagedTask() throws {
      try space.edit("tasks/tiny/upper.json", "\"RED\"", "\"\"")
      try run("probe.yaml").expectSentence(65, "tasks/tiny/upper.json", "empty")
    }

    /// Single letters are no words of this tokenizer; and twenty pairs are too few for thirty shots.
    @Test func noTaskLeft() throws {
      try run("probe.yaml", "--set", "tasks=[\"next_letter\"]").expectSentence(
        65, "no task is left", "next_letter")
      try run("probe.yaml", "--set", "shots=30").expectSentence(65, "no task is left", "20", "33")
    }

    @Test func promptBeyondTheModelsPositions() throws {
      let ending = try space.thetascope(
        "run", "probe.yaml", "--set", "shots=10", "--out", "out", "--quiet")
      ending.expectSentence(65, "gpt2-tiny", "32 positions")
      #expect(!space.exists("out/results.csv") && !space.exists("out/run.json"))
    }

    // MARK: Arguments

    @Test func overrides() throws {
      try run("probe.yaml", "--set", "shotz=3").expectSentence(64, "--set shotz=3", "'shots'?")
      try run("probe.yaml", "--set", "shots").expectSentence(64, "--set shots", "KEY=VALUE")
      try run("probe.yaml", "--set", "shots=-1").expectSentence(64, "--set shots=-1", "0 to")
    }

    @Test func conflictingFlags() throws {
      try run("probe.yaml", "--resume", "--force").expectUsageError("--resume and --force")
      try run("probe.yaml", "--reusme").expectUsageError("'--resume'?")
      try run("probe.yaml", "--threads", "0").expectUsageError("--threads is 0")
      try run().expectUsageError("<probe>")
    }

    @Test func unwritableOutput() throws {
      try space.thetascope("run", "probe.yaml", "--out", "/proc/out").expectSentence(
        74, "/proc/out")
      try space.thetascope("run", "probe.yaml", "--out", "probe.yaml").expectSentence(
        74, "probe.yaml")
      guard getuid() != 0 else {
        return print("skipped: unwritableOutput: a folder without permission does not stop root")
      }
      try space.write("", to: "sealed/file")
      try FileManager.default.setAttributes(
        [.posixPermissions: 0o555], ofItemAtPath: "\(space.path)/sealed")
      try space.thetascope("run", "probe.yaml", "--out", "sealed/out").expectSentence(
        74, "sealed/out")
    }

    @Test func aFolderOfOtherThings() throws {
      try space.thetascope("run", "probe.yaml", "--out", "models").expectSentence(
        64, "models", "'gpt2-tiny'", "--out")
      #expect(try space.names(in: "models") == ["gpt2-tiny", "linear-decay", "llama-gqa"])
    }

    // MARK: Checkpoint folders

    @Test func missingModel() throws {
      try run("probe.yaml", "--model", "models/none").expectSentence(66, "models/none")
    }

    @Test func onlyAPickle() throws {
      let ending = try run("gpt2-tiny") { folder in
        try space.remove("\(folder)/model.safetensors")
        try space.write("pickle", to: "\(folder)/pytorch_model.bin")
      }
      ending.expectSentence(65, "models/odd", "pytorch_model.bin", "python3 -c", "save_file")
    }

    @Test(arguments: [0, 3, 100, 5000, 130_000]) func truncatedWeights(_ size: Int) throws {
      let ending = try run("gpt2-tiny") { folder in
        let name = "\(folder)/model.safetensors"
        try space.write(space.bytes(name).prefix(size), to: name)
      }
      ending.expectSentence(65, "models/odd/model.safetensors")
    }

    @Test func headerOf2To63Bytes() throws {
      let ending = try run("gpt2-tiny") { folder in
        let name = "\(folder)/model.safetensors"
        try space.write(
          Data([0, 0, 0, 0, 0, 0, 0, 0x80]) + space.bytes(name).dropFirst(8), to: name)
      }
      ending.expectSentence(65, "models/odd/model.safetensors", "header")
    }

    @Test func missingConfig() throws {
      let ending = try run("gpt2-tiny") { try space.remove("\($0)/config.json") }
      ending.expectSentence(66, "models/odd", "config.json")
    }

    @Test func unsupportedFamily() throws {
      let ending = try run("gpt2-tiny") {
        try space.edit("\($0)/config.json", "\"model_type\": \"gpt2\"", "\"model_type\": \"mamba\"")
      }
      ending.expectSentence(65, "config.json", "'mamba'", "gpt2", "llama")
    }

    @Test func unsupportedRotaryScaling() throws {
      let ending = try run("llama-gqa") {
        try space.edit(
          "\($0)/config.json", "\"rope_type\": \"default\"",
          "\"rope_type\": \"longrope\", \"factor\": 4.0")
      }
      ending.expectSentence(65, "config.json", "rope", "longrope")
      let old = try run("llama-gqa") {
        try space.edit(
          "\($0)/config.json", "\"vocab_size\"",
          "\"rope_scaling\": {\"type\": \"longrope\", \"factor\": 2.0}, \"vocab_size\"")
      }
      old.expectSentence(65, "config.json", "rope_scaling", "longrope")
    }

    @Test func wrongShape() throws {
      let ending = try run("llama-gqa") {
        try space.edit("\($0)/config.json", "\"hidden_size\": 40", "\"hidden_size\": 48")
      }
      ending.expectSentence(65, "model.safetensors", "[61, 40]", "[61, 48]")
    }

    @Test func unsupportedTokenizer() throws {
      let ending = try run("llama-gqa") {
        try space.edit("\($0)/tokenizer.json", "\"WordLevel\"", "\"WordPiece\"")
      }
      ending.expectSentence(65, "tokenizer.json", "'WordPiece'", "WordLevel")
    }

    @Test func noTokenizer() throws {
      let ending = try run("llama-gqa") { try space.remove("\($0)/tokenizer.json") }
      ending.expectSentence(66, "models/odd", "tokenizer.json")
    }

    // MARK: generate

    private func generate(_ prompt: String, _ count: Int) throws -> Ending {
      try space.thetascope(
        "generate", "--model", "models/gpt2-tiny", "--prompt", prompt, "--max-new-tokens=\(count)")
    }

    @Test func promptsThatCannotBe() throws {
      try generate("", 3).expectSentence(65, "no tokens", "bos")
      try generate(String(repeating: "one ", count: 40), 1).expectSentence(
        65, "gpt2-tiny", "32 positions")
      try generate("one->", 40).expectSentence(65, "gpt2-tiny", "32 positions")
      try generate("one->", -3).expectUsageError("--max-new-tokens")
    }

    // MARK: train

    private func train(_ old: String, _ new: String) throws -> Ending {
      try space.write(Workspace.spec(attention: "linear"), to: "spec.yaml")
      try space.edit("spec.yaml", old, new)
      let ending = try space.thetascope("train", "spec.yaml", "--tasks", "tasks", "--out", "out")
      #expect(!space.exists("out/model.safetensors"))
      return ending
    }

    @Test func trainingSpecs() throws {
      try train("batch:", "bach:").expectSentence(65, "spec.yaml", "'bach'", "'batch'?")
      try train("width: 32", "widht: 32").expectSentence(
        65, "spec.yaml", "'model.widht'", "'model.width'?")
      try train("width: 32", "width: 33").expectSentence(65, "spec.yaml", "model.width", "33")
      try train("batch: 8", "batch: 0").expectSentence(65, "spec.yaml", "'batch'", "0")
      try train("linear", "lineer").expectSentence(65, "spec.yaml", "'lineer'", "'linear'")
      try train("[upper, shout]", "[uper]").expectSentence(65, "'uper'", "'upper'?")
      try train("[upper, shout]", "[]").expectSentence(65, "spec.yaml", "no task")
    }

    @Test func trainingIntoNowhere() throws {
      try space.write(Workspace.spec(attention: "linear"), to: "spec.yaml")
      for out in ["/proc/out", "spec.yaml"] {
        try space.thetascope("train", "spec.yaml", "--tasks", "tasks", "--out", out).expectSentence(
          74, out)
      }
      try space.thetascope("train", "spec.yaml", "--tasks", "nowhere", "--out", "out")
        .expectSentence(66, "nowhere")
    }
  }
}
