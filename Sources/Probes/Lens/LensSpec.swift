// LensSpec: what a probe file of `lens` says: which prompts, which activations of the stream, through which end of the
// model, and how many tokens are listed.

import HookPoints

/// The settings of the probe `lens`.
public struct LensSpec: Sendable, Equatable {
  /// How the stream reaches the unembedding.
  public enum End: String, Sendable, CaseIterable {
    /// Through the final norm, as the model itself ends.
    case final
    /// Straight into the unembedding, as GPT-J's rows of Hendel et al.'s table 6 were made.
    case none
  }

  /// A prompt that the file spells out.
  public struct Given: Sendable, Equatable {
    /// The prompt, and what should follow it; of the answer the first token counts.
    public let text, answer: String
  }

  /// Models, tasks and prompts; `tasks` may be empty where prompts are spelled out.
  public var prompting: PromptingSpec
  /// Prompts that the file spells out, beside those of tasks.
  public var prompts: [Given]
  /// Points of the residual stream, or what is added to it.
  public var hooks: [BlockPoint]
  /// Each gives rows of its own.
  public var ends: [End]
  /// The roles whose positions are read, besides `last`.
  public var positions: [String]
  /// How many tokens are listed for each activation.
  public var top: Int
  /// Whether only words of a–z are listed, each once whatever its case: of the hundred first tokens, as Hendel et al. do.
  public var wordsOnly: Bool
  /// Whether direct logit attribution is written, and whether by head.
  public var attribution: Bool
  public var heads: Bool
}

extension LensSpec {
  static let roles = ["input", "arrow", "label", "separator", "query"]

  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    prompting = try PromptingSpec(reading: &reader, tasks: [], sets: 16)
    prompts = try reader.nestedList("prompts", isOptional: true) { reader in
      Given(text: try reader.string("text"), answer: try reader.string("answer"))
    }
    hooks = try BlockPoint.points("hooks", ["hook_resid_post"], &reader)
    for point in hooks where !Residual.points.contains(point) {
      throw reader.wrong(
        "hooks",
        "'\(point.rawValue)' is not of the residual stream, which is what the unembedding reads; there are "
          + Residual.points.map(\.rawValue).joined(separator: ", "))
    }
    ends = try reader.choices(
      "norm", default: ["final", "none"], among: ["final": .final, "none": .none])
    positions = try reader.choices(
      "positions", default: ["arrow", "query"],
      among: [
        "input": "input", "arrow": "arrow", "label": "label", "separator": "separator",
        "query": "query",
      ])
    top = try reader.int("top", default: 10, in: 1...1000)
    wordsOnly = try reader.bool("words_only", default: false)
    attribution = try reader.bool("attribution", default: true)
    heads = try reader.bool("heads", default: true)
    guard !prompts.isEmpty || !prompting.tasks.isEmpty else {
      throw reader.wrong("tasks", "there is nothing to look at: name tasks, or spell out prompts")
    }
  }
}

extension BlockPoint {
  /// The points under a key of a probe file.
  static func points(_ key: String, _ fallback: [String], _ reader: inout SpecReader) throws
    -> [BlockPoint]
  {
    try reader.strings(key, default: fallback, canBeEmpty: true).map { try point($0, key, reader) }
  }

  static func point(_ name: String, _ key: String, _ reader: SpecReader) throws -> BlockPoint {
    if let point = BlockPoint(rawValue: name) { return point }
    let near = nearest(to: name, among: BlockPoint.allCases.map(\.rawValue))
    throw reader.wrong(key, "'\(name)' is no hook point of a block; did you mean '\(near)'?")
  }
}
