// What a command does to a model while it runs: saved vectors, or a plan in a file.

import ArgumentParser
import CheckpointIO
import Foundation
import HookPoints
import HookedModels
import Probes

/// Saved vectors and a plan.
struct InterventionOptions: ParsableArguments {
  @Option(
    help: "A vector to add to the stream after its layer, .safetensors; may be given again.",
    completion: .vectors)
  var add: [String] = []
  @Option(
    help: "A vector to put in the stream's place after its layer; may be given again.",
    completion: .vectors)
  var replace: [String] = []
  @Option(help: "What added vectors are multiplied with, 1 by default.") var scale: Double?
  @Option(help: "The layer, where it is not the one that a vector was taken from.") var layer: Int?
  @Option(
    help:
      "Where: last (of the prompt and every token added), all, or a number or role of the prompt; -1 is the prompt's last token.",
    completion: .positions)
  var at = "last"
  @Option(help: "The tensor of a file that holds several.") var tensor: String?
  @Option(
    help:
      "Reads and interventions, YAML or JSON: {interventions: [{hook, position, action, values}]}.",
    completion: .file(extensions: ["yaml", "yml", "json"]))
  var plan: String?

  func validate() throws {
    if let scale {
      if !scale.isFinite { throw ValidationError("--scale is \(scale), expected a number") }
      if add.isEmpty { throw ValidationError("--scale is of vectors to --add; give one too") }
    }
  }

  func interventions(in folder: ModelFolder) throws -> [Intervention] {
    let positions = try PositionSelector(parsing: at)
    func read(_ file: String, _ mode: SavedVector.Mode) throws -> Intervention {
      try SavedVector(path: file, tensor: tensor).intervention(
        in: folder, layer: layer, mode: mode, scale: scale ?? 1, at: positions, file: file)
    }
    return try add.map { try read($0, .add) } + replace.map { try read($0, .replace) }
      + (plan.map { try readPlan($0).interventions } ?? [])
  }
}

/// Reads a plan.
///
/// - Throws: `CheckpointError` where it cannot be read, `CommandError` where it is no YAML or no plan.
func readPlan(_ path: String) throws -> HookPlan {
  let text = try readYAML(path).serialized(pretty: false)
  do {
    return try JSONDecoder().decode(HookPlan.self, from: Data(text.utf8))
  } catch let error as HookError {
    throw CommandError.badPlan(file: path, fact: "\(error)")
  } catch let error as DecodingError {
    throw CommandError.badPlan(file: path, fact: error.sentence)
  }
}

extension DecodingError {
  /// Where, and what was expected.
  fileprivate var sentence: String {
    func place(_ context: Context) -> String {
      context.codingPath.map { $0.intValue.map { "\($0)" } ?? $0.stringValue }
        .joined(separator: ".")
    }
    switch self {
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context),
      .keyNotFound(_, let context):
      return "'\(place(context))' is not as a plan has it"
    @unknown default: return "it is not a plan"
    }
  }
}
