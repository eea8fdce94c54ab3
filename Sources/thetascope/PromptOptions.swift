// How prompts are given to a command: as a text or in a file, with the tokens that the BOS policy adds and the roles
// that a template gives.

import ArgumentParser
import HookPoints
import ICLTasks
import Probes
import Tokenization

/// A tokenizer's policy and a template.
struct EncodingOptions: ParsableArguments {
  @Option(help: "auto (the tokenizer's own post-processor), always or never.")
  var bos = BOSPolicy.auto
  @Option(
    help:
      "The template whose roles the tokens get: arrow, hendel or todd; by default the one that fits.",
    completion: .templates)
  var template: String?

  func encoder(_ model: String) throws -> PromptEncoder {
    PromptEncoder(try Tokenizer.load(folder: model), bos: bos)
  }

  func resolvedTemplate() throws -> PromptTemplate? {
    try template.map(PromptTemplate.init(preset:))
  }
}

/// One prompt, or a file of them.
struct PromptOptions: ParsableArguments {
  @Option(help: "A prompt.") var prompt: String?
  @Option(
    help: "A file of prompts, one a line: .txt or .jsonl; or a folder of such files.",
    completion: .file(extensions: ["txt", "jsonl"]))
  var prompts: String?

  func validate() throws {
    if (prompt == nil) == (prompts == nil) {
      throw ValidationError("give either --prompt or --prompts")
    }
  }

  func read(_ encoding: EncodingOptions, by encoder: PromptEncoder) throws -> [GivenPrompt] {
    let template = try encoding.resolvedTemplate()
    if let prompt { return [try GivenPrompt(prompt, template: template, encoder: encoder)] }
    return try GivenPrompt.prompts(at: prompts ?? "", template: template, encoder: encoder)
  }
}

extension CommonOptions {
  /// Says how many tokens stand for text outside the vocabulary, if there are any.
  func noteUnknown(in prompts: [GivenPrompt], of tokenizer: Tokenizer) {
    guard let unknown = tokenizer.unknownToken, unknown != tokenizer.beginningOfSequence else {
      return
    }
    let tokens = prompts.flatMap(\.tokens)
    let count = tokens.count { $0 == unknown }
    guard count > 0 else { return }
    say(
      "the tokenizer does not know \(count) of \(tokens.count) tokens, which stand as "
        + "'\(tokenizer.piece(unknown) ?? "")'; thetascope tokens shows them")
  }
}

/// Says nothing but errors.
struct QuietOption: ParsableArguments {
  @Flag(help: "Say nothing but errors.") var quiet = false
}

extension BOSPolicy: ExpressibleByArgument {}

extension AnswerPolicy: ExpressibleByArgument {}

extension PositionSelector: ExpressibleByArgument {
  public init?(argument: String) {
    guard let selector = try? PositionSelector(parsing: argument) else { return nil }
    self = selector
  }
}

extension SavedVector.Mode: ExpressibleByArgument {}
