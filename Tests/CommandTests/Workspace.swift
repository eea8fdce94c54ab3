// A temporary folder to run the command in: tiny models with a tokenizer of words, tiny tasks, probe files and
// training specs. It is removed with its last reference.

import CheckpointIO
import Foundation
import TestSupport

final class Workspace {
  let path: String

  /// An empty folder.
  init() throws {
    path = NSTemporaryDirectory() + "thetascope-command-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  // MARK: Files

  func url(_ name: String) -> URL { URL(fileURLWithPath: "\(path)/\(name)") }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: "\(path)/\(name)") }

  func bytes(_ name: String) throws -> Data { try Data(contentsOf: url(name)) }

  func text(_ name: String) throws -> String { String(decoding: try bytes(name), as: UTF8.self) }

  func names(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)").sorted()
  }

  func remove(_ name: String) throws { try FileManager.default.removeItem(at: url(name)) }

  func write(_ text: String, to name: String) throws { try write(Data(text.utf8), to: name) }

  func write(_ data: Data, to name: String) throws {
    try FileManager.default.createDirectory(
      at: url(name).deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: url(name))
  }

  /// Replaces a text that must be in a file.
  func edit(_ name: String, _ old: String, _ new: String) throws {
    let text = try text(name)
    guard text.contains(old) else { throw CocoaError(.fileReadCorruptFile) }
    try write(text.replacingOccurrences(of: old, with: new), to: name)
  }
}

extension Workspace {
  // MARK: Models and tasks

  static let words = [
    "red", "blue", "green", "pink", "grey", "cold", "warm", "hot", "wet", "dry", "one", "two",
    "three", "four", "five", "six", "seven", "eight", "nine", "ten",
  ]

  /// A workspace with the tiny models under models/, tasks under tasks/tiny/ and the probe file probe.yaml.
  static func prepared() throws -> Workspace {
    let space = try Workspace()
    for model in ["gpt2-tiny", "llama-gqa", "linear-decay"] { try space.addModel(model) }
    try space.addTasks()
    try space.write(probe, to: "probe.yaml")
    return space
  }

  /// Writes heads.yaml, a probe file of function vectors of the tiny GPT-2.
  func addHeadsProbe(tasks: String) throws {
    try write(
      """
      probe: function-vectors
      models: [models/gpt2-tiny]
      tasks_folder: tasks
      tasks: [\(tasks)]
      template: arrow
      answer_rule: synonym
      shots: 3
      development_sets: 2
      test_sets: 2
      mean_sets: 40
      effect_sets: 2
      heads: 3

      """, to: "heads.yaml")
  }

  /// Copies a family's fixture, with a tokenizer, to models/`name`.
  func addModel(_ family: String, as name: String? = nil) throws {
    let folder = "models/\(name ?? family)"
    for file in ["config.json", "model.safetensors"] {
      let source = fixture("families/\(family)/\(file)")
      try write(Data(contentsOf: URL(fileURLWithPath: source)), to: "\(folder)/\(file)")
    }
    try write(Self.tokenizer.serialized(pretty: true), to: "\(folder)/tokenizer.json")
  }

  /// One token a word, 44 in all; the fixtures' models have 61.
  static let tokenizer: JSON = {
    func split(_ text: String, _ behavior: String) -> JSON {
      [
        "type": "Split", "pattern": ["String": .string(text)], "behavior": .string(behavior),
        "invert": false,
      ]
    }
    let pieces = ["<unk>", "->", "\n", ","] + (words + words.map { $0.uppercased() }).sorted()
    return [
      "version": "1.0", "truncation": .null, "padding": .null, "added_tokens": [],
      "normalizer": .null,
      "pre_tokenizer": [
        "type": "Sequence",
        "pretokenizers": [
          split("->", "Isolated"), split("\n", "Isolated"), split(",", "Isolated"),
          split(" ", "Removed"),
        ],
      ],
      "post_processor": .null, "decoder": .null,
      "model": [
        "type": "WordLevel",
        "vocab": .object(JSONObject(pieces.enumerated().map { ($1, .integer($0)) })),
        "unk_token": "<unk>",
      ],
    ]
  }()

  /// `upper`, with one right answer each, and `shout`, which takes half of the capitals: random models are right in
  /// some of it, so that accuracies are not all 0.
  private func addTasks() throws {
    let capitals = Self.words.map { $0.uppercased() }
    try addTask(
      "upper",
      pairs: zip(Self.words, capitals).map { ["input": .string($0), "output": .string($1)] })
    try addTask(
      "shout",
      pairs: Self.words.indices.map { place in
        let right = (0..<10).map { JSON.string(capitals[(place + 2 * $0) % 20]) }
        return [
          "input": .string(Self.words[place]), "output": right[0],
          "accept": .array(Array(right.dropFirst())),
        ]
      })
  }

  func addTask(_ name: String, pairs: [JSON]) throws {
    let task: JSON = [
      "name": .string(name), "category": "tiny", "source": "made by the test",
      "pairs": .array(pairs),
    ]
    try write(task.serialized(pretty: true), to: "tasks/tiny/\(name).json")
  }

  /// Three models, two tasks, four sets of each split.
  static let probe = """
    probe: task-vectors
    models: [models/gpt2-tiny, models/llama-gqa, models/linear-decay]
    tasks_folder: tasks
    tasks: [upper, shout]
    template: arrow
    shots: 3
    development_sets: 4
    test_sets: 4
    seed: 7

    """

  /// Twenty steps of a model of two layers, with the task-vector loss from the tenth.
  static func spec(attention: String) -> String {
    """
    name: tiny
    seed: 3
    steps: 20
    batch: 8
    model: {attention: \(attention), layers: 2, width: 32, heads: 2, mlp_width: 48}
    optimiser: {warmup: 4}
    task_vector_loss: {from_accuracy: 0, layers: [0, 1], arrows: 2}
    tasks: [upper, shout]
    most_shots: 4
    evaluate_every: 10
    evaluation_sets: 8
    evaluation_shots: 3
    checkpoint_every: 5

    """
  }

  /// Runs the command here.
  func thetascope(_ arguments: String..., stop: Command.Stop? = nil) throws -> Ending {
    try Command.run(arguments, in: path, stop: stop)
  }
}
