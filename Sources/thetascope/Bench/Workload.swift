// Workload: pieces of interpretability work that Tests/Peers times in other toolkits too, on the same tokens, and whose
// results it compares before it times anything.

import CheckpointIO
import HookPoints
import HookedModels
import Probes
import TensorCore

struct Workload {
  let name: String
  /// One run; its results by name.
  let run: (Transformer<Float>) throws -> [StoredTensor]

  /// The work in a file: `{"forward": {"sequences": [[…], …]}, …}`, in the file's order.
  static func all(in file: String) throws -> [Workload] {
    let json = try JSON(contentsOf: file)
    func broken(_ key: String) -> CheckpointError {
      .invalidConfiguration(
        file: file, key: key, found: "something else", expected: "lists of tokens")
    }
    return try (json.objectValue?.keys ?? []).map { name in
      func tokens(_ key: String) throws -> [[Int]] {
        guard let rows = json[name]?[key]?.arrayValue else { throw broken("\(name).\(key)") }
        return try rows.map { row in
          guard let row = row.arrayValue else { throw broken("\(name).\(key)") }
          return row.compactMap(\.intValue)
        }
      }
      let sequences = try tokens("sequences")
      switch name {
      case "forward", "forward16": return forward(name, sequences)
      case "capture16": return capture(name, sequences)
      case "hendel": return hendel(name, sequences, queries: try tokens("queries"))
      case "patching": return patching(name, clean: sequences[0], corrupt: sequences[1])
      case "prefix": return prefix(name, sequences, after: try tokens("prefix")[0])
      case "step": return step(name, sequences[0])
      case "train": return train(name, sequences)
      case "long1024", "long4096", "long16384": return long(name, sequences[0])
      default: throw broken(name)
      }
    }
  }

  private static func forward(_ name: String, _ sequences: [[Int]]) -> Workload {
    Workload(name: name) { model in
      let result = try model.run(sequences.map { BatchSequence(tokens: $0) }, logitsAt: .all)
      let last = result.logits.shape[0] - 1
      return [
        StoredTensor(name: "last", shape: [result.logits.width], floats: result.logits.row(last))
      ]
    }
  }

  /// Every hook point but the scores and patterns, and the logits.
  private static func capture(_ name: String, _ sequences: [[Int]]) -> Workload {
    Workload(name: name) { model in
      let reads = model.catalog.entries.filter { $0.rowKind == .token && $0.name.point != .result }
        .map { Read(hook: .name($0.name)) }
      let result = try model.run(
        sequences.map { BatchSequence(tokens: $0) }, plan: HookPlan(reads: reads), logitsAt: .all)
      let middle = model.architecture.layers / 2
      let last = sequences.reduce(0) { $0 + $1.count } - 1
      return [
        StoredTensor(
          name: "last", shape: [model.architecture.modelWidth],
          floats: try result.cache.tensor(.block(middle, .residPost)).row(last))
      ]
    }
  }

  /// θ_l of every in-context prompt at its last token, each patched into a query at each layer.
  private static func hendel(_ name: String, _ prompts: [[Int]], queries: [[Int]]) -> Workload {
    Workload(name: name) { model in
      let layers = 0..<model.architecture.layers
      let theta = try model.run(
        prompts.map { BatchSequence(tokens: $0) },
        plan: HookPlan(reads: layers.map { Read(Site<Residual>.residPost($0), at: .last) }),
        logitsAt: .none
      ).cache
      let vectors = try layers.map { try theta.tensor(.block($0, .residPost)) }
      var notes = CellNotes()
      let swept = try model.sweep(
        queries.indices.map { index in
          PatchedQuery(
            tokens: queries[index], answers: [[0]],
            patches: layers.map { (layer: $0, vector: vectors[$0].row(index)) })
        }, notes: &notes)
      return [
        StoredTensor(
          name: "predictions", shape: [layers.count, prompts.count],
          floats: layers.flatMap { layer in swept.map { Float($0.patched[layer][0].prediction) } })
      ]
    }
  }

  /// The residual stream of a clean run put into a corrupt one, at each layer and position by itself: the difference of
  /// the logits of tokens 0 and 1.
  private static func patching(_ name: String, clean: [Int], corrupt: [Int]) -> Workload {
    Workload(name: name) { model in
      let layers = 0..<model.architecture.layers
      let all = HookPlan(reads: layers.map { Read(Site<Residual>.residPre($0)) })
      let runs = try model.run(
        [BatchSequence(tokens: clean), BatchSequence(tokens: corrupt)], plan: all, logitsAt: .none)
      let count = clean.count
      let edited = try layers.flatMap { layer in
        let hook = HookName.block(layer, .residPre)
        let rows = try runs.cache.tensor(hook)
        return (0..<count).map { position in
          EditedPrompt(
            prompt: corrupt, answer: [0],
            edits: [.replace(hook, at: [position], with: [rows.row(position)])])
        }
      }
      var notes = CellNotes()
      return [
        StoredTensor(
          name: "grid", shape: [layers.count, count],
          floats: try model.logits(of: edited, notes: &notes) { _, logits in
            let values = logits.row(0)
            return values[0] - values[1]
          })
      ]
    }
  }

  /// What follows each query under one shared prefix.
  private static func prefix(_ name: String, _ queries: [[Int]], after tokens: [Int]) -> Workload {
    Workload(name: name) { model in
      let prefix = try model.prefix(tokens)
      let logits = try model.run(queries.map { BatchSequence(tokens: $0, after: prefix) }).logits
      return [
        StoredTensor(
          name: "predictions", shape: [queries.count],
          floats: queries.indices.map { Float(logits.argmax(row: $0)) })
      ]
    }
  }

  /// One step of SGD on keys and values, and what the stepped model then gives.
  private static func step(_ name: String, _ tokens: [Int]) -> Workload {
    Workload(name: name) { model in
      var trainer = Trainer(
        model,
        trained: { $0.contains(".k_proj.") || $0.contains(".v_proj.") },
        optimiser: Optimiser(.sgd(momentum: 0)),
        schedule: Schedule(peak: 0.01, warmup: 0, total: 1, decay: .constant))
      let count = tokens.count - 1
      let step = try trainer.step(
        TrainingBatch(
          sequences: [BatchSequence(tokens: tokens)],
          targets: (0..<count).map {
            Target(
              at: BatchPosition(sequence: 0, position: $0), token: tokens[$0 + 1],
              weight: 1 / Double(count))
          }))
      let changed = trainer.model.parameter("layers.0.attn.v_proj.weight")?.tensor().values ?? []
      return [
        StoredTensor(name: "loss", shape: [1], floats: [Float(step.loss)]),
        StoredTensor(
          name: "value_row", shape: [model.architecture.modelWidth],
          floats: Array(changed.prefix(model.architecture.modelWidth))),
      ]
    }
  }

  /// Five steps of AdamW on all parameters, every next token a target; the loss before the last.
  private static func train(_ name: String, _ sequences: [[Int]]) -> Workload {
    let count = sequences.reduce(0) { $0 + $1.count - 1 }
    let batch = TrainingBatch<Float>(
      sequences: sequences.map { BatchSequence(tokens: $0) },
      targets: sequences.indices.flatMap { index in
        (1..<sequences[index].count).map {
          Target(
            at: BatchPosition(sequence: index, position: $0 - 1), token: sequences[index][$0],
            weight: 1 / Double(count))
        }
      })
    return Workload(name: name) { model in
      var trainer = Trainer(
        model, optimiser: Optimiser(.adamW(beta1: 0.9, beta2: 0.98, epsilon: 1e-9)),
        schedule: Schedule(peak: 0.001, warmup: 0, total: 5, decay: .constant))
      var loss = 0.0
      for _ in 0..<5 { loss = try trainer.step(batch).loss }
      return [StoredTensor(name: "loss", shape: [1], floats: [Float(loss)])]
    }
  }

  /// One long sequence in one pass: the logits after it.
  private static func long(_ name: String, _ tokens: [Int]) -> Workload {
    Workload(name: name) { model in
      let logits = try model.run([BatchSequence(tokens: tokens)]).logits
      return [StoredTensor(name: "last", shape: [logits.width], floats: logits.row(0))]
    }
  }
}
