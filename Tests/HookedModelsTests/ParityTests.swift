// Every hook point and gradient of tiny random models against transformers and TransformerLens, elementwise.
// The fixtures and their scripts are in Tests/Fixtures/families.

import CheckpointIO
import HookPoints
import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct ParityTests {
  static let families = [
    "gpt2-tiny", "llama-mha", "llama-gqa", "llama-mqa", "linear-fla", "linear-decay",
    "linear-maps/identity", "linear-maps/elu-normalised", "linear-maps/relu-norm-qk",
    "linear-maps/elementwise-product", "linear-maps/hedgehog", "linear-maps/t2r",
    "linear-maps/dpfp-no-norm", "retnet-tiny", "gla-tiny", "gla-convolved", "deltanet-tiny",
    "deltanet-hybrid", "gla-window", "llama-momentum", "linear-momentum",
  ]
  static let softmaxFamilies = [
    "gptj-tiny", "neox-tiny", "neox-sequential", "opt-tiny", "xglm-tiny", "phi-tiny",
    "mistral-window", "qwen2-tiny", "qwen3-tiny", "gemma-tiny", "gemma2-tiny", "gemma3-tiny",
    "llama3-scaled",
  ]
  /// In f32 its magnitudes are beyond the tolerance, transformers' own run included (1.24e-5 absolute), so activations
  /// are compared in f64.
  static let yarn = ["llama-yarn"]
  static let context = ComputeContext(threads: 2)

  @Test(arguments: families + softmaxFamilies) func everyHookPoint(_ family: String) throws {
    let worst = try Parity<Float>(family).worstActivation()
    #expect(worst.difference.largest <= Tolerance.activation, "\(worst.name) \(worst.difference)")
  }

  @Test(arguments: families + softmaxFamilies + yarn)
  func everyHookPointInDouble(_ family: String) throws {
    let worst = try Parity<Double>(family).worstActivation()
    #expect(
      worst.difference.largest <= Tolerance.doubleAgainstFloat, "\(worst.name) \(worst.difference)")
  }

  /// A norm that is not fused with the gate behind it has another name in the checkpoint.
  @Test func aNormByItsOtherName() throws {
    let worst = try Parity<Float>("retnet-unfused").worstActivation()
    #expect(worst.difference.largest <= Tolerance.activation, "\(worst.name) \(worst.difference)")
  }

  /// Weights stored in 16 bits, widened inside the products; the references have few hook points.
  @Test(arguments: ["gpt2-f16", "llama-bf16"]) func halfPrecisionWeights(_ family: String) throws {
    let worst = try Parity<Float>(family).worstActivation(atLeast: 9)
    #expect(worst.difference.largest <= Tolerance.activation, "\(worst.name) \(worst.difference)")
  }

  @Test(arguments: families + softmaxFamilies + yarn) func gradients(_ family: String) throws {
    let worst = try Parity<Float>(family).worstGradient()
    #expect(worst.difference.largest <= Tolerance.gradient, "\(worst.name) \(worst.difference)")
  }

  @Test(arguments: families + softmaxFamilies + yarn)
  func gradientsInDouble(_ family: String) throws {
    let worst = try Parity<Double>(family).worstGradient()
    #expect(
      worst.difference.largest <= Tolerance.doubleAgainstFloat, "\(worst.name) \(worst.difference)")
  }
}

/// A model and what others computed with its weights.
struct Parity<Scalar: TensorScalar> {
  let model: Transformer<Scalar>
  let reference: SafetensorsFile
  let gradients: SafetensorsFile?
  let prompts: [[Int]]

  /// - Parameter change: makes another model of the checkpoint's, to see it fail.
  init(_ family: String, change: (Transformer<Scalar>) -> Transformer<Scalar> = { $0 }) throws {
    let folder = fixture("families/\(family)")
    model = change(try ModelFolder(path: folder).model(on: ParityTests.context))
    let file = try SafetensorsFile(path: "\(folder)/reference.safetensors")
    reference = file
    gradients = try? SafetensorsFile(path: "\(folder)/gradients.safetensors")
    let ids = file.names.filter { $0.hasSuffix("/input_ids") }.sorted()
    prompts = try ids.map { try file.integers(named: $0) }
  }

  typealias Worst = (name: String, difference: Difference)

  /// The hook point that differs most, over all prompts in one ragged batch.
  func worstActivation(atLeast least: Int = 90) throws -> Worst {
    let batch = prompts.map { BatchSequence<Scalar>(tokens: $0) }
    let result = try model.run(
      batch,
      plan: HookPlan(
        reads: model.catalog.entries.filter { $0.name.point != .ssmStateInitial }.map {
          Read(hook: .name($0.name))
        }), logitsAt: .all)
    var compared = 0
    var worst: Worst = ("nothing", Difference([0.0], [0.0]))
    func compare(_ name: String, _ found: [Scalar], _ key: String) throws {
      let difference = Difference(found, try reference.doubles(named: key))
      compared += 1
      if difference.largest > worst.difference.largest || worst.name == "nothing" {
        worst = (name, difference)
      }
    }
    var row = 0
    for (index, prompt) in prompts.enumerated() {
      for entry in model.catalog.entries {
        let key = "prompt\(index)/\(entry.name)"
        guard reference.names.contains(key) else { continue }
        var found = try result.cache.tensor(entry.name, sequence: index).values
        // The reference holds the state and the write of the last token only.
        if entry.name.point == .ssmState || entry.name.point == .ssmWrite {
          found = Array(found.suffix(entry.width))
        }
        try compare("\(entry.name) of prompt \(index)", found, key)
      }
      let logits = (row..<row + prompt.count).flatMap { result.logits.row($0) }
      row += prompt.count
      try compare("logits of prompt \(index)", logits, "prompt\(index)/logits")
    }
    #expect(compared >= least, "only \(compared) activations were compared")
    return worst
  }

  /// The logits of the prompt at which they differ most.
  func worstLogit() throws -> Difference {
    var worst = Difference([0.0], [0.0])
    for (index, prompt) in prompts.enumerated() {
      let logits = try model.run([BatchSequence(tokens: prompt)], logitsAt: .all).logits
      let difference = Difference(
        logits.values, try reference.doubles(named: "prompt\(index)/logits"))
      if difference.largest > worst.largest { worst = difference }
    }
    return worst
  }

  /// The gradient that differs most, relative to the largest element of its reference (at least 1).
  func worstGradient() throws -> Worst {
    let files = [reference, gradients].compactMap { $0 }
    var compared = 0
    var worst: Worst = ("nothing", Difference([0.0], [0.0]))
    func compare(_ name: String, _ found: [Scalar], _ expected: [Double]) {
      let size = max(1, expected.map { abs($0) }.max() ?? 1)
      let difference = Difference(found.map { Double($0) / size }, expected.map { $0 / size })
      compared += 1
      if difference.largest > worst.difference.largest || worst.name == "nothing" {
        worst = (name, difference)
      }
    }
    for (index, prompt) in prompts.enumerated() {
      let keys = files.flatMap { file in
        file.names.filter { $0.hasPrefix("prompt\(index)/grad/") }.map { (file, $0) }
      }
      guard !keys.isEmpty, prompt.count > 1 else { continue }
      let targets = (0..<prompt.count - 1).map {
        Target(
          at: BatchPosition(sequence: 0, position: $0), token: prompt[$0 + 1],
          weight: 1 / Double(prompt.count - 1))
      }
      let hooks = (0..<model.architecture.layers).map { HookName.block($0, .residPre) }
      let found = try model.gradients(
        [BatchSequence(tokens: prompt)], targets: targets, parameters: { _ in true }, hooks: hooks)
      compare(
        "loss of prompt \(index)", [Scalar(found.loss)],
        try reference.doubles(named: "prompt\(index)/loss"))
      let family = try CheckpointGradients(model, found)
      for (file, key) in keys {
        let name = String(key.dropFirst("prompt\(index)/grad/".count))
        let expected = try file.doubles(named: key)
        if let hook = HookName(canonical: name) {
          guard let own = found.hooks[hook] else { continue }
          compare(name, own.values, expected)
        } else {
          compare(
            name, try #require(family.gradient(of: name), "no gradient for \(name)"), expected)
        }
      }
    }
    #expect(compared > model.architecture.layers * 2, "too little was compared")
    return worst
  }
}

/// Gradients under the names, in the layout, of the checkpoint.
struct CheckpointGradients<Scalar: TensorScalar> {
  private let byTensor:
    [String: [(part: Int, groups: Int, transposed: Bool, tensor: Tensor<Scalar>)]]

  init(_ model: Transformer<Scalar>, _ found: LossGradients<Scalar>) throws {
    var byTensor: [String: [(part: Int, groups: Int, transposed: Bool, tensor: Tensor<Scalar>)]] =
      [:]
    for (name, tensor) in found.parameters {
      let source = try model.architecture.checkpointSource(of: name)
      byTensor[source.tensor, default: []].append(
        (source.part, source.groups, source.isTransposed, tensor))
    }
    self.byTensor = byTensor
  }

  /// The gradient of a checkpoint's tensor, put together from its parts.
  func gradient(of tensor: String) -> [Scalar]? {
    let bare = ["transformer.", "model.", "decoder.", "gpt_neox."].reduce(tensor) { name, prefix in
      name.hasPrefix(prefix) ? String(name.dropFirst(prefix.count)) : name
    }
    guard let parts = byTensor[bare]?.sorted(by: { $0.part < $1.part }) else { return nil }
    let first = parts[0]
    guard first.transposed else {
      // Group by group, part beside part.
      return (0..<first.groups).flatMap { group in
        parts.flatMap { part in
          let size = part.tensor.count / first.groups
          return part.tensor.values[group * size..<(group + 1) * size]
        }
      }
    }
    // [in, out]: row by row, part beside part.
    return (0..<first.tensor.shape[1]).flatMap { row in
      parts.flatMap { part in
        (0..<part.tensor.shape[0]).map { part.tensor.values[$0 * part.tensor.shape[1] + row] }
      }
    }
  }
}
