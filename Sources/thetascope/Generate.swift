// thetascope generate: continue a text.

import ArgumentParser
import Foundation
import HookedModels
import TensorCore
import Tokenization

struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Continue a prompt, greedily by default; the whole text goes to stdout.")

  @Option(help: "A Hugging Face folder.") var model: String
  @Option(help: "The text to continue.") var prompt: String
  @Option(help: "How many tokens to add.") var maxNewTokens = 50
  @OptionGroup var precision: PrecisionOption
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if maxNewTokens < 0 {
      throw ValidationError("--max-new-tokens is \(maxNewTokens), expected 0 or more")
    }
  }

  func run() throws {
    let tokenizer = try Tokenizer.load(folder: model)
    let model = try ModelFolder(path: model).model(
      as: Float.self, on: common.context(precision.precision))
    var tokens = try tokenizer.prompt(prompt, bos: .auto)
    for token in try model.generate(tokens, count: maxNewTokens) { tokens.append(token) }
    print(tokenizer.decode(tokens, skippingSpecialTokens: true))
  }
}
