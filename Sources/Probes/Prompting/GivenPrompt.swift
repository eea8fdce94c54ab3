// GivenPrompt: prompts that a person gives to a command, as text or in a file, with the roles that a template gives
// their tokens.

import CheckpointIO
import HookPoints
import HookedModels
import ICLTasks
import TensorCore
import Tokenization

/// A prompt as it was given, and as the model gets it.
public struct GivenPrompt: Sendable, Equatable {
  /// As it was given.
  public let text: String
  /// Ids, the beginning token of the policy included.
  public let tokens: [Int]
  /// Absolute positions by role; empty for a text that no template writes.
  public let roles: [Role: [Int]]

  /// - Parameters:
  ///   - text: the prompt.
  ///   - template: what must have written the text; nil tries the presets, and a text of none has no roles.
  ///   - encoder: the model's tokenizer with its policy.
  /// - Throws: what the tokenizer throws; `RunError.invalidInput` for a text that the template does not write.
  public init(_ text: String, template: PromptTemplate?, encoder: PromptEncoder) throws {
    let prompt: Prompt?
    if let template {
      guard let parsed = template.parsed(text) ?? template.withLeadingSpace.parsed(text) else {
        throw RunError.invalidInput(
          subject: "the prompt '\(text)'",
          fact: "it is not of the template '\(template.demonstration)' with a query at its end")
      }
      prompt = parsed
    } else {
      prompt = PromptTemplate.recognised(text)?.prompt
    }
    self.text = text
    if let found = try? prompt?.tokenized(by: encoder) {
      tokens = found.tokens
      roles = found.hookRoles
    } else {
      if let prompt, template != nil { _ = try prompt.tokenized(by: encoder) }
      tokens = try encoder.tokenizer.prompt(text, bos: encoder.bos)
      roles = [:]
    }
  }

  /// As a batch takes it.
  public var sequence: BatchSequence<Float> { BatchSequence(tokens: tokens, roles: roles) }
}

extension TokenizedPrompt {
  /// The roles that hooks are addressed by; the last token needs none.
  package var hookRoles: [Role: [Int]] {
    var found: [Role: [Int]] = [:]
    for role in Role.allCases {
      if let positions = roles[role.rawValue], !positions.isEmpty { found[role] = positions }
    }
    return found
  }
}

extension GivenPrompt {
  /// The prompts of a file, or of the .txt and .jsonl files of a folder in the order of their names.
  ///
  /// A line of a .txt is a prompt, in which `\n` stands for a new line. A line of a .jsonl is a text, or an object with
  /// `prompt`, or with `demonstrations` (pairs of texts) and `query`, which the template joins.
  /// - Throws: `CheckpointError` for what cannot be read, `RunError.invalidInput` for a line that is no prompt.
  public static func prompts(
    at path: String, template: PromptTemplate?, encoder: PromptEncoder
  ) throws -> [GivenPrompt] {
    if FileReading.kind(of: path) == .folder {
      let names = try FileReading.names(in: path).filter {
        $0.hasSuffix(".txt") || $0.hasSuffix(".jsonl")
      }
      guard !names.isEmpty else {
        throw RunError.invalidInput(
          subject: path, fact: "the folder holds no .txt and no .jsonl file")
      }
      return try names.flatMap {
        try prompts(at: "\(path)/\($0)", template: template, encoder: encoder)
      }
    }
    guard path.hasSuffix(".txt") || path.hasSuffix(".jsonl") else {
      throw RunError.invalidInput(
        subject: path, fact: "expected a file of prompts, .txt or .jsonl, or a folder of them")
    }
    var lines = try FileReading.readText(path, limit: InputLimits.textFile).split(
      separator: "\n", omittingEmptySubsequences: false)
    if lines.last == "" { lines.removeLast() }
    guard !lines.isEmpty else {
      throw RunError.invalidInput(subject: path, fact: "there is no prompt in it")
    }
    return try lines.enumerated().map { number, line in
      let place = "\(path): line \(number + 1)"
      do {
        let text =
          path.hasSuffix(".txt")
          ? String(line).replacing("\\n", with: "\n")
          : try Self.text(JSON(parsing: line.utf8, file: place), place, template ?? .arrow)
        return try GivenPrompt(text, template: template, encoder: encoder)
      } catch let error as TokenizationError {
        throw RunError.invalidInput(subject: place, fact: "\(error)")
      } catch let error as TaskError {
        throw RunError.invalidInput(subject: place, fact: "\(error)")
      }
    }
  }

  private static func text(_ json: JSON, _ place: String, _ template: PromptTemplate) throws
    -> String
  {
    if let text = json.stringValue { return text }
    let object = json.objectValue ?? JSONObject()
    if let text = object["prompt"]?.stringValue, object.count == 1 { return text }
    if let query = object["query"]?.stringValue, object.count == 2,
      let pairs = object["demonstrations"]?.arrayValue
    {
      let demonstrations = pairs.compactMap { pair -> (input: String, output: String)? in
        guard let both = pair.arrayValue, both.count == 2, let input = both[0].stringValue,
          let output = both[1].stringValue
        else { return nil }
        return (input, output)
      }
      if demonstrations.count == pairs.count {
        return template.prompt(demonstrations: demonstrations, query: query).text
      }
    }
    throw RunError.invalidInput(
      subject: place,
      fact: "expected a text, {\"prompt\": \"…\"}, or {\"demonstrations\": [[\"in\", \"out\"], …], "
        + "\"query\": \"…\"}")
  }
}
