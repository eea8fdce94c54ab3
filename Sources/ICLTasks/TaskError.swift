// What can be wrong with tasks, templates, prompts and samples: one sentence each.
//
// Errors of the JSON syntax itself (a missing brace, a repeated key) come from CheckpointIO.

import CheckpointIO
import HookPoints

/// An error about a task file, a template, a prompt or a sample.
public enum TaskError: Error, Equatable, Sendable {
  /// The folder cannot be listed. (A file that cannot be read is CheckpointIO's error.)
  case unreadable(path: String, reason: String)
  /// A value of the wrong type or form at a place of a file.
  case wrongValue(file: String, place: String, found: String, expected: String)
  /// A key that the format does not have.
  case unknownKey(file: String, place: String, key: String, known: [String])
  /// A key that the format requires.
  case missingKey(file: String, place: String, key: String)
  /// An empty text, or one of blanks only.
  case emptyText(file: String, place: String)
  /// A text with blanks at its ends.
  case paddedText(file: String, place: String, text: String)
  /// A control character, given as its code point.
  case controlCharacter(file: String, place: String, codePoint: UInt32)
  /// The same pair twice.
  case repeatedPair(file: String, input: String, first: Int, second: Int)
  /// The same input with two different outputs.
  case contradiction(file: String, input: String, first: Int, second: Int, outputs: [String])
  /// Two tasks of one name.
  case repeatedTask(name: String, first: String, second: String)
  /// A task, template or other named thing that does not exist.
  case unknownName(kind: String, name: String, known: [String], folder: String? = nil)
  /// A template that does not say where the input and the output go.
  case badTemplate(template: String, problem: String)
  /// A text that the tokenizer cannot turn into the tokens a prompt needs.
  case inexpressible(prompt: String, problem: String)
  /// A task with too few pairs for the sample that was asked for.
  case tooFewPairs(task: String, found: Int, needed: Int, why: String)
}

extension TaskError: CustomStringConvertible {
  /// One sentence: which file or name, what was found, what was expected.
  public var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "\(path): the folder cannot be listed: \(reason)"
    case .wrongValue(let file, let place, let found, let expected):
      "\(file): \(place): found \(found), expected \(expected)"
    case .unknownKey(let file, let place, let key, let known):
      "\(file): \(place): unknown key \(Excerpt.quoted(key))\(Self.hint(key, known, plural: "keys"))"
    case .missingKey(let file, let place, let key):
      "\(file): \(place): the key '\(key)' is missing"
    case .emptyText(let file, let place):
      "\(file): \(place): the text is empty, expected at least one visible character"
    case .paddedText(let file, let place, let text):
      "\(file): \(place): \(Excerpt.quoted(text)) begins or ends with a blank, expected no blanks at the ends"
    case .controlCharacter(let file, let place, let codePoint):
      "\(file): \(place): the text contains the control character U+\(Self.hexadecimal(codePoint)), "
        + "expected printable text"
    case .repeatedPair(let file, let input, let first, let second):
      "\(file): pairs[\(second)]: the input \(Excerpt.quoted(input)) is given again with the same output as in "
        + "pairs[\(first)], expected every input once"
    case .contradiction(let file, let input, let first, let second, let outputs):
      "\(file): pairs[\(second)]: the input \(Excerpt.quoted(input)) has the output "
        + "\(Excerpt.quoted(outputs.last ?? "")), and \(Excerpt.quoted(outputs.first ?? "")) in "
        + "pairs[\(first)]; put further right answers under 'accept'"
    case .repeatedTask(let name, let first, let second):
      "\(second): the task '\(name)' exists already in \(first), expected every name once"
    case .unknownName(let kind, let name, let known, let folder):
      "there is no \(kind) \(Excerpt.quoted(name))\(folder.map { " in \($0)" } ?? "")\(Self.hint(name, known, plural: "\(kind)s"))"
    case .badTemplate(let template, let problem):
      "the template \(Excerpt.quoted(template)): \(problem)"
    case .inexpressible(let prompt, let problem):
      "the prompt \(Excerpt.quoted(prompt)): \(problem)"
    case .tooFewPairs(let task, let found, let needed, let why):
      "the task '\(task)' has \(found) usable \(found == 1 ? "pair" : "pairs"), expected at least \(needed): \(why)"
    }
  }

  private static func hint(_ name: String, _ known: [String], plural: String) -> String {
    if let nearest = nearName(to: name, among: known) {
      return "; did you mean '\(nearest)'?"
    }
    if known.isEmpty { return "; there are no \(plural) at all" }
    if known.count > 12 { return "; there are \(known.count) \(plural), none of a similar name" }
    return "; the \(plural) are \(known.joined(separator: ", "))"
  }

  private static func hexadecimal(_ codePoint: UInt32) -> String {
    let digits = String(codePoint, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}

extension TaskError {
  /// How a command should take it: a folder that cannot be listed is a missing file, all else is bad
  /// data.
  public var kind: CheckpointError.Kind {
    if case .unreadable = self { .missingFile } else { .badData }
  }
}
