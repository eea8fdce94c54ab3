// ActivationPatchingSpec: what a probe file of `activation-patching` says: where the pairs of prompts come from, which
// hooks are patched at which places, and along which paths.

import HookPoints
import ICLTasks

/// The settings of the probe `activation-patching`.
public struct ActivationPatchingSpec: Sendable, Equatable {
  /// How a clean in-context prompt is corrupted.
  public enum Corruption: String, Sendable, CaseIterable {
    /// The same demonstrations, another query of as many tokens and with another answer.
    case otherQuery = "other_query"
    /// The same query, the demonstrations' outputs permuted.
    case shuffledLabels = "shuffled_labels"
  }

  /// Which prompt receives activations: the corrupt one (denoising) or the clean one (noising).
  public enum Direction: String, Sendable, CaseIterable {
    case denoising, noising
  }

  /// A pair of prompts that the file spells out.
  public struct Given: Sendable, Equatable {
    /// The two prompts, of as many tokens each; the right answer to the clean one, and what it is compared with.
    public let clean, corrupt, answer, contrast: String
  }

  /// A path: the sender's change reaches the receiver only, all else between them held.
  public struct Path: Sendable, Equatable {
    /// The sender and the receiver, in every pair of layers where the one comes before the other.
    public let from, to: BlockPoint
  }

  /// Models, tasks and prompts; `tasks` may be empty where pairs are spelled out.
  public var prompting: PromptingSpec
  /// Pairs that the file spells out, beside those of tasks.
  public var pairs: [Given]
  /// Of pairs that come from tasks.
  public var corruption: Corruption
  /// Each gives rows of its own.
  public var directions: [Direction]
  /// Patched layer by layer and position by position.
  public var positionHooks: [BlockPoint]
  /// Patched layer by layer and head by head.
  public var headHooks: [BlockPoint]
  /// Whether heads are patched at all positions or at the last.
  public var headsEverywhere: Bool
  /// None by default.
  public var paths: [Path]
  /// Whether attribution patching is compared.
  public var attribution: Bool
}

extension ActivationPatchingSpec {
  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    prompting = try PromptingSpec(reading: &reader, tasks: [], sets: 16)
    pairs = try reader.nestedList("pairs", isOptional: true) { reader in
      Given(
        clean: try reader.string("clean"), corrupt: try reader.string("corrupt"),
        answer: try reader.string("answer"), contrast: try reader.string("contrast"))
    }
    corruption = try reader.choice(
      "corruption", default: "other_query",
      among: ["other_query": .otherQuery, "shuffled_labels": .shuffledLabels])
    directions = try reader.choices(
      "directions", default: ["denoising"],
      among: ["denoising": .denoising, "noising": .noising])
    positionHooks = try BlockPoint.points(
      "position_hooks", ["hook_resid_pre", "hook_attn_out", "hook_mlp_out"], &reader)
    headHooks = try BlockPoint.points("head_hooks", ["attn.hook_z"], &reader)
    headsEverywhere =
      try reader.choice(
        "head_positions", default: "last", among: ["last": false, "all": true])
    paths = try reader.nestedList("paths", isOptional: true) { reader in
      Path(
        from: try BlockPoint.point(reader.string("from"), "from", reader),
        to: try BlockPoint.point(reader.string("to"), "to", reader))
    }
    attribution = try reader.bool("attribution", default: true)
    guard !pairs.isEmpty || !prompting.tasks.isEmpty else {
      throw reader.wrong("tasks", "there is nothing to patch: name tasks, or spell out pairs")
    }
  }
}
