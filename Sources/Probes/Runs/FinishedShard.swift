// A finished share of a run: its folder holds the journal and the vectors as an unfinished run does, and shard.json,
// which says that the share is whole and of what it is a share.

import CheckpointIO

extension RunFolder {
  static let shardName = "shard.json"

  /// Says that all cells of the shard are in the journal.
  func finish(_ shard: Shard, of plan: RunPlan) throws -> [String] {
    let record: JSON = [
      "run_id": .string(inputs.runID), "shard": .string(shard.description),
      "version": .string(environment.version), "plan": .string(plan.digest),
      "inputs": inputs.json, "spec_as_given": inputs.spec.json,
      "cells": .array(plan.places(of: shard).map { .string(plan.cells[$0].key) }),
    ]
    try AtomicFile.write(record.serialized(pretty: true) + "\n", to: "\(path)/\(Self.shardName)")
    removeLock()
    return [Self.shardName]
  }
}

/// A finished share, opened for merging.
struct FinishedShard {
  let path: String
  let record: JSON
  let shard: Shard
  let runID: String
  /// The keys of its cells.
  let cells: [String]

  var journalPath: String { "\(path)/\(RunFolder.workName)/journal" }
  var vectorsFolder: String { "\(path)/\(RunFolder.workName)/vectors" }

  /// - Throws: `RunError.missing` where there is no finished share; `.damagedJournal` for a shard.json that no run wrote.
  init(path: String) throws {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    let file = "\(self.path)/\(RunFolder.shardName)"
    guard FileReading.kind(of: file) == .file else {
      let isUnfinished = FileReading.kind(of: "\(self.path)/\(RunFolder.workName)") == .folder
      throw RunError.missing(
        file: file,
        fact: isUnfinished
          ? "the shard is unfinished; the command that began it continues it with --resume"
          : "there is no such file; the folder of a finished shard was expected")
    }
    record = try JSON(contentsOf: file)
    guard let runID = record["run_id"]?.stringValue,
      let shard = record["shard"]?.stringValue.flatMap({ Shard($0) }),
      let cells = record["cells"]?.arrayValue?.compactMap(\.stringValue)
    else {
      throw RunError.damagedJournal(
        file: file, fact: "this is not the record of a shard; compute it again with --force")
    }
    self.runID = runID
    self.shard = shard
    self.cells = cells
  }
}
