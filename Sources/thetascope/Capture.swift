// thetascope capture: activations of prompts into a file.

import ArgumentParser
import Foundation
import HookPoints
import HookedModels
import Probes
import TensorCore

struct Capture: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write activations of prompts to .npz, .safetensors or tidy .csv.",
    discussion: """
      Rows are tokens, those of all prompts one after the other; the arrays `prompt`, `position` and `token_id` say \
      which. Scores and patterns are one array [heads, queries, keys] a prompt: `NAME/seq3`. Hook names are \
      TransformerLens's, with layers as numbers, ranges (`blocks.2-5.hook_resid_post`) or `*`.

      Examples:
        thetascope capture --model gpt2 --prompt "France->" \\
          --hook 'blocks.*.hook_resid_post' --out x.npz
        thetascope capture --model gpt2 --prompts prompts.jsonl \\
          --hook blocks.3.attn.hook_pattern --positions 'arrow[0]' --out x.npz
        thetascope capture --model gpt2 --prompts prompts.txt \\
          --hook resid_post.-1 --norms --out norms.csv
      """)

  @Option(help: "A Hugging Face folder.", completion: .directory) var model: String
  @OptionGroup var given: PromptOptions
  @Option(help: "A hook point; may be given again.", completion: .hooks) var hook: [String]
  @Option(
    help: "last, all, a number, or a role: arrow, label, input, query, separator, also arrow[1].",
    completion: .positions)
  var positions = "last"
  @Option(help: "The file: .npz, .safetensors or .csv.", completion: .captures) var out: String
  @Flag(help: "Of a CSV only the norms.") var norms = false
  @OptionGroup var encoding: EncodingOptions
  @OptionGroup var tables: TableOption
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if hook.isEmpty { throw ValidationError("name a hook point with --hook") }
    try verifyCaptureOutput(out, norms: norms)
  }

  func run() throws {
    let folder = try ModelFolder(path: model)
    let catalog = folder.architecture.hookCatalog(model: folder.name)
    let hooks = Set(try hook.flatMap { try catalog.resolve($0) }).sorted()
    let positions = try PositionSelector(parsing: positions)
    let encoder = try encoding.encoder(model)
    let prompts = try given.read(encoding, by: encoder)
    common.noteUnknown(in: prompts, of: encoder.tokenizer)
    let transformer = folder.model(as: Float.self, on: common.context)
    let recording = try prompts.recorded(hooks, at: positions, by: transformer)
    try recording.write(
      to: out, metadata: ["model": folder.name, "positions": "\(positions)"],
      piece: { tables.text(encoder.tokenizer.decode([$0])) }, normsOnly: norms)
    common.say(out)
  }
}

/// Refuses a path whose ending says no format, before anything is run.
func verifyCaptureOutput(_ path: String, norms: Bool) throws {
  guard let format = CaptureFormat(path: path) else {
    throw ValidationError(
      "--out is '\(path)', expected a name that ends in .npz, .safetensors or .csv")
  }
  if norms && format != .csv { throw ValidationError("--norms is for a .csv") }
}
