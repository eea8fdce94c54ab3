// In bf16 too, a row does not depend on its neighbours, on prefixes or on threads; and the precision changes something.

import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct RoundedLawTests {
  @Test(arguments: SmallModel.causal) func lawsHoldInBF16(_ kind: SmallModel) throws {
    guard Precision.bf16.isAvailable else {
      print("skipped: lawsHoldInBF16: this CPU has no bf16 dot product")
      return
    }
    let model = kind.float.on(ComputeContext(threads: 2, precision: .bf16))
    let batch = model.batch([5, 1, 9])
    let together = try model.run(batch).logits
    let single = kind.float.on(ComputeContext(threads: 1, precision: .bf16))
    for (index, sequence) in batch.enumerated() {
      #expect(try single.run([sequence]).logits.values == together.row(index))
    }
    let tokens = model.tokens(8, seed: 3)
    let whole = try model.run([BatchSequence(tokens: tokens)]).logits
    let prefix = try model.prefix(Array(tokens[..<5]))
    let rest = try model.run([BatchSequence(tokens: Array(tokens[5...]), after: prefix)]).logits
    #expect(rest == whole)
    #expect(try kind.float.run([BatchSequence(tokens: tokens)]).logits != whole)
  }
}
