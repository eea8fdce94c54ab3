// A probe without a model, for the tests of everything around one: its rows follow from its cells' keys.

import CheckpointIO
import Probes
import TensorCore

struct ToyProbe {
  static let layers = TableSchema(
    file: "layers.csv", meaning: "One row per layer.",
    columns: [
      .runID,
      Column("layer", .integer, "The layer, counted from 0."),
      Column("norm", .real, "A norm.", whenEmpty: "the layer has none"),
    ])

  let folder: String
  let inputs: RunInputs
  let plan: RunPlan

  init(folder: String, shots: Int = 5, data: String = "[]", cells: Int = 5) throws {
    self.folder = folder
    let tree = try SpecTree(
      ["probe": "toy", "shots": .integer(shots)], file: "toy.yaml")
    let resolved = try tree.decode(small: false) { try $0.int("shots", default: 5) }.resolved
    inputs = try RunInputs(
      probe: "toy", spec: resolved,
      files: [InputFile(.data, named: "capital.json", contents: data.utf8)], precision: "f32")
    plan = RunPlan(
      cells: (0..<cells).map { Cell(key: "m/task \($0)/seed 41", cost: Double($0 + 1)) },
      tables: [.results, .samples, Self.layers],
      details: RunDetails(
        seeds: [41], models: ["m": ["bos": "never"]],
        dropped: [Dropped("pairs of capital", count: 3, why: "the answer is not one token")]))
  }

  static let environment = RunEnvironment(
    version: "1.0.0", cpu: "a cpu", instructionSet: "avx2", threads: 2, system: "a system")

  func open(_ mode: RunFolder.Mode, version: String = "1.0.0") throws -> RunFolder.Opening {
    try RunFolder.open(
      folder, inputs: inputs,
      environment: RunEnvironment(
        version: version, cpu: "a cpu", instructionSet: "avx2", threads: 2, system: "a system"),
      mode: mode)
  }

  /// The rows of a cell, which depend on its key alone.
  func output(_ cell: Cell) -> CellOutput {
    var generator = SeededGenerator(key: cell.key, seed: 1)
    var output = CellOutput()
    let outcomes = (0..<4).map { _ in generator.uniform() < 0.6 }
    for (example, correct) in outcomes.enumerated() {
      output.samples.append(
        SampleRow(
          model: "m", attention: .linear, task: cell.key, condition: .taskVector, split: .test,
          shots: 5, hook: "hook_resid_post", layer: 1, position: "last", seed: 41,
          example: example, query: "a, \"b\"\n", target: "c", prediction: "d", correct: correct,
          targetRank: generator.uniformInteger(below: 50),
          targetLogProbability: -generator.uniform(),
          promptSHA256: SHA256.digest(of: cell.key.utf8)))
    }
    output.results.append(
      ResultRow(
        model: "m", attention: .linear, task: cell.key, condition: .taskVector, split: .test,
        shots: 5, seed: 41, metric: .accuracy, estimate: Statistics.proportion(outcomes)))
    output.tables.append(
      Table(
        Self.layers,
        rows: (0..<2).map { [.text(inputs.runID), .integer($0), .real(generator.uniform())] }))
    if !cell.key.contains("task 2") {
      output.vectors = [
        RunVector(
          StoredTensor(
            name: "\(cell.key)/1", shape: [3],
            floats: (0..<3).map { _ in Float(generator.uniform()) }),
          metadata: ["task": cell.key, "layer": "1"])
      ]
    }
    output.notes.add("blocks.1.hook_resid_post", reads: 8, edits: 4)
    output.notes.dropped.append(Dropped("queries", count: 1, why: "they are demonstrations"))
    output.notes.facts["chosen_layer"] = 1
    return output
  }

  func conclusion(_ cells: FinishedCells) throws -> CellOutput {
    var output = CellOutput()
    let values = try cells.results().map(\.estimate.value)
    output.results.append(
      ResultRow(
        model: "m", attention: .linear, condition: .taskVector, split: .test, metric: .accuracy,
        estimate: Bootstrap(key: "toy", seed: 1).mean(
          values, clusters: cells.plan.cells.map(\.key))))
    return output
  }

  /// Runs to the end, or until `before` says no.
  @discardableResult
  func run(
    _ mode: RunFolder.Mode, before: (Cell) throws -> Void = { _ in },
    shouldStop: () -> Bool = { false }, progress: (RunProgress) -> Void = { _ in }
  ) throws -> RunOutcome? {
    switch try open(mode) {
    case .alreadyFinished: return nil
    case .ready(let folder):
      return try folder.execute(
        plan, progress: progress, shouldStop: shouldStop, conclude: conclusion
      ) { cell in
        try before(cell)
        return output(cell)
      }
    }
  }

  static let finals = [
    "columns.json", "layers.csv", "results.csv", "run.json", "samples.csv", "vectors.safetensors",
  ]

  /// The bytes of every final file that must not depend on how the run went.
  func bytes() throws -> [String: [UInt8]] {
    var bytes: [String: [UInt8]] = [:]
    for name in Self.finals where name != "run.json" {
      bytes[name] = try Disk.bytes("\(folder)/\(name)")
    }
    return bytes
  }
}
