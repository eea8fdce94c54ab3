// Random models whose matrices are drawn whenever they are packed: the same numbers as kept ones, in less memory.

import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct InitialisationTests {
  private func random(_ kind: SmallModel, redraws: Bool, on context: ComputeContext)
    -> Transformer<Float>
  {
    .random(
      name: kind.rawValue, architecture: kind.architecture, seed: 5, redraws: redraws,
      context: context)
  }

  @Test(arguments: SmallModel.allCases) func drawnAgainIsTheSame(_ kind: SmallModel) throws {
    let kept = random(kind, redraws: false, on: SmallModel.context)
    let redrawn = random(kind, redraws: true, on: SmallModel.context)
    func expectSame() {
      for (one, other) in zip(kept.parameters, redrawn.parameters) {
        #expect(bitDifference(other.tensor(), one.tensor()) == nil, "\(one.name)")
      }
    }
    expectSame()
    let batch = kept.batch([5, 1, 9])
    let plan = kept.readingEverything()
    let (first, second) = (
      try kept.run(batch, plan: plan, logitsAt: .all),
      try redrawn.run(batch, plan: plan, logitsAt: .all)
    )
    for index in batch.indices {
      #expect(
        bitDifferences(
          try BatchLawTests.rows(second, sequence: index),
          try BatchLawTests.rows(first, sequence: index)) == [])
    }
    // Read again after it was packed, from the first row.
    expectSame()
  }

  /// More rows than are packed at a time.
  @Test func manyRows() throws {
    var architecture = SmallModel.multiHead.architecture
    (architecture.layers, architecture.mlpWidth) = (1, 120_000)
    architecture.attention = [architecture.attention[0]]
    func logits(_ redraws: Bool) throws -> Tensor<Float> {
      try Transformer<Float>.random(
        name: "wide", architecture: architecture, seed: 5, redraws: redraws,
        context: SmallModel.context
      ).run([BatchSequence(tokens: [1, 2])]).logits
    }
    #expect(try bitDifference(logits(true), logits(false)) == nil)
  }
}
