// ReferenceComparison: activations that something else computed with the same weights, stored in a safetensors file,
// against this model's.

import CheckpointIO
import HookPoints
import TensorCore

/// A file of reference activations: token ids `input_ids`, and tensors under the names of hook points or `logits`.
/// Several prompts stand under `prompt0/`, `prompt1/`, …
public struct ReferenceComparison: Sendable {
  /// One stored activation against the model's.
  public struct Row: Sendable, Equatable {
    /// The prompt's number in the file.
    public let prompt: Int
    /// The hook point, or `logits`.
    public let name: String
    /// The block; nil outside of blocks.
    public let layer: Int?
    /// Elements that were compared.
    public let count: Int
    /// The largest absolute difference; infinite where one side is not a number and the other is.
    public let maximalError: Double
    /// That, over the root mean square of the finite reference values.
    public let relativeError: Double
  }

  /// By prompt, hook points in firing order, logits last.
  public let rows: [Row]
  /// Tensors that were not compared, and why: names that other tools have and this model does not.
  public let notCompared: [(name: String, reason: String)]

  /// - Parameters:
  ///   - model: of the weights that the reference was computed with.
  ///   - path: the safetensors file.
  /// - Throws: `CheckpointError` for a file that cannot be used, `HookError` for a tensor whose name nobody
  ///   knows, and what a run throws.
  public init(_ model: Transformer<Float>, path: String) throws {
    let file = try SafetensorsFile(path: path)
    var prompts: [(name: String, tokens: [Int], tensors: [(key: String, name: String)])] = []
    for key in file.names.sorted() where key == "input_ids" || key.hasSuffix("/input_ids") {
      let prefix = String(key.dropLast("input_ids".count))
      let view = try file.tensor(named: key)
      guard view.shape.count == 1 || view.shape.first == 1 && view.shape.count == 2 else {
        throw CheckpointError.wrongTensor(
          file: path, tensor: key, found: "shape \(view.shape)", expected: "the ids of one prompt")
      }
      prompts.append((prefix, try view.integers(), []))
    }
    guard !prompts.isEmpty else {
      throw CheckpointError.missingTensor(file: path, tensor: "input_ids")
    }
    for key in file.names where !key.hasSuffix("input_ids") {
      guard
        let index = prompts.indices.filter({ key.hasPrefix(prompts[$0].name) })
          .max(by: { prompts[$0].name.count < prompts[$1].name.count })
      else {
        throw CheckpointError.missingTensor(file: path, tensor: "input_ids beside \(key)")
      }
      prompts[index].tensors.append((key, String(key.dropFirst(prompts[index].name.count))))
    }
    var rows: [Row] = []
    var notCompared: [(name: String, reason: String)] = []
    for (index, prompt) in prompts.enumerated() {
      var hooks: [(String, HookName)] = []
      for (key, name) in prompt.tensors where name != "logits" {
        if name == "loss" || name.hasPrefix("grad/") {
          notCompared.append((key, "losses and gradients are no activations"))
          continue
        }
        do {
          hooks.append((key, try model.catalog.resolve(name)[0]))
        } catch let error as HookError {
          switch error {
          case .unsupported(_, let reason), .absent(_, _, let reason):
            notCompared.append((key, reason))
          default: throw error
          }
        }
      }
      let result = try model.run(
        [BatchSequence(tokens: prompt.tokens)],
        plan: HookPlan(reads: hooks.map { Read(hook: .name($0.1)) }), logitsAt: .all)
      func add(_ key: String, _ name: String, _ layer: Int?, _ found: [Float]) throws {
        let expected = try file.tensor(named: key).doubles()
        // A reference may hold the last token only.
        let isLast =
          expected.count < found.count && expected.count * prompt.tokens.count == found.count
        guard isLast || expected.count == found.count else {
          throw CheckpointError.wrongTensor(
            file: path, tensor: key, found: "\(expected.count) numbers",
            expected: "\(found.count) for the \(prompt.tokens.count) tokens")
        }
        rows.append(
          Row(
            prompt: index, name: name, layer: layer, found: found.suffix(expected.count),
            expected: expected))
      }
      for (key, hook) in hooks.sorted(by: { $0.1 < $1.1 }) {
        try add(key, "\(hook)", hook.layer, result.cache.tensor(hook).values)
      }
      for (key, name) in prompt.tensors where name == "logits" {
        try add(key, name, nil, result.logits.values)
      }
    }
    self.rows = rows
    self.notCompared = notCompared
  }
}

extension ReferenceComparison.Row {
  fileprivate init(
    prompt: Int, name: String, layer: Int?, found: ArraySlice<Float>, expected: [Double]
  ) {
    var largest = 0.0
    for (found, expected) in zip(found, expected) where Double(found) != expected {
      let difference = abs(Double(found) - expected)
      largest = max(largest, difference.isFinite ? difference : .infinity)
    }
    let finite = expected.filter(\.isFinite)
    let square = finite.reduce(0) { $0 + $1 * $1 } / Double(max(1, finite.count))
    self.init(
      prompt: prompt, name: name, layer: layer, count: expected.count, maximalError: largest,
      relativeError: largest == 0 ? 0 : largest / square.squareRoot())
  }
}
