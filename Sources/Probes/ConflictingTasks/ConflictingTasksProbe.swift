// The probe `conflicting-tasks`: demonstrations of task A in the prompt, θ of task B at its last token. Which one does the
// model follow? One cell is one model on one pair of tasks.
//
// Source: Hendel et al. 2023, arXiv:2310.15916, appendix; their `overriding.py`.

import ICLTasks
import TensorCore

/// A prepared `conflicting-tasks` run.
struct ConflictingTasksProbe {
  let spec: ConflictingTasksSpec
  let file: String
  let study: TaskStudy

  static let promptTask = Column(
    "prompt_task", .text,
    "The task of the prompt's demonstrations. The answers that count are those of `task`, which is this "
      + "one or the vector's.")

  init(_ spec: ConflictingTasksSpec, file: String, on context: ComputeContext) throws {
    self.spec = spec
    self.file = file
    study = try TaskStudy(spec.prompting, file: file, on: context)
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    var places: [(key: String, model: ProbeModel, place: ConflictingTasksCell.Tasks)] = []
    var dropped: [Dropped] = []
    for model in study.models {
      let ready = study.ready[model.name] ?? [:]
      for pair in spec.conflicts {
        // Of a task that is not ready the study says why.
        guard let own = ready[pair.prompt], let other = ready[pair.vector] else { continue }
        func drop(_ why: String) {
          dropped.append(
            Dropped("\(pair.prompt) with θ of \(pair.vector) for \(model.name)", count: 1, why: why)
          )
        }
        if own.template != other.template {
          drop("the tokenizer wants a blank before the answers of one of them; set leading_space")
        } else if let conflict = TaskConflict(prompt: own.dataset, vector: other.dataset) {
          places.append(
            ("\(model.name)/\(pair.prompt)/\(pair.vector)", model, (own, other, conflict)))
        } else {
          drop("a split has no query that both can be asked and answer differently")
        }
      }
    }
    guard !places.isEmpty else {
      throw RunError.invalidInput(
        subject: file,
        fact: "no pair of tasks is left: "
          + ((dropped + study.dropped).first?.why ?? "none was asked for"))
    }
    return try study.prepared(
      "conflicting-tasks", resolved,
      tables: [TableSchema.results, .samples].map { $0.adding([Self.promptTask]) },
      places: places, dropped: dropped,
      work: { model, pair in
        var cell = ConflictingTasksCell(model, pair, spec.prompting)
        try cell.run()
        return cell.cell.output
      }, summary: summary)
  }

  /// The paper's table, with the controls beside it.
  private func summary(_ rows: [ResultRow], on screen: Screen) -> String {
    var table = TextTable(headers: [
      "model", "prompt → θ", "icl A", "icl B", "θ: A", "θ: B", "own θ: A", "random: A",
      "θ alone: B",
    ])
    for model in study.models {
      for pair in spec.conflicts {
        let own = rows.filter {
          $0.model == model.name && $0.extra == [.text(pair.prompt)] && $0.metric == .accuracy
            && $0.layer == nil && $0.split == .test
        }
        func value(_ condition: Condition, _ task: String) -> String {
          TextTable.number(
            own.first {
              $0.condition == condition && $0.task == task
                && ($0.sourceTask == nil || $0.sourceTask == pair.vector
                  || condition == .taskVectorInContext)
            }?.estimate.value)
        }
        guard !own.isEmpty else { continue }
        table.append([
          model.name, "\(pair.prompt) → \(pair.vector)", value(.icl, pair.prompt),
          value(.icl, pair.vector), value(.taskVectorOverride, pair.prompt),
          value(.taskVectorOverride, pair.vector), value(.taskVectorInContext, pair.prompt),
          value(.overrideRandom, pair.prompt), value(.taskVector, pair.vector),
        ])
      }
    }
    return
      (["accuracy on the answers of A (the prompt's task) and of B (the vector's)"]
      + table.lines(on: screen)).joined(separator: "\n")
  }
}
