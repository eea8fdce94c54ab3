// YAML files as the libraries' neutral tree.

import CheckpointIO
import Yams

/// Reads a YAML file.
///
/// - Throws: `CheckpointError` where it cannot be read, `CommandError.badYAML` where it is no YAML.
func readYAML(_ path: String) throws -> JSON {
  let text = try FileReading.readText(path, limit: 16 << 20)
  do {
    guard let node = try Yams.compose(yaml: text) else { return .object([:]) }
    return try JSON(node, file: path)
  } catch let error as YamlError {
    throw CommandError.badYAML(file: path, fact: error.sentence)
  }
}

extension YamlError {
  /// What Yams says in several lines with a drawing, in one.
  fileprivate var sentence: String {
    switch self {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      "line \(mark.line), column \(mark.column): this is not YAML: \(problem)"
    case .reader(let problem, _, _, _): "this is not YAML: \(problem)"
    default:
      "this is not YAML: "
        + "\(self)".split(whereSeparator: \.isNewline).joined(separator: " ")
    }
  }
}

extension JSON {
  fileprivate init(_ node: Node, file: String) throws {
    switch node {
    case .mapping(let mapping):
      var object = JSONObject()
      for (key, value) in mapping {
        guard let name = key.string, object[name] == nil else {
          throw CommandError.badYAML(file: file, fact: "a key is repeated or is not a word")
        }
        object[name] = try JSON(value, file: file)
      }
      self = .object(object)
    case .sequence(let sequence): self = .array(try sequence.map { try JSON($0, file: file) })
    case .scalar(let scalar):
      if scalar.style == .singleQuoted || scalar.style == .doubleQuoted {
        self = .string(scalar.string)
      } else if let value = Int.construct(from: scalar) {
        self = .integer(value)
      } else if let value = Bool.construct(from: scalar) {
        self = .boolean(value)
      } else if let value = Double.construct(from: scalar) {
        self = .number(value)
      } else if NSNullCheck.isNull(scalar) {
        self = .null
      } else {
        self = .string(scalar.string)
      }
    }
  }
}

/// What YAML 1.2 takes for null.
private enum NSNullCheck {
  static func isNull(_ scalar: Node.Scalar) -> Bool {
    ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }
}

/// What can be wrong with what the command is given.
enum CommandError: Error, Equatable, CustomStringConvertible {
  case badYAML(file: String, fact: String)
  /// A key of a spec that nobody reads.
  case unknownKey(file: String, key: String, nearest: String?)
  /// A file that is no plan of reads and interventions.
  case badPlan(file: String, fact: String)
  /// A spec that leaves nothing to learn from.
  case noTasks(file: String)

  var description: String {
    switch self {
    case .badYAML(let file, let fact), .badPlan(let file, let fact): "\(file): \(fact)"
    case .unknownKey(let file, let key, let nearest):
      "\(file): key '\(key)': there is no such key"
        + (nearest.map { "; did you mean '\($0)'?" } ?? "")
    case .noTasks(let file): "\(file): no task is left to train on; name some under 'tasks'"
    }
  }
}
