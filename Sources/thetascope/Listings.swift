// What there is: tokens of a prompt, hooks of a model, tasks, models, probes, and what a column means.

import ArgumentParser
import CheckpointIO
import Foundation
import HookPoints
import HookedModels
import ICLTasks
import Probes
import TensorCore
import Tokenization

struct Tokens: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the tokens of a prompt: position, id, piece, role.",
    discussion: """
      Roles are those that hooks can be addressed by; they come from the template that the prompt is written in.

      Example:
        thetascope tokens --model data/models/softmax --prompt 'a->b\\nc->'
      """)

  @Option(help: "A folder with a tokenizer.", completion: .directory) var model: String
  @Option(help: "The text; \\n stands for a new line.") var prompt: String
  @OptionGroup var encoding: EncodingOptions
  @OptionGroup var talk: QuietOption

  func run() throws {
    let encoder = try encoding.encoder(model)
    let given = try GivenPrompt(
      prompt.replacing("\\n", with: "\n"), template: encoding.resolvedTemplate(), encoder: encoder)
    let tokenizer = encoder.tokenizer
    let added = try encoder.promptTokens(given.text).map(\.bytes.isEmpty)
    var rows: [[String]] = []
    for (position, id) in given.tokens.enumerated() {
      let piece = oneLine(tokenizer.piece(id) ?? "")
      var roles: [String] = Role.allCases.flatMap { role -> [String] in
        let places = given.roles[role] ?? []
        return places.indices.filter { places[$0] == position }.map {
          role == .query ? "query" : "\(role.rawValue)[\($0)]"
        }
      }
      if added[position] {
        roles.append(id == tokenizer.beginningOfSequence ? "bos" : "added")
      }
      if position == given.tokens.count - 1 { roles.append("last") }
      rows.append(["\(position)", "\(id)", piece, roles.joined(separator: " ")])
    }
    printList(["position", "id", "piece", "role"], rows, headerAlways: true)
  }
}

struct Hooks: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the hook points of a model: name, shape, what it is; touches no weights.",
    discussion: """
      Names of TransformerLens's bridge, pyvene, nnterp and interp-engine are understood where they mean one of \
      these; --name says which, or why a name is refused.

      Examples:
        thetascope hooks --model data/models/linear
        thetascope hooks --model gpt2 --name layers_output[2]
      """)

  @Option(help: "A Hugging Face folder.", completion: .directory) var model: String
  @Option(help: "Only the hook points that this name means.", completion: .hooks) var name: String?
  @OptionGroup var talk: QuietOption

  func run() throws {
    let folder = try ModelFolder(path: model)
    let catalog = folder.architecture.hookCatalog(model: folder.name)
    let wanted = try name.map { Set(try catalog.resolve($0)) }
    let entries = catalog.entries.filter { wanted?.contains($0.name) ?? true }
    let rows = entries.map { entry in
      var widths = entry.widths.makeIterator()
      let axes = entry.axes.map { axis in
        axis.isFixed
          ? widths.next().map { "\(axis.rawValue) \($0)" } ?? axis.rawValue : axis.rawValue
      }
      return ["\(entry.name)", "[\(axes.joined(separator: ", "))]", entry.name.meaning]
    }
    printList(["hook", "shape", "meaning"], rows)
  }
}

struct Tasks: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the tasks: name, category, how many pairs, the first of them.",
    discussion: """
      One line each, with tabs between the columns where the output is no terminal.

      Examples:
        thetascope tasks
        thetascope tasks --folder my-tasks | cut -f 1
      """)

  @Option(help: "The folder with the tasks.", completion: .directory) var folder = "data/tasks"
  @OptionGroup var talk: QuietOption

  func run() throws {
    let library = try TaskLibrary(folder: folder)
    // Generated tasks are there whatever the folder holds.
    guard !library.files.isEmpty else {
      throw RunError.missing(
        file: folder, fact: "there is no task here; a task is a .json file with its pairs")
    }
    let rows = library.tasks.map { task in
      let example = task.pairs.first.map { oneLine("\($0.input) -> \($0.output)") } ?? ""
      return [task.name, task.category, "\(task.pairs.count)", example]
    }
    printList(["task", "category", "pairs", "example"], rows)
  }
}

struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the models of a folder: one folder each.",
    discussion: """
      Only headers are read. A folder that cannot be used is listed too, and why is said on stderr.

      Examples:
        thetascope models
        thetascope models --folder /scratch/checkpoints
      """)

  @Option(help: "The folder.", completion: .directory) var folder = "data/models"
  @OptionGroup var talk: QuietOption

  func run() throws {
    let names = try FileReading.names(in: folder).sorted().filter {
      FileReading.kind(of: "\(folder)/\($0)/config.json") == .file
    }
    guard !names.isEmpty else {
      throw RunError.missing(
        file: folder,
        fact: "there is no model here; one is a folder in this folder, with a config.json")
    }
    let rows = try names.map { name in
      let path = "\(folder)/\(name)"
      do {
        let architecture = try ModelFolder(path: path).architecture
        return [
          path, architecture.family, architecture.attentionName, "\(architecture.layers)",
          "\(architecture.parameterCount)",
        ]
      } catch {
        // One folder that cannot be used should not hide the others.
        guard let failure = Failure(error) else { throw error }
        if !talk.quiet { thetascope.talk("thetascope: \(failure.sentence)") }
        return [path, "cannot be used", "", "", ""]
      }
    }
    printList(["model", "family", "attention", "layers", "parameters"], rows)
    if rows.allSatisfy({ $0[1] == "cannot be used" }) {
      throw RunError.missing(file: folder, fact: "no model here can be used")
    }
  }
}

struct ProbesList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probes",
    abstract:
      "List the probes: what a probe file's key `probe` can be; shipped files are in probes/.",
    discussion: """
      Example:
        thetascope probes
      """)

  @OptionGroup var talk: QuietOption

  func run() {
    printList(["probe", "about"], ProbeRegistry.all.map { [$0.name, $0.about] })
  }
}

/// A text with its line breaks and tabs written out.
private func oneLine(_ text: String) -> String {
  text.replacing("\n", with: "\\n").replacing("\t", with: "\\t")
}

/// Prints a line a row: on a terminal under headers and aligned; elsewhere with tabs.
func printList(_ headers: [String], _ rows: [[String]], headerAlways: Bool = false) {
  guard isatty(1) == 1 else {
    for row in (headerAlways ? [headers] : []) + rows { print(row.joined(separator: "\t")) }
    return
  }
  var table = TextTable(headers: headers)
  for row in rows { table.append(row) }
  for line in table.lines(on: .data) { print(line) }
}
