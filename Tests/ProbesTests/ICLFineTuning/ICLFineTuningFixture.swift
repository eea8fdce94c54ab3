// The reference of transformers and torch.optim.SGD, and the same prompts run here.

import CheckpointIO
import HookPoints
import HookedModels
import Probes
import TensorCore
import TestSupport
import Testing

/// One case of icl-finetuning.json.
struct ICLFineTuningCase: CustomTestStringConvertible {
  let json: JSON

  static let all: [ICLFineTuningCase] = {
    let json = try? JSON(contentsOf: fixture("icl-finetuning/icl-finetuning.json"))
    return json?["cases"]?.arrayValue?.map { ICLFineTuningCase(json: $0) } ?? []
  }()

  var testDescription: String { "\(text("model")) \(text("method"))" }

  func text(_ key: String) -> String { json[key]?.stringValue ?? "" }
  func integer(_ key: String) -> Int { json[key]?.intValue ?? -1 }
  func integers(_ json: JSON?) -> [Int] { json?.arrayValue?.compactMap(\.intValue) ?? [] }
  func lists(_ json: JSON?) -> [[Int]] { json?.arrayValue?.map { integers($0) } ?? [] }

  var model: Transformer<Float> {
    get throws {
      try ModelFolder(path: fixture("families/\(text("model"))")).model(
        on: ComputeContext(threads: 2))
    }
  }
  var demonstrations: Demonstrations {
    let items = lists(json["demonstrations"])
    return Demonstrations(
      beginning: integers(json["bos"]), items: items, separator: integers(json["separator"]),
      answerCounts: items.map { _ in 1 })
  }
  var questions: [Question] {
    lists(json["queries"]).map {
      Question(tokens: $0, answers: lists(json["labels"]), right: 0)
    }
  }
  var tuning: FineTuning {
    FineTuning(
      method: FineTuning.Method(rawValue: text("method")) ?? .all,
      rate: json["rate"]?.doubleValue ?? .nan, epochs: integer("epochs"))
  }

  /// The three settings, run here.
  struct Runs {
    let icl, zeroShot, tuned: [QueryRun]
    let training: FineTuned
    let comparison: Comparison
  }

  func runs(dual: Bool = false) throws -> Runs {
    let model = try model
    let shown = demonstrations
    var fires = FireCounts()
    let reading = QueryReading(trainingPlaces: shown.places, dual: dual)
    let plain = QueryReading(dual: dual)
    func look(_ model: Transformer<Float>, _ tokens: [Int], _ reading: QueryReading) throws
      -> [QueryRun]
    {
      try model.queryRuns(
        questions, after: model.queryContext(tokens, reading: reading, fires: &fires),
        beginning: shown.beginning.count, reading: reading, fires: &fires)
    }
    let trained = try model.fineTuned(on: shown, by: tuning, recording: true, fires: &fires)
    return Runs(
      icl: try look(model, shown.context, reading),
      zeroShot: try look(model, shown.beginning, plain),
      tuned: try look(trained.model, shown.beginning, plain), training: trained,
      comparison: Comparison(
        counts: shown.items.map(\.count),
        topTokens: integer("top_tokens"), topDemonstrations: integer("top_examples"), rank: 2))
  }
}
