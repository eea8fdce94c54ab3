// A plan's arithmetic against what the products of the run really do, for every probe: both are counted, by code that
// shares nothing.

import CheckpointIO
import HookedModels
import Probes
import TensorCore
import TestSupport
import Testing

@Suite struct RehearsalTests {
  private static let data = "\(packageFolder)/data"

  /// Small runs of every probe whose work is in models of softmax and of linear attention.
  private static let studies: [String: JSON] = [
    "task-vectors": [
      "tasks": ["country_capital", "next_letter"], "development_sets": 3, "test_sets": 3,
    ],
    "task-vector-variants": [
      "tasks": ["country_capital"], "development_sets": 2, "test_sets": 2, "shot_counts": [2],
      "dummy_counts": [1], "orders": 1, "ranks": [1],
    ],
    "activation-patching": [
      "tasks": ["country_capital"], "shots": 2, "test_sets": 2,
      "position_hooks": ["hook_resid_pre"], "head_hooks": ["attn.hook_z"],
    ],
  ]

  private static func tree(_ probe: String, _ settings: JSON, models: [String]) throws -> SpecTree {
    var object: JSONObject = [
      "probe": .string(probe), "models": .array(models.map { .string("\(data)/models/\($0)") }),
    ]
    for (key, value) in settings.objectValue ?? JSONObject() { object[key] = value }
    if settings["tasks"] != nil { object["template"] = "arrow" }
    object["tasks_folder"] = .string("\(data)/tasks")
    return try SpecTree(.object(object), file: "\(probe).yaml")
  }

  private func expectAgreement(_ tree: SpecTree) throws {
    let rehearsing = WorkMeter(.rehearsing)
    let planned = try ProbeRegistry.prepare(
      tree, small: false, on: ComputeContext(threads: 2).metered(by: rehearsing)
    ).rehearsed(on: rehearsing)
    let counting = WorkMeter(.counting)
    let probe = try ProbeRegistry.prepare(
      tree, small: false, on: ComputeContext(threads: 2).metered(by: counting))
    #expect(probe.plan.cells.map(\.key) == planned.parts.map(\.cell.key))
    for part in planned.parts {
      counting.reset()
      _ = try probe.work(part.cell)
      let counted = counting.work
      let ratio = part.work.floatingPointOperations / counted.floatingPointOperations
      #expect(
        abs(ratio - 1) < 0.01,
        "\(part.cell.key): planned \(part.work.floatingPointOperations), counted \(counted)")
      if part.cell.work == nil { #expect(part.work.tokens == counted.tokens, "\(part.cell.key)") }
    }
  }

  @Test(arguments: ["task-vectors", "task-vector-variants", "activation-patching"])
  func studiesAreAsPlanned(_ probe: String) throws {
    for model in ["softmax", "linear"] {
      guard FileReading.kind(of: "\(Self.data)/models/\(model)/model.safetensors") == .file else {
        return print("skipped: studiesAreAsPlanned: data/models/\(model) is not there")
      }
    }
    let settings = try #require(Self.studies[probe])
    try expectAgreement(Self.tree(probe, settings, models: ["softmax", "linear"]))
  }

  /// What the heads' effects take stands apart from the cells, once for each model and task.
  @Test func stagesAreAsPlanned() throws {
    for model in ["softmax", "linear"] {
      guard FileReading.kind(of: "\(Self.data)/models/\(model)/model.safetensors") == .file else {
        return print("skipped: stagesAreAsPlanned: data/models/\(model) is not there")
      }
    }
    let tree = try Self.tree(
      "function-vectors",
      [
        "tasks": ["country_capital", "next_letter"], "development_sets": 2, "test_sets": 2,
        "mean_sets": 4, "effect_sets": 2, "heads": 3,
      ], models: ["softmax", "linear"])
    let rehearsing = WorkMeter(.rehearsing)
    let planned = try ProbeRegistry.prepare(
      tree, small: false, on: ComputeContext(threads: 2).metered(by: rehearsing)
    ).rehearsed(on: rehearsing)
    #expect(
      Set(planned.stages.map(\.cell.key))
        == [
          "softmax/country_capital/heads", "softmax/next_letter/heads",
          "linear/country_capital/heads", "linear/next_letter/heads",
        ])
    let counting = WorkMeter(.counting)
    let probe = try ProbeRegistry.prepare(
      tree, small: false, on: ComputeContext(threads: 2).metered(by: counting))
    for (name, parts) in planned.groups {
      // Without a journal a model's stages are computed with its first cell.
      counting.reset()
      for part in parts { _ = try probe.work(part.cell) }
      let stages = planned.stages.filter { $0.cell.group == name }
      func operations(_ parts: [Rehearsal.Part]) -> Double {
        parts.reduce(0) { $0 + $1.work.floatingPointOperations }
      }
      let ratio = operations(parts + stages) / counting.work.floatingPointOperations
      #expect(abs(ratio - 1) < 0.01, "\(name): \(ratio)")
      #expect(operations(stages) > 0.2 * operations(parts))
    }
  }

  /// The control on weights drawn anew is a second model, in f32 whatever the first is stored in; one at a time.
  @Test func untrainedControlsAreForeseen() throws {
    for model in ["softmax", "linear"] {
      guard FileReading.kind(of: "\(Self.data)/models/\(model)/model.safetensors") == .file else {
        return print("skipped: untrainedControlsAreForeseen: data/models/\(model) is not there")
      }
    }
    func bytes(_ controls: JSON, _ models: [String]) throws -> Int {
      let meter = WorkMeter(.rehearsing)
      let settings: JSON = [
        "tasks": ["country_capital"], "development_sets": 1, "test_sets": 1, "controls": controls,
      ]
      return try ProbeRegistry.prepare(
        Self.tree("task-vectors", settings, models: models), small: false,
        on: ComputeContext(threads: 1).metered(by: meter)
      ).rehearsed(on: meter).work.bytes
    }
    let parameters = try ModelFolder(path: "\(Self.data)/models/softmax").architecture
      .parameterCount
    for models in [["softmax"], ["softmax", "linear"]] {
      let control = try bytes(["untrained"], models) - bytes([], models)
      // Packed; the embedding also as it is.
      #expect(
        control > 4 * parameters && control < 6 * parameters, "\(models): \(control), \(parameters)"
      )
    }
  }

  /// Every way of fine-tuning.
  @Test(arguments: ["softmax", "linear"]) func fineTuningIsAsPlanned(_ model: String) throws {
    guard FileReading.kind(of: "\(Self.data)/models/\(model)/model.safetensors") == .file else {
      return print("skipped: fineTuningIsAsPlanned: data/models/\(model) is not there")
    }
    try expectAgreement(
      Self.tree(
        "icl-vs-finetuning",
        [
          "data": [["task": "country_continent"]], "shots": 3, "seeds": [1], "test_examples": 2,
          "development_examples": 2, "dual_examples": 1,
          "controls": ["shuffled_labels", "other_order", "untrained"],
          "fine_tuning": [
            "methods": ["keys_and_values", "values", "all", "layer_causal"], "rates": [0.01],
          ],
          "order_sensitivity": ["orders": 2, "examples": 1],
        ], models: [model]))
  }

  @Test func regressionIsAsPlanned() throws {
    try expectAgreement(
      SpecTree(
        [
          "probe": "linear-finetuning", "batch": 203, "iterations": 5, "finetuning_points": 100,
          "test_prompts": 203,
        ], file: "linear-finetuning.yaml"))
  }

  /// Without a checkpoint nothing is computed to plan: cells' costs are operations.
  @Test func costsStandForWorkWithoutModels() throws {
    let meter = WorkMeter(.rehearsing)
    let tree = try SpecTree(["probe": "linear-finetuning"], file: "linear-finetuning.yaml")
    let found = try ProbeRegistry.prepare(
      tree, small: false, on: ComputeContext(threads: 2).metered(by: meter)
    ).rehearsed(on: meter)
    for part in found.parts {
      #expect(part.work.floatingPointOperations == part.cell.cost && part.overhead == 0)
    }
  }
}
