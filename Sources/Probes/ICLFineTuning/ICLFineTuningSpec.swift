// ICLFineTuningSpec: what a probe file of `icl-vs-finetuning` says. The defaults are the protocol of Dai et al. 2023
// where the paper and its code say one; every deviation has a key of its own.

import CheckpointIO
import ICLTasks
import Tokenization

/// The settings of the probe `icl-vs-finetuning`.
struct ICLFineTuningSpec: Sendable, Equatable {
  /// What similarities are compared with.
  enum Control: String, Sendable, CaseIterable {
    case uniform, gaussian
    case otherExample = "other_example"
    case otherOrder = "other_order"
    case shuffledLabels = "shuffled_labels"
    case otherTask = "other_task"
    case untrained
    case untrainedEmbeddings = "untrained_embeddings_kept"
  }

  /// What a choice was made on.
  enum Selection: String, Sendable, CaseIterable {
    /// Nothing was chosen.
    case fixed
    /// The examples that are reported, as in the paper.
    case validation
    /// Training examples that are not shown.
    case heldOut = "held_out"
    /// One of a curve over learning rates.
    case curve
  }

  /// The paper's 36 learning rates, by size: {1 … 9} × {1e-4, 1e-3, 1e-2, 1e-1}.
  static let paperGrid = [1e4, 1e3, 1e2, 1e1].flatMap { parts in
    (1...9).map { Double($0) / parts }
  }

  var models: [String]
  var tasksFolder: String
  var data: [DataSource]
  /// What the control of another task is fine-tuned on; `nil` for the next of `data`, if there is one.
  var otherTask: DataSource?
  var separator: Separator
  var bos: BOSPolicy
  var shots: Int
  var maximumTokens: Int?
  /// Test examples of more tokens than this, answer included, are left out.
  var longestQuery: Int?
  var testExamples: Int
  var developmentExamples: Int
  var trainShare: Double
  var splitSeed: UInt64
  var seeds: [UInt64]
  var seedSelection: Selection
  var methods: [FineTuning.Method]
  var loss: FineTuning.Loss
  var epochs: Int
  var rates: [Double]
  var rateSelection: Selection
  var curve: [Double]
  var controls: [Control]
  var topTokens, topDemonstrations: Int
  var attentionExamples: Int
  var dualExamples, dualRank: Int
  var orders, orderExamples: Int
  /// Whether example_layers.csv is written.
  var exampleLayers: Bool

  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  init(reading reader: inout SpecReader) throws {
    models = try reader.paths("models")
    tasksFolder = try reader.path("tasks_folder", default: "data/tasks")
    data = try reader.nestedList("data") { try DataSource(reading: &$0) }
    if data.isEmpty { throw reader.wrong("data", "it is empty, expected at least one data set") }
    if Set(data.map(\.name)).count < data.count {
      throw reader.wrong("data", "two data sets have the same name; give one a 'name'")
    }
    otherTask = try reader.nestedIfPresent("other_task") { try DataSource(reading: &$0) }
    separator = try reader.choice("separator", default: "template", among: Separator.named)
    bos = try reader.choice(
      "bos", default: "auto", among: ["auto": .auto, "always": .always, "never": .never])
    shots = try reader.int("shots", default: 32, in: 1...10_000)
    maximumTokens = try reader.intIfPresent("max_tokens")
    longestQuery = try reader.intIfPresent("max_query_tokens")
    testExamples = try reader.int("test_examples", default: 2000)
    developmentExamples = try reader.int("development_examples", default: 200)
    trainShare = try reader.double("train_share", default: 0.2, in: 0.001...0.999)
    splitSeed = UInt64(try reader.int("split_seed", default: 1, in: 0...Int.max))
    seeds = try reader.ints("seeds", default: [1], in: 0...Int.max).map { UInt64($0) }
    let selections: KeyValuePairs<String, Selection> = [
      "fixed": .fixed, "validation": .validation, "held_out": .heldOut,
    ]
    seedSelection = try reader.choice("seed_selection", default: "fixed", among: selections)
    let tuning = try reader.nested("fine_tuning") { reader in
      let methods = try reader.choices(
        "methods", default: ["keys_and_values"], among: FineTuning.Method.named)
      let loss = try reader.choice("loss", default: "all_tokens", among: FineTuning.Loss.named)
      let epochs = try reader.int("epochs", default: 1, in: 1...100_000)
      let rates = try reader.doubles("rates", default: Self.paperGrid, in: 0...1e6)
      let selection = try reader.choice(
        "rate_selection", default: "held_out", among: selections)
      if selection == .fixed && rates.count > 1 {
        throw reader.wrong(
          "rates", "there are \(rates.count), and rate_selection 'fixed' takes one")
      }
      return (
        methods, loss, epochs, rates, selection,
        try reader.doubles("curve", default: [], in: 0...1e6)
      )
    }
    (methods, loss, epochs, rates, rateSelection, curve) = tuning
    controls = try reader.choices(
      "controls", default: Control.allCases.map(\.rawValue), among: Control.named,
      canBeEmpty: true)
    topTokens = try reader.int("top_tokens", default: 100)
    topDemonstrations = try reader.int("top_demonstrations", default: 5)
    attentionExamples = try reader.int("attention_examples", default: 100, in: 0...Int(Int32.max))
    dualExamples = try reader.int("dual_examples", default: 16, in: 0...Int(Int32.max))
    dualRank = try reader.int("dual_rank", default: 2)
    (orders, orderExamples) = try reader.nested("order_sensitivity") { reader in
      (
        try reader.int("orders", default: 10, in: 0...10_000),
        try reader.int("examples", default: 100)
      )
    }
    exampleLayers = try reader.bool("example_layers", default: false)
  }
}

extension DataSource {
  /// Reads a data set: `task`, or `file`, or `train` and `test`; with a `preset`, or a `demonstration` and `labels`.
  init(reading reader: inout SpecReader) throws {
    let preset = try reader.stringIfPresent("preset")
    if reader.contains("task") {
      origin = .task(try reader.string("task"))
    } else if reader.contains("file") {
      origin = .file(try reader.path("file"))
    } else if reader.contains("train") || reader.contains("test") {
      origin = .files(train: try reader.path("train"), test: try reader.path("test"))
    } else {
      throw reader.wrong(
        "file", "it is missing, expected a 'file', or 'train' and 'test', or a 'task'")
    }
    let stem =
      switch origin {
      case .task(let name): name
      case .file(let path): Self.stem(path)
      case .files(_, let test): preset ?? Self.stem(test)
      }
    name = try reader.string("name", default: preset ?? stem)
    if let preset {
      do { template = try ClassificationTemplate(preset: preset) } catch {
        throw reader.wrong("preset", "\(error)")
      }
    } else {
      let form = try reader.string("demonstration", default: "{input}->{output}")
      let separator = try reader.string("separator", default: "\n")
      let instruction = try reader.string("instruction", default: "")
      let words = try reader.value(
        "labels", default: .object(JSONObject()), expected: "labels with their words"
      ) { json in
        json.objectValue.flatMap { object -> [ClassificationTemplate.Label]? in
          let pairs = object.compactMap { key, value in value.stringValue.map { (key, $0) } }
          return pairs.count == object.keys.count
            ? pairs.map { ClassificationTemplate.Label($0.0, $0.1) } : nil
        }
      }
      do {
        template = ClassificationTemplate(
          name: name,
          prompt: try PromptTemplate(
            demonstration: form, separator: separator, prefix: instruction), labels: words)
      } catch { throw reader.wrong("demonstration", "\(error)") }
    }
    cleans = try reader.choice("texts", default: "as_is", among: ["as_is": false, "cleaned": true])
  }

  private static func stem(_ path: String) -> String {
    let file = path.split(separator: "/").last.map { String($0) } ?? path
    return file.lastIndex(of: ".").map { String(file[..<$0]) } ?? file
  }
}

extension Separator {
  static let named: KeyValuePairs<String, Separator> = [
    "template": .template, "end_of_text": .endOfText,
  ]
}

extension FineTuning.Method {
  static let named: KeyValuePairs<String, FineTuning.Method> = [
    "keys_and_values": .keysAndValues, "values": .values, "all": .all,
    "layer_causal": .layerCausal,
  ]
}

extension FineTuning.Loss {
  static let named: KeyValuePairs<String, FineTuning.Loss> = [
    "all_tokens": .allTokens, "answer": .answer,
  ]
}

extension ICLFineTuningSpec.Control {
  static let named: KeyValuePairs<String, ICLFineTuningSpec.Control> = [
    "uniform": .uniform, "gaussian": .gaussian, "other_example": .otherExample,
    "other_order": .otherOrder, "shuffled_labels": .shuffledLabels, "other_task": .otherTask,
    "untrained": .untrained, "untrained_embeddings_kept": .untrainedEmbeddings,
  ]
}
