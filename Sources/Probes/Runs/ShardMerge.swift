// Joining the shards of a run: their journals become one, and the run ends as if one machine had computed it.

import CheckpointIO

/// All shards of one run.
public struct ShardMerge {
  private let shards: [FinishedShard]

  /// Opens the folders of shards, in any order.
  ///
  /// - Throws: `RunError.refused` where a shard is missing or there twice, or where two are not of the same run;
  ///   `.missing` and `.damagedJournal` for a folder that holds no finished shard.
  public init(_ folders: [String]) throws {
    let found = try folders.map { try FinishedShard(path: $0) }
    guard let first = found.first else {
      throw RunError.invalidInput(subject: "merge", fact: "there is no shard to merge")
    }
    for other in found.dropFirst() {
      if let difference = Self.difference(other, first) {
        throw RunError.refused(
          folder: other.path, fact: "it is not of the same run as \(first.path): \(difference)",
          remedy: "merge shards of one run")
      }
    }
    var places: [Int: FinishedShard] = [:]
    for one in found {
      if let other = places.updateValue(one, forKey: one.shard.index) {
        throw RunError.refused(
          folder: one.path, fact: "it is shard \(one.shard), and so is \(other.path)",
          remedy: "give each shard once")
      }
    }
    let missing = (0..<first.shard.count).filter { places[$0] == nil }
    guard missing.isEmpty else {
      let names = missing.prefix(8).map { "\($0)/\(first.shard.count)" }.joined(separator: ", ")
      throw RunError.refused(
        folder: first.path,
        fact: "\(missing.count) of \(first.shard.count) shards are missing: \(names)"
          + (missing.count > 8 ? " …" : ""),
        remedy: "compute them with --shard and give their folders too")
    }
    shards = found.sorted { $0.shard.index < $1.shard.index }
  }

  private static func difference(_ one: FinishedShard, _ other: FinishedShard) -> String? {
    func text(_ shard: FinishedShard, _ key: String) -> String {
      shard.record[key]?.canonicalText ?? "absent"
    }
    for key in ["version", "plan", "inputs"] where text(one, key) != text(other, key) {
      guard key == "inputs", let spec = one.record["inputs"]?["spec"],
        let others = other.record["inputs"]?["spec"]
      else { return "\(key) is \(text(one, key)), not \(text(other, key))" }
      return spec.canonicalText == others.canonicalText
        ? "its files have other contents" : "its spec is another"
    }
    return one.shard.count == other.shard.count
      ? nil : "it is one of \(one.shard.count) shards, not of \(other.shard.count)"
  }

  /// The run's spec, to be read and prepared again; on a context that rehearses, since no weight is needed.
  public func spec() throws -> SpecTree {
    try SpecTree(
      shards[0].record["spec_as_given"] ?? .null,
      file: "\(shards[0].path)/\(RunFolder.shardName)")
  }

  /// The precision that the shards were computed with.
  public var precision: String {
    shards[0].record["inputs"]?["precision"]?.stringValue ?? ""
  }

  /// Joins the shards and writes the final files.
  ///
  /// - Parameters:
  ///   - prepared: the probe, from `spec()`.
  ///   - folder: where the run goes; nil for `RunFolder.defaultPath`.
  ///   - environment: the program and the machine that merges.
  ///   - force: whether what another run wrote into `folder` is removed.
  ///   - spreadsheetSafe: as in `RunFolder.execute`; shards hold the bytes themselves.
  ///   - harnessSamples: as in `RunFolder.execute`.
  ///   - conclude: makes the rows over all cells.
  /// - Throws: `RunError.refused` where the files are no longer those of the shards, or another run lies in `folder`.
  public func outcome(
    _ prepared: PreparedProbe, into folder: String?, environment: RunEnvironment, force: Bool,
    spreadsheetSafe: Bool = false, harnessSamples: Bool = false,
    conclude: (FinishedCells) throws -> CellOutput
  ) throws -> RunOutcome? {
    let stored = shards[0].record["inputs"] ?? .null
    var digests: [String: String] = [:]
    for file in stored["files"]?.arrayValue ?? [] {
      if let role = file["role"]?.stringValue, let name = file["name"]?.stringValue {
        digests["\(role) \(name)"] = file["sha256"]?.stringValue
      }
    }
    let inputs =
      prepared.inputs.completed { digests["\($0.role.rawValue) \($0.name)"] } ?? prepared.inputs
    let differences = inputs.differences(from: stored)
    guard differences.isEmpty else {
      throw RunError.refused(
        folder: shards[0].path, fact: "what it was computed from has changed: \(differences[0])",
        remedy: "merge with the files that the shards were made of")
    }
    let opening = try RunFolder.open(
      folder ?? RunFolder.defaultPath(for: inputs), inputs: inputs, environment: environment,
      mode: force ? .force : .start, isMerge: true)
    guard case .ready(let run) = opening else { return nil }
    // The shares are disjoint and leave nothing out by their rule; that the shards kept to it is checked.
    let keys = shards.flatMap(\.cells)
    guard keys.sorted() == prepared.plan.cells.map(\.key).sorted() else {
      throw RunError.refused(
        folder: run.path, fact: "the shards together do not have each cell of the run once",
        remedy: "compute them again with one version")
    }
    for shard in shards { try run.take(shard, of: prepared.plan) }
    return try run.execute(
      prepared.plan, spreadsheetSafe: spreadsheetSafe, harnessSamples: harnessSamples,
      conclude: conclude
    ) { cell in
      throw RunError.damagedJournal(
        file: run.path, fact: "no shard has the cell '\(cell.key)'; compute the shards again")
    }
  }
}

extension RunFolder {
  /// Copies a shard's records and vectors.
  fileprivate func take(_ shard: FinishedShard, of plan: RunPlan) throws {
    try SystemFile.makeFolder(work)
    let source = try Journal(shard.journalPath)
    let target = try Journal(journalPath)
    let own = Set(shard.cells)
    var cells: [String: [UInt8]] = [:]
    var vectors: [String: JournalEntry.VectorFile] = [:]
    if target.records.isEmpty { try target.append(JournalEntry.bytes(planDigest: plan.digest)) }
    for record in source.records.indices {
      let contents = try source.contents(of: record)
      switch try JournalEntry(contents, file: source.path).kind {
      case .plan(let digest):
        guard digest == plan.digest else {
          throw wrong(shard, "its cells are not those of the run")
        }
      case .session: try target.append(contents)
      case .stage: break  // of use to the shard's cells only
      case .cell(let cell):
        guard own.contains(cell.key) else {
          throw wrong(shard, "it has the cell '\(cell.key)', which is not its own")
        }
        cells[cell.key] = contents
        vectors[cell.key] = cell.vectors
      }
    }
    for key in shard.cells {
      guard let contents = cells[key] else { throw wrong(shard, "the cell '\(key)' is missing") }
      if let file = vectors[key] {
        try SystemFile.makeFolder(vectorsFolder)
        let bytes = try FileReading.readFile("\(shard.vectorsFolder)/\(file.name)", limit: .max)
        try AtomicFile.write(to: "\(vectorsFolder)/\(file.name)") { try $0.append(bytes) }
      }
      try target.append(contents)
    }
  }

  private func wrong(_ shard: FinishedShard, _ fact: String) -> RunError {
    .damagedJournal(file: shard.journalPath, fact: "\(fact); compute the shard again with --force")
  }
}
