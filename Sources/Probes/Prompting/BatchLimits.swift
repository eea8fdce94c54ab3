// How much goes through a model at a time: what is fastest, or less where a context says how many bytes a batch may
// take. However batches are cut, every row has the same bits.

import HookedModels
import TensorCore

extension Transformer {
  /// How many tokens to run at a time: `most`, or as many as the context's bytes hold.
  func tokens(atMost most: Int) -> Int {
    limited(most, bytes: architecture.activationBytesPerToken)
  }

  /// How many rows of logits to ask for at a time.
  func logitRows(atMost most: Int) -> Int {
    // The rows, and what is made of them.
    limited(most, bytes: 8 * architecture.vocabulary)
  }

  private func limited(_ most: Int, bytes: @autoclosure () -> Int) -> Int {
    max(1, context.batchBytes.map { min(most, $0 / bytes()) } ?? most)
  }
}
