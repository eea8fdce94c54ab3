// thetascope train: a small model from a spec.

import ArgumentParser
import CheckpointIO
import Foundation
import HookPoints
import ICLTasks
import Probes
import TensorCore

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a small model on prompts of tasks, from a spec.",
    discussion: """
      Writes a folder that every other command takes as a model, training.csv beside it. The same command continues a \
      training that was stopped, to the same bytes.

      Examples:
        thetascope train data/models/linear/train.yaml --out runs/mine
        thetascope train spec.yaml --tasks my-tasks --out runs/mine --threads 1
      """)

  @Argument(help: "The spec, a YAML file.", completion: .yaml) var spec: String
  @Option(help: "The folder for the model.", completion: .directory) var out: String
  @Option(help: "The folder with the tasks.", completion: .directory) var tasks = "data/tasks"
  @OptionGroup var common: CommonOptions

  func run() throws {
    let file = spec
    let tree = try readYAML(file)
    var reader = try ConfigReader(json: tree, file: file)
    let spec = try TrainingSpec(reading: &reader)
    try refuseUnknownKeys(of: tree, below: "", known: reader.keysRead + ["tasks"], file: file)
    let library = try TaskLibrary(folder: tasks)
    var chosen = try spec.tasks.map { try $0.map { try library.task(named: $0) } } ?? library.tasks
    for path in spec.classification {
      let dataset = try ClassificationDataset(contentsOf: path)
      let labels = Set(dataset.examples.map(\.label)).sorted()
      let template = ClassificationTemplate(
        name: dataset.name, prompt: .arrow, labels: labels.map { .init($0, $0) })
      chosen.append(try template.task(of: dataset, split: "train"))
    }
    guard !chosen.isEmpty else { throw CommandError.noTasks(file: file) }
    do {
      try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
    } catch {
      throw CheckpointError.cannotWrite(
        file: out, fact: "the folder cannot be made; choose another --out")
    }
    // A checkpoint continues only with the same spec and the same tasks.
    var inputs = SHA256()
    inputs.update("\(spec)".utf8)
    for task in chosen { inputs.update(task.digestBytes) }
    var training = try TrainingRun(
      spec, tasks: chosen, inputs: inputs.digest, folder: out, context: common.context)
    let start = Date()
    var before = 0
    let progress = ProgressPrinter(common, unit: "steps")
    func say(_ line: String) {
      progress.end()
      common.say(line)
    }
    let isFinished = try training.run(
      shouldStop: { Interruption.isRequested },
      report: { event in
        switch event {
        case .resumed(let step):
          before = step
          say("resumed after step \(step)")
        case .step(let step, let total, let loss):
          progress.show(
            RunProgress(
              finished: step, resumed: before, total: total, costBefore: Double(before),
              costNow: Double(step - before), costTotal: Double(total),
              elapsed: Date().timeIntervalSince(start)),
            title: String(format: "loss %.4f", loss))
        case .evaluated(let step, let zeroShot, let inContext, let patched):
          say(
            String(
              format: "step %d: zero-shot %.3f, in-context %.3f, patched ", step, zeroShot,
              inContext)
              + patched.map { String(format: "%.3f", $0) }.joined(separator: " "))
        case .taskVectorLossBegins(let step): say("the task-vector loss begins after step \(step)")
        }
      })
    progress.end()
    guard isFinished else {
      talk("stopped; the same command continues")
      throw ExitCode(130)
    }
    common.say("\(out)/model.safetensors")
  }

  /// - Throws: `CommandError.unknownKey` for the first key that reading the spec did not ask for.
  private func refuseUnknownKeys(
    of tree: JSON, below prefix: String, known: [String], file: String
  ) throws {
    for (name, value) in tree.objectValue ?? JSONObject() {
      let key = prefix + name
      guard known.contains(key) else {
        throw CommandError.unknownKey(
          file: file, key: key, nearest: nearName(to: key, among: known))
      }
      try refuseUnknownKeys(of: value, below: key + ".", known: known, file: file)
    }
  }
}
