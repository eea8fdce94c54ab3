// Fine-tuning on a task against transformers, torch.optim and peft: the same batches in the same order.

import CheckpointIO
import HookedModels
import Probes
import TensorCore
import TestSupport
import Testing

@Suite struct TaskTuningTests {
  /// One way to fine-tune, as make_finetuning.py did it.
  struct Reference: CustomTestStringConvertible {
    let part: TaskTuning.Part
    let weight: Double
    let losses: [Double]

    var key: String { "\(part.rawValue)/\(Int(weight))" }
    var testDescription: String { key }
  }

  static let json = try? JSON(contentsOf: fixture("finetuning/finetuning.json"))
  static let references: [Reference] = (json?["cases"]?.arrayValue ?? []).compactMap { own in
    TaskTuning.Part(rawValue: own["part"]?.stringValue ?? "").map {
      Reference(
        part: $0, weight: own["weight"]?.doubleValue ?? .nan,
        losses: own["losses"]?.arrayValue?.compactMap(\.doubleValue) ?? [])
    }
  }
  static let rate = json?["rate"]?.doubleValue ?? .nan
  static let batches: [TuningBatch] = (json?["batches"]?.arrayValue ?? []).map { batch in
    func examples(_ key: String) -> [TuningExample] {
      func integers(_ json: JSON?) -> [Int] { json?.arrayValue?.compactMap(\.intValue) ?? [] }
      return (batch[key]?.arrayValue ?? []).map {
        TuningExample(prompt: integers($0["prompt"]), answer: integers($0["answer"]))
      }
    }
    return TuningBatch(zeroShot: examples("zero_shot"), fewShot: examples("few_shot"))
  }

  static func model() throws -> Transformer<Float> {
    try ModelFolder(path: fixture("families/llama-gqa")).model(on: ComputeContext(threads: 2))
  }

  static func tensors() throws -> SafetensorsFile {
    try SafetensorsFile(path: fixture("finetuning/finetuning.safetensors"))
  }

  @Test func theReferenceIsThere() {
    #expect(Self.references.count == 6 && Self.batches.count == 6)
    #expect(Self.batches.allSatisfy { $0.zeroShot.count == 4 && $0.fewShot.count == 3 })
    #expect(Self.batches.contains { $0.zeroShot.contains { $0.answer.count == 2 } })
  }

  /// The loss of every step and the weights after the last one; what is not trained keeps its bits.
  @Test(arguments: references)
  func transformers(_ reference: Reference) throws {
    let model = try Self.model()
    let file = try Self.tensors()
    let tuning = TaskTuning(part: reference.part, auxiliaryWeight: reference.weight)
    var called: [Int] = []
    try tuning.fineTune(
      model, rate: Self.rate, seed: 0, total: 6, stops: [2, 6], batches: { Self.batches[$0] },
      at: { steps, trainer, losses in
        called.append(steps)
        guard steps == 6 else { return }
        let difference = Difference(losses, reference.losses)
        #expect(difference.largest <= 1e-4, "\(difference)")
        let names = file.names.filter { $0.hasPrefix(reference.key + "/") }
        #expect(names.count >= 3)
        for name in names {
          let own = String(name.dropFirst(reference.key.count + 1))
          let parameter = try #require(trainer.model.parameter(own))
          let expected = try file.tensor(named: name)
          #expect(parameter.shape == expected.shape)
          let difference = Difference(parameter.tensor().values, try expected.floats())
          #expect(difference.largest <= 1e-4, "\(own) \(difference)")
        }
        for (before, after) in zip(model.parameters, trainer.model.parameters) {
          let isSame = bitDifference(before.tensor(), after.tensor()) == nil
          let isTrained =
            switch reference.part {
            case .all: true
            case .queryKey: before.name.contains("q_proj") || before.name.contains("k_proj")
            case .value: before.name.contains("v_proj")
            }
          #expect(isSame != isTrained, "\(before.name)")
        }
      })
    #expect(called == [2, 6])
  }

  /// The comparison can fail: without the added loss, or with one that does not fade, the losses differ.
  @Test func theAddedLossMatters() throws {
    let model = try Self.model()
    let reference = try #require(Self.references.first { $0.key == "value/1" })
    for (weight, total) in [(0.0, 6), (1.0, 1000)] {
      try TaskTuning(part: .value, auxiliaryWeight: weight).fineTune(
        model, rate: Self.rate, seed: 0, total: total, stops: [6], batches: { Self.batches[$0] },
        at: { _, _, losses in
          #expect(Difference(losses, reference.losses).largest > 1e-2)
        })
    }
  }
}
