// YAML files as the libraries' neutral tree.

import CheckpointIO
import Yams

/// Reads a YAML file.
///
/// - Throws: `CheckpointError` where it cannot be read, `CommandError.badYAML` where it is no YAML.
func readYAML(_ path: String) throws -> JSON {
  let text = try FileReading.readText(path, limit: InputLimits.yamlFile)
  guard nestsAtMost(InputLimits.yamlDepth, text) else {
    throw CommandError.badYAML(
      file: path, fact: "brackets or indentation deeper than the limit of \(InputLimits.yamlDepth)")
  }
  do {
    guard let node = try Yams.compose(yaml: text) else { return .object([:]) }
    var values = 0
    return try JSON(node, file: path, depth: 0, values: &values)
  } catch let error as YamlError {
    throw CommandError.badYAML(file: path, fact: error.sentence(text))
  }
}

extension YamlError {
  /// What Yams says in several lines with a drawing, in one.
  fileprivate func sentence(_ text: String) -> String {
    switch self {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      "line \(mark.line), column \(mark.column): this is not YAML: \(problem)"
        + (text.contains("\t") ? "; there are tabs in the file, where YAML has blanks" : "")
    case .reader(let problem, _, _, _): "this is not YAML: \(problem)"
    default:
      "this is not YAML: "
        + "\(self)".split(whereSeparator: \.isNewline).joined(separator: " ")
    }
  }
}

/// Whether collections lie at most so deep in one another, by a bound that needs no parser, since Yams goes down as deep
/// as the text does: each bracket counts, and each indicator of a block collection on one line.
private func nestsAtMost(_ depth: Int, _ text: String) -> Bool {
  var (brackets, indicators, columns) = (0, 0, [Int]())
  for line in text.utf8.split(separator: 0x0A) {
    let indent = line.prefix { $0 == 0x20 || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "?") }
    indicators = indent.count { $0 != 0x20 }
    while let last = columns.last, last >= indent.count { columns.removeLast() }
    columns.append(indent.count)
    for byte in line {
      if byte == UInt8(ascii: "[") || byte == UInt8(ascii: "{") { brackets += 1 }
      if byte == UInt8(ascii: "]") || byte == UInt8(ascii: "}") { brackets = max(0, brackets - 1) }
      if brackets + indicators + columns.count > depth { return false }
    }
  }
  return true
}

extension JSON {
  /// - Parameter values: how many there were so far, aliases written out.
  fileprivate init(_ node: Node, file: String, depth: Int, values: inout Int) throws {
    values += 1
    guard values <= InputLimits.yamlValues else {
      throw CommandError.badYAML(
        file: file,
        fact: "with its aliases written out it has more values than the limit of "
          + "\(InputLimits.yamlValues)")
    }
    guard depth <= InputLimits.yamlDepth else {
      throw CommandError.badYAML(
        file: file, fact: "values deeper in one another than the limit of \(InputLimits.yamlDepth)")
    }
    func inner(_ node: Node) throws -> JSON {
      try JSON(node, file: file, depth: depth + 1, values: &values)
    }
    switch node {
    case .mapping(let mapping):
      var object = JSONObject()
      for (key, value) in mapping {
        let place = key.mark.map { "line \($0.line): " } ?? ""
        guard let name = key.string else {
          throw CommandError.badYAML(
            file: file, fact: "\(place)a key is a list or has keys itself, expected a word")
        }
        guard object[name] == nil else {
          throw CommandError.badYAML(
            file: file, fact: "\(place)the key \(Excerpt.quoted(name)) is there twice; keep one")
        }
        object[name] = try inner(value)
      }
      self = .object(object)
    case .sequence(let sequence): self = .array(try sequence.map { try inner($0) })
    case .scalar(let scalar):
      if scalar.style == .singleQuoted || scalar.style == .doubleQuoted {
        self = .string(scalar.string)
      } else if let value = Int.construct(from: scalar) {
        self = .integer(value)
      } else if let value = Bool.construct(from: scalar) {
        self = .boolean(value)
      } else if let value = Double.construct(from: scalar) {
        guard value.isFinite else {
          throw CommandError.badYAML(
            file: file, fact: "\(Excerpt.quoted(scalar.string)) is not a finite number")
        }
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
