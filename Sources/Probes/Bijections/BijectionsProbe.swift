// The probe `bijections`: demonstrations of f and of its inverse mixed in one prompt. In-context learning can answer by the
// query; one vector that stands for one map cannot, if it does what Dong et al. say it does. One cell is one model on one f.
//
// Source: Dong et al. 2026, arXiv:2506.09048, §4 and Proposition 4.

import ICLTasks
import TensorCore

/// A prepared `bijections` run.
struct BijectionsProbe {
  let spec: BijectionsSpec
  let file: String
  let study: TaskStudy
  /// The inverse's name by that of f.
  private let inverses: [String: String]

  static let columns = [
    Column(
      "demonstrations", .text, "Which way the demonstrations are written.",
      range: "forward, inverse, mixed"),
    Column(
      "queries", .text,
      "Which way the row's queries are written; `both` has those of mixed demonstrations together.",
      range: "forward, inverse, both"),
    Column(
      "dummies", .text,
      "Which way the dummy queries of θ are written: as the demonstrations in turns (`both`), all as the query "
        + "(`same`), or all against it (`opposite`).", range: "both, same, opposite",
      whenEmpty: "no θ is in it, or the demonstrations are of one direction"),
  ]

  init(_ spec: BijectionsSpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    self.file = file
    var inverses: [String: String] = [:]
    var prompting = spec.prompting
    // Which facts are held out follows from both directions' names.
    (prompting.tasks, prompting.holdout) = ([], nil)
    (prompting.queries, prompting.demonstrations) = (.all, .all)
    study = try TaskStudy(prompting, file: file, on: context) { library in
      try spec.tasks.map { name in
        guard let inverse = try library.inverse(of: name) else {
          throw RunError.invalidInput(
            subject: file,
            fact: "the task '\(name)' has no inverse: two of its inputs share an output")
        }
        inverses[name] = inverse.name
        return try library.task(named: name).bijection(with: inverse)
      }
    }
    self.inverses = inverses
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    let untrained = UntrainedModels(seed: spec.seed)
    var places: [(key: String, model: ProbeModel, place: BijectionsCell.Place)] = []
    var dropped: [Dropped] = []
    for model in study.models {
      for name in spec.tasks {
        // Of a task that is not ready the study says why.
        guard let ready = study.ready[model.name]?["bijection_\(name)"],
          let inverse = inverses[name]
        else { continue }
        do {
          let facts = try BijectionDataset(
            ready.dataset.task, names: (name, inverse), shots: spec.shots, dummies: spec.dummies,
            seed: spec.seed, holdout: spec.holdout, queries: spec.queries,
            demonstrations: spec.demonstrations)
          places.append(("\(model.name)/\(name)", model, (name, facts, ready)))
        } catch let error as TaskError {
          dropped.append(Dropped("\(name) for \(model.name)", count: 1, why: "\(error)"))
        }
      }
    }
    guard !places.isEmpty else {
      throw RunError.invalidInput(
        subject: file,
        fact: "no task is left: " + ((dropped + study.dropped).first?.why ?? "none was asked for"))
    }
    return try study.prepared(
      "bijections", resolved,
      tables: [TableSchema.results, .samples].map { $0.adding(Self.columns) }, places: places,
      dropped: dropped,
      work: { model, place in
        var cell = BijectionsCell(model, place, spec.prompting)
        try cell.run(untrained: spec.untrained ? untrained.model(like: model) : nil)
        return cell.cell.output
      }, summary: summary)
  }

  /// The accuracies of in-context learning and of θ, one way, the other way and mixed.
  private func summary(_ rows: [ResultRow], on screen: Screen) -> String {
    var table = TextTable(headers: [
      "model", "f", "f icl", "f θ", "f⁻¹ icl", "f⁻¹ θ", "mixed icl", "mixed θ", "θ same way",
      "TaskV-M",
      "extra drop",
    ])
    for model in study.models {
      for name in spec.tasks {
        let own = rows.filter {
          $0.model == model.name && $0.task == name && $0.layer == nil && $0.split == .test
        }
        guard !own.isEmpty else { continue }
        func value(
          _ condition: Condition, _ arm: BijectionDataset.Arm, dummies: String? = nil,
          _ metric: Metric = .accuracy
        ) -> String {
          TextTable.number(
            own.first {
              $0.condition == condition && $0.metric == metric
                && $0.extra == [
                  .text(arm.rawValue), .text(arm == .mixed ? "both" : arm.rawValue),
                  .optional(dummies),
                ]
            }?.estimate.value)
        }
        table.append([
          model.name, name, value(.icl, .forward), value(.taskVector, .forward),
          value(.icl, .inverse), value(.taskVector, .inverse), value(.icl, .mixed),
          value(.taskVector, .mixed, dummies: "both"), value(.taskVector, .mixed, dummies: "same"),
          value(.taskVectorEveryArrow, .mixed, dummies: "both"),
          value(.taskVector, .mixed, dummies: "both", .accuracyDropExcess),
        ])
      }
    }
    return
      (["accuracy on the test sets; the last column: how much more θ loses on mixed demonstrations"]
      + table.lines(on: screen)).joined(separator: "\n")
  }
}
