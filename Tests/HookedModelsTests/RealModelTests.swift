// stories260K, a real trained LLaMA, against golden numbers and a golden text that others computed: the whole way from
// a folder to text. Skipped where the model does not lie beside the package.

import CheckpointIO
import HookPoints
import HookedModels
import TensorCore
import TestSupport
import Testing
import Tokenization

@Suite struct RealModelTests {
  static func stories<Scalar: TensorScalar>(_ test: String = #function) throws -> (
    model: Transformer<Scalar>, golden: SafetensorsFile, tokens: [Int]
  )? {
    guard let folder = realMaterial("models/stories260K/hf", for: test) else { return nil }
    let golden = try SafetensorsFile(path: "\(folder)/golden.safetensors")
    let model: Transformer<Scalar> = try ModelFolder(path: folder).model(on: SmallModel.context)
    return (model, golden, try golden.integers(named: "input_ids"))
  }

  /// Logits and the six hidden states `[6, 45, 64]`, the last one before the final norm.
  static func compare<Scalar: TensorScalar>(
    _: Scalar.Type, logits logitTolerance: Double, hidden hiddenTolerance: Double, test: String
  ) throws {
    guard
      let (model, golden, tokens) = try stories(test)
        as (Transformer<Scalar>, SafetensorsFile, [Int])?
    else { return }
    let layers = model.architecture.layers
    let hooks =
      (0..<layers).map { HookName.block($0, .residPre) } + [.block(layers - 1, .residPost)]
    let result = try model.run(
      [BatchSequence(tokens: tokens)],
      plan: HookPlan(reads: hooks.map { Read(hook: .name($0)) }), logitsAt: .all)
    let expected = try golden.doubles(named: "logits")
    #expect(expected.count == 45 * 512 && result.logits.shape == [45, 512])
    let largest =
      zip(result.logits.values, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
    #expect(largest <= logitTolerance, "logits differ by \(largest)")
    let hidden = try golden.doubles(named: "hidden_states")
    #expect(hidden.count == 6 * 45 * 64)
    for (index, hook) in hooks.enumerated() {
      let found = try result.cache.tensor(hook)
      for row in 0..<45 {
        let own = hidden[(index * 45 + row) * 64..<(index * 45 + row + 1) * 64]
        let distance = zip(found.row(row), own).reduce(0) {
          $0 + (Double($1.0) - $1.1) * (Double($1.0) - $1.1)
        }
        let size = own.reduce(0) { $0 + $1 * $1 }
        let relative = (distance / size).squareRoot()
        #expect(relative <= hiddenTolerance, "\(hook), row \(row): \(relative)")
      }
    }
  }

  @Test func activationsInSinglePrecision() throws {
    try Self.compare(Float.self, logits: 1e-4, hidden: 1e-5, test: "activationsInSinglePrecision")
  }

  /// The references are f64 on the same f32 weights, so that f64 must agree far below f32's rounding.
  @Test func activationsInDoublePrecision() throws {
    try Self.compare(
      Double.self, logits: 1e-10, hidden: 1e-11, test: "activationsInDoublePrecision")
  }

  /// Greedy text from BOS alone, byte for byte; and once more without the prefixes of generation.
  @Test func greedyText() throws {
    guard let (model, _, _) = try Self.stories() as (Transformer<Float>, SafetensorsFile, [Int])?,
      let folder = realMaterial("models/stories260K")
    else { return }
    let tokenizer = try Tokenizer.load(folder: "\(folder)/hf")
    let prompt = try tokenizer.prompt("", bos: .always)
    #expect(prompt == [1])
    let tokens = try model.generate(prompt, count: 200)
    #expect(tokens.count == 200)
    let text = tokenizer.decode(prompt + tokens, skippingSpecialTokens: true)
    let file = try FileReading.readFile("\(folder)/expected_greedy_200.txt")
    // But for one newline at the end, which a file may have.
    let expected = file.last == UInt8(ascii: "\n") ? file.dropLast() : file[...]
    #expect(Array(text.utf8) == Array(expected))
    #expect(expected.count > 400)
    let again = try model.run([BatchSequence(tokens: prompt + tokens)], logitsAt: .all).logits
    #expect((0..<200).map { again.argmax(row: $0) } == tokens)
  }

  /// The laws hold on a trained model as they do on random ones.
  @Test func bitsOfATrainedModel() throws {
    guard
      let (model, _, tokens) = try Self.stories() as (Transformer<Float>, SafetensorsFile, [Int])?
    else { return }
    let whole = try model.run([BatchSequence(tokens: tokens)], logitsAt: .all).logits
    let prefix = try model.prefix(Array(tokens[..<20]))
    let tail = try model.run(
      [BatchSequence(tokens: [1, 5]), BatchSequence(tokens: Array(tokens[20...]), after: prefix)],
      plan: HookPlan(reads: [Read(hook: .text("pattern.*"))]), logitsAt: .all
    ).logits
    #expect(bitDifference(tail.rows(2..<27), whole.rows(20..<45)) == nil)
    for set in InstructionSet.allCases where set.isAvailable {
      let other = try model.on(ComputeContext(threads: 1, instructionSet: set))
        .run([BatchSequence(tokens: tokens)], logitsAt: .all).logits
      #expect(bitDifference(other, whole) == nil, "\(set)")
    }
  }
}
