// The probe `linear-task-vectors`: what a task vector can carry, on linear transformers small enough to see: triplets
// (x, →, y), the vector taken at the last arrow after the first layer and put into a query alone. One cell is one model
// (layers, demonstrations, dropout) and seed.
//
// Source: Dong et al. 2026, arXiv:2506.09048.

import TensorCore

struct LinearTaskVectorsProbe {
  let spec: LinearTaskVectorsSpec
  let context: ComputeContext

  private var works: [LinearTaskVectorsCell] {
    spec.layers.flatMap { layers in
      spec.keep.flatMap { keep in
        spec.shots.flatMap { shots in
          spec.seeds.map { seed in
            LinearTaskVectorsCell(
              spec: spec, context: context, shots: shots, layers: layers, keep: keep, seed: seed)
          }
        }
      }
    }
  }

  func prepared(_ resolved: ResolvedSpec) throws -> PreparedProbe {
    let places = Dictionary(uniqueKeysWithValues: works.map { ($0.key, $0) })
    return PreparedProbe(
      inputs: try RunInputs(
        probe: "linear-task-vectors", spec: resolved, files: [], precision: "f64"),
      plan: RunPlan(
        cells: works.map {
          Cell(key: $0.key, cost: $0.work.floatingPointOperations, work: $0.work)
        },
        tables: [.results.adding(LinearTaskVectorsCell.columns)],
        details: RunDetails(
          seeds: spec.seeds,
          facts: ["flops": .number(works.reduce(0) { $0 + $1.work.floatingPointOperations })])),
      work: { cell in
        guard let work = places[cell.key] else {
          preconditionFailure("a cell of another plan: \(cell.key)")
        }
        return work.output()
      },
      conclude: { cells in
        var output = CellOutput()
        if spec.seeds.count > 1 { output.results = means(try cells.results()) }
        return output
      }, summary: text)
  }

  /// Means over seeds; n counts seeds.
  private func means(_ rows: [ResultRow]) -> [ResultRow] {
    rows.filter { $0.seed == spec.seeds[0] }.map { first in
      let same = rows.filter {
        $0.model == first.model && $0.condition == first.condition && $0.shots == first.shots
          && $0.metric == first.metric
      }
      var row = first
      row.seed = nil
      let key =
        "\(first.model)\u{0}\(first.condition.rawValue)\u{0}\(first.shots ?? 0)\u{0}\(first.metric.rawValue)"
      row.estimate = Bootstrap(key: "linear-task-vectors over seeds\u{0}\(key)", seed: 0).mean(
        same.map(\.estimate.value), clusters: same.map { "\($0.seed ?? 0)" })
      return row
    }
  }

  private func text(_ rows: [ResultRow], on screen: Screen) -> String {
    let wanted = spec.seeds.count > 1 ? nil : spec.seeds.first
    var table = TextTable(
      headers: [
        "layers", "dropout", "shots", "icl", "zero-shot", "vector", "other θ", "random", "rank",
      ], keys: 3)
    for layers in spec.layers {
      for keep in spec.keep {
        for shots in spec.shots {
          func row(_ condition: Condition, _ metric: Metric = .meanSquaredErrorRescaled)
            -> ResultRow?
          {
            rows.first {
              $0.extra[0] == .integer(layers) && $0.extra[1] == .real(keep) && $0.shots == shots
                && $0.seed == wanted && $0.condition == condition && $0.metric == metric
            }
          }
          func text(_ row: ResultRow?) -> String { TextTable.number(row?.estimate.value) }
          table.append([
            "\(layers)", keep < 1 ? TextTable.number(1 - keep) : "", "\(shots)", text(row(.icl)),
            text(row(.zeroShot)), text(row(.taskVector)), text(row(.taskVectorOtherTask)),
            text(row(.taskVectorRandom)), text(row(.taskVector, .injectedMapRank)),
          ])
        }
      }
    }
    let step = Triplets(dimension: spec.dimension, shots: 1).errorOfOneStep(demonstrations: 1)
    return
      ([
        "squared error of a coordinate at the best scale of predictions; answering 0 gives \(spec.dimension), a gradient step on one demonstration \(TextTable.number(step))"
      ]
      + table.lines(on: screen)).joined(separator: "\n")
  }
}
