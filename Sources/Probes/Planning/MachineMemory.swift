// What this machine is remembered to have done, in one file of the cache folder: how fast runs were, and the digests of
// large files. All of it can be thrown away at any time; nothing of it decides a result.

import CheckpointIO
import TensorCore

/// Speeds and digests of earlier runs on this machine.
public struct MachineMemory: Sendable {
  private let path: String
  private var speeds: JSONObject
  private var digests: JSONObject

  /// Reads what is there; a file that is not readable counts as none.
  public init(folder: String) {
    path = "\(folder)/machine.json"
    let stored = try? JSON(contentsOf: path)
    speeds = stored?["speeds"]?.objectValue ?? JSONObject()
    digests = stored?["digests"]?.objectValue ?? JSONObject()
  }

  /// Writes it; that it cannot be written is no error.
  public func save() {
    guard let slash = path.lastIndex(of: "/") else { return }
    let json: JSON = ["speeds": .object(speeds), "digests": .object(digests)]
    try? SystemFile.makeFolder(String(path[..<slash]))
    try? AtomicFile.write(json.serialized(pretty: true) + "\n", to: path)
  }
}

// MARK: Digests

extension MachineMemory {
  /// Remembers the digests of a run's files.
  public mutating func remember(_ inputs: RunInputs) {
    for file in inputs.files where !file.sha256.isEmpty {
      if let key = Self.key(of: file) { digests[key] = .string(file.sha256) }
    }
  }

  /// The inputs with remembered digests in place of those that were not read; nil where one is not known.
  public func completed(_ inputs: RunInputs) -> RunInputs? {
    inputs.completed { file in Self.key(of: file).flatMap { digests[$0]?.stringValue } }
  }

  private static func key(of file: InputFile) -> String? {
    guard let identity = file.identity, !file.path.isEmpty else { return nil }
    return ([SystemFile.absolute(file.path)] + identity.map(String.init)).joined(separator: " ")
  }
}

// MARK: Speeds

extension MachineMemory {
  /// What was done at which speed: cells of one group of one probe on one machine.
  public struct SpeedKey: Sendable, Hashable {
    let text: String

    /// - Parameter spec: the exact settings, or nil for any.
    init(_ inputs: RunInputs, group: String, _ environment: RunEnvironment, exact: Bool) {
      let spec = exact ? SHA256.digest(of: inputs.spec.withoutFolders.canonicalText.utf8) : "any"
      text = [
        environment.cpu, environment.instructionSet, "\(environment.threads) threads",
        inputs.precision, inputs.probe, group, spec,
      ].joined(separator: " · ")
    }
  }

  /// Remembers how long a group's cells took.
  public mutating func remember(
    _ work: Work, seconds: Double, of group: String, in inputs: RunInputs,
    on environment: RunEnvironment
  ) {
    for exact in [true, false] {
      speeds[SpeedKey(inputs, group: group, environment, exact: exact).text] = [
        "operations": .number(work.floatingPointOperations), "seconds": .number(seconds),
      ]
    }
  }

  /// Seconds for some operations at the speed of an earlier run of the same settings, or of any.
  func seconds(
    for operations: Double, of group: String, in inputs: RunInputs, on environment: RunEnvironment
  ) -> Double? {
    for exact in [true, false] {
      let entry = speeds[SpeedKey(inputs, group: group, environment, exact: exact).text]
      if let done = entry?["operations"]?.doubleValue, done > 0,
        let seconds = entry?["seconds"]?.doubleValue
      {
        return operations / done * seconds
      }
    }
    return nil
  }
}

extension RunInputs {
  /// Whether the digests of all files are known.
  public var isComplete: Bool { files.allSatisfy { !$0.sha256.isEmpty } }

  /// The same with digests for files that were not read; nil where one is not known.
  func completed(_ digest: (InputFile) -> String?) -> RunInputs? {
    var known: [InputFile] = []
    for file in files {
      guard file.sha256.isEmpty else {
        known.append(file)
        continue
      }
      guard let digest = digest(file) else { return nil }
      known.append(file.with(sha256: digest))
    }
    return try? RunInputs(probe: probe, spec: spec, files: known, precision: precision)
  }
}
