// thetascope generate: continue a text, with interventions and captures at every step.

import ArgumentParser
import Foundation
import HookPoints
import HookedModels
import ICLTasks
import Probes
import TensorCore
import Tokenization

struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Continue a prompt, greedily by default; the whole text goes to stdout.",
    discussion: """
      Vectors and plans act on the prompt and anew on every token that is added. With --hook and --out the \
      activations of every pass are written: pass 0 is the prompt.

      Examples:
        thetascope generate --model gpt2 --prompt "Once upon" --max-new-tokens 50
        thetascope generate --model gpt2 --prompt "I am" --temperature 0.8 --seed 3
        thetascope generate --model gpt2 --prompt "I think" \\
          --add joy.safetensors --scale 4
        thetascope generate --model gpt2 --prompt "France->" --max-new-tokens 3 \\
          --hook 'blocks.*.hook_resid_post' --out steps.npz
      """)

  @Option(help: "A Hugging Face folder.", completion: .directory) var model: String
  @Option(help: "The text to continue.") var prompt: String
  @Option(help: "How many tokens to add.") var maxNewTokens = 50
  @Option(help: "Draws tokens from softmax(logits / temperature) instead of the most probable.")
  var temperature: Double?
  @Option(help: "The seed of the draws, 0 by default.") var seed: UInt64?
  @OptionGroup(title: "Interventions") var changes: InterventionOptions
  @Option(help: "A hook point to write the activations of; may be given again.", completion: .hooks)
  var hook: [String] = []
  @Option(help: "The file for them: .npz, .safetensors or .csv.", completion: .captures) var out:
    String?
  @OptionGroup var encoding: EncodingOptions
  @OptionGroup var tables: TableOption
  @OptionGroup var precision: PrecisionOption
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if maxNewTokens < 0 {
      throw ValidationError("--max-new-tokens is \(maxNewTokens), expected 0 or more")
    }
    if let temperature, !(temperature > 0 && temperature.isFinite) {
      throw ValidationError("--temperature is \(temperature), expected a number above 0")
    }
    if seed != nil, temperature == nil {
      throw ValidationError("--seed is of the draws at a --temperature; give that too")
    }
    if hook.isEmpty != (out == nil) {
      throw ValidationError("--hook and --out go together: what to write, and where")
    }
    if let out { try verifyCaptureOutput(out, norms: false) }
  }

  func run() throws {
    let encoder = try encoding.encoder(model)
    let tokenizer = encoder.tokenizer
    let given = try GivenPrompt(
      prompt, template: encoding.resolvedTemplate(), encoder: encoder)
    common.noteUnknown(in: [given], of: tokenizer)
    let folder = try ModelFolder(path: model)
    let model = try folder.model(
      as: Float.self, on: common.context(precision.precision))
    let hooks = Set(try hook.flatMap { try model.catalog.resolve($0) }).sorted()
    let plan = HookPlan(
      reads: try hooks.map {
        Read(
          hook: .name($0),
          positions: try model.catalog.entry($0).rowKind == .sequence ? .all : .last)
      },
      interventions: try changes.interventions(in: folder))
    var generator = SeededGenerator(key: "generate", seed: seed ?? 0)
    var recording = CaptureRecording(model.catalog, unit: .step)
    var tokens = given.tokens
    var last = tokens
    var past = 0
    let added = try model.generate(
      given.tokens, count: maxNewTokens, plan: plan, roles: given.roles,
      choose: { logits in
        past += last.count
        let token =
          temperature.map { logits.sample(row: 0, temperature: $0, using: &generator) }
          ?? logits.argmax(row: 0)
        last = [token]
        return token
      },
      step: { _, result in
        if !hooks.isEmpty { try recording.append(result.cache, tokens: [last], past: past) }
      })
    tokens += added
    if let out {
      try recording.write(
        to: out, metadata: ["model": model.name], piece: { tables.text(tokenizer.decode([$0])) })
      common.say(out)
    }
    print(tokenizer.decode(tokens, skippingSpecialTokens: true))
  }
}
