// What the lens, direct attribution and the heads' writes are in terms of the model's own run.

import Foundation
import HookPoints
import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct StreamTests {
  private static let families = [
    "gpt2-tiny", "llama-gqa", "llama-mqa", "gptj-tiny", "phi-tiny", "gemma-tiny", "gemma2-tiny",
    "linear-decay", "linear-fla", "retnet-tiny", "deltanet-hybrid", "llama-momentum",
  ]
  private let tokens = [5, 1, 40, 2, 33, 1, 17]

  private func model(_ family: String) throws -> Transformer<Float> {
    try ModelFolder(path: fixture("families/\(family)")).model(on: ComputeContext(threads: 2))
  }

  /// The last residual through the final norm is what the model says, bit for bit, cap included; without the norm it is
  /// not.
  @Test(arguments: families) func lensOfTheLastLayerIsTheModel(_ family: String) throws {
    let model = try model(family)
    let last = HookName.block(model.architecture.layers - 1, .residPost)
    let result = try model.run(
      [BatchSequence(tokens: tokens)], plan: HookPlan(reads: [Read(hook: .name(last))]),
      logitsAt: .all)
    let stream = try result.cache.tensor(last)
    #expect(bitDifference(try model.lens(stream), result.logits) == nil)
    let bare = try model.lens(stream, normed: false)
    #expect(bare.shape == result.logits.shape && bare.values != result.logits.values)
    let embedding = try #require(
      model.parameter("lm_head.weight") ?? model.parameter("embed_tokens.weight")
    ).tensor()
    let bias = model.parameter("lm_head.bias")?.tensor().values
    let expected = (0..<tokens.count).flatMap { row in
      (0..<embedding.shape[0]).map { token -> Double in
        let sum = zip(stream.row(row), embedding.row(token)).reduce(Double(bias?[token] ?? 0)) {
          $0 + Double($1.0) * Double($1.1)
        }
        return model.architecture.logitCap.map { tanh(sum / $0) * $0 } ?? sum
      }
    }
    let difference = Difference(bare.values, expected)
    #expect(difference.largest <= Tolerance.activation, "\(difference)")
  }

  /// What every module adds, through the norm's divisor as it was, is the difference of two logits, but for biases behind.
  @Test(arguments: families) func directAttributionAddsUp(_ family: String) throws {
    let model = try model(family)
    let layers = 0..<model.architecture.layers
    let parts =
      [HookName.embed, .positionEmbed].filter(model.catalog.contains)
      + layers.flatMap { [HookName.block($0, .attnOut), .block($0, .mlpOut)] }
    let reads = (parts + [.finalScale]).map { Read(hook: .name($0), positions: .last) }
    let result = try model.run([BatchSequence(tokens: tokens)], plan: HookPlan(reads: reads))
    let (one, other) = (7, 12)
    let behind = model.unembeddingDirections(of: [one, other])
    let direction = zip(behind[0], behind[1]).map { $0 - $1 }
    let before = model.direction(direction, beforeNormOfAttentionIn: nil)
    let divisor = Double(try result.cache.tensor(.finalScale).values[0])
    var sum = 0.0
    for part in parts {
      let values = try result.cache.tensor(part).values
      sum += zip(values, before).reduce(0) { $0 + Double($1.0) * $1.1 } / divisor
    }
    let bias = model.parameter("lm_head.bias")?.tensor().values
    sum += Double(bias?[one] ?? 0) - Double(bias?[other] ?? 0)
    for (bias, weight) in zip(model.parameter("norm.bias")?.tensor().values ?? [], direction) {
      sum += Double(bias) * weight
    }
    func uncapped(_ token: Int) -> Double {
      let logit = Double(result.logits.row(0)[token])
      return model.architecture.logitCap.map { atanh(logit / $0) * $0 } ?? logit
    }
    let expected = uncapped(one) - uncapped(other)
    #expect(abs(sum - expected) <= Tolerance.probe * max(1, abs(expected)), "\(sum) \(expected)")
  }

  /// All heads and the bias are attention's output; one head is `hook_result`.
  @Test(arguments: families) func headsAddUpToAttention(_ family: String) throws {
    let model = try model(family)
    for layer in 0..<model.architecture.layers {
      let reads = [BlockPoint.z, .result, .rawAttnOut].map {
        Read(hook: .name(.block(layer, $0)), positions: .last)
      }
      let cache = try model.capture(
        [BatchSequence(tokens: tokens)], plan: HookPlan(reads: reads)
      ).cache
      let writes = model.headWrites(try cache.tensor(.block(layer, .z)).values, layer: layer)
      #expect(bitDifference(writes.values, try cache.tensor(.block(layer, .result)).values) == nil)
      let bias = model.parameter("layers.\(layer).attn.o_proj.bias")?.tensor().values
      let sums = (0..<writes.width).map { column in
        (0..<writes.rows).reduce(Double(bias?[column] ?? 0)) {
          $0 + Double(writes.row($1)[column])
        }
      }
      let difference = Difference(try cache.tensor(.block(layer, .rawAttnOut)).values, sums)
      #expect(difference.largest <= Tolerance.activation, "\(difference)")
    }
  }

  @Test func lensRefusesOtherWidths() throws {
    let model = try model("gpt2-tiny")
    for normed in [true, false] {
      #expect(throws: ModelError.self) {
        try model.lens(
          Tensor(shape: [2, 31], values: Array(repeating: 0, count: 62)), normed: normed)
      }
    }
  }
}
