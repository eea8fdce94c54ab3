// Everything that can be wrong with a file from outside, as one sentence each.
// A message names the file, the fact found, and what was expected or what to do about it.
// Text taken from the file is quoted by `Excerpt`, so that a hostile name cannot garble a terminal.

/// What is wrong with a file.
public enum CheckpointError: Error, Equatable, CustomStringConvertible {
  /// There is no such file or folder, or it lacks what it must hold.
  case missing(file: String, fact: String)
  /// The system would not open, read or map the file.
  case unreadable(file: String, fact: String)
  /// The file is not JSON as RFC 8259 defines it. `line` and `column` count from 1, in characters.
  case invalidJSON(file: String, fact: String, byteOffset: Int, line: Int, column: Int)

  /// The file that is at fault.
  public var file: String {
    switch self {
    case .missing(let file, _), .unreadable(let file, _), .invalidJSON(let file, _, _, _, _):
      file
    }
  }

  /// How a command should take it: the three have exit statuses of their own.
  public enum Kind: Sendable, Equatable {
    case missingFile, badData, writeFailed
  }

  public var kind: Kind {
    switch self {
    case .missing, .unreadable: .missingFile
    case .invalidJSON: .badData
    }
  }

  public var description: String {
    switch self {
    case .missing(let file, let fact), .unreadable(let file, let fact):
      "\(file): \(fact)"
    case .invalidJSON(let file, let fact, let byteOffset, let line, let column):
      "\(file): line \(line), column \(column) (byte \(byteOffset)): \(fact)"
    }
  }
}
