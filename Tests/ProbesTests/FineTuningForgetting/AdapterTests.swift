// Low-rank adapters against peft on the same A and B: loss, gradients, training; merged here, beside the weights there.

import CheckpointIO
import Foundation
import HookedModels
import Probes
import TensorCore
import TestSupport
import Testing

@Suite struct AdapterTests {
  private static let rank = 3
  private static let alpha = 6.0

  fileprivate static func isAdapted(_ name: String) -> Bool {
    ["q_proj", "v_proj", "down_proj"].contains { name.contains($0) }
  }

  fileprivate static func fresh<Scalar>(_ model: Transformer<Scalar>) -> LowRankAdapters<Scalar> {
    LowRankAdapters(to: model, rank: rank, alpha: alpha, seed: 5, adapted: isAdapted)
  }

  /// Adapters with the values that peft began with.
  private static func adapters<Scalar>(_ model: Transformer<Scalar>) throws -> LowRankAdapters<
    Scalar
  > {
    let file = try TaskTuningTests.tensors()
    var adapters = fresh(model)
    for name in adapters.tensors.keys.sorted() {
      let view = try file.tensor(named: "lora/first/\(name)")
      #expect(view.shape == adapters.tensors[name]?.shape)
      adapters.tensors[name] = Tensor(
        shape: view.shape, values: try view.floats().map { Scalar(Double($0)) })
    }
    return adapters
  }

  private static func trainer(
    _ model: Transformer<Float>, _ adapters: LowRankAdapters<Float>
  ) -> Trainer<Float> {
    Trainer(
      model, adapters: adapters,
      optimiser: Optimiser(.adamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-8)),
      schedule: Schedule(peak: TaskTuningTests.rate, warmup: 0, total: 1, decay: .constant),
      clipNorm: 1)
  }

  @Test func freshAdaptersChangeNothing() throws {
    let model = try TaskTuningTests.model()
    let adapters = Self.fresh(model)
    #expect(adapters.matrices.count == 9)
    let merged = adapters.merged(on: model.context)
    for name in adapters.matrices {
      let own = try #require(model.parameter(name))
      #expect(bitDifference(merged[name] ?? own.tensor(), own.tensor()) == nil)
      let a = try #require(adapters.tensors[name + ".lora_A"])
      let bound = 1 / Float(own.shape[1]).squareRoot()
      #expect(a.values.allSatisfy { abs($0) <= bound } && Set(a.values).count > 100)
      #expect(adapters.tensors[name + ".lora_B"]?.values.allSatisfy { $0 == 0 } == true)
    }
    #expect(Self.fresh(model).tensors == adapters.tensors)
  }

  /// The merged model is peft's, which keeps A and B beside the weights.
  @Test func mergedIsUnmerged() throws {
    let model = try TaskTuningTests.model()
    var adapters = Self.fresh(model)
    let file = try TaskTuningTests.tensors()
    for name in adapters.tensors.keys.sorted() {
      let view = try file.tensor(named: "lora/last/\(name)")
      adapters.tensors[name] = Tensor(shape: view.shape, values: try view.floats())
    }
    let merged = model.replacing(adapters.merged(on: model.context))
    let tokens = TaskTuningTests.batches[0].fewShot[0].prompt
    let found = try merged.run([BatchSequence(tokens: tokens)], logitsAt: .all).logits
    let difference = Difference(found.values, try file.tensor(named: "lora/logits").floats())
    #expect(difference.largest <= Tolerance.activation, "\(difference)")
    let plain = try model.run([BatchSequence(tokens: tokens)], logitsAt: .all).logits
    #expect(Difference(plain.values, found.values).largest > 0.01)
  }

  /// The same A and B: the same loss and gradients, in f64 and in f32. In transformers norms and softmax are f32 even in a
  /// model of f64, which is what f64 is held to here.
  @Test func gradients() throws {
    try gradients(of: Double.self, within: 1e-5)
    try gradients(of: Float.self, within: Tolerance.gradient)
  }

  private func gradients<Scalar: TensorScalar & BinaryFloatingPoint>(
    of type: Scalar.Type, within tolerance: Double
  ) throws {
    let model: Transformer<Scalar> = try ModelFolder(path: fixture("families/llama-gqa")).model(
      on: ComputeContext(threads: 2))
    let adapters = try Self.adapters(model)
    let batch = TaskTuningTests.batches[0].batch(auxiliaryWeight: 1)
    let found = try model.replacing(adapters.merged(on: model.context)).gradients(
      batch.sequences.map { sequence in
        guard case .tokens(let tokens) = sequence.entry else { preconditionFailure() }
        return BatchSequence<Scalar>(tokens: tokens.map { Int($0) })
      }, targets: batch.targets, parameters: Self.isAdapted)
    let expected = try #require(
      TaskTuningTests.json?["cases"]?.arrayValue?.last?["first_loss"]?.doubleValue)
    #expect(abs(found.loss - expected) <= tolerance * expected)
    let file = try TaskTuningTests.tensors()
    let gradients = adapters.gradients(from: found.parameters, on: model.context)
    #expect(gradients.count == 18)
    for (name, gradient) in gradients.sorted(by: { $0.key < $1.key }) {
      let view = try file.tensor(named: "lora/gradient/\(name)")
      #expect(view.shape == gradient.shape)
      let difference = Difference(gradient.values, try view.floats())
      #expect(difference.largest <= tolerance, "\(type) \(name) \(difference)")
    }
  }

  /// Gradients against central differences, in f64.
  @Test func finiteDifferences() throws {
    let model: Transformer<Double> = try ModelFolder(path: fixture("families/llama-gqa")).model(
      on: ComputeContext(threads: 1))
    var adapters = LowRankAdapters<Double>(
      to: model, rank: 2, alpha: 3, seed: 1, adapted: { $0.hasPrefix("layers.1.attn.v_proj") })
    let name = "layers.1.attn.v_proj.weight"
    var generator = SeededGenerator(seed: 2)
    for key in adapters.tensors.keys.sorted() {
      let shape = try #require(adapters.tensors[key]?.shape)
      adapters.tensors[key] = Tensor(
        shape: shape, values: (0..<shape[0] * shape[1]).map { _ in 0.2 * generator.normal() })
    }
    let sequences = [BatchSequence<Double>(tokens: [3, 9, 27, 4, 12])]
    let targets = [
      Target(at: BatchPosition(sequence: 0, position: 4), token: 36, weight: 1)
    ]
    func loss(_ adapters: LowRankAdapters<Double>) throws -> Double {
      try model.replacing(adapters.merged(on: model.context)).gradients(
        sequences, targets: targets, parameters: { _ in false }
      ).loss
    }
    let full = try model.replacing(adapters.merged(on: model.context)).gradients(
      sequences, targets: targets, parameters: { $0 == name })
    let found = adapters.gradients(from: full.parameters, on: model.context)
    for key in adapters.tensors.keys.sorted() {
      for index in [0, 7, 31] {
        func shifted(_ by: Double) throws -> Double {
          var other = adapters
          var values = try #require(adapters.tensors[key]).values
          values[index] += by
          other.tensors[key] = Tensor(
            shape: try #require(adapters.tensors[key]).shape, values: values)
          return try loss(other)
        }
        let step = 1e-5
        let expected = (try shifted(step) - shifted(-step)) / (2 * step)
        let own = try #require(found[key]).values[index]
        #expect(abs(own - expected) <= Tolerance.finiteDifference, "\(key) \(index)")
      }
    }
  }

  /// Six steps: the losses and the adapters after them; the weights beneath keep their bits.
  @Test func training() throws {
    let model = try TaskTuningTests.model()
    var trainer = Self.trainer(model, try Self.adapters(model))
    let tuning = TaskTuning(part: .all, auxiliaryWeight: 1)
    var losses: [Double] = []
    for step in 0..<6 {
      let batch = TaskTuningTests.batches[step].batch(
        auxiliaryWeight: tuning.auxiliaryWeight(at: step, of: 6))
      losses.append(try trainer.step(batch).loss)
    }
    let json = TaskTuningTests.json?["cases"]?.arrayValue?.last
    let expected = json?["losses"]?.arrayValue?.compactMap(\.doubleValue) ?? []
    let difference = Difference(losses, expected)
    #expect(difference.largest <= 1e-4, "\(difference)")
    let file = try TaskTuningTests.tensors()
    let adapters = try #require(trainer.adapters)
    for (name, tensor) in adapters.tensors.sorted(by: { $0.key < $1.key }) {
      let difference = Difference(
        tensor.values, try file.tensor(named: "lora/last/\(name)").floats())
      #expect(difference.largest <= 1e-4, "\(name) \(difference)")
    }
    for parameter in model.parameters where !Self.isAdapted(parameter.name) {
      let after = try #require(trainer.model.parameter(parameter.name))
      #expect(bitDifference(parameter.tensor(), after.tensor()) == nil, "\(parameter.name)")
    }
  }
}

extension AdapterTests {
  /// The folder that peft wrote of the same adapters, byte for byte where the weights are; the config is the one that
  /// make_finetuning.py loaded with peft.
  @Test func pefts() throws {
    let model = try TaskTuningTests.model()
    var adapters = Self.fresh(model)
    let file = try TaskTuningTests.tensors()
    for name in adapters.tensors.keys.sorted() {
      let view = try file.tensor(named: "lora/last/\(name)")
      adapters.tensors[name] = Tensor(shape: view.shape, values: try view.floats())
    }
    let folder = try TemporaryFolder()
    try adapters.save(to: folder.path, of: model)
    func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }
    let weights = "adapter_model.safetensors"
    #expect(
      try bytes("\(folder.path)/\(weights)") == bytes(fixture("finetuning/adapters/\(weights)")))
    let config = try bytes("\(folder.path)/adapter_config.json")
    let loaded = fixture("finetuning/exported_config.json")
    if ProcessInfo.processInfo.environment["RECORD"] == "1" {
      try config.write(to: URL(fileURLWithPath: loaded))
      Issue.record("\(loaded) was recorded anew; load it with make_finetuning.py")
    }
    #expect(try config == bytes(loaded))
  }

  /// GPT-2 holds queries, keys and values in one matrix.
  @Test func fusedMatrices() throws {
    let model: Transformer<Float> = try ModelFolder(path: fixture("families/gpt2-tiny")).model(
      on: ComputeContext(threads: 1))
    let adapters = LowRankAdapters(to: model, rank: 1, alpha: 1, seed: 0) { $0.contains("v_proj") }
    let folder = try TemporaryFolder()
    #expect(throws: ModelError.self) { try adapters.save(to: folder.path, of: model) }
  }
}
