// Function vectors in numbers (Todd et al. 2023, arXiv:2310.15213, §2): mean head outputs, what putting them into a
// prompt does, and the vector that the best heads write. Here a head's output is what W_O reads of it, `attn.hook_z`; its
// width need not be the model's over the heads, and of linear attention it is behind the norm and the gate of the head.

import CKernels
import CheckpointIO
import HookPoints
import HookedModels
import TensorCore

/// A head of a layer, both counted from 0.
package struct Head: Sendable, Hashable {
  package let layer, head: Int

  package init(layer: Int, head: Int) {
    self.layer = layer
    self.head = head
  }
}

/// Sums over prompts that were answered rightly: memory does not grow with their number.
package struct HeadMeans: Sendable {
  /// How many prompts were answered rightly, and asked.
  package private(set) var right = 0
  package private(set) var asked = 0
  /// By layer: of `attn.hook_z`, `[H · dv]`, and of `hook_resid_post`, `[D]`, at the last token.
  private var outputs: [[Double]]
  private var residuals: [[Double]]

  fileprivate init(layers: Int) {
    outputs = Array(repeating: [], count: layers)
    residuals = outputs
  }

  /// The mean output of every head of each layer, `[H · dv]`.
  package var headOutputs: [[Float]] { outputs.map(mean) }
  /// The mean residual after each block, `[D]`.
  package var layerAverages: [[Float]] { residuals.map(mean) }

  private func mean(_ sum: [Double]) -> [Float] { sum.map { Float($0 / Double(right)) } }

  var json: JSON {
    [
      "right": .integer(right), "asked": .integer(asked), "outputs": JSON(outputs),
      "residuals": JSON(residuals),
    ]
  }

  init?(_ json: JSON) {
    guard let right = json["right"]?.intValue, let asked = json["asked"]?.intValue,
      let outputs = json["outputs"]?.matrix, let residuals = json["residuals"]?.matrix
    else { return nil }
    (self.right, self.asked, self.outputs, self.residuals) = (right, asked, outputs, residuals)
  }

  fileprivate mutating func count(_ isRight: Bool) {
    asked += 1
    if isRight { right += 1 }
  }

  fileprivate mutating func add(_ z: [Float], _ residual: [Float], layer: Int) {
    Self.add(z, to: &outputs[layer])
    Self.add(residual, to: &residuals[layer])
  }

  private static func add(_ values: [Float], to sum: inout [Double]) {
    if sum.isEmpty { sum = Array(repeating: 0, count: values.count) }
    for index in values.indices { sum[index] += Double(values[index]) }
  }
}

extension Transformer<Float> {
  /// The heads, layer by layer.
  package var allHeads: [Head] {
    (0..<architecture.layers).flatMap { layer in
      (0..<architecture.attentionShape(layer).heads).map { Head(layer: layer, head: $0) }
    }
  }

  /// Means at the last token over the prompts that `isRight` accepts.
  package func headMeans(
    _ prompts: [[Int]], notes: inout CellNotes, isRight: (_ prompt: Int, _ logits: [Float]) -> Bool
  ) throws -> HeadMeans {
    var means = HeadMeans(layers: architecture.layers)
    let reads = (0..<architecture.layers).flatMap {
      [Read(Site<HeadOutputs>.z($0), at: .last), Read(Site<Residual>.residPost($0), at: .last)]
    }
    var start = 0
    for chunk in prompts.chunked(tokens: 4096, count: \.count) {
      let result = try run(
        chunk.map { BatchSequence(tokens: $0) }, plan: HookPlan(reads: reads), logitsAt: .last)
      notes.add(result.fireCounts)
      let right = chunk.indices.filter { isRight(start + $0, result.logits.row($0)) }
      for index in chunk.indices { means.count(right.contains(index)) }
      for layer in 0..<architecture.layers {
        let (z, residual) = (
          try result.cache.tensor(.block(layer, .z)),
          try result.cache.tensor(.block(layer, .residPost))
        )
        let width = z.count / chunk.count
        let rows = z.reshaped([chunk.count, width])
        for index in right { means.add(rows.row(index), residual.row(index), layer: layer) }
      }
      start += chunk.count
    }
    return means
  }

  /// The causal indirect effect of every head: how much the probability of the answer's first token grows when the head's
  /// output at the last token is its mean, in the order of `allHeads`, for each prompt.
  ///
  /// - Parameter means: by layer, `[H · dv]`.
  /// - Source: Todd et al. 2023, arXiv:2310.15213, equation 4.
  package func headEffects(
    _ prompts: [(tokens: [Int], answer: Int)], means: [[Float]], notes: inout CellNotes
  ) throws -> [[Double]] {
    try prompts.map { prompt in
      let clean = EditedPrompt(prompt: prompt.tokens, answer: [prompt.answer])
      let edited = allHeads.map { head in
        let width = architecture.attentionShape(head.layer).valueWidth
        let start = head.head * width
        var edit = PromptEdit.replace(
          .block(head.layer, .z), at: [prompt.tokens.count - 1],
          with: [Array(means[head.layer][start..<start + width])])
        edit.heads = .index(head.head)
        return clean.with(edit)
      }
      let probabilities = try observations(of: [clean] + edited, notes: &notes).map {
        ck_exp($0.targetLogProbability)
      }
      return probabilities.dropFirst().map { $0 - probabilities[0] }
    }
  }

  /// Σ W_O[h] ā_h over some heads, `[D]`; no bias of the output projection in it, which belongs to no head.
  ///
  /// - Source: Todd et al. 2023, arXiv:2310.15213, equation 6.
  package func functionVector(_ heads: [Head], means: [[Float]]) -> [Float] {
    var sum = [Double](repeating: 0, count: architecture.modelWidth)
    for head in heads {
      let writes = headWrites(means[head.layer], layer: head.layer).row(head.head)
      for (column, value) in writes.enumerated() { sum[column] += Double(value) }
    }
    return sum.map { Float($0) }
  }
}
