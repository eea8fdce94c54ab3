// Probe: what every probe is to the command: a spec that is read, inputs that are opened and checked, and a plan of
// cells that a run folder executes.

import CheckpointIO
import TensorCore

/// A probe whose inputs are open and checked: everything that can be refused has been.
public struct PreparedProbe {
  /// What decides the numbers.
  public let inputs: RunInputs
  /// What will be computed, and which tables it ends in.
  public let plan: RunPlan
  /// What its cells share.
  public var stages = Stages()
  /// Computes a cell.
  public let work: (Cell) throws -> CellOutput
  /// Makes the rows over all cells.
  public let conclude: (FinishedCells) throws -> CellOutput
  /// What the terminal shows of the finished results.
  public let summary: ([ResultRow], Screen) -> String
}

/// The probes by name.
public enum ProbeRegistry {
  /// A kind of probe file.
  private struct Entry: Sendable {
    let name: String
    let about: String
    let prepare: @Sendable (SpecTree, Bool, ComputeContext) throws -> PreparedProbe
  }

  private static let entries = [
    Entry(
      name: "task-vectors",
      about: "Hendel et al. 2023: θ(S) patched into zero-shot prompts"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, TaskVectorsSpec.init(reading:))
      return try TaskVectorsProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "icl-vs-finetuning",
      about: "Dai et al. 2023: does learning in context fine-tune?"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, ICLFineTuningSpec.init(reading:))
      return try ICLFineTuningProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "linear-finetuning",
      about: "Lee et al. 2026: linear attention fine-tuned, and theory"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, LinearFineTuningSpec.init(reading:))
      return try LinearFineTuningProbe(spec: spec, context: context).prepared(resolved)
    },
    Entry(
      name: "dual-form",
      about: "von Oswald et al., Dai et al. 2023: attention as descent"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, DualFormSpec.init(reading:))
      return try DualFormProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "linear-task-vectors",
      about: "Dong et al. 2026: task vectors of linear transformers"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, LinearTaskVectorsSpec.init(reading:))
      return try LinearTaskVectorsProbe(spec: spec, context: context).prepared(resolved)
    },
    Entry(
      name: "task-vector-variants",
      about: "other ways to make θ(S) and to put it in"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, TaskVectorVariantsSpec.init(reading:))
      return try TaskVectorVariantsProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "activation-patching",
      about: "clean into corrupt runs: positions, heads, paths"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, ActivationPatchingSpec.init(reading:))
      return try ActivationPatchingProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "lens",
      about: "the stream and θ(S) through the unembedding, by layer"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, LensSpec.init(reading:))
      return try LensProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "function-vectors",
      about: "Todd et al. 2023: the heads that carry a task"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, FunctionVectorsSpec.init(reading:))
      return try FunctionVectorsProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "in-context-vectors",
      about: "Liu et al. 2024: one direction added in every layer"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, InContextVectorsSpec.init(reading:))
      return try InContextVectorsProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "vector-arithmetic",
      about: "sums, differences and analogies of task vectors"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, VectorArithmeticSpec.init(reading:))
      return try VectorArithmeticProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "conflicting-tasks",
      about: "Hendel et al. 2023: demonstrations of A, θ of B"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, ConflictingTasksSpec.init(reading:))
      return try ConflictingTasksProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "bijections",
      about: "Dong et al. 2026: a task and its inverse mixed"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, BijectionsSpec.init(reading:))
      return try BijectionsProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "task-geometry",
      about: "how θ of many sets and tasks lie; θ of A in prompts of B"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, TaskGeometrySpec.init(reading:))
      return try TaskGeometryProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "finetuning-forgetting",
      about: "Lee et al. 2026: fine-tuned models asked in context"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, FineTuningForgettingSpec.init(reading:))
      return try FineTuningForgettingProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "momentum-attention",
      about: "Dai et al. 2023, §5: momentum attention, trained small"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, MomentumAttentionSpec.init(reading:))
      return try MomentumAttentionProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
  ]

  /// Every kind of probe file, with one line of what it does.
  public static var all: [(name: String, about: String)] { entries.map { ($0.name, $0.about) } }

  /// Opens what a probe file asks for.
  ///
  /// - Parameters:
  ///   - tree: the probe file with the command line's overrides.
  ///   - small: whether the overlay `small` applies.
  ///   - context: what its models run on.
  public static func prepare(_ tree: SpecTree, small: Bool, on context: ComputeContext) throws
    -> PreparedProbe
  {
    let name = try tree.probe
    guard let entry = entries.first(where: { $0.name == name }) else {
      throw RunError.invalidSpec(
        file: tree.file, key: "probe",
        fact: "\(Excerpt.quoted(name)) is not a probe"
          + advice(for: name, among: entries.map(\.name)))
    }
    return try entry.prepare(tree, small, context)
  }
}
