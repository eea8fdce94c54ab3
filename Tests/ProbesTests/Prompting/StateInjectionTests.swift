// The state of the demonstrations at all layers is in-context learning itself, and its full rank is the state; lower ranks
// against NumPy's singular values (Tests/Fixtures/geometry/make_geometry.py).

import CheckpointIO
import HookPoints
import HookedModels
import Probes
import TensorCore
import TestSupport
import Testing

@Suite struct StateInjectionTests {
  /// The shipped models, and tiny ones of other recurrences: none, a fixed and a gated decay. (A short convolution carries
  /// something of the demonstrations beside the state.)
  @Test(arguments: [
    "data/models/linear", "data/models/linear-plain", "linear-decay", "linear-fla", "retnet-tiny",
    "gla-tiny",
  ])
  func allStatesAreInContextLearning(_ name: String) throws {
    let path = name.contains("/") ? "\(packageFolder)/\(name)" : fixture("families/\(name)")
    guard FileReading.kind(of: "\(path)/model.safetensors") == .file else {
      return print("skipped: allStatesAreInContextLearning: \(name) is not there")
    }
    let model: Transformer<Float> = try ModelFolder(path: path).model(
      on: ComputeContext(threads: 2))
    var generator = SeededGenerator(key: "states", seed: 1)
    func tokens(_ count: Int) -> [Int] {
      (0..<count).map { _ in generator.uniformInteger(below: model.architecture.vocabulary) }
    }
    let (demonstrations, others, query) = (tokens(20), tokens(20), tokens(3))
    let layers = 0..<model.architecture.layers
    var notes = CellNotes()
    // S's states, read where the query begins.
    let read = try model.capture(
      [BatchSequence(tokens: query, after: try model.prefix(demonstrations))],
      plan: HookPlan(reads: layers.map { Read(.ssmStateInitial($0)) }))
    let states = try layers.map {
      StateInjection.values(try read.cache.tensor(.block($0, .ssmStateInitial)).values, $0)
    }
    let icl = try model.run([BatchSequence(tokens: demonstrations + query)]).logits
    let expected = Operations<Float>(model.context).observation(icl, answer: [7])
    // Behind other demonstrations of the same length, with the states of S: the same bits as in-context learning.
    let injected = try model.observation(
      others + query, after: 20, answer: [7], states, notes: &notes)
    #expect(injected == expected)
    let untouched = try model.observation(others + query, after: 20, answer: [7], [], notes: &notes)
    #expect(untouched != expected)
    // One layer missing is not in-context learning.
    let partial = try model.observation(
      others + query, after: 20, answer: [7], Array(states.dropLast()), notes: &notes)
    #expect(partial != expected)
    // A rank that the matrix cannot exceed leaves it as it is; rank 1 does not.
    let full = try model.observation(
      demonstrations + query, after: 20, answer: [7],
      layers.map { .rank(model.architecture.headWidth, $0) }, notes: &notes)
    #expect(full == expected)
    let one = try model.observation(
      demonstrations + query, after: 20, answer: [7], layers.map { .rank(1, $0) }, notes: &notes)
    #expect(one != expected)
  }

  @Test func truncationIsNumPys() throws {
    let cases = try #require(
      try JSON(contentsOf: fixture("geometry/geometry.json"))["truncations"]?.arrayValue)
    #expect(cases.count == 3)
    for item in cases {
      let found = Transformer<Float>.truncated(
        try item.doubles("state").map { Float($0) }, heads: try item.int("heads"),
        rows: try item.int("rows"), columns: try item.int("columns"), rank: try item.int("rank"))
      let difference = Difference(found, try item.doubles("kept"))
      #expect(difference.largest < 1e-6, "\(difference)")
    }
  }

  /// A matrix of rank 2 is kept by rank 2, and its best approximation of rank 1 is that of its greater part.
  @Test func truncation() {
    // 3 u vᵀ + 1 w xᵀ with orthonormal pairs.
    let state: [Float] = [3, 0, 0, 1, 0, 0]
    #expect(
      Transformer<Float>.truncated(state, heads: 1, rows: 3, columns: 2, rank: 1)
        == [3, 0, 0, 0, 0, 0])
    let turned: [Float] = [0, 1, 3, 0, 0, 0]
    #expect(
      Transformer<Float>.truncated(turned, heads: 1, rows: 3, columns: 2, rank: 1)
        == [0, 0, 3, 0, 0, 0])
  }
}
