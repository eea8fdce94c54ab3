// thetascope bench: what this machine gives, and what share of it the product reaches. Times have their place here
// and in run.json, nowhere else.

import ArgumentParser
import Probes
import TensorCore

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure matrix products, or a model's passes, hooks and tokenizer.",
    discussion: """
      Without --model: the product with cold weights, beside the peak of arithmetic and of reading memory that \
      this machine shows in the same run. With --model: that model's forward pass, what hooks cost, its tokenizer.
      """)

  @Option(help: "A Hugging Face folder.") var model: String?
  @Flag(help: "Products of the largest shapes too, and of weights stored in bf16.") var all = false
  @Flag(help: "Of --model: the peak resident memory of one pass, beside the checkpoint's bytes.")
  var memory = false
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if memory && model == nil { throw ValidationError("--memory is measured on a --model") }
  }

  func run() throws {
    if memory, let model {
      for line in try MemoryBench(path: model, context: common.context).table().lines() {
        print(line)
      }
      return
    }
    let context = common.context
    common.say("measuring the machine…")
    let yardstick = Yardstick(context)
    print(
      """
      \(context.instructionSet.rawValue), \(context.threads) \(context.threads == 1 ? "thread" : "threads")
      peak     \(TextTable.number(yardstick.floatingPointPerSecond / 1e9, decimals: 0)) GFLOP/s f32
      reading  \(TextTable.number(yardstick.bytesPerSecond / 1e9, decimals: 1)) GB/s

      """)
    if let model {
      let bench = ModelBench(path: model, context: context, yardstick: yardstick)
      for line in try bench.table().lines() { print(line) }
      return
    }
    let bench = ProductBench(context: context, yardstick: yardstick)
    for type in all ? [ElementType.float32, .bfloat16] : [.float32] {
      let shapes = all ? ProductBench.shapes : Array(ProductBench.shapes.prefix(3))
      for line in bench.table(of: type, shapes: shapes).lines() { print(line) }
    }
  }
}
