// ModelBench: a model folder's forward pass, the price of hooks, and its tokenizer.

import HookPoints
import HookedModels
import Probes
import TensorCore
import Tokenization

struct ModelBench {
  let path: String
  let context: ComputeContext
  let yardstick: Yardstick

  func table() throws -> TextTable {
    var table = TextTable(headers: ["what", "ms", "tokens/s", "GFLOP/s", "% of peak"])
    let model = try ModelFolder(path: path).model(as: Float.self, on: context)
    let architecture = model.architecture
    var generator = SeededGenerator(key: "tokens", seed: 1)
    func sequences(_ count: Int, of length: Int) -> [BatchSequence<Float>] {
      (0..<count).map { _ in
        BatchSequence(
          tokens: (0..<length).map { _ in
            generator.uniformInteger(below: architecture.vocabulary)
          })
      }
    }
    func add(
      _ what: String, _ batch: [BatchSequence<Float>], logits: Int, repeats: Int = 5,
      _ body: () throws -> Void
    ) rethrows {
      let seconds = try Stopwatch(atLeast: repeats, body).median
      let lengths = batch.map(\.count)
      let tokens = lengths.reduce(0, +)
      let work = architecture.floatingPointOperations(lengths: lengths, logits: logits)
      table.append([
        what, TextTable.number(seconds * 1000, decimals: 1),
        TextTable.number(Double(tokens) / seconds, decimals: 0),
        TextTable.number(work / seconds / 1e9, decimals: 0),
        TextTable.number(100 * work / seconds / yardstick.floatingPointPerSecond, decimals: 0),
      ])
    }
    let length = min(256, architecture.maximumPositions ?? 256)
    let one = sequences(1, of: length)
    try add("1 x \(length), all logits", one, logits: length) {
      _ = try model.run(one, logitsAt: .all)
    }
    let sixteen = sequences(16, of: length)
    try add("16 x \(length), last logits", sixteen, logits: 16, repeats: 3) {
      _ = try model.run(sixteen)
    }
    let every = HookPlan(
      reads: model.catalog.entries.map { Read(hook: .name($0.name)) })
    try add("1 x \(length), every hook read", one, logits: length, repeats: 3) {
      _ = try model.run(one, plan: every, logitsAt: .all)
    }
    let middle = architecture.layers / 2
    let patch = HookPlan(interventions: [
      .scale(Site<Residual>.residPost(middle), by: 0.5, at: .last)
    ])
    try add("1 x \(length), one patch", one, logits: length) {
      _ = try model.run(one, plan: patch, logitsAt: .all)
    }
    let short = sequences(8, of: 1)
    try add("8 x 1", short, logits: 8) { _ = try model.run(short) }

    let tokenizer = try Tokenizer.load(folder: path)
    let text = String(
      repeating: "The quick brown fox jumps over the lazy dog, and 3 more. ", count: 4000)
    let seconds = try Stopwatch { _ = try tokenizer.encode(text) }.median
    table.append([
      "tokenizer, \(TextTable.number(Double(text.utf8.count) / seconds / 1e6, decimals: 1)) MB/s",
      TextTable.number(seconds * 1000, decimals: 1), "", "", "",
    ])
    return table
  }
}
