// config.json of every family: what is accepted must compute. And hook names, plans and saved vectors on small models.

import CheckpointIO
import Foundation
import HookPoints
import HookedModels
import Probes
import TensorCore
import TestSupport

extension FuzzTarget {
  /// Small enough to be made and run many times a second.
  private static let mostParameters = 200_000

  static let config = FuzzTarget(
    "config",
    seeds: { try fixtures("families", ending: "config.json", longest: 4096) },
    prepare: { _ in
      let context = ComputeContext(threads: 1)
      return { bytes in
        guard
          let architecture = try taken({
            var reader = try ConfigReader(
              json: JSON(parsing: bytes, file: "config.json"), file: "config.json")
            return try Architecture(reading: &reader)
          })
        else { return }
        // What cannot be made here must at least be countable.
        guard architecture.parameterCount <= mostParameters, architecture.layers <= 40 else {
          return
        }
        for parameter in architecture.parameters {
          _ = try architecture.checkpointSource(of: parameter.name)
        }
        if let positions = architecture.maximumPositions, positions < 3 { return }
        let model = Transformer<Float>.random(
          name: "m", architecture: architecture, seed: 1, context: context)
        let token = architecture.vocabulary - 1
        let logits = try model.run([BatchSequence(tokens: [0, token, 0])]).logits
        try require(logits.shape == [1, architecture.vocabulary], "logits \(logits.shape)")
      }
    })

  /// The models that names and plans are resolved on.
  private static func models() throws -> [Transformer<Float>] {
    let context = ComputeContext(threads: 1)
    return try ["gpt2-tiny", "llama-gqa", "linear-decay", "neox-tiny", "gla-tiny"].map {
      try ModelFolder(path: fixture("families/\($0)")).model(as: Float.self, on: context)
    }
  }

  static let hookName = FuzzTarget(
    "hook-name", longest: 200,
    seeds: {
      let names = try JSON(contentsOf: fixture("hook-names/act_names.json")).serialized(
        pretty: false)
      return names.split(separator: "\"").map { Array($0.utf8) }.filter { $0.count < 80 }
        + [
          "blocks.*.attn.hook_z", "blocks.1-0.hook_resid_post", "blocks.-1.hook_resid_pre",
          "resid_post.10", "k6", "scale4ln1", "layers_output[2]", "layer.3.comp.block_output",
          "last", "arrow[-1]", "label[0]", "all", "-1", "query", "3",
        ].map { Array($0.utf8) }
    },
    prepare: { _ in
      let models = try models()
      let shape = SequenceShape(count: 5, roles: [:])
      return { bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        let positions = try taken { try PositionSelector(parsing: text) }
        for model in models {
          guard let names = try taken({ try model.catalog.resolve(text) }) else { continue }
          try require(!names.isEmpty, "a text that means no hook")
          for name in names {
            try require(model.catalog.contains(name), "\(name) is not in the catalog")
            try require(HookName(canonical: "\(name)") == name, "\(name) is not its own name")
            let plan = HookPlan(reads: [Read(hook: .name(name), positions: positions ?? .all)])
            _ = try taken { try plan.resolved(catalog: model.catalog, sequences: [shape]) }
          }
        }
      }
    })

  static let plan = FuzzTarget(
    "plan", longest: 1024,
    seeds: {
      [
        #"{"reads": [{"hook": "blocks.*.hook_resid_post", "position": "last"}]}"#,
        #"{"interventions": [{"hook": "blocks.1.hook_resid_post", "position": "last", "action": "zero"}]}"#,
        #"{"interventions": [{"hook": "z.*", "position": 1, "sequence": [0, 1], "head": 1, "action": "scale", "scale": 2}]}"#,
        #"{"interventions": [{"hook": "resid_post.0", "position": "last", "action": "mean", "of": {"sequence": 1, "position": "last"}}]}"#,
        #"{"interventions": [{"hook": "blocks.0.attn.hook_pattern", "position": "all", "action": "add", "values": [0.5, 1], "scale": 2}], "reads": []}"#,
        #"{"interventions": [{"hook": "blocks.0.attn.hook_ssm_state", "position": "arrow[-1]", "action": "replace", "values": [[1], [2]]}]}"#,
      ].map { Array($0.utf8) }
    },
    prepare: { _ in
      let models = try models()
      let batch = [
        BatchSequence<Float>(tokens: [1, 2, 3], roles: [.arrow: [1], .query: [2]]),
        BatchSequence<Float>(tokens: [4, 5], roles: [.arrow: [0]]),
      ]
      return { bytes in
        guard
          let plan = try taken({ () -> HookPlan? in
            let text = try JSON(parsing: bytes, file: "p").serialized(pretty: false)
            do {
              return try JSONDecoder().decode(HookPlan.self, from: Data(text.utf8))
            } catch is DecodingError { return nil }
          }), let plan
        else { return }
        _ = plan.description
        let text = try JSONEncoder().encode(plan)
        try require(
          try JSONDecoder().decode(HookPlan.self, from: text) == plan, "another plan after coding")
        for model in models { _ = try taken { try model.run(batch, plan: plan) } }
      }
    })

  static let savedVector = FuzzTarget(
    "vector", longest: 4096,
    seeds: {
      let sandbox = try Sandbox()
      defer { sandbox.remove() }
      let architecture = try ModelFolder(path: fixture("families/gpt2-tiny")).architecture
      return try [
        [[1, 2, 3, 4]], [[0.5, 1], [2, 3], [4, 5]],
      ].map { (rows: [[Float]]) in
        let path = "\(sandbox.path)/seed.safetensors"
        try SavedVector(
          name: "m/capital", hook: .block(1, .residPost), mode: .add, rows: rows,
          metadata: ["hook": "blocks.1.hook_resid_post", "mode": "add", "task": "capital"]
        ).write(to: path, model: architecture)
        return try FileReading.readFile(path)
      }
    },
    prepare: { sandbox in
      let folder = try ModelFolder(path: fixture("families/gpt2-tiny"))
      let model = try folder.model(as: Float.self, on: ComputeContext(threads: 1))
      return { bytes in
        let path = try sandbox.write(bytes, to: "v.safetensors")
        guard let vector = try taken({ try SavedVector(path: path) }) else { return }
        try require(vector.mean.count == vector.rows[0].count, "a mean of another width")
        guard
          let intervention = try taken({
            try vector.intervention(in: folder, at: .last, file: path)
          })
        else { return }
        _ = try taken {
          try model.run(
            [BatchSequence(tokens: [1, 2])], plan: HookPlan(interventions: [intervention]))
        }
        for ending in ["safetensors", "csv", "gguf"] where vector.hook != nil {
          _ = try taken {
            try vector.write(
              to: "\(sandbox.path)/again.\(ending)", model: model.architecture)
          }
        }
      }
    })
}
