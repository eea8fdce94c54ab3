// Everything that can be wrong with a file from outside, as one sentence each.
// A message names the file, the fact found, and what was expected or what to do about it.
// Text taken from the file is quoted by `Excerpt`, so that a hostile name cannot garble a terminal.

/// What is wrong with a file.
public enum CheckpointError: Error, Equatable, CustomStringConvertible {
  /// There is no such file or folder, or a folder lacks what it must hold.
  case missing(file: String, fact: String)
  /// The system would not open, read or map the file.
  case unreadable(file: String, fact: String)
  /// The file is not JSON as RFC 8259 defines it. `line` and `column` count from 1, in characters.
  case invalidJSON(file: String, fact: String, byteOffset: Int, line: Int, column: Int)
  /// The file is not safetensors.
  case invalidSafetensors(file: String, fact: String)
  /// The file is no `.npy` or `.npz` that is read here.
  case invalidNumPy(file: String, fact: String)
  /// The files of a folder do not belong together, or are of a kind that is not read here.
  case invalidFolder(file: String, fact: String)
  /// A key of a configuration has no value, or one that is not supported.
  case invalidConfiguration(file: String, key: String, found: String, expected: String)
  /// There is no tensor of that name.
  case missingTensor(file: String, tensor: String)
  /// A tensor is not what the model needs; e.g. found `shape [2, 3]`, expected `[3, 2]`.
  case wrongTensor(file: String, tensor: String, found: String, expected: String)
  /// The file became another one while it was in use.
  case changed(file: String, fact: String)
  /// The file could not be written; what was there before is untouched.
  case cannotWrite(file: String, fact: String)

  /// How a command should take it: the three have exit statuses of their own.
  public enum Kind: Sendable, Equatable {
    case missingFile, badData, writeFailed
  }

  /// How a command should take it.
  public var kind: Kind {
    switch self {
    case .missing, .unreadable: .missingFile
    case .cannotWrite: .writeFailed
    default: .badData
    }
  }

  /// The file that is at fault.
  public var file: String {
    switch self {
    case .missing(let file, _), .unreadable(let file, _), .invalidJSON(let file, _, _, _, _),
      .invalidSafetensors(let file, _), .invalidNumPy(let file, _), .invalidFolder(let file, _),
      .invalidConfiguration(let file, _, _, _), .missingTensor(let file, _),
      .wrongTensor(let file, _, _, _), .changed(let file, _), .cannotWrite(let file, _):
      file
    }
  }

  public var description: String {
    switch self {
    case .missing(let file, let fact), .unreadable(let file, let fact),
      .invalidSafetensors(let file, let fact), .invalidNumPy(let file, let fact),
      .invalidFolder(let file, let fact), .changed(let file, let fact),
      .cannotWrite(let file, let fact):
      "\(file): \(fact)"
    case .invalidJSON(let file, let fact, let byteOffset, let line, let column):
      "\(file): line \(line), column \(column) (byte \(byteOffset)): \(fact)"
    case .invalidConfiguration(let file, let key, let found, let expected):
      "\(file): \(Excerpt.quoted(key)) is \(found), expected \(expected)"
    case .missingTensor(let file, let tensor):
      "\(file): there is no tensor \(Excerpt.quoted(tensor))"
    case .wrongTensor(let file, let tensor, let found, let expected):
      "\(file): tensor \(Excerpt.quoted(tensor)) has \(found), expected \(expected)"
    }
  }
}
