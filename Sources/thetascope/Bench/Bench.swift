// thetascope bench: what this machine gives, and what share of it the product reaches. Times have their place here
// and in run.json, nowhere else.

import ArgumentParser
import CheckpointIO
import HookedModels
import Probes
import TensorCore

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure matrix products, or a model's passes, hooks and tokenizer.",
    discussion: """
      Without --model: the product with cold weights, beside the peak of arithmetic and of reading memory that \
      this machine shows in the same run. With --model: that model's forward pass, what hooks cost, its tokenizer.

      Examples:
        thetascope bench
        thetascope bench --model data/models/softmax --threads 1
        thetascope bench --model path/to/gpt2 --memory
      """)

  @Option(help: "A Hugging Face folder.", completion: .directory) var model: String?
  @Flag(help: "Products of the largest shapes too, and of weights stored in bf16.") var all = false
  @Flag(help: "Of --model: the peak resident memory of one pass, beside the checkpoint's bytes.")
  var memory = false
  @Option(
    help: ArgumentHelp("A file of work to time on the model; see Tests/Peers.", visibility: .hidden)
  )
  var work: String?
  @Option(
    help: ArgumentHelp("Where the results of that work go, an .npz file.", visibility: .hidden))
  var out: String?
  @OptionGroup var precision: PrecisionOption
  @OptionGroup var common: CommonOptions

  func validate() throws {
    if memory && model == nil { throw ValidationError("--memory is measured on a --model") }
    if work != nil && (model == nil || out == nil) {
      throw ValidationError("--work needs --model and --out")
    }
  }

  func run() throws {
    let context = common.context(precision.precision)
    if let model, let work, let out { return try time(work, on: model, out: out, context) }
    if memory, let model {
      for line in try MemoryBench(path: model, context: context).table().lines(on: .data) {
        print(line)
      }
      return
    }
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
      for line in try bench.table().lines(on: .data) { print(line) }
      return
    }
    let bench = ProductBench(context: context, yardstick: yardstick)
    let types: [ElementType] =
      context.precision == .bf16 ? [.bfloat16] : all ? [.float32, .bfloat16] : [.float32]
    for type in types {
      let shapes = all ? ProductBench.shapes : Array(ProductBench.shapes.prefix(3))
      for line in bench.table(of: type, shapes: shapes).lines(on: .data) { print(line) }
    }
  }

  /// Seconds of each piece of work, fastest, middle and slowest, and the peak beside it, as JSON lines.
  private func time(_ work: String, on model: String, out: String, _ context: ComputeContext) throws
  {
    let model = try ModelFolder(path: model).model(as: Float.self, on: context)
    var results: [StoredTensor] = []
    for work in try Workload.all(in: work) {
      results += try work.run(model).map {
        StoredTensor(
          name: "\(work.name)/\($0.name)", dtype: $0.dtype, shape: $0.shape, bytes: $0.bytes)
      }
      let time = try Stopwatch { _ = try work.run(model) }
      let line: JSON = [
        "work": .string(work.name), "fastest": .number(time.fastest),
        "median": .number(time.median),
        "slowest": .number(time.slowest), "runs": .integer(time.seconds.count),
        "peak_flops": .number(Yardstick.arithmetic(context)),
      ]
      print(line.serialized(pretty: false))
    }
    try NPZWriter.write(tensors: results, to: out)
  }
}
