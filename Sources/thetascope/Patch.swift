// thetascope patch: what a saved vector does to prompts.

import ArgumentParser
import Foundation
import HookPoints
import HookedModels
import Probes
import TensorCore
import Tokenization

struct Patch: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Apply a saved vector to prompts and show what is predicted without and with it.",
    discussion: """
      The vector goes to the prompt's last token, after the block it was taken from. It comes from `extract` or from a \
      run's vectors.safetensors (then --tensor names one; of several demonstration sets the mean is taken unless --row \
      chooses). The table is CSV on stdout; with --max-new-tokens the texts themselves, without and with the vector.

      Examples:
        thetascope patch --model gpt2 --vector theta.safetensors \\
          --prompt "example:France->"
        thetascope patch --model gpt2 --vector theta.safetensors \\
          --prompts queries.txt --top 1 > patched.csv
        thetascope patch --model gpt2 --vector joy.safetensors --mode add \\
          --scale 4 --at last --prompt "I think" --max-new-tokens 30
      """)

  @Option(help: "A Hugging Face folder.", completion: .directory) var model: String
  @Option(help: "The vector, .safetensors.", completion: .vectors) var vector: String
  @OptionGroup var given: PromptOptions
  @Option(help: "The layer, where it is not the one that the vector was taken from.") var layer:
    Int?
  @Option(help: "replace or add, where it is not as the file says.") var mode: SavedVector.Mode?
  @Option(help: "What an added vector is multiplied with.") var scale = 1.0
  @Option(
    help: "Where: -1 (the prompt's last token), last (and every token added), a number or a role.",
    completion: .positions)
  var at = "-1"
  @Option(help: "The tensor of a file that holds several.") var tensor: String?
  @Option(help: "The demonstration set whose vector to take, counted from 0; the mean by default.")
  var row: Int?
  @Option(help: "How many predictions to show.") var top = 5
  @Option(help: "Writes texts of so many more tokens instead of a table.") var maxNewTokens: Int?
  @OptionGroup var encoding: EncodingOptions
  @OptionGroup var tables: TableOption
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if top < 1 { throw ValidationError("--top is \(top), expected 1 or more") }
    if !scale.isFinite { throw ValidationError("--scale is \(scale), expected a number") }
    if let maxNewTokens, maxNewTokens < 1 {
      throw ValidationError("--max-new-tokens is \(maxNewTokens), expected 1 or more")
    }
  }

  func run() throws {
    let saved = try SavedVector(path: vector, tensor: tensor, row: row)
    let folder = try ModelFolder(path: model)
    let edit = try saved.intervention(
      in: folder, layer: layer, mode: mode, scale: scale, at: PositionSelector(parsing: at),
      file: vector)
    let encoder = try encoding.encoder(model)
    let tokenizer = encoder.tokenizer
    let prompts = try given.read(encoding, by: encoder)
    common.noteUnknown(in: prompts, of: tokenizer)
    let model = try folder.model(as: Float.self, on: common.context)
    if let source = saved.metadata["model"], source != model.name {
      common.say("the vector was taken from \(source) and is applied to \(model.name)")
    }
    if saved.rows.count > 1 { common.say("the mean of \(saved.rows.count) vectors is applied") }
    let plan = HookPlan(interventions: [edit])
    if let maxNewTokens {
      for prompt in prompts {
        for (condition, plan) in [("without", HookPlan.empty), ("with", plan)] {
          let added = try model.generate(
            prompt.tokens, count: maxNewTokens, plan: plan, roles: prompt.roles)
          print(
            "\(condition)\t\(tokenizer.decode(prompt.tokens + added, skippingSpecialTokens: true))")
        }
      }
      return
    }
    let effects = try prompts.effects(of: plan, on: model, top: top)
    let table = effects.table(prompts: prompts, piece: { tokenizer.decode([$0]) })
    FileHandle.standardOutput.write(Data(table.csv(spreadsheetSafe: tables.spreadsheetSafe)))
  }
}
