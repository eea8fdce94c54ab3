// What one cell produced: rows for the tables, vectors, and what run.json says about it.

import CheckpointIO

/// What came out of a cell.
public struct CellOutput: Sendable, Equatable {
  /// Of results.csv, in their order.
  public var results: [ResultRow] = []
  /// Of samples.csv, in their order.
  public var samples: [SampleRow] = []
  /// Of tokens.csv, in their order.
  public var tokens: [TokenRow] = []
  /// Tables of the probe's own, such as layers.csv; their schemas are in the run's plan.
  public var tables: [Table] = []
  /// Of vectors.safetensors.
  public var vectors: [RunVector] = []
  /// Of run.json.
  public var notes = CellNotes()

  public init() {}
}

/// A vector that was extracted, with what it is.
public struct RunVector: Sendable, Equatable {
  /// Its name is unique within the run: `ts-softmax/capital/seed 41/blocks.2.hook_resid_post`.
  public let tensor: StoredTensor
  /// Model, task, hook, layer, shots, seed and the like.
  public let metadata: [String: String]

  public init(_ tensor: StoredTensor, metadata: [String: String]) {
    self.tensor = tensor
    self.metadata = metadata
  }
}
