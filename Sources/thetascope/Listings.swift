// What there is: tokens of a prompt, hooks of a model, tasks, models, probes, and what a column means.

import ArgumentParser
import CheckpointIO
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
        thetascope tokens --model data/models/softmax --prompt 'France->Paris\nSpain->'
      """)

  @Option(help: "A folder with a tokenizer.") var model: String
  @Option(help: "The text; \\n stands for a new line.") var prompt: String
  @OptionGroup var encoding: EncodingOptions
  @OptionGroup var talk: QuietOption

  func run() throws {
    let encoder = try encoding.encoder(model)
    let given = try GivenPrompt(
      prompt.replacing("\\n", with: "\n"), template: encoding.resolvedTemplate(), encoder: encoder)
    let tokenizer = encoder.tokenizer
    let added = try encoder.promptTokens(given.text).map(\.bytes.isEmpty)
    print("position\tid\tpiece\trole")
    for (position, id) in given.tokens.enumerated() {
      let piece = (tokenizer.piece(id) ?? "").replacing("\n", with: "\\n")
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
      print("\(position)\t\(id)\t\(piece)\t\(roles.joined(separator: " "))")
    }
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

  @Option(help: "A Hugging Face folder.") var model: String
  @Option(help: "Only the hook points that this name means.") var name: String?
  @OptionGroup var talk: QuietOption

  func run() throws {
    let folder = try ModelFolder(path: model)
    let catalog = folder.architecture.hookCatalog(model: folder.name)
    let wanted = try name.map { Set(try catalog.resolve($0)) }
    for entry in catalog.entries where wanted?.contains(entry.name) ?? true {
      var widths = entry.widths.makeIterator()
      let axes = entry.axes.map { axis in
        axis.isFixed
          ? widths.next().map { "\(axis.rawValue) \($0)" } ?? axis.rawValue : axis.rawValue
      }
      print("\(entry.name)\t[\(axes.joined(separator: ", "))]\t\(entry.name.meaning)")
    }
  }
}

struct Tasks: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List the tasks.")

  @Option(help: "The folder with the tasks.") var folder = "data/tasks"
  @OptionGroup var talk: QuietOption

  func run() throws {
    for task in try TaskLibrary(folder: folder).tasks {
      let example = task.pairs.first.map { "\($0.input) -> \($0.output)" } ?? ""
      print("\(task.name)\t\(task.category)\t\(task.pairs.count) pairs\t\(example)")
    }
  }
}

struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the models of a folder: one folder each.")

  @Option(help: "The folder.") var folder = "data/models"
  @OptionGroup var talk: QuietOption

  func run() throws {
    for name in try FileReading.names(in: folder).sorted()
    where FileReading.kind(of: "\(folder)/\(name)/config.json") == .file {
      let model = try ModelFolder(path: "\(folder)/\(name)")
      let architecture = model.architecture
      print(
        "\(folder)/\(name)\t\(architecture.family)\t\(architecture.attentionName)\t"
          + "\(architecture.layers) layers\t\(architecture.parameterCount) parameters")
    }
  }
}

struct ProbesList: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probes", abstract: "List the probes.")

  @OptionGroup var talk: QuietOption

  func run() {
    for probe in ProbeRegistry.all { print("\(probe.name)\t\(probe.about)") }
  }
}
