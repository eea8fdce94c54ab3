// The folder of a run: whether a run may begin, continue or is already there, and that only one process is
// at work in it. What is computed in it is RunFolder+Execution's affair.
//
// While a run is unfinished, everything lies in the folder `unfinished` within: inputs.json, the journal,
// vectors and the lock. The final files appear beside it, each complete from the first moment, run.json
// last; then `unfinished` is removed. So run.json means finished.

import CheckpointIO

/// A run's folder, held by this process for as long as this object lives.
public final class RunFolder: Sendable {
  /// What to do where an unfinished or another run lies in the folder.
  public enum Mode: Sendable {
    /// Refuse.
    case start
    /// Continue an unfinished run of the same inputs.
    case resume
    /// Remove what the other run wrote, and start anew.
    case force
  }

  /// What was found in the folder.
  public enum Opening {
    /// The run can be executed.
    case ready(RunFolder)
    /// A run of the same inputs is finished in this folder.
    case alreadyFinished(path: String)
  }

  /// The folder.
  public let path: String
  /// What decides the run's numbers.
  public let inputs: RunInputs
  /// The program and the machine of this session.
  public let environment: RunEnvironment
  /// The share that is computed here; nil for the whole run.
  public let shard: Shard?
  /// Whether the run is being joined from shards, which can always begin anew.
  private let isMerge: Bool
  private let lock: FileLock

  static let workName = "unfinished"
  static let recordName = "run.json"
  static let columnsName = "columns.json"
  static let vectorsName = "vectors.safetensors"

  var work: String { "\(path)/\(Self.workName)" }
  var journalPath: String { "\(work)/journal" }
  var vectorsFolder: String { "\(work)/vectors" }
  private var inputsPath: String { "\(work)/inputs.json" }

  /// Where a run goes when nothing else is said: `runs/<probe>-<run_id>`; a shard, `….shard-2-of-8` beside it.
  public static func defaultPath(for inputs: RunInputs, _ shard: Shard? = nil) -> String {
    "runs/\(inputs.probe)-\(inputs.runID)"
      + (shard.map { ".shard-\($0.index)-of-\($0.count)" } ?? "")
  }

  /// Whether the file system keeps two runs from working in the folder at once; some cannot.
  public var isLocked: Bool { lock.isReal }

  /// Prepares a folder for a run.
  ///
  /// Empty or absent: the run starts, also with `resume`. Finished with the same inputs: said where.
  /// Unfinished, without `resume` or `force`: refused. Other inputs, or files that no run wrote: refused,
  /// saying what differs, unless `force`. `force` removes the files of the earlier run and no others.
  ///
  /// - Throws: `RunError.refused`, `.inUse`, `.cannotWrite`, `.damagedJournal`.
  public static func open(
    _ path: String, inputs: RunInputs, environment: RunEnvironment, mode: Mode,
    shard: Shard? = nil, isMerge: Bool = false
  ) throws -> Opening {
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    switch FileReading.kind(of: path) {
    case .file:
      throw RunError.cannotWrite(file: path, fact: "this is a file, expected a folder for the run")
    case .absent: break
    case .folder:
      let names = try SystemFile.names(in: path)
      if mode != .force, names.contains(shardName) {
        try verifySameShard(path, inputs, shard)
        return .alreadyFinished(path: path)
      }
      if mode != .force, !names.contains(workName) {
        // Looking changes nothing: a finished run may lie in a folder that cannot be written.
        if names.contains(recordName) { return try finished(path, inputs) }
        if let stranger = names.first(where: { !$0.hasPrefix(".") }) {
          throw RunError.refused(
            folder: path, fact: "the folder holds '\(stranger)', which is of no run",
            remedy: "choose another --out")
        }
      }
    }
    try SystemFile.makeFolder("\(path)/\(workName)")
    guard let lock = try FileLock("\(path)/\(workName)/lock") else {
      throw RunError.inUse(folder: path)
    }
    let folder = RunFolder(
      path: path, inputs: inputs, environment: environment, shard: shard, isMerge: isMerge,
      lock: lock)
    return try folder.prepare(mode)
  }

  private init(
    path: String, inputs: RunInputs, environment: RunEnvironment, shard: Shard?, isMerge: Bool,
    lock: FileLock
  ) {
    self.path = path
    self.inputs = inputs
    self.environment = environment
    self.shard = shard
    self.isMerge = isMerge
    self.lock = lock
  }

  /// Decides under the lock.
  private func prepare(_ mode: Mode) throws -> Opening {
    if mode == .force {
      try removeRecord()
      try removeWork()
    } else if FileReading.kind(of: "\(path)/\(Self.recordName)") != .absent {
      // The run was killed between its last file and the end of its tidying up.
      try removeWork()
      removeLock()
      return try Self.finished(path, inputs)
    } else if FileReading.kind(of: inputsPath) != .absent {
      if try verifySameRun() == Self.merging, isMerge {
        try removeWork()
        return try begin()
      }
      guard mode == .resume else {
        throw RunError.refused(
          folder: path, fact: "the run in this folder is unfinished",
          remedy: "--resume continues it, --force starts anew")
      }
      try removePartials()
      return .ready(self)
    } else {
      // Killed before it had begun.
      try removeWork()
    }
    return try begin()
  }

  private func begin() throws -> Opening {
    var stored: JSONObject = ["version": .string(environment.version), "inputs": inputs.json]
    stored["share"] = share.map { .string($0) }
    try AtomicFile.write(JSON.object(stored).serialized(pretty: true) + "\n", to: inputsPath)
    return .ready(self)
  }

  /// What part of the run this folder's is, in inputs.json; nil for all of it.
  private var share: String? { isMerge ? Self.merging : shard?.description }
  private static let merging = "merged"

  /// - Returns: what part of the run the folder's is.
  /// - Throws: `RunError.refused` when the unfinished run is not this one.
  private func verifySameRun() throws -> String? {
    let stored = try JSON(contentsOf: inputsPath)
    let found = stored["share"]?.stringValue
    guard found == share else {
      func words(_ share: String?) -> String {
        share.map { $0 == Self.merging ? "a merge of shards" : "shard \($0)" } ?? "a whole run"
      }
      throw RunError.refused(
        folder: path, fact: "the folder holds \(words(found)), this is \(words(share))",
        remedy: "choose another --out, or --force to start anew")
    }
    var differences = inputs.differences(from: stored["inputs"] ?? .null)
    let version = stored["version"]?.stringValue
    if version != environment.version {
      differences.insert(
        "it was begun by version \(version ?? "unknown"), this is \(environment.version)", at: 0)
    }
    try Self.refuse(path, differences, state: "an unfinished run of other inputs")
    return found
  }

  /// - Throws: `RunError.refused` when a folder's finished shard is not this one.
  private static func verifySameShard(_ path: String, _ inputs: RunInputs, _ shard: Shard?) throws {
    let found = try FinishedShard(path: path)
    guard found.shard == shard else {
      throw RunError.refused(
        folder: path, fact: "the folder holds shard \(found.shard) of a run",
        remedy: "choose another --out, or join the shards with merge")
    }
    try refuse(
      path, inputs.differences(from: found.record["inputs"] ?? .null),
      state: "a finished shard of other inputs")
  }

  /// Says where a finished run is.
  ///
  /// - Throws: `RunError.refused` when it has other inputs, or lost some of its files.
  private static func finished(_ path: String, _ inputs: RunInputs) throws -> Opening {
    let record: JSON
    do {
      record = try JSON(contentsOf: "\(path)/\(recordName)")
    } catch let error as CheckpointError where error.kind == .badData {
      throw RunError.refused(
        folder: path, fact: "its run.json is not one that a run wrote (\(error))",
        remedy: "choose another --out, or --force to start anew")
    }
    try refuse(path, inputs.differences(from: record), state: "a finished run of other inputs")
    for output in record["outputs"]?.arrayValue ?? [] {
      guard let file = output["file"]?.stringValue, let size = output["bytes"]?.intValue,
        SystemFile.size(of: "\(path)/\(file)") == size
      else {
        throw RunError.refused(
          folder: path,
          fact: "the run is finished, but its \(output["file"]?.stringValue ?? "output") is not as "
            + "it was written",
          remedy: "--force starts anew")
      }
    }
    return .alreadyFinished(path: path)
  }

  private static func refuse(_ path: String, _ differences: [String], state: String) throws {
    guard !differences.isEmpty else { return }
    let shown = differences.prefix(4).joined(separator: ", ")
    let rest = differences.count > 4 ? " and \(differences.count - 4) more" : ""
    throw RunError.refused(
      folder: path, fact: "the folder holds \(state): \(shown)\(rest)",
      remedy: "choose another --out, or --force to start anew")
  }
}

extension RunFolder {
  /// Removes the final files of an earlier run; run.json first, so that what is left is not taken for a
  /// finished one.
  private func removeRecord() throws {
    let record = "\(path)/\(Self.recordName)"
    try SystemFile.remove("\(path)/\(Self.shardName)")
    var names = [Self.columnsName, Self.vectorsName]
    if let json = try? JSON(contentsOf: record) {
      for output in json["outputs"]?.arrayValue ?? [] {
        // Names as a run writes them; anything else was put there by somebody.
        if let name = output["file"]?.stringValue, !name.contains("/"), !name.hasPrefix(".") {
          names.append(name)
        }
      }
      try SystemFile.remove(record)
      SystemFile.syncFolder(path)
      for name in names { try SystemFile.remove("\(path)/\(name)") }
    }
    try removePartials()
  }

  /// Removes what a killed process left of files that it was writing.
  private func removePartials() throws {
    for folder in [path, work, vectorsFolder] where FileReading.kind(of: folder) == .folder {
      for name in try SystemFile.names(in: folder)
      where name.hasPrefix(".") && name.hasSuffix(".partial") {
        try SystemFile.remove("\(folder)/\(name)")
      }
    }
  }

  /// Removes the journal and all that belongs to it, but not the lock.
  func removeWork() throws {
    try removePartials()
    try SystemFile.remove(inputsPath)
    try SystemFile.remove(journalPath)
    if FileReading.kind(of: vectorsFolder) == .folder {
      for name in try SystemFile.names(in: vectorsFolder) where name.hasSuffix(".safetensors") {
        try SystemFile.remove("\(vectorsFolder)/\(name)")
      }
      SystemFile.removeFolderIfEmpty(vectorsFolder)
    }
  }

  /// Ends the work in the folder.
  func removeLock() {
    try? SystemFile.remove("\(work)/lock")
    SystemFile.removeFolderIfEmpty(work)
  }
}
