// What decides a run's numbers, and the name that follows from it.

import CheckpointIO

/// A file that a run reads, by its contents.
public struct InputFile: Sendable, Equatable {
  /// What a file is to the run.
  public enum Role: String, Sendable, CaseIterable {
    case checkpoint, tokenizer, data
  }

  /// What the file is to the run.
  public let role: Role
  /// What messages and run.json call it: `ts-softmax/model.safetensors`. Never the folders above.
  public let name: String
  /// 64 hexadecimal digits; empty where the file was not read, in a rehearsal.
  public private(set) var sha256: String
  /// In bytes.
  public let size: Int
  /// Empty for contents that are in no file.
  let path: String
  /// What changes when the file does: device, inode, size and time.
  let identity: [Int]?

  /// Reads the file at `path` and computes its digest.
  ///
  /// - Throws: `CheckpointError` where it cannot be read.
  public init(_ role: Role, named name: String, at path: String) throws {
    // Before the bytes, so that a change while they are read shows at the end.
    identity = SystemFile.identity(of: path)
    (sha256, size) = try SHA256.digest(ofFile: path)
    self.role = role
    self.name = name
    self.path = path
  }

  /// The file at `path` without its digest.
  ///
  /// - Throws: `RunError.missing`.
  init(_ role: Role, named name: String, unread path: String) throws {
    guard let size = SystemFile.size(of: path) else {
      throw RunError.missing(file: path, fact: "there is no such file")
    }
    identity = SystemFile.identity(of: path)
    (sha256, self.size) = ("", size)
    self.role = role
    self.name = name
    self.path = path
  }

  /// The same file with a digest that is known from before.
  func with(sha256: String) -> InputFile {
    var file = self
    file.sha256 = sha256
    return file
  }

  /// Contents that are not in a file of their own, such as a generated task.
  public init(_ role: Role, named name: String, contents: some Collection<UInt8>) {
    sha256 = SHA256.digest(of: contents)
    size = contents.count
    self.role = role
    self.name = name
    path = ""
    identity = nil
  }

  /// - Throws: `RunError.changed` when the file is no longer the one that was read.
  func verifyUnchanged() throws {
    guard let identity, SystemFile.identity(of: path) != identity else { return }
    throw RunError.changed(
      file: path, fact: "the file was changed while the run used it; run again on files at rest")
  }

  /// The same contents in the same role; where the file lies does not matter.
  public static func == (left: InputFile, right: InputFile) -> Bool {
    (left.role, left.name, left.sha256, left.size)
      == (right.role, right.name, right.sha256, right.size)
  }
}

/// Everything that decides what a run computes: its spec, the contents of its files and the precision.
///
/// Not the version of the program, threads, paths or shard: they change no bit, or are written beside it.
public struct RunInputs: Sendable, Equatable {
  /// The probe's name.
  public let probe: String
  /// The probe file with overrides and overlay.
  public let spec: ResolvedSpec
  /// Sorted by role and name.
  public let files: [InputFile]
  /// `f32` or `bf16`.
  public let precision: String

  /// - Parameters:
  ///   - probe: the probe's name.
  ///   - spec: the probe file with overrides and overlay.
  ///   - files: checkpoint, tokenizer and data; the same one twice counts once.
  ///   - precision: `f32`, `bf16`, or `f64` for a probe without checkpoints.
  /// - Throws: `RunError.invalidInput` when two different files have the same role and name, since rows
  ///   about them could not be told apart.
  public init(probe: String, spec: ResolvedSpec, files: [InputFile], precision: String) throws {
    self.probe = probe
    self.spec = spec
    self.precision = precision
    var sorted: [InputFile] = []
    for file in files.sorted(by: Self.precedes) where sorted.last != file {
      if let last = sorted.last, last.role == file.role, last.name == file.name {
        throw RunError.invalidInput(
          subject: file.name,
          fact:
            "two different \(file.role.rawValue) files have this name; rename one of their folders")
      }
      sorted.append(file)
    }
    self.files = sorted
  }

  /// The first 16 hexadecimal digits of the SHA-256 of `canonicalText`.
  public var runID: String { String(SHA256.digest(of: canonicalText.utf8).prefix(16)) }

  /// The run's identity in its tables.
  public var identity: RunIdentity { RunIdentity(runID: runID, probe: probe) }

  /// What is hashed: the canonical JSON of `{"files": [{"name", "role", "sha256"}], "precision", "probe",
  /// "spec"}`, the spec with the last component of every path.
  public var canonicalText: String { json.canonicalText }

  /// What is stored beside an unfinished run and in run.json.
  package var json: JSON {
    [
      "probe": .string(probe), "precision": .string(precision), "spec": spec.withoutFolders,
      "files": .array(
        files.map { file in
          [
            "role": .string(file.role.rawValue), "name": .string(file.name),
            "sha256": .string(file.sha256),
          ]
        }),
    ]
  }

  /// What differs from stored inputs, in words; empty when nothing does.
  package func differences(from stored: JSON) -> [String] {
    let own = json
    let differences =
      TreeDifference.all(own["probe"], stored["probe"], at: "probe")
      + TreeDifference.all(own["precision"], stored["precision"], at: "precision")
      + TreeDifference.all(own["spec"], stored["spec"])
    var found = differences.map { "\($0.key) was \($0.second), is \($0.first)" }
    var then: [String: String] = [:]
    for file in stored["files"]?.arrayValue ?? [] {
      if let role = file["role"]?.stringValue, let name = file["name"]?.stringValue {
        then["\(role) \(name)"] = file["sha256"]?.stringValue
      }
    }
    for file in files {
      let name = "\(file.role.rawValue) \(file.name)"
      switch then.removeValue(forKey: name) {
      case file.sha256: break
      case nil: found.append("\(name) was not among the files")
      case _?: found.append("\(name) has other contents")
      }
    }
    for name in then.keys.sorted() { found.append("\(name) is no longer among the files") }
    return found
  }

  private static func precedes(_ left: InputFile, _ right: InputFile) -> Bool {
    let roles = InputFile.Role.allCases
    let (a, b) = (roles.firstIndex(of: left.role), roles.firstIndex(of: right.role))
    if let a, let b, a != b { return a < b }
    if left.name.utf8.elementsEqual(right.name.utf8) { return left.sha256 < right.sha256 }
    return left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
  }
}
