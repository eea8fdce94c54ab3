// Probe: what every probe is to the command: a spec that is read, inputs that are opened and checked, and a plan of
// cells that a run folder executes.

import CheckpointIO
import TensorCore

/// A probe whose inputs are open and checked: everything that can be refused has been.
public struct PreparedProbe {
  public let inputs: RunInputs
  public let plan: RunPlan
  /// What its cells share.
  public var stages = Stages()
  /// Computes a cell.
  public let work: (Cell) throws -> CellOutput
  /// Makes the rows over all cells.
  public let conclude: (FinishedCells) throws -> CellOutput
  /// What the terminal shows of the finished results.
  public let summary: ([ResultRow]) -> String
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
      about:
        "Hendel et al. 2023: θ(S) extracted, patched into zero-shot prompts, every layer, with controls."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, TaskVectorsSpec.init(reading:))
      return try TaskVectorsProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "icl-vs-finetuning",
      about:
        "Dai et al. 2023 and its critics: SimAOU, SimAM, Rec2FTP of in-context learning and "
        + "fine-tuning."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, ICLFineTuningSpec.init(reading:))
      return try ICLFineTuningProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "linear-finetuning",
      about:
        "Lee et al. 2026: linear self-attention fine-tuned without demonstrations, beside its closed forms."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, LinearFineTuningSpec.init(reading:))
      return try LinearFineTuningProbe(spec: spec, context: context).prepared(resolved)
    },
    Entry(
      name: "dual-form",
      about:
        "von Oswald et al. 2023, Dai et al. 2023: attention to demonstrations as steps of gradient descent."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, DualFormSpec.init(reading:))
      return try DualFormProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "linear-task-vectors",
      about:
        "Dong et al. 2026: task vectors of linear transformers on triplets, injected into a query alone."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, LinearTaskVectorsSpec.init(reading:))
      return try LinearTaskVectorsProbe(spec: spec, context: context).prepared(resolved)
    },
    Entry(
      name: "task-vector-variants",
      about:
        "Other ways to make θ and to use it: added, averaged, at every arrow, by position, as a recurrent state."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, TaskVectorVariantsSpec.init(reading:))
      return try TaskVectorVariantsProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "activation-patching",
      about:
        "Clean activations into corrupt runs and the reverse, any hook, by layer, position and head; paths; gradients."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, ActivationPatchingSpec.init(reading:))
      return try ActivationPatchingProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "lens",
      about:
        "Activations and θ through the final norm and the unembedding: the answer by layer and position, first tokens."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, LensSpec.init(reading:))
      return try LensProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "function-vectors",
      about:
        "Todd et al. 2023: causal indirect effects of heads, the vector of the best ones added at every layer."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, FunctionVectorsSpec.init(reading:))
      return try FunctionVectorsProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "in-context-vectors",
      about:
        "Liu et al. 2024: demonstrations as one direction from inputs to outputs, added in every layer, norms kept."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, InContextVectorsSpec.init(reading:))
      return try InContextVectorsProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "vector-arithmetic",
      about: "Sums, differences and analogies of task vectors (activations, not weights)."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, VectorArithmeticSpec.init(reading:))
      return try VectorArithmeticProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "conflicting-tasks",
      about:
        "Hendel et al. 2023: demonstrations of one task, θ of another at the last token; which one wins."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, ConflictingTasksSpec.init(reading:))
      return try ConflictingTasksProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "bijections",
      about:
        "Dong et al. 2026: demonstrations of a task and its inverse mixed; in-context learning against one θ."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, BijectionsSpec.init(reading:))
      return try BijectionsProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "task-geometry",
      about:
        "How θ of many sets and tasks lie to each other by layer: cosines, silhouettes, linear probe, PCA, t-SNE; "
        + "and θ of each task in prompts of every other."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, TaskGeometrySpec.init(reading:))
      return try TaskGeometryProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "finetuning-forgetting",
      about:
        "Lee et al. 2026 on language models: fine-tuned on one task, what is left of in-context learning?"
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, FineTuningForgettingSpec.init(reading:))
      return try FineTuningForgettingProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
    Entry(
      name: "momentum-attention",
      about:
        "Dai et al. 2023, §5: small models trained with and without momentum attention, on text and in context."
    ) { tree, small, context in
      let (spec, resolved) = try tree.decode(small: small, MomentumAttentionSpec.init(reading:))
      return try MomentumAttentionProbe(spec, file: tree.file, on: context).prepared(resolved)
    },
  ]

  public static var all: [(name: String, about: String)] { entries.map { ($0.name, $0.about) } }

  /// Opens what a probe file asks for.
  ///
  /// - Parameters:
  ///   - tree: the probe file with the command line's overrides.
  ///   - small: whether the overlay `small` applies.
  public static func prepare(_ tree: SpecTree, small: Bool, on context: ComputeContext) throws
    -> PreparedProbe
  {
    let name = try tree.probe
    guard let entry = entries.first(where: { $0.name == name }) else {
      throw RunError.invalidSpec(
        file: tree.file, key: "probe",
        fact: "'\(name)' is not a probe; there are "
          + entries.map(\.name).joined(separator: ", "))
    }
    return try entry.prepare(tree, small, context)
  }
}
