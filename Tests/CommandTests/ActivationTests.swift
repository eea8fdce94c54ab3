// `verify`, `capture`, `extract`, `patch`, and what `generate` does with vectors: files that Python reads back, bits
// that agree between commands, and refusals.

import CheckpointIO
import Foundation
import TestSupport
import Testing

extension CommandTests {
  @Suite struct ActivationTests {
    let space: Workspace

    init() throws { space = try Workspace.prepared() }

    /// Runs Python with some packages; nil, and a line that says so, where they are not there.
    private func python(_ packages: [String], _ code: String, for test: String = #function) throws
      -> String?
    {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      let name = ProcessInfo.processInfo.environment["PYTHON"] ?? "python3"
      process.arguments = [name, "-c", "import \(packages.joined(separator: ", "))\n" + code]
      process.currentDirectoryURL = URL(fileURLWithPath: space.path)
      let (out, err) = (Pipe(), Pipe())
      (process.standardOutput, process.standardError) = (out, err)
      try process.run()
      let output = String(decoding: out.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      let talk = String(decoding: err.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      if process.terminationStatus == 127 || talk.contains("ModuleNotFoundError") {
        print("skipped: \(test): \(name) with \(packages.joined(separator: ", ")) is not here")
        return nil
      }
      #expect(process.terminationStatus == 0, "\(talk)")
      return output
    }

    @Test func verifyHoldsAndFails() throws {
      for family in ["gpt2-tiny", "llama-gqa", "linear-decay"] {
        let reference = fixture("families/\(family)/reference.safetensors")
        func verify(_ more: String...) throws -> Ending {
          try Command.run(
            ["verify", "--model", "models/\(family)", "--reference", reference] + more,
            in: space.path)
        }
        let good = try verify("--csv", "errors.csv", "--quiet")
        good.expectSuccess()
        #expect(!good.output.contains("FAILS") && good.output.contains("batched = alone"))
        let lines = try space.text("errors.csv").split(separator: "\n")
        #expect(lines[0] == "prompt,hook,layer,numbers,maximal_error,relative_error")
        #expect(lines.count > 90)
        let bad = try verify("--tolerance", "0")
        #expect(bad.status == 1 && bad.talk.contains("more than --tolerance 0"), "\(bad.talk)")
      }
    }

    @Test func captureIsReadByNumPyAndPandas() throws {
      try space.write("one->\ntwo,three->\n", to: "prompts.txt")
      for file in ["x.npz", "x.csv", "x.safetensors"] {
        try space.thetascope(
          "capture", "--model", "models/llama-gqa", "--prompts", "prompts.txt", "--hook",
          "blocks.*.hook_resid_post", "--hook", "pattern.1", "--positions", "all", "--out", file,
          "--quiet"
        ).expectSuccess()
      }
      let file = try SafetensorsFile(path: "\(space.path)/x.safetensors")
      #expect(file.names.contains("blocks.1.attn.hook_pattern/seq1"))
      #expect(try file.tensor(named: "position").integers() == [0, 1, 0, 1, 2, 3])
      #expect(try file.tensor(named: "prompt").integers() == [0, 0, 1, 1, 1, 1])
      let said = try python(
        ["numpy", "pandas"],
        """
        z, t = numpy.load("x.npz"), pandas.read_csv("x.csv", keep_default_na=False, na_values=[""])
        a = z["blocks.1.hook_resid_post"]
        v = t[(t.hook == "blocks.1.hook_resid_post") & (t.quantity == "value")]
        assert (v.value.to_numpy().astype("float32").reshape(a.shape) == a).all()
        n = t[(t.hook == "blocks.1.hook_resid_post") & (t.quantity == "norm")]
        assert numpy.allclose(n.value, numpy.linalg.norm(a.astype("float64"), axis=1), rtol=1e-12)
        p = z["blocks.1.attn.hook_pattern/seq1"]
        assert p.shape[1:] == (4, 4) and numpy.allclose(p.sum(-1), 1, atol=1e-6)
        print(a.shape[0], len(n))
        """)
      #expect(said == nil || said == "6 6\n")
    }

    @Test func captureRefuses() throws {
      func capture(_ hook: String, _ positions: String = "last", out: String = "x.npz") throws
        -> Ending
      {
        try space.thetascope(
          "capture", "--model", "models/gpt2-tiny", "--prompt", "one two", "--hook", hook,
          "--positions", positions, "--out", out)
      }
      try capture("blocks.0.ln1.hook_out").expectSentence(65, "before the gain", "hook_normalized")
      try capture("blocks.0.hook_resid_pos").expectSentence(65, "did you mean")
      try capture("blocks.0.hook_resid_post", "arrow").expectSentence(65, "arrow", "2 own tokens")
      try capture("blocks.0.hook_resid_post", out: "x.txt").expectUsageError(".npz")
      try capture("blocks.0.hook_resid_post", out: "no/x.npz").expectSentence(74, "no/x.npz")
      #expect(!space.exists("x.npz"))
    }

    @Test func extractedVectorsAreAppliedAndShared() throws {
      func extract(_ more: String...) throws -> Ending {
        try Command.run(
          [
            "extract", "--model", "models/llama-gqa", "--task", "upper", "--tasks", "tasks",
            "--template", "arrow", "--shots", "3", "--quiet",
          ] + more, in: space.path)
      }
      try extract("--layer", "1", "--out", "t.safetensors", "--out", "t.csv").expectSuccess()
      let file = try SafetensorsFile(path: "\(space.path)/t.safetensors")
      #expect(file.names == ["llama-gqa/upper/blocks.1.hook_resid_post"])
      #expect(try file.tensor(named: file.names[0]).shape == [1, 40])
      #expect(try space.text("t.csv").split(separator: "\n").count == 41)
      let patched = try space.thetascope(
        "patch", "--model", "models/llama-gqa", "--vector", "t.safetensors", "--prompt", "one->",
        "--top", "2", "--quiet")
      patched.expectSuccess()
      #expect(patched.output.split(separator: "\n").count == 5 && patched.talk.isEmpty)
      // Adding nothing changes no text; adding something does.
      func generate(_ scale: String) throws -> String {
        try space.thetascope(
          "generate", "--model", "models/llama-gqa", "--prompt", "one->", "--max-new-tokens", "8",
          "--add", "t.safetensors", "--scale", scale, "--quiet"
        ).output
      }
      let plain = try space.thetascope(
        "generate", "--model", "models/llama-gqa", "--prompt", "one->", "--max-new-tokens", "8",
        "--quiet")
      #expect(try generate("0") == plain.output)
      #expect(try generate("50") != plain.output)

      try extract("--layer", "auto", "--out", "auto.safetensors").expectSuccess()
      try extract("--layer", "1", "--out", "t.gguf").expectSentence(64, "t.gguf", "--mode add")
      try extract("--layer", "0", "--mode", "add", "--out", "t.gguf").expectSentence(
        64, "layer 0", "llama.cpp")
      try extract("--layer", "9", "--out", "u.safetensors").expectSentence(65, "layer 9")
      try extract("--layer", "1", "--mode", "add", "--out", "a.gguf", "--out", "a.safetensors")
        .expectSuccess()
      let said = try python(
        ["gguf", "safetensors.numpy"],
        """
        r = gguf.GGUFReader("a.gguf")
        t = r.tensors[0]
        own = list(safetensors.numpy.load_file("a.safetensors").values())[0][0]
        assert len(r.tensors) == 1 and (t.data == own).all()
        field = r.fields["general.architecture"]
        print(t.name, [int(n) for n in t.shape], bytes(field.parts[field.data[0]]).decode())
        """)
      #expect(said == nil || said == "direction.1 [40] controlvector\n", "\(said ?? "")")
    }

    @Test func samplingDependsOnTheSeedOnly() throws {
      func generate(_ seed: String, _ threads: String) throws -> String {
        let ending = try space.thetascope(
          "generate", "--model", "models/gpt2-tiny", "--prompt", "one->", "--max-new-tokens", "12",
          "--temperature", "5", "--seed", seed, "--threads", threads, "--quiet")
        ending.expectSuccess()
        return ending.output
      }
      let first = try generate("1", "1")
      #expect(try generate("1", "2") == first)
      #expect(try generate("2", "1") != first)
    }

    /// Every pass's activations are those of the whole text.
    @Test func capturesByStepAreThoseOfTheWhole() throws {
      try space.thetascope(
        "generate", "--model", "models/llama-gqa", "--prompt", "one->", "--max-new-tokens", "3",
        "--hook", "blocks.1.hook_resid_post", "--out", "steps.safetensors", "--quiet"
      ).expectSuccess()
      let steps = try SafetensorsFile(path: "\(space.path)/steps.safetensors")
      #expect(try steps.tensor(named: "step").integers() == [0, 1, 2])
      #expect(try steps.tensor(named: "position").integers() == [1, 2, 3])
      let ids = try steps.tensor(named: "token_id").integers()
      #expect(ids.count == 3 && ids[0] == 1)
      #expect(try steps.tensor(named: "blocks.1.hook_resid_post").shape == [3, 40])
    }

    @Test func tokensShowRoles() throws {
      let ending = try space.thetascope(
        "tokens", "--model", "models/gpt2-tiny", "--prompt", "one->ONE\\ntwo->", "--quiet")
      ending.expectSuccess()
      let roles = ending.output.split(separator: "\n").dropFirst().map {
        $0.split(separator: "\t", omittingEmptySubsequences: false).last.map(String.init) ?? ""
      }
      #expect(roles == ["input[0]", "arrow[0]", "label[0]", "separator[0]", "query", "last"])
    }
  }
}
