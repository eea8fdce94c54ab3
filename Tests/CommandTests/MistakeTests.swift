// The likeliest mistakes and what the command says to each, as one file that a person reads: command line, exit status,
// stderr. Tests/Fixtures/command/mistakes.txt; RECORD=1 writes it anew.

import CheckpointIO
import Foundation
import Testing

extension CommandTests {
  @Suite struct MistakeTests {
    private struct Mistake {
      let title: String
      let arguments: [String]
      let change: (Workspace) throws -> Void

      init(
        _ title: String, _ arguments: String...,
        change: @escaping (Workspace) throws -> Void = { _ in }
      ) {
        self.title = title
        self.arguments = arguments
        self.change = change
      }
    }

    private static let pointer = """
      version https://git-lfs.github.com/spec/v1
      oid sha256:0a0b2760d873f7e06a0b2760d873f7e06a0b2760d873f7e06a0b2760d873f7e06
      size 548105171

      """

    private static func probe(_ old: String, _ new: String) -> (Workspace) throws -> Void {
      { try $0.edit("probe.yaml", old, new) }
    }

    private static func model(
      _ family: String, _ change: @escaping (Workspace, String) throws -> Void
    )
      -> (Workspace) throws -> Void
    {
      { space in
        try space.addModel(family, as: "mine")
        try change(space, "models/mine")
      }
    }

    private static func run(_ space: Workspace, _ arguments: String...) throws {
      _ = try Command.run(["run", "probe.yaml", "--quiet"] + arguments, in: space.path)
    }

    private static func vector(_ space: Workspace) throws {
      _ = try Command.run(
        [
          "extract", "--model", "models/gpt2-tiny", "--task", "upper", "--tasks", "tasks",
          "--layer", "1",
          "--template", "arrow", "--shots", "3", "--out", "theta.safetensors", "--quiet",
        ], in: space.path)
    }

    private static var mistakes: [Mistake] {
      [
        // The command line.
        Mistake("a misspelt command", "rnu", "probe.yaml"),
        Mistake("help of a command that there is not", "help", "evaluate"),
        Mistake("a misspelt option", "run", "probe.yaml", "--reusme"),
        Mistake("no probe file", "run"),
        Mistake("a word for a number", "run", "probe.yaml", "--threads", "two"),
        Mistake("a precision that does not exist", "run", "probe.yaml", "--precision", "fp16"),
        Mistake("a memory limit without a number", "plan", "probe.yaml", "--max-memory", "lots"),
        Mistake(
          "a memory limit that nothing fits in", "run", "probe.yaml", "--max-memory", "1M", "--out",
          "out"),
        Mistake("shards counted from 1", "run", "probe.yaml", "--shard", "4/4"),
        Mistake("--shard auto outside of an array", "run", "probe.yaml", "--shard", "auto"),

        // Where things are.
        Mistake("the probe's name for its file", "run", "task-vectors"),
        Mistake("a folder for the probe file", "run", "models"),
        Mistake("a model's name on the hub", "run", "probe.yaml", "--model", "gpt2"),
        Mistake(
          "a model's name on the hub, with its owner", "hooks", "--model", "meta-llama/Llama-3.2-1B"
        ),
        Mistake("a misspelt model folder", "run", "probe.yaml", "--model", "models/gtp2-tiny"),
        Mistake(
          "a file for a model folder", "run", "probe.yaml", "--model",
          "models/gpt2-tiny/model.safetensors"),
        Mistake("the folder above the models", "hooks", "--model", "models"),
        Mistake(
          "a folder of tasks that is none", "run", "probe.yaml", "--set", "tasks_folder=task"),
        Mistake("a CSV for the folder of tasks", "tasks", "--folder", "tasks.csv") {
          try $0.write("input,output\na,b\n", to: "tasks.csv")
        },
        Mistake("a run for a model", "tokens", "--model", "out", "--prompt", "one->") {
          try run($0, "--out", "out")
        },
        Mistake("a folder that is no run", "diff", "models", "tasks"),
        Mistake("a row that the table does not have", "replay", "out", "--row", "100000") {
          try run($0, "--out", "out")
        },

        // Checkpoints.
        Mistake(
          "a gated model without its weights", "run", "probe.yaml", "--model", "models/mine",
          change: model("gpt2-tiny") { try $0.remove("\($1)/model.safetensors") }),
        Mistake(
          "a clone without git-lfs", "run", "probe.yaml", "--model", "models/mine",
          change: model("gpt2-tiny") { try $0.write(pointer, to: "\($1)/model.safetensors") }),
        Mistake(
          "a clone without git-lfs, the tokenizer", "run", "probe.yaml", "--model", "models/mine",
          change: model("gpt2-tiny") { try $0.write(pointer, to: "\($1)/tokenizer.json") }),
        Mistake(
          "a pickle", "run", "probe.yaml", "--model", "models/mine",
          change: model("gpt2-tiny") {
            try $0.remove("\($1)/model.safetensors")
            try $0.write("PK", to: "\($1)/pytorch_model.bin")
          }),
        Mistake(
          "a download that stopped", "run", "probe.yaml", "--model", "models/mine",
          change: model("gpt2-tiny") {
            try $0.write(
              $0.bytes("\($1)/model.safetensors").prefix(9000), to: "\($1)/model.safetensors")
          }),
        Mistake(
          "no tokenizer", "run", "probe.yaml", "--model", "models/mine",
          change: model("gpt2-tiny") { try $0.remove("\($1)/tokenizer.json") }),
        Mistake(
          "a tokenizer of SentencePiece alone", "run", "probe.yaml", "--model", "models/mine",
          change: model("llama-gqa") {
            try $0.remove("\($1)/tokenizer.json")
            try $0.write("model", to: "\($1)/tokenizer.model")
          }),
        Mistake(
          "another model's tokenizer", "run", "probe.yaml", "--model", "models/mine", "--out",
          "out",
          change: model("gpt2-tiny") {
            try $0.edit("\($1)/tokenizer.json", "\"one\": ", "\"one\": 9")
          }),
        Mistake(
          "an architecture that is not supported", "run", "probe.yaml", "--model", "models/mine",
          change: model("llama-gqa") {
            try $0.edit(
              "\($1)/config.json", "\"model_type\": \"llama\"", "\"model_type\": \"mixtral\"")
          }),
        Mistake(
          "a tensor of another shape", "run", "probe.yaml", "--model", "models/mine",
          change: model("llama-gqa") {
            try $0.edit("\($1)/config.json", "\"hidden_size\": 40", "\"hidden_size\": 48")
          }),
        Mistake(
          "tensors that are missing", "run", "probe.yaml", "--model", "models/mine",
          change: model("llama-gqa") {
            try $0.edit("\($1)/config.json", "\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4")
          }),

        // Probe files.
        Mistake(
          "a misspelt probe", "run", "probe.yaml", change: probe("task-vectors", "task-vector")),
        Mistake("a misspelt key", "run", "probe.yaml", change: probe("shots:", "shot:")),
        Mistake(
          "a key of another probe", "run", "probe.yaml",
          change: probe("seed: 7", "seed: 7\nposition_hooks: []")),
        Mistake(
          "a misspelt key inside another", "run", "probe.yaml",
          change: probe("seed: 7", "seed: 7\nholdout: {fraction: 0.1, sede: 1}")),
        Mistake(
          "a word for a number", "run", "probe.yaml", change: probe("shots: 3", "shots: three")),
        Mistake(
          "a word that a key does not take", "run", "probe.yaml",
          change: probe("seed: 7", "seed: 7\nanswer: first")),
        Mistake("a misspelt template", "run", "probe.yaml", change: probe("arrow", "arow")),
        Mistake("a misspelt task", "run", "probe.yaml", change: probe("upper,", "uper,")),
        Mistake(
          "a task that nobody has", "run", "probe.yaml", change: probe("upper,", "multiplication,")),
        Mistake("a tab", "run", "probe.yaml", change: probe("seed: 7", "small:\n\tseed: 7")),
        Mistake("a key twice", "run", "probe.yaml", change: probe("seed: 7", "seed: 7\nshots: 5")),
        Mistake(
          "a bracket that stays open", "run", "probe.yaml",
          change: probe("[upper, shout]", "[upper, shout")),
        Mistake("--set with a misspelt key", "run", "probe.yaml", "--set", "seeed=3"),
        Mistake("--set without a value", "run", "probe.yaml", "--set", "seed"),
        Mistake("--set with a wrong value", "run", "probe.yaml", "--set", "shots=few"),
        Mistake(
          "--set with quotes that the shell took", "run", "probe.yaml", "--set", "tasks=[upper]"),
        Mistake("--set with one value for a list", "plan", "probe.yaml", "--set", "tasks=upper"),
        Mistake("a misspelt control", "run", "probe.yaml", "--set", "controls=[\"random\"]"),
        Mistake("a task twice", "run", "probe.yaml", "--set", "tasks=[\"upper\", \"upper\"]"),
        Mistake("no tasks", "run", "probe.yaml", "--set", "tasks=[]"),
        Mistake("a hook point of attention that the model has not", "run", "probe.yaml") {
          try $0.edit("probe.yaml", "task-vectors", "activation-patching")
          try $0.edit("probe.yaml", "development_sets: 4", "position_hooks: [attn.hook_ssm_state]")
        },
        Mistake("a misspelt hook point", "run", "probe.yaml") {
          try $0.edit("probe.yaml", "task-vectors", "activation-patching")
          try $0.edit("probe.yaml", "development_sets: 4", "head_hooks: [attn.hook_zz]")
        },

        // Tasks.
        Mistake("answers of several tokens", "run", "probe.yaml") {
          try $0.addTask(
            "upper", pairs: Workspace.words.map { ["input": .string($0), "output": "ONE TWO"] })
          try $0.edit("probe.yaml", "[upper, shout]", "[upper]")
        },
        Mistake(
          "too few pairs for so many demonstrations", "run", "probe.yaml", "--set", "shots=30"),
        Mistake(
          "no demonstrations left", "run", "probe.yaml", "--set",
          "holdout={\"fraction\": 1, \"seed\": 1}",
          "--set", "demonstration_pairs=seen"),
        Mistake(
          "a held-out half that nothing was held out for", "run", "probe.yaml", "--set",
          "query_pairs=held_out"),
        Mistake("a task file that is not JSON", "run", "probe.yaml") {
          try $0.write("{\"name\": \"upper\", \"pairs\": [{]}", to: "tasks/tiny/upper.json")
        },
        Mistake("a CSV named .json", "run", "probe.yaml") {
          try $0.write("input,output\na,b\n", to: "tasks/tiny/upper.json")
        },
        Mistake("a task file with a misspelt key", "run", "probe.yaml") {
          try $0.edit("tasks/tiny/upper.json", "\"output\"", "\"outptu\"")
        },
        Mistake("samples of lm-evaluation-harness without an answer", "tasks", "--folder", "tasks")
        {
          try $0.write(
            #"{"doc_id": 0, "target": "", "arguments": {"gen_args_0": {"arg_0": "a text"}}}"#,
            to: "tasks/tiny/samples_wikitext_2026-01-01T00-00-00.jsonl")
        },
        Mistake(
          "a prompt longer than the context", "run", "probe.yaml", "--set", "shots=10", "--out",
          "out"
        ),

        // Hook points, layers, positions.
        Mistake(
          "a module of transformers", "capture", "--model", "models/gpt2-tiny", "--prompt", "one->",
          "--hook",
          "transformer.h.1.mlp", "--out", "x.npz"),
        Mistake(
          "a misspelt hook point of a block", "capture", "--model", "models/gpt2-tiny", "--prompt",
          "one->",
          "--hook", "blocks.1.hook_resid_pots", "--out", "x.npz"),
        Mistake(
          "layers counted from 1", "capture", "--model", "models/gpt2-tiny", "--prompt", "one->",
          "--hook",
          "blocks.3.hook_resid_post", "--out", "x.npz"),
        Mistake(
          "a hook point without a layer", "capture", "--model", "models/gpt2-tiny", "--prompt",
          "one->", "--hook",
          "resid_post", "--out", "x.npz"),
        Mistake(
          "a state of softmax attention", "hooks", "--model", "models/gpt2-tiny", "--name",
          "blocks.0.attn.hook_ssm_state"),
        Mistake(
          "a misspelt position", "capture", "--model", "models/gpt2-tiny", "--prompt", "one->",
          "--hook",
          "resid_post.0", "--positions", "lst", "--out", "x.npz"),
        Mistake(
          "a format that is not written", "capture", "--model", "models/gpt2-tiny", "--prompt",
          "one->", "--hook",
          "resid_post.0", "--out", "x.pt"),
        Mistake(
          "a layer that the model has not", "extract", "--model", "models/gpt2-tiny", "--task",
          "upper", "--tasks",
          "tasks", "--layer", "12", "--out", "theta.safetensors"),
        Mistake(
          "several layers at once", "extract", "--model", "models/gpt2-tiny", "--task", "upper",
          "--tasks", "tasks",
          "--layer", "0-1", "--out", "theta.safetensors"),
        Mistake(
          "a layer from the end", "extract", "--model", "models/gpt2-tiny", "--task", "upper",
          "--tasks", "tasks",
          "--layer=-1", "--out", "theta.safetensors"),
        Mistake(
          "a vector of another width", "patch", "--model", "models/llama-gqa", "--vector",
          "theta.safetensors",
          "--prompt", "one->", change: vector),
        Mistake(
          "a vector put into a layer that is not there", "patch", "--model", "models/gpt2-tiny",
          "--vector",
          "theta.safetensors", "--layer", "7", "--prompt", "one->", change: vector),
        Mistake(
          "a control vector of another program's for a vector", "patch", "--model",
          "models/gpt2-tiny",
          "--vector", "theta.gguf", "--prompt", "one->"),
        Mistake(
          "a checkpoint for a vector", "patch", "--model", "models/gpt2-tiny", "--vector",
          "models/gpt2-tiny/model.safetensors", "--prompt", "one->"),

        // Prompts and words.
        Mistake("an empty prompt", "generate", "--model", "models/gpt2-tiny", "--prompt", ""),
        Mistake(
          "neither a prompt nor a file", "capture", "--model", "models/gpt2-tiny", "--hook",
          "resid_post.0", "--out",
          "x.npz"),
        Mistake("a misspelt metric", "explain", "sim_aoo"),
        Mistake("a word that is like none", "explain", "bogus"),
        Mistake(
          "a seed of nothing", "generate", "--model", "models/gpt2-tiny", "--prompt", "a", "--seed",
          "3"),
        Mistake(
          "a scale of nothing", "generate", "--model", "models/gpt2-tiny", "--prompt", "a",
          "--scale", "4"),
        Mistake(
          "a module of nnsight", "capture", "--model", "models/gpt2-tiny", "--prompt", "a",
          "--hook", "transformer.h[1].mlp.output", "--out", "x.npz"),
        Mistake("a folder without tasks", "tasks", "--folder", "notes") {
          try $0.write("", to: "notes/read.me")
        },
        Mistake("a folder without models", "models", "--folder", "tasks"),
        Mistake(
          "a time that Slurm does not know", "slurm", "probe.yaml", "--shards", "2", "--time",
          "abc"),

        // Where a run goes.
        Mistake("a folder of other things", "run", "probe.yaml", "--out", "models"),
        Mistake("a file in the folder's place", "run", "probe.yaml", "--out", "probe.yaml"),
        Mistake("a folder that cannot be made", "run", "probe.yaml", "--out", "/proc/out"),
        Mistake("an unfinished run", "run", "probe.yaml", "--out", "out") {
          try run($0, "--out", "out", "--set", "shots=10")
        },
        Mistake("resumed with another probe file", "run", "probe.yaml", "--out", "out", "--resume")
        {
          try run($0, "--out", "out", "--set", "shots=10")
        },
        Mistake("another run in the folder", "run", "probe.yaml", "--out", "out", "--set", "seed=8")
        {
          try run($0, "--out", "out")
        },
        Mistake("a shard that is missing", "merge", "out") {
          try run($0, "--out", "out", "--shard", "0/2")
        },
        Mistake(
          "samples in another form, too late", "run", "probe.yaml", "--out", "out",
          "--samples-jsonl"
        ) {
          try run($0, "--out", "out")
        },

        // Training.
        Mistake(
          "a misspelt key of a training", "train", "spec.yaml", "--tasks", "tasks", "--out", "mine"
        ) {
          try $0.write(
            Workspace.spec(attention: "linear").replacingOccurrences(of: "heads", with: "head"),
            to: "spec.yaml")
        },
      ]
    }

    @Test func messages() throws {
      var text =
        "What the command says to mistakes. Written by MistakeTests (RECORD=1); read it as the person who made them.\n"
      for mistake in Self.mistakes {
        let space = try Workspace.prepared()
        try mistake.change(space)
        let before = try space.names(in: ".")
        let ending = try Command.run(mistake.arguments, in: space.path)
        #expect(
          !ending.isSignal && ending.status != 0 && ending.status != 70,
          "\(mistake.title): \(ending.talk)")
        let said = ending.talk.replacingOccurrences(of: space.path, with: "FOLDER")
          .replacing(/[0-9]+M would do/, with: "…M would do")
          .split(separator: "\n").filter { !$0.contains(" cells  ") }
        // One sentence, or the argument parser's own with the usage behind it.
        let isUsage = said.first?.hasPrefix("Error: ") ?? false
        #expect(
          isUsage || said.count <= 2 && said.last?.hasPrefix("thetascope: ") == true,
          "\(mistake.title): \(said)")
        if !mistake.arguments.contains("out") {
          #expect(try space.names(in: ".") == before, "\(mistake.title)")
        }
        let line = mistake.arguments.map { argument in
          argument.isEmpty || argument.contains(" ") ? "'\(argument)'" : argument
        }.joined(separator: " ")
        text += "\n\(mistake.title)\n$ thetascope \(line)\n"
        for line in said { text += "\(line)\n" }
        text += "exit status \(ending.status)\n"
      }
      try expectGolden(Data(text.utf8), "mistakes.txt")
    }
  }
}
