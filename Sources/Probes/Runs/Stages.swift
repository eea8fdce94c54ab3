// Stages: what several cells of a run rest on, such as the effects of a model's heads over all tasks. A stage is computed
// when the first cell needs it, and the journal keeps it: a run that is resumed finds it there. Shards do not know of each
// other, so each computes the stages that its own cells need, but for those that it finds in a folder that they share. A
// stage's name begins like the keys of those cells, with their group: every cell of a group rests on all stages of it.

import CheckpointIO
import TensorCore

/// The finished stages of a run.
public final class Stages {
  private var journal: Journal?
  /// The record of each, by name.
  private var records: [String: Int] = [:]
  private var check: () throws -> Void = {}
  private var rehearsal: (meter: WorkMeter, results: [String: JSON])?
  private var shared: (folder: String, runID: String, version: String, shard: Shard?)?
  /// What was rehearsed, as if each stage were a cell.
  private(set) var rehearsed: [Rehearsal.Part] = []

  public init() {}

  /// A stage's result: what the journal keeps of it, or what `compute` makes, which the journal keeps from then on.
  /// Without a journal it is computed every time, in a rehearsal once.
  public func result(_ name: String, _ compute: () throws -> JSON) throws -> JSON {
    if rehearsal != nil { return try rehearsedResult(name, compute) }
    if let journal, let record = records[name],
      case .stage(_, let result) = try JournalEntry(
        journal.contents(of: record), file: journal.path
      ).kind
    {
      return result
    }
    let found = try sharedResult(name)
    let result = try found ?? compute()
    if let journal {
      try check()
      try journal.append(JournalEntry.bytes(stage: name, result))
      records[name] = journal.records.count - 1
      if found == nil { try share(name, result) }
    }
    return result
  }

  /// The results of several stages, in their order. Shards begin with different ones, so that those at work at the same
  /// time divide what they share.
  public func results(_ names: [String], _ compute: (Int) throws -> JSON) throws -> [JSON] {
    let first = shared?.shard.map { names.count * $0.index / $0.count } ?? 0
    var found = [JSON](repeating: .null, count: names.count)
    for place in names.indices {
      let own = (first + place) % names.count
      found[own] = try result(names[own]) { try compute(own) }
    }
    return found
  }

  /// From now on the work of stages is told apart from that of the cells that need them first.
  func rehearse(on meter: WorkMeter) {
    rehearsal = (meter, [:])
    rehearsed = []
  }

  private func rehearsedResult(_ name: String, _ compute: () throws -> JSON) throws -> JSON {
    guard let meter = rehearsal?.meter else { return try compute() }
    if let known = rehearsal?.results[name] { return known }
    let (clock, before) = (ContinuousClock(), meter.work)
    let began = clock.now
    let result = try compute()
    rehearsal?.results[name] = result
    rehearsed.append(
      Rehearsal.Part(
        cell: Cell(key: name), work: meter.work - before, overhead: (clock.now - began).seconds,
        isRehearsed: true))
    return result
  }

  /// Lets results be found, and kept, in a folder that the shards of one run see.
  ///
  /// - Parameters:
  ///   - folder: made where it is not there; it may hold stages of other runs and versions, which are left alone.
  ///   - inputs: of the run, digests included.
  ///   - version: of the program.
  ///   - shard: the share that is computed here.
  public func share(in folder: String, of inputs: RunInputs, version: String, shard: Shard?) throws
  {
    try SystemFile.makeFolder(folder)
    shared = (folder, inputs.runID, version, shard)
  }

  /// The file of a stage in the shared folder, and what must stand in it.
  private func sharedFile(_ name: String) -> (path: String, head: JSONObject)? {
    shared.map { folder, runID, version, _ in
      let head: JSONObject = [
        "run_id": .string(runID), "version": .string(version), "stage": .string(name),
      ]
      return ("\(folder)/\(SHA256.digest(of: JSON.object(head).canonicalText.utf8)).json", head)
    }
  }

  /// - Throws: `RunError.damagedJournal` for a file that no run wrote.
  private func sharedResult(_ name: String) throws -> JSON? {
    guard let (path, head) = sharedFile(name), FileReading.kind(of: path) == .file else {
      return nil
    }
    let stored = try? JSON(contentsOf: path)
    guard let stored, let result = stored["result"],
      head.allSatisfy({ stored[$0]?.stringValue == $1.stringValue }),
      stored["sha256"]?.stringValue == SHA256.digest(of: result.canonicalText.utf8)
    else {
      throw RunError.damagedJournal(
        file: path, fact: "it is not as a shard wrote it; remove it, and it is computed again")
    }
    return result
  }

  private func share(_ name: String, _ result: JSON) throws {
    guard let (path, head) = sharedFile(name) else { return }
    var stored = head
    stored["sha256"] = .string(SHA256.digest(of: result.canonicalText.utf8))
    stored["result"] = result
    try AtomicFile.write(JSON.object(stored).serialized(pretty: false) + "\n", to: path)
  }

  /// Lets results be kept in a journal.
  ///
  /// - Parameters:
  ///   - records: those that are in it, by name.
  ///   - check: throws where a result is not to be believed.
  func open(
    _ journal: Journal?, _ records: [String: Int] = [:],
    check: @escaping () throws -> Void = {}
  ) {
    (self.journal, self.records, self.check) = (journal, records, check)
  }

  func close() {
    open(nil)
    rehearsal = nil
  }
}
