// The probe `linear-finetuning`: linear self-attention is pre-trained on in-context regression, fine-tuned without
// demonstrations on one task θ₀ in several ways, and tested at 0 … n demonstrations; beside every measured error stands
// what the theory expects. One cell is one architecture, one seed and one way of fine-tuning.
//
// Source: Lee, Sohn and Lee 2026, arXiv:2602.23197; their recipe in every default.

import CheckpointIO
import TensorCore

struct LinearFineTuningProbe {
  let spec: LinearFineTuningSpec
  let context: ComputeContext

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    let inputs = try RunInputs(
      probe: "linear-finetuning", spec: resolved, files: [], precision: "f64")
    var places: [String: LinearFineTuningCell] = [:]
    var cells: [Cell] = []
    let store = PretrainedModels()
    for architecture in spec.architectures {
      for seed in spec.seeds {
        for variant in [.pretraining] + architecture.variants {
          let work = LinearFineTuningCell(
            spec: spec, context: context, architecture: architecture, seed: seed, variant: variant,
            pretrained: store)
          let cell = Cell(
            key: "\(architecture.name)/seed \(seed)/\(variant.condition.rawValue)",
            cost: work.work.floatingPointOperations, work: work.work)
          cells.append(cell)
          places[cell.key] = work
        }
      }
    }
    let plan = RunPlan(
      cells: cells,
      tables: [.results.adding(LinearFineTuningCell.columns), LinearFineTuningClaims.schema],
      details: RunDetails(
        seeds: spec.seeds, facts: ["flops": .number(cells.reduce(0) { $0 + $1.cost })]))
    let identity = inputs.identity
    return PreparedProbe(
      inputs: inputs, plan: plan,
      work: { cell in
        guard let work = places[cell.key] else {
          preconditionFailure("a cell of another plan: \(cell.key)")
        }
        return work.output()
      },
      conclude: { cells in
        let rows = try cells.results()
        var output = CellOutput()
        if spec.seeds.count > 1 { output.results = means(rows) }
        output.tables = [LinearFineTuningClaims(spec: spec, rows: rows).table(identity)]
        return output
      }, summary: { LinearFineTuningClaims(spec: spec, rows: $0).text(on: $1) })
  }

  /// Means over seeds; the interval is bootstrapped over seeds, which are then what n counts.
  private func means(_ rows: [ResultRow]) -> [ResultRow] {
    rows.filter { $0.seed == spec.seeds[0] }.map { first in
      let same = rows.filter {
        $0.model == first.model && $0.condition == first.condition && $0.task == first.task
          && $0.shots == first.shots
      }
      let key =
        "\(first.model)\u{0}\(first.condition.rawValue)\u{0}\(first.task ?? "")\u{0}\(first.shots ?? 0)"
      var row = first
      row.seed = nil
      row.estimate = Bootstrap(key: "linear-finetuning over seeds\u{0}\(key)", seed: 0).mean(
        same.map(\.estimate.value), clusters: same.map { "\($0.seed ?? 0)" })
      // The theory's error is a mean over seeds as well.
      func mean(_ name: String) -> TableValue {
        .real(Statistics.mean(same.compactMap { LinearFineTuningCell.real(name, of: $0) }))
      }
      row.extra = LinearFineTuningCell.columns.map {
        ["mse_closed_form", "mse_difference", "mse_exact"].contains($0.name)
          ? mean($0.name) : .empty
      }
      return row
    }
  }
}

/// Pre-trained models of this process by cell, so that each is made once for all fine-tunings that start from it.
final class PretrainedModels {
  private var made: [String: LinearFineTuningCell.Trained] = [:]

  func model(_ key: String, make: () -> LinearFineTuningCell.Trained)
    -> LinearFineTuningCell.Trained
  {
    if let model = made[key] { return model }
    let model = make()
    made[key] = model
    return model
  }
}
