// Function vectors and in-context vectors against transformers, and plain torch for linear attention: means, causal
// indirect effects, vectors, and what prompts say with them. Tests/Fixtures/laboratory/make_laboratory.py.

import CheckpointIO
import HookPoints
import HookedModels
import Probes
import TensorCore
import TestSupport
import Testing

@Suite struct HeadVectorTests {
  private func item(_ file: String, _ model: String) throws -> JSON {
    let cases = try JSON(contentsOf: fixture("laboratory/\(file).json")).arrayValue ?? []
    return try #require(cases.first { $0["model"]?.stringValue == model })
  }

  private func model(_ family: String) throws -> Transformer<Float> {
    try ModelFolder(path: fixture("families/\(family)")).model(on: ComputeContext(threads: 2))
  }

  private func integers(_ json: JSON?) -> [Int] { json?.arrayValue?.compactMap(\.intValue) ?? [] }
  private func doubles(_ json: JSON?) -> [Double] {
    json?.arrayValue?.compactMap(\.doubleValue) ?? []
  }
  private func prompts(_ json: JSON?) -> [(tokens: [Int], answer: Int)] {
    json?.arrayValue?.map { (integers($0["tokens"]), $0["answer"]?.intValue ?? -1) } ?? []
  }
  private func expect(_ found: [some BinaryFloatingPoint], _ expected: [Double], _ what: String) {
    let difference = Difference(found, expected)
    #expect(
      !expected.isEmpty && difference.largest <= Tolerance.probe, "\(what) \(difference)")
  }

  @Test(arguments: ["gpt2-tiny", "llama-gqa", "llama-mqa", "linear-decay"])
  func functionVectors(_ family: String) throws {
    let (model, item) = (try model(family), try item("function_vectors", family))
    let tasks = try #require(item["tasks"]?.arrayValue)
    var notes = CellNotes()
    var averages = [Double](repeating: 0, count: model.allHeads.count)
    for task in tasks {
      let shown = prompts(task["prompts"])
      let means = try model.headMeans(shown.map(\.tokens), notes: &notes) { index, logits in
        logits.indices.reduce(0) { logits[$1] > logits[$0] ? $1 : $0 } == shown[index].answer
      }
      // Two of the five are answered wrongly and do not count.
      #expect(means.right == 3 && means.asked == 5)
      for (layer, mean) in (task["mean"]?.arrayValue ?? []).enumerated() {
        expect(means.headOutputs[layer], doubles(mean), "mean of layer \(layer)")
      }
      let asked = prompts(task["shuffled"])
      let effects = try model.headEffects(asked, means: means.headOutputs, notes: &notes)
      #expect(effects.count == 3)
      for (index, expected) in (task["effects"]?.arrayValue ?? []).enumerated() {
        expect(effects[index], doubles(expected), "effects in prompt \(index)")
        for head in averages.indices { averages[head] += effects[index][head] / 6 }
      }
      let heads = integers(item["top"]).map { model.allHeads[$0] }
      let vector = model.functionVector(heads, means: means.headOutputs)
      expect(vector, doubles(task["vector"]), "vector")
      let clean = EditedPrompt(prompt: asked[0].tokens, answer: [asked[0].answer])
      let added = (0..<model.architecture.layers).map { layer in
        var prompt = clean
        prompt.edits = [
          PromptEdit(
            hook: .block(layer, .residPost), positions: [asked[0].tokens.count - 1],
            action: .add(HookValues(vector), scaled: 1))
        ]
        return prompt
      }
      expect(
        try model.observations(of: added, notes: &notes).map(\.targetLogProbability),
        doubles(task["log_probabilities"]), "log-probability with the vector")
    }
    expect(averages, doubles(item["average"]), "average effects")
    let order = averages.indices.sorted { (averages[$1], $0) < (averages[$0], $1) }
    #expect(Array(order.prefix(5)) == integers(item["top"]))
  }

  /// Means are of sums: twice the prompts are the same means, and hold no more.
  @Test func meansStream() throws {
    let model = try model("llama-gqa")
    let prompts = [[1, 2, 3], [4, 5], [6, 7, 8, 9]]
    var notes = CellNotes()
    let once = try model.headMeans(prompts, notes: &notes) { _, _ in true }
    let twice = try model.headMeans(prompts + prompts, notes: &notes) { _, _ in true }
    #expect(twice.right == 6)
    func numbers(_ value: Any) -> Int {
      let parts = Mirror(reflecting: value).children
      return parts.isEmpty ? 1 : parts.reduce(0) { $0 + numbers($1.value) }
    }
    #expect(numbers(once) == numbers(twice) && numbers(once) > 3 * (40 + 40))
    for (one, other) in zip(
      once.headOutputs + once.layerAverages, twice.headOutputs + twice.layerAverages)
    {
      expect(other, one.map { Double($0) }, "twice")
    }
  }

  @Test(arguments: ["gpt2-tiny", "linear-decay"]) func inContextVectors(_ family: String) throws {
    let (model, item) = (try model(family), try item("in_context_vectors", family))
    let pairs = (item["pairs"]?.arrayValue ?? []).map {
      (input: integers($0["input"]), output: integers($0["output"]))
    }
    var notes = CellNotes()
    let vectors = try model.inContextVectors([pairs], notes: &notes)[0]
    for (layer, expected) in (item["vectors"]?.arrayValue ?? []).enumerated() {
      expect(vectors[layer], doubles(expected), "vector of layer \(layer)")
    }
    let prompt = integers(item["prompt"])
    let scale = try #require(item["scale"]?.doubleValue)
    for point in [BlockPoint.mlpOut, .residPost] {
      let turned = EditedPrompt(
        prompt: prompt, answer: [0],
        edits: model.turn(of: prompt.count, towards: vectors, at: point, scale: scale))
      let logits = try model.logits(of: [turned], notes: &notes) { $1.row(0) }[0]
      expect(logits, doubles(item["logits"]?[point.rawValue]), "logits, turned at \(point)")
    }
    // A turn keeps norms, and of no size it keeps everything.
    let still = EditedPrompt(
      prompt: prompt, answer: [0],
      edits: model.turn(of: prompt.count, towards: vectors, at: .mlpOut, scale: 0))
    let plain = try model.run([BatchSequence(tokens: prompt)]).logits.row(0)
    expect(
      try model.logits(of: [still], notes: &notes) { $1.row(0) }[0], plain.map { Double($0) },
      "λ = 0")
    // The order of the pairs changes nothing, nor does a single pair have a component.
    let reversed = try model.inContextVectors([pairs.reversed(), [pairs[0]]], notes: &notes)
    expect(reversed[0][0], vectors[0].map { Double($0) }, "reversed")
    let one = try model.captured(
      [pairs[0].output, pairs[0].input].map { EditedPrompt(prompt: $0, answer: [0]) },
      reading: [.block(0, .residPost)], notes: &notes)
    let ends = try [pairs[0].output, pairs[0].input].enumerated().map {
      try one.value(.block(0, .residPost), RowAddress(sequence: $0, position: $1.count - 1))
    }
    expect(reversed[1][0], zip(ends[0], ends[1]).map { Double($0) - Double($1) }, "one pair")
  }
}
