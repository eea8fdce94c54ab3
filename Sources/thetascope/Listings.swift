// What there is: tokens of a prompt, hooks of a model, tasks, models, probes, and what a column means.

import ArgumentParser
import CheckpointIO
import HookedModels
import ICLTasks
import Probes
import TensorCore
import Tokenization

struct Tokens: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the tokens of a prompt: position, id, piece, role.")

  @Option(help: "A folder with a tokenizer.") var model: String
  @Option(help: "The text.") var prompt: String
  @Option(help: "auto, always or never.") var bos = BOSPolicy.auto

  func run() throws {
    let tokenizer = try Tokenizer.load(folder: model)
    let ids = try tokenizer.prompt(prompt, bos: bos)
    print("position\tid\tpiece\trole")
    for (position, id) in ids.enumerated() {
      let piece = (tokenizer.piece(id) ?? "").replacing("\n", with: "\\n")
      let role =
        id == tokenizer.beginningOfSequence ? "bos" : position == ids.count - 1 ? "last" : ""
      print("\(position)\t\(id)\t\(piece)\t\(role)")
    }
  }
}

extension BOSPolicy: ExpressibleByArgument {}

struct Hooks: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the hook points of a model with their shapes; touches no weights.")

  @Option(help: "A Hugging Face folder.") var model: String

  func run() throws {
    let folder = try ModelFolder(path: model)
    for entry in folder.architecture.hookCatalog(model: folder.name).entries {
      var widths = entry.widths.makeIterator()
      let axes = entry.axes.map { axis in
        axis.isFixed
          ? widths.next().map { "\(axis.rawValue) \($0)" } ?? axis.rawValue : axis.rawValue
      }
      print("\(entry.name)\t[\(axes.joined(separator: ", "))]")
    }
  }
}

struct Tasks: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List the tasks.")

  @Option(help: "The folder with the tasks.") var folder = "data/tasks"

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

  func run() {
    for probe in ProbeRegistry.all { print("\(probe.name)\t\(probe.about)") }
  }
}
