// TrainingState: everything that a training carries from step to step, and its checkpoint: one safetensors file with
// weights and moments in f32, and the rest as metadata.

import CheckpointIO
import HookedModels
import TensorCore

struct TrainingState {
  var trainer: Trainer<Float>
  /// Steps taken.
  var step: Int
  /// The step before which the task-vector loss began; nil while it has not.
  var taskVectorsSince: Int?
  /// The log so far, as the text of training.csv.
  private(set) var csv: String

  /// - Parameter path: a checkpoint, which may not exist.
  /// - Throws: `TrainingError.otherInputs`, and `CheckpointError` for a damaged file.
  init(resuming path: String, inputs: String, model: Transformer<Float>, spec: TrainingSpec) throws
  {
    guard FileReading.kind(of: path) != .absent else {
      step = 0
      taskVectorsSince = nil
      csv = TableSchema.training.columns.map(\.name).joined(separator: ",") + "\n"
      trainer = Trainer(
        model, optimiser: spec.adamW(), schedule: spec.schedule, clipNorm: spec.optimiser.clip)
      return
    }
    let file = try SafetensorsFile(path: path)
    guard let found = file.metadata["inputs"], let at = file.metadata["step"].flatMap(Int.init),
      let log = file.metadata["log"]
    else { throw TrainingError.notACheckpoint(file: path) }
    guard found == inputs else { throw TrainingError.otherInputs(file: path) }
    func tensors(_ prefix: String) throws -> [String: Tensor<Float>] {
      var result: [String: Tensor<Float>] = [:]
      for name in file.names where name.hasPrefix(prefix) {
        let view = try file.tensor(named: name)
        result[String(name.dropFirst(prefix.count))] = Tensor(
          shape: view.shape, values: try view.floats())
      }
      return result
    }
    step = at
    taskVectorsSince = file.metadata["task_vectors_since"].flatMap(Int.init)
    csv = log
    let weights = try tensors("weights/")
    guard Set(weights.keys) == Set(model.parameters.map(\.name)),
      model.parameters.allSatisfy({ weights[$0.name]?.shape == $0.shape })
    else { throw TrainingError.notACheckpoint(file: path) }
    trainer = Trainer(
      model.replacing(weights),
      optimiser: spec.adamW(
        steps: at, firstMoments: try tensors("first/"), secondMoments: try tensors("second/")),
      schedule: spec.schedule, clipNorm: spec.optimiser.clip)
  }

  mutating func log(_ step: Int, _ metric: String, _ value: Double, layer: Int? = nil) {
    csv += "\(step),\(metric),\(layer.map(String.init) ?? ""),\(value)\n"
  }

  func save(to path: String, inputs: String) throws {
    func stored(_ prefix: String, _ tensors: [String: Tensor<Float>]) -> [StoredTensor] {
      tensors.sorted { $0.key < $1.key }.map { StoredTensor(name: prefix + $0.key, $0.value) }
    }
    let weights = Dictionary(
      uniqueKeysWithValues: trainer.model.parameters.map { ($0.name, $0.tensor()) })
    var metadata = ["inputs": inputs, "step": "\(step)", "log": csv]
    metadata["task_vectors_since"] = taskVectorsSince.map(String.init)
    try SafetensorsWriter.write(
      tensors: stored("weights/", weights) + stored("first/", trainer.optimiser.firstMoments)
        + stored("second/", trainer.optimiser.secondMoments), metadata: metadata, to: path)
  }
}

/// What can be wrong with a training's folder.
public enum TrainingError: Error, Equatable, CustomStringConvertible {
  case otherInputs(file: String)
  case notACheckpoint(file: String)
  /// A share of held-out pairs that is none, or that leaves nothing to learn from.
  case invalidHoldout(Double)

  public var description: String {
    switch self {
    case .otherInputs(let file):
      "\(file): this training was begun with another spec or other data; give another --out, or "
        + "remove it to start anew"
    case .notACheckpoint(let file):
      "\(file): not a checkpoint of this training; remove it to start anew"
    case .invalidHoldout(let share):
      "holdout is \(share), expected a share from 0 on and below 1, so that pairs are left to learn from"
    }
  }
}
