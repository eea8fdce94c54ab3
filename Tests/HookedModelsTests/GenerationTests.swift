// Greedy generation: each token is computed once, after a prefix that grows, and is what a run of the whole text says.

import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct GenerationTests {
  @Test(arguments: SmallModel.causal) func generationIsTheArgmaxOfWholeRuns(_ kind: SmallModel)
    throws
  {
    let model = kind.float
    let prompt = model.tokens(3, seed: 6)
    let added = try model.generate(prompt, count: 12)
    #expect(added.count == 12)
    let logits = try model.run([BatchSequence(tokens: prompt + added)], logitsAt: .all).logits
    for (index, token) in added.enumerated() {
      let row = logits.row(2 + index)
      #expect(row[token] == row.max())
    }
    #expect(try model.generate(prompt, count: 0) == [])
  }

  @Test func theFirstOfEqualLogits() {
    let logits = Tensor<Float>(shape: [2, 4], values: [0, 3, 3, 1, -2, -5, -2, -9])
    #expect(logits.argmax(row: 0) == 1 && logits.argmax(row: 1) == 0)
  }

  @Test func whatCannotBeGenerated() throws {
    let model = SmallModel.groupedQuery.float
    #expect(
      sentence { try model.generate([1, 2], count: 63) }
        == "groupedQuery: sequence 0 has 65 tokens, but the model has 64 positions; shorten the prompt, "
        + "or show fewer demonstrations"
    )
    #expect(try model.generate([1, 2], count: 62).count == 62)
    #expect(
      sentence { try model.generate([], count: 1) }
        == "groupedQuery: sequence 0 has no tokens; give it at least one, such as BOS")
  }
}
