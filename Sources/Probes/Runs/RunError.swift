// Everything that can be wrong with what a user asks of a run, one sentence each, with the exit status
// that the command ends with.

/// What went wrong outside the code: subject, fact, remedy.
public enum RunError: Error, Equatable, CustomStringConvertible {
  /// A key of a probe file has a wrong value, is missing, or is not known.
  case invalidSpec(file: String, key: String, fact: String)
  /// A `--set` does not read as KEY=VALUE, or names no key.
  case invalidOverride(text: String, fact: String)
  /// A name that is in no table's vocabulary; `kind` says of what.
  case unknownName(String, near: String?, kind: String)
  /// A CSV is not as a run writes it; lines count from 1.
  case invalidTable(file: String, line: Int, fact: String)
  /// What a probe was given cannot be worked on (no task is left, two models have one name).
  case invalidInput(subject: String, fact: String)
  /// A file that a run needs is not there.
  case missing(file: String, fact: String)
  /// A file became another one between the beginning of a run and its end, or its continuation.
  case changed(file: String, fact: String)
  /// A run cannot begin in a folder as it stands.
  case refused(folder: String, fact: String, remedy: String)
  /// Another process works on a run or a training in the folder.
  case inUse(folder: String)
  /// The journal of a run is not as it was written.
  case damagedJournal(file: String, fact: String)
  /// A file or folder could not be written.
  case cannotWrite(file: String, fact: String)
  /// The run was stopped; what is finished is kept.
  case interrupted(folder: String, finished: Int, total: Int)

  /// The status that the command exits with.
  public var exitStatus: Int32 {
    switch self {
    case .invalidOverride, .unknownName, .refused: 64
    case .invalidSpec, .invalidTable, .invalidInput, .changed, .damagedJournal: 65
    case .missing: 66
    case .inUse, .cannotWrite: 74
    case .interrupted: 130
    }
  }

  public var description: String {
    switch self {
    case .invalidSpec(let file, let key, let fact):
      "\(file): \(key.isEmpty ? "" : "key '\(key)': ")\(fact)"
    case .invalidOverride(let text, let fact): "--set \(text): \(fact)"
    case .unknownName(let name, let near, let kind):
      "there is no \(kind) '\(name)'"
        + (near.map { "; the nearest is '\($0)'" } ?? "; `thetascope explain` lists all")
    case .invalidTable(let file, let line, let fact): "\(file): line \(line): \(fact)"
    case .invalidInput(let subject, let fact): "\(subject): \(fact)"
    case .missing(let file, let fact), .changed(let file, let fact),
      .damagedJournal(let file, let fact), .cannotWrite(let file, let fact):
      "\(file): \(fact)"
    case .refused(let folder, let fact, let remedy): "\(folder): \(fact); \(remedy)"
    case .inUse(let folder):
      "\(folder): another process is working in this folder; wait for it or choose another --out"
    case .interrupted(let folder, let finished, let total):
      "\(folder): stopped after \(finished) of \(total) cells; the same command with --resume continues"
    }
  }
}
