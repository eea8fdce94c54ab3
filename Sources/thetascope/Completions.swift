// What shells offer behind options: files by their endings, folders, and names that only a model, a folder of tasks or the
// dictionary knows, for which the shell asks this command.

import ArgumentParser
import HookPoints
import HookedModels
import ICLTasks
import Probes

extension CompletionKind {
  static let yaml = CompletionKind.file(extensions: ["yaml", "yml"])
  static let vectors = CompletionKind.file(extensions: ["safetensors"])
  static let captures = CompletionKind.file(extensions: ["npz", "safetensors", "csv"])
  static let positions = CompletionKind.list(["last", "all"] + Role.allCases.map(\.rawValue))
  static let templates = CompletionKind.list(PromptTemplate.presets.map(\.name))

  /// The tasks of --tasks, or of data/tasks.
  static let tasks = names { words in
    try TaskLibrary(folder: value(of: "--tasks", in: words) ?? "data/tasks").names
  }

  /// The hook points of --model, for every layer and one by one; before there is one, those that any model may have.
  static let hooks = names { words in
    guard let model = value(of: "--model", in: words) else {
      return BlockPoint.allCases.map { "blocks.*.\($0.rawValue)" }
    }
    let folder = try ModelFolder(path: model)
    let entries = folder.architecture.hookCatalog(model: folder.name).entries.map(\.name)
    let points = BlockPoint.allCases.filter { point in
      entries.contains { $0.layer != nil && "\($0)".hasSuffix(".\(point.rawValue)") }
    }
    return points.map { "blocks.*.\($0.rawValue)" } + entries.map { "\($0)" }
  }

  /// The words that `explain` knows.
  static let explained = names { _ in Set(DataDictionary.all.map(\.name)).sorted() }

  /// What `find` makes of the words on the command line; nothing where it fails, since nobody asked for a message.
  ///
  /// bash expands the words it is given, so that a task's file named `$(…)` would run: only names of plain characters are
  /// handed out.
  private static func names(_ find: @escaping @Sendable ([String]) throws -> [String])
    -> CompletionKind
  {
    .custom { words, _, _ in
      ((try? find(words)) ?? []).filter { name in
        name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-*/".contains($0)) }
      }
    }
  }

  private static func value(of option: String, in words: [String]) -> String? {
    for (index, word) in words.enumerated() {
      if word == option, index + 1 < words.count {
        // bash takes --model=x for three words.
        let next =
          words[index + 1] == "=" && index + 2 < words.count ? words[index + 2] : words[index + 1]
        return next.isEmpty ? nil : unquoted(next)
      }
      if word.hasPrefix(option + "=") { return unquoted(String(word.dropFirst(option.count + 1))) }
    }
    return nil
  }

  /// A word of a shell without the quotes around it.
  private static func unquoted(_ word: String) -> String {
    guard word.count > 1, let quote = word.first, "'\"".contains(quote), word.last == quote else {
      return word
    }
    return String(word.dropFirst().dropLast())
  }
}
