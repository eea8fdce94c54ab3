// The checks of `thetascope verify` over random models of every kind; that they see a broken model; references.

import CheckpointIO
import HookPoints
import HookedModels
import TensorCore
import TestSupport
import Testing

@Suite struct VerificationTests {
  @Test(arguments: SmallModel.causal) func everyPromiseHolds(_ kind: SmallModel) throws {
    let verification = Verification(BatchLawTests.wide(kind), lengths: [40, 3, 21])
    for check in VerificationCheck.allCases {
      let outcome = try verification.outcome(of: check)
      switch outcome.verdict {
      case .holds: #expect(outcome.compared > 100, "\(check)")
      case .fails(let place): Issue.record("\(check) of \(kind): \(place)")
      case .skipped(let reason):
        #expect(check == .recurrence || check == .instructionSets, "\(check): \(reason)")
      }
      let error = outcome.largestError ?? 0
      #expect(check.tolerance == nil || error < check.tolerance ?? 0, "\(check): \(error)")
    }
  }

  @Test func aDifferenceOfOneBitIsSeen() {
    var comparison = BitComparison()
    comparison.compare("same", [1, -0.0, .nan], [1, -0.0, .nan])
    #expect(comparison.difference == nil && comparison.compared == 3)
    #expect(comparison.outcome(of: .batching).verdict == .holds)
    var zero = comparison
    zero.compare("zero", [0], [-0.0])
    #expect(zero.outcome(of: .batching).verdict == .fails("zero, element 0: 0.0, expected -0.0"))
    var last = comparison
    last.compare("last", [1, 2.0.nextUp].map(Float.init), [1, 2])
    #expect(last.difference == nil)
    last.compare("last", [1, Float(2).nextUp], [1, 2])
    #expect(last.difference?.hasPrefix("last, element 1") == true)
    var short = comparison
    short.compare("short", nil, [1])
    #expect(short.difference == "short: no values for 1")
    #expect(BitComparison().outcome(of: .batching).verdict != .holds)
  }

  /// A wrong bias and a wrong scale break the two identities that are close and not equal.
  @Test func closeComparisonsFail() {
    var near = CloseComparison()
    near.compare("block 0", [1, 2.000_01], [1, 2])
    near.compare("block 1", [1, 2.000_1], [1, 2])
    #expect(near.outcome(of: .headSums).verdict == .fails("block 1"))
    var broken = CloseComparison()
    broken.compare("block 0", [.nan], [1])
    #expect(broken.outcome(of: .headSums).verdict == .fails("block 0"))
    #expect(
      CloseComparison().outcome(of: .recurrence, otherwise: "none").verdict == .skipped("none"))
  }

  @Test(arguments: ["gpt2-tiny", "llama-gqa", "linear-decay"])
  func theReferencesOfTheFixtures(_ family: String) throws {
    let folder = fixture("families/\(family)")
    let model = try ModelFolder(path: folder).model(as: Float.self, on: SmallModel.context)
    let comparison = try ReferenceComparison(model, path: "\(folder)/reference.safetensors")
    #expect(comparison.rows.count > 90)
    #expect(Set(comparison.rows.compactMap(\.layer)) == Set(0..<model.architecture.layers))
    #expect(comparison.rows.contains { $0.name == "logits" })
    let worst = comparison.rows.max { $0.relativeError < $1.relativeError }
    #expect((worst?.relativeError ?? 1) < 3e-5, "\(String(describing: worst))")
    // Another model of the same shape is far off.
    var changed = model
    let name = "layers.1.attn.v_proj.weight"
    if let values = model.parameter(name)?.tensor() {
      changed = model.replacing([
        name: Tensor(shape: values.shape, values: values.values.map { $0 * 1.01 })
      ])
    }
    let wrong = try ReferenceComparison(changed, path: "\(folder)/reference.safetensors")
    #expect(wrong.rows.filter { $0.relativeError > 1e-4 }.compactMap(\.layer).min() == 1)
  }
}
