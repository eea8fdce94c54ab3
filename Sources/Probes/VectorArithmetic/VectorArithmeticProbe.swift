// The probe `vector-arithmetic`: weighted sums of task vectors, such as the analogy θ(b) − θ(a) + θ(c), put into zero-shot
// prompts. Of activations: weight-space task arithmetic (Ilharco et al. 2022, arXiv:2212.04089) is another thing. One cell
// is one model on one task that expressions are asked of.

import HookPoints
import HookedModels
import ICLTasks
import TensorCore

/// The settings of the probe `vector-arithmetic`.
@dynamicMemberLookup
public struct VectorArithmeticSpec: Sendable, Equatable {
  /// A weighted sum of tasks' vectors, and the task whose queries are asked with it.
  public struct Expression: Sendable, Equatable {
    /// A task's θ, times a number.
    public struct Term: Sendable, Equatable {
      /// The task.
      public let task: String
      /// What its θ is multiplied by.
      public let weight: Double
    }

    /// The task whose queries are asked.
    public let target: String
    /// The sum, in this order.
    public let terms: [Term]
    /// Whether the sum replaces the activation or is added to it.
    public let mode: SavedVector.Mode

    /// Such as `country_capital - country_currency + 0.5 capital_currency`.
    public var text: String {
      terms.enumerated().map { index, term in
        let sign = index == 0 ? (term.weight < 0 ? "-" : "") : term.weight < 0 ? " - " : " + "
        let size = abs(term.weight)
        return sign + (size == 1 ? "" : "\(size) ") + term.task
      }.joined()
    }
  }

  /// Models and prompts; its tasks are those that expressions name.
  public var prompting: PromptingSpec
  /// The sums that are tried.
  public var expressions: [Expression]

  public subscript<Value>(dynamicMember member: KeyPath<PromptingSpec, Value>) -> Value {
    prompting[keyPath: member]
  }
}

extension VectorArithmeticSpec {
  /// - Throws: `RunError.invalidSpec` for a value that does not fit.
  public init(reading reader: inout SpecReader) throws {
    prompting = try PromptingSpec(reading: &reader, tasks: nil)
    expressions = try reader.nestedList("expressions") { reader in
      Expression(
        target: try reader.string("target"),
        terms: try reader.nestedList("terms") { reader in
          Expression.Term(
            task: try reader.string("task"),
            weight: try reader.double("weight", default: 1, in: -100...100))
        },
        mode: try reader.choice(
          "mode", default: "replace", among: ["replace": .replace, "add": .add]))
    }
    guard !expressions.isEmpty, expressions.allSatisfy({ !$0.terms.isEmpty }) else {
      throw reader.wrong("expressions", "an expression needs a target and a term")
    }
    var tasks: [String] = []
    for expression in expressions {
      for task in [expression.target] + expression.terms.map(\.task) where !tasks.contains(task) {
        tasks.append(task)
      }
    }
    prompting.tasks = tasks
  }
}

/// A prepared `vector-arithmetic` run.
struct VectorArithmeticProbe {
  let spec: VectorArithmeticSpec
  let study: TaskStudy

  static let columns = [
    Column(
      "expression", .text, "The weighted sum of tasks' vectors.",
      whenEmpty: "no vector was put in"),
    Column(
      "mode", .text, "Whether the sum replaces the activation or is added to it.",
      range: "replace, add", whenEmpty: "no vector was put in"),
  ]

  init(_ spec: VectorArithmeticSpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    study = try TaskStudy(spec.prompting, file: file, on: context)
    for model in study.models {
      for task in spec.tasks where study.ready[model.name]?[task] == nil {
        throw RunError.invalidInput(
          subject: file,
          fact: "\(model.name) cannot be asked the task \(task), which an expression needs: "
            + (study.dropped.first { $0.what.contains(" \(task) for \(model.name)") }?.why
              ?? "it has no pairs"))
      }
    }
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    try study.prepared(
      "vector-arithmetic", resolved,
      tables: [TableSchema.results, .samples].map { $0.adding(Self.columns) },
      work: { model, task in
        var cell = VectorArithmeticCell(model, task, spec)
        try cell.run(study.ready[model.name] ?? [:])
        return cell.cell.output
      }, summary: { accuracyTable($0, on: $1) })
  }
}

struct VectorArithmeticCell {
  var cell: StudyCell
  let task: ReadyTask
  let spec: VectorArithmeticSpec

  init(_ model: ProbeModel, _ task: ReadyTask, _ spec: VectorArithmeticSpec) {
    cell = StudyCell(model, spec.prompting)
    self.task = task
    self.spec = spec
  }

  typealias Expression = VectorArithmeticSpec.Expression

  /// The expressions asked of this task: the target's own vector, every term alone, then those of the file.
  private var expressions: [Expression] {
    let given = spec.expressions.filter { $0.target == task.name }
    var alone: [Expression] = []
    for own in given {
      for name in [task.name] + own.terms.map(\.task) {
        let single = Expression(
          target: task.name, terms: [.init(task: name, weight: 1)], mode: own.mode)
        if !alone.contains(single) && !given.contains(single) { alone.append(single) }
      }
    }
    return alone + given
  }

  mutating func run(_ tasks: [String: ReadyTask]) throws {
    let expressions = expressions
    guard !expressions.isEmpty else { return }
    let (zeroShot, _) = try cell.addBaselines(task, extra: [.empty, .empty])
    var means: [String: [[Float]]] = [:]
    for name in expressions.flatMap({ $0.terms.map(\.task) }) where means[name] == nil {
      guard let other = tasks[name] else { preconditionFailure("a task that was not opened") }
      let thetas = try cell.thetas(cell.sets(.development, of: other), of: other)
      means[name] = (0..<cell.layers).map { layer in
        ActivationVector<Residual>(meanOf: thetas.map { ActivationVector($0[layer]) }).values
      }
    }
    for expression in expressions {
      let vectors = (0..<cell.layers).map { layer in
        expression.terms.reduce(
          [Double](repeating: 0, count: cell.model.model.architecture.modelWidth)
        ) { sum, term in
          zip(sum, means[term.task]?[layer] ?? []).map { $0 + term.weight * Double($1) }
        }.map { Float($0) }
      }
      try curve(.vectorArithmetic, expression, vectors, zeroShot)
      guard expression.terms.count > 1 else { continue }
      let random = vectors.enumerated().map { layer, vector -> [Float] in
        var generator = SeededGenerator(
          key: "random arithmetic\u{0}\(expression.text)\u{0}\(layer)", seed: spec.seed)
        let draws = vector.map { _ in Float(generator.normal()) }
        let factor = Statistics.norm(vector) / Statistics.norm(draws)
        return draws.map { Float(Double($0) * factor) }
      }
      try curve(.vectorArithmeticRandom, expression, random, zeroShot)
    }
  }

  private mutating func curve(
    _ condition: Condition, _ expression: Expression, _ vectors: [[Float]],
    _ reference: [StudyCell.Verdict]
  ) throws {
    let task = task
    let bare = { (set: DemonstrationSet) in task.dataset.zeroShotPrompt(set, task.template) }
    try cell.addLastTokenCurve(
      task, condition, extra: [.text(expression.text), .text(expression.mode.rawValue)],
      against: reference, samples: condition == .vectorArithmetic,
      prompt: bare
    ) { _, _, layer in
      let values = HookValues(vectors[layer])
      return expression.mode == .replace ? .replace(values) : .add(values, scaled: 1)
    }
  }
}
