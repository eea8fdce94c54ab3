// The probe `in-context-vectors`: demonstrations made a direction and added in every layer at every token of the zero-shot
// prompt. One cell is one model on one task.
//
// Source: Liu, Ye, Xing and Zou 2024, arXiv:2311.06668. As in the released code the vector is added to what the MLP writes
// (`hook_mlp_out`), not to the stream; `hook_resid_post` is the option.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

/// The settings of the probe `in-context-vectors`.
@dynamicMemberLookup
public struct InContextVectorsSpec: Sendable, Equatable {
  /// Models, tasks and prompts.
  public var prompting: PromptingSpec
  /// Where activations are turned, in every layer; each point gives rows of its own.
  public var hooks: [BlockPoint]
  /// λ, among which the development sets choose.
  public var scales: [Double]

  public subscript<Value>(dynamicMember member: KeyPath<PromptingSpec, Value>) -> Value {
    prompting[keyPath: member]
  }
}

extension InContextVectorsSpec {
  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    prompting = try PromptingSpec(reading: &reader)
    hooks = try reader.choices(
      "hooks", default: ["hook_mlp_out"],
      among: ["hook_mlp_out": .mlpOut, "hook_resid_post": .residPost])
    scales = try reader.doubles("scales", default: [0.05, 0.1, 0.2], in: 0...100)
    guard prompting.answer != .whole else {
      throw reader.wrong("answer", "the first token is judged; 'whole' cannot be taken")
    }
    guard prompting.shots > 0 else {
      throw reader.wrong("shots", "a vector needs demonstrations")
    }
  }
}

/// A prepared `in-context-vectors` run.
struct InContextVectorsProbe {
  let spec: InContextVectorsSpec
  let study: TaskStudy

  static let scale = Column(
    "scale", .real, "λ, what the vector counts beside the activation; both of unit length.",
    formula: "λ of `in_context_vector`",
    whenEmpty: "no vector was added, or the λ chosen on the development sets was",
    source: "Liu et al. 2024, arXiv:2311.06668, §3")

  init(_ spec: InContextVectorsSpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    study = try TaskStudy(spec.prompting, file: file, on: context)
    for model in study.models {
      for point in spec.hooks { _ = try model.model.catalog.entry(.block(0, point)) }
    }
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    try study.prepared(
      "in-context-vectors", resolved,
      tables: [TableSchema.results, .samples].map { $0.adding([Self.scale]) },
      work: { model, task in
        var cell = InContextVectorsCell(model, task, spec)
        try cell.run(others: study.tasks(of: model))
        return cell.cell.output
      }, summary: { accuracyTable($0, on: $1) })
  }
}

struct InContextVectorsCell {
  var cell: StudyCell
  let task: ReadyTask
  let spec: InContextVectorsSpec

  init(_ model: ProbeModel, _ task: ReadyTask, _ spec: InContextVectorsSpec) {
    cell = StudyCell(model, spec.prompting)
    self.task = task
    self.spec = spec
  }

  mutating func run(others: [ReadyTask]) throws {
    let (zeroShot, _) = try cell.addBaselines(task, extra: [.empty])
    let (development, test) = (cell.sets(.development, of: task), cell.sets(.test, of: task))
    let own = try vectors(test, of: task)
    let chosenOn = try vectors(development, of: task)
    for point in spec.hooks {
      func place(_ condition: Condition, _ split: Split) -> StudyCell.Place {
        var place = StudyCell.Place(
          condition: condition, split: split, hook: point.rawValue, position: "all")
        place.extra = [.empty]
        return place
      }
      // λ is chosen on the development sets…
      var right: [Int] = []
      for scale in spec.scales {
        right.append(try asked(development, chosenOn, point, scale).verdicts.count { $0.isRight })
      }
      let chosen = right.argmax
      cell.add(
        task.name, place(.inContextVector, .development), .chosenScale,
        Estimate(value: spec.scales[chosen], interval: nil, count: development.count))
      for (index, scale) in spec.scales.enumerated() {
        let (questions, verdicts) = try asked(test, own, point, scale)
        var curve = place(.inContextVector, .test)
        curve.extra = [.real(scale)]
        cell.addAccuracy(task.name, curve, verdicts)
        guard index == chosen else { continue }
        // …and its accuracy on the test sets is the headline.
        let headline = place(.inContextVector, .test)
        cell.addAccuracy(task.name, headline, verdicts)
        let p = Statistics.mcNemarExact(verdicts.map(\.isRight), zeroShot.map(\.isRight))
        cell.add(
          task.name, headline, .mcNemarP, Estimate(value: p, interval: nil, count: verdicts.count))
        cell.addSamples(task, headline, questions, verdicts)
      }
      let random = try asked(test, own.enumerated().map(random), point, spec.scales[chosen])
      cell.addAccuracy(task.name, place(.inContextVectorRandom, .test), random.verdicts)
      let source = otherTask(than: task.name, among: others.map(\.name), index: 0, seed: spec.seed)
      if let other = others.first(where: { $0.name == source }) {
        let foreign = try vectors(cell.sets(.test, of: other), of: other)
        var place = place(.inContextVectorOtherTask, .test)
        place.source = source
        let found = try asked(test, foreign, point, spec.scales[chosen])
        cell.addAccuracy(task.name, place, found.verdicts)
      }
    }
  }

  /// The vectors of each set's demonstrations, input and output each as a text of its own.
  private mutating func vectors(_ sets: [DemonstrationSet], of task: ReadyTask) throws
    -> [[[Float]]]
  {
    let blank = task.answerable.usesLeadingSpace ? " " : ""
    let encoder = cell.model.encoder
    let pairs = try sets.map { set in
      try task.dataset.task.demonstrations(set.demonstrations).map { input, output in
        (
          input: try encoder.promptTokens(blank + input).map(\.id),
          output: try encoder.promptTokens(blank + output).map(\.id)
        )
      }
    }
    return try cell.model.model.inContextVectors(pairs, notes: &cell.output.notes)
  }

  private mutating func asked(
    _ sets: [DemonstrationSet], _ vectors: [[[Float]]], _ point: BlockPoint, _ scale: Double
  ) throws -> (questions: [StudyCell.Question], verdicts: [StudyCell.Verdict]) {
    let questions = try zip(sets, vectors).map { set, vectors in
      let prompt = task.dataset.zeroShotPrompt(set, task.template)
      let tokens = try prompt.tokenized(by: cell.model.encoder).tokens.count
      return StudyCell.Question(
        pair: set.query, prompt: prompt,
        edits: cell.model.model.turn(of: tokens, towards: vectors, at: point, scale: scale))
    }
    return (questions, try cell.ask(questions, of: task))
  }

  /// A Gaussian vector for each layer; only its direction counts.
  private func random(_ set: Int, like vectors: [[Float]]) -> [[Float]] {
    var generator = SeededGenerator(
      key: "random in-context vector\u{0}\(task.name)\u{0}\(set)", seed: spec.seed)
    return vectors.map { $0.map { _ in Float(generator.normal()) } }
  }
}
