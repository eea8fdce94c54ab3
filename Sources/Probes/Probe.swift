// Probe: what every probe is to the command: a spec that is read, inputs that are opened and checked, and a plan of
// cells that a run folder executes.

import CheckpointIO
import TensorCore

/// A probe whose inputs are open and checked: everything that can be refused has been.
public struct PreparedProbe {
  public let inputs: RunInputs
  public let plan: RunPlan
  /// Computes a cell.
  public let work: (Cell) throws -> CellOutput
  /// Makes the rows over all cells.
  public let conclude: (FinishedCells) throws -> CellOutput
  /// What the terminal shows of the finished results.
  public let summary: ([ResultRow]) -> String
}

/// The probes by name.
public enum ProbeRegistry {
  public static let all: [(name: String, about: String)] = [
    (
      "task-vectors",
      "Hendel et al. 2023: θ(S) extracted, patched into zero-shot prompts, every layer, with controls."
    ),
    (
      "icl-vs-finetuning",
      "Dai et al. 2023 and its critics: SimAOU, SimAM, Rec2FTP of in-context learning and fine-tuning."
    ),
    (
      "linear-finetuning",
      "Lee et al. 2026: linear self-attention fine-tuned without demonstrations, beside its closed forms."
    ),
  ]

  /// Opens what a probe file asks for.
  ///
  /// - Parameters:
  ///   - tree: the probe file with the command line's overrides.
  ///   - small: whether the overlay `small` applies.
  public static func prepare(_ tree: SpecTree, small: Bool, on context: ComputeContext) throws
    -> PreparedProbe
  {
    switch try tree.probe {
    case "task-vectors":
      let (spec, resolved) = try tree.decode(small: small, TaskVectorsSpec.init(reading:))
      return try TaskVectorsProbe(spec, file: tree.file, on: context).prepared(resolved)
    case "icl-vs-finetuning":
      let (spec, resolved) = try tree.decode(small: small, ICLFineTuningSpec.init(reading:))
      return try ICLFineTuningProbe(spec, file: tree.file, on: context).prepared(resolved)
    case "linear-finetuning":
      let (spec, resolved) = try tree.decode(small: small, LinearFineTuningSpec.init(reading:))
      return try LinearFineTuningProbe(spec: spec, context: context).prepared(resolved)
    case let other:
      throw RunError.invalidSpec(
        file: tree.file, key: "probe",
        fact: "'\(other)' is not a probe; there are " + all.map { $0.name }.joined(separator: ", "))
    }
  }
}
