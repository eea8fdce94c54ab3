// `extract` and `patch`: what a saved vector holds, how its layer is chosen, and what it does to a prompt, to a file and a
// folder of prompts, and during generation.

import CheckpointIO
import Foundation
import Testing

extension CommandTests {
  @Suite struct VectorTests {
    let space: Workspace

    init() throws { space = try Workspace.prepared() }

    private func extract(_ out: String, _ more: String...) throws -> Ending {
      let ending = try Command.run(
        [
          "extract", "--model", "models/gpt2-tiny", "--task", "shout", "--tasks", "tasks",
          "--template", "arrow", "--out", out,
        ] + more, in: space.path)
      ending.expectSuccess()
      return ending
    }

    private func vector(_ file: String) throws -> (name: String, values: [Float]) {
      let file = try SafetensorsFile(path: "\(space.path)/\(file)")
      return (file.names[0], try file.tensor(named: file.names[0]).floats())
    }

    private func patch(_ vector: String, _ more: String...) throws -> String {
      let ending = try Command.run(
        ["patch", "--model", "models/gpt2-tiny", "--vector", vector, "--quiet"] + more,
        in: space.path)
      ending.expectSuccess()
      return ending.output
    }

    @Test func vectorsAreOfTheirShotsAndSeed() throws {
      for (file, options) in [
        ("one", ["--seed", "1"]), ("again", ["--seed", "1"]), ("two", ["--seed", "2"]),
        ("short", ["--seed", "1", "--shots", "1"]), ("sets", ["--seed", "1", "--sets", "3"]),
      ] {
        try Command.run(
          [
            "extract", "--model", "models/gpt2-tiny", "--task", "shout", "--tasks", "tasks",
            "--template", "arrow", "--layer", "1", "--out", "\(file).safetensors", "--quiet",
          ] + options, in: space.path
        ).expectSuccess()
      }
      let one = try vector("one.safetensors").values
      #expect(try space.bytes("one.safetensors") == space.bytes("again.safetensors"))
      #expect(try vector("two.safetensors").values != one)
      #expect(try vector("short.safetensors").values != one)
      let sets = try vector("sets.safetensors").values
      #expect(sets.count == 96 && Array(sets.prefix(32)) == one)
    }

    /// The CSV holds the numbers of the safetensors.
    @Test func csvOfTheta() throws {
      _ = try extract(
        "t.safetensors", "--out", "t.csv", "--layer", "2", "--sets", "2", "--quiet")
      let table = rows(of: try space.text("t.csv"))
      #expect(table.map { Float($0["value"] ?? "") } == (try vector("t.safetensors").values))
      #expect(table[33]["set"] == "1" && table[33]["component"] == "1")
      for (column, value) in [
        ("layer", "2"), ("mode", "replace"), ("task", "shout"),
        ("hook", "blocks.2.hook_resid_post"),
      ] {
        #expect(table.allSatisfy { $0[column] == value })
      }
    }

    /// A function vector that a run saved becomes a control vector, and what the run did not save as added does not.
    @Test func savedVectorsInOtherFormats() throws {
      try space.addHeadsProbe(tasks: "shout")
      try space.thetascope("run", "heads.yaml", "--out", "heads", "--quiet").expectSuccess()
      func convert(_ vector: String, _ more: String...) throws -> Ending {
        try Command.run(
          ["extract", "--model", "models/gpt2-tiny", "--vector", vector, "--quiet"] + more,
          in: space.path)
      }
      let made = try vector("heads/vectors.safetensors")
      #expect(made.name == "gpt2-tiny/shout/function_vector")
      try convert(
        "heads/vectors.safetensors", "--tensor", made.name, "--layer", "2", "--out", "f.gguf",
        "--out", "f.safetensors", "--out", "f.csv"
      ).expectSuccess()
      #expect(try vector("f.safetensors") == made)
      let table = rows(of: try space.text("f.csv"))
      #expect(table.map { Float($0["value"] ?? "") } == made.values)
      #expect(table.allSatisfy { $0["layer"] == "2" && $0["mode"] == "add" })
      let bytes = try space.bytes("f.gguf")
      #expect(bytes.starts(with: Data("GGUF".utf8)))
      #expect(bytes.range(of: Data("direction.2".utf8)) != nil)
      let numbers = made.values.withUnsafeBytes { Data($0) }
      #expect(bytes.suffix(numbers.count) == numbers)

      _ = try extract("t.safetensors", "--layer", "1", "--quiet")
      try convert("t.safetensors", "--out", "t.gguf").expectSentence(64, "replaces it")
      try convert("f.safetensors", "--layer", "0", "--out", "t.gguf").expectSentence(64, "layer 0")
      try convert("f.safetensors", "--layer", "9", "--out", "t.csv").expectSentence(65, "9")
      try Command.run(
        [
          "extract", "--model", "models/llama-gqa", "--vector", "f.safetensors", "--out", "t.csv",
        ], in: space.path
      ).expectSentence(65, "32 numbers", "40")
      try convert("f.safetensors", "--task", "shout", "--out", "t.csv").expectUsageError("--vector")
    }

    /// The layer is the first of those that are right most often on the development sets, and for a control vector not 0.
    @Test func layerAuto() throws {
      for (out, first) in [("t.safetensors", 0), ("t.gguf", 1)] {
        let ending = try extract(
          out, "--out", "v.safetensors", "--layer", "auto", "--mode", "add", "--development-sets",
          "12")
        let accuracies = ending.talk.split(separator: "\n").filter { $0.hasPrefix("layer ") }.map {
          Double($0.split(separator: " ")[3].dropLast()) ?? -1
        }
        #expect(accuracies.count == 3)
        let best = accuracies[first...].max()
        let chosen = (first..<3).first { accuracies[$0] == best } ?? -1
        #expect(
          try vector("v.safetensors").name == "gpt2-tiny/shout/blocks.\(chosen).hook_resid_post")
      }
    }

    /// θ of the last layer in the last token's place is all that is predicted, whatever the prompt was; a folder's
    /// prompts give the rows that each gives alone.
    @Test func promptsFilesAndFolders() throws {
      _ = try extract("t.safetensors", "--layer", "2", "--quiet")
      try space.write("one->\ntwo->TWO\\nred->\n", to: "prompts/a.txt")
      try space.write(
        #"{"demonstrations": [["hot", "HOT"]], "query": "dry"}"# + "\n\"six->\"\n",
        to: "prompts/b.jsonl")
      let all = rows(of: try patch("t.safetensors", "--prompts", "prompts", "--top", "3"))
      #expect(
        all.map { $0["prompt"] ?? "" } == (0..<4).flatMap { Array(repeating: "\($0)", count: 6) })
      func told(_ row: [String: String]) -> [String] {
        ["rank", "token_id", "probability"].map { row[$0] ?? "" }
      }
      let patched = all.filter { $0["condition"] == "patched" }.map(told)
      #expect(patched.count == 12 && Set(patched).count == 3)
      #expect(Set(all.filter { $0["condition"] == "clean" }.map(told)).count == 12)
      let one = rows(
        of: try patch("t.safetensors", "--prompt", "one->", "--top", "3"))
      #expect(one.map(told) == all.prefix(6).map(told))
      let file = rows(
        of: try patch("t.safetensors", "--prompts", "prompts/b.jsonl", "--top", "3"))
      #expect(file.map(told) == all.suffix(12).map(told))
    }

    /// With more tokens `patch` writes what `generate` writes without and with the vector.
    @Test func generation() throws {
      _ = try extract("t.safetensors", "--layer", "1", "--mode", "add", "--quiet")
      func generate(_ more: String...) throws -> String {
        let ending = try Command.run(
          [
            "generate", "--model", "models/gpt2-tiny", "--prompt", "one->", "--max-new-tokens", "6",
            "--quiet",
          ] + more, in: space.path)
        ending.expectSuccess()
        return ending.output
      }
      let both = try patch(
        "t.safetensors", "--prompt", "one->", "--max-new-tokens", "6", "--at", "last", "--scale",
        "40")
      let (plain, changed) = (
        try generate(), try generate("--add", "t.safetensors", "--scale", "40")
      )
      #expect(both == "without\t\(plain)with\t\(changed)" && plain != changed)
    }
  }
}
