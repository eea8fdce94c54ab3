// thetascope bench: what this machine gives. Times have their place here and in run.json, nowhere else.

import ArgumentParser
import Foundation
import HookedModels
import TensorCore
import Tokenization

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure matrix products, and a model's forward pass and tokenizer.")

  @Option(help: "A Hugging Face folder.") var model: String?
  @OptionGroup var common: CommonOptions

  func run() throws {
    let context = common.context
    print("what\tvalue\tunit")
    let (depth, columns) = (768, 3072)
    var generator = SeededGenerator(seed: 1)
    func random(_ shape: [Int]) -> Tensor<Float> {
      Tensor(
        shape: shape, values: (0..<shape.reduce(1, *)).map { _ in Float(generator.uniform()) - 0.5 }
      )
    }
    let weight = Parameter(name: "weight", tensor: random([columns, depth]))
    for rows in [1, 8, 32, 64, 256] {
      let x = Variable(random([rows, depth]))
      let ops = Operations<Float>(context)
      let seconds = median { _ = ops.linear(x, weight: weight) }
      let work = 2 * Double(rows) * Double(depth) * Double(columns)
      report("product \(rows) x \(depth) x \(columns)", work / seconds / 1e9, "GFLOP/s")
    }
    guard let path = model else { return }
    let tokenizer = try Tokenizer.load(folder: path)
    let text = String(
      repeating: "The quick brown fox jumps over the lazy dog, and 3 more. ", count: 4000)
    let encoding = try median { _ = try tokenizer.encode(text) }
    report("tokenizer", Double(text.utf8.count) / encoding / 1e6, "MB/s")
    let transformer = try ModelFolder(path: path).model(as: Float.self, on: context)
    let length = min(256, transformer.architecture.maximumPositions ?? 256)
    let tokens = (0..<length).map { _ in
      generator.uniformInteger(below: transformer.architecture.vocabulary)
    }
    let forward = try median {
      _ = try transformer.run([BatchSequence(tokens: tokens)], logitsAt: .all)
    }
    report("forward 1 x \(length) tokens, all logits", forward * 1000, "ms")
  }

  private func report(_ what: String, _ value: Double, _ unit: String) {
    print("\(what)\t\(String(format: "%.1f", value))\t\(unit)")
  }

  /// Seconds of the middle of at least five runs within half a second, after one to warm up.
  private func median(_ body: () throws -> Void) rethrows -> Double {
    try body()
    var times: [Double] = []
    let clock = ContinuousClock()
    let start = clock.now
    while times.count < 5 || (clock.now - start < .milliseconds(500) && times.count < 1000) {
      let elapsed = try clock.measure(body)
      times.append(
        Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18)
    }
    return times.sorted()[times.count / 2]
  }
}
