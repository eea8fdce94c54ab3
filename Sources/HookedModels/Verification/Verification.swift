// Verification: the promises about bits and the identities between hook points, checked on one model with random
// tokens. `thetascope verify` runs it on the user's machine, the tests on random models of every kind.

import HookPoints
import TensorCore

/// Checks of one model.
public struct Verification: Sendable {
  /// The model that is checked.
  public let model: Transformer<Float>
  /// Tokens of the batch that threads and instruction sets are compared on.
  let lengths: [Int]

  /// - Parameters:
  ///   - model: the model that is checked.
  ///   - lengths: tokens of each sequence that threads and instruction sets are compared on; by default as many as the
  ///     plain kernels get through in some seconds. The other checks take a few tokens.
  public init(_ model: Transformer<Float>, lengths: [Int]? = nil) {
    self.model = model
    let affordable = min(40, max(3, 1_000_000_000 / model.architecture.parameterCount))
    let longest = min(affordable, model.architecture.maximumPositions ?? affordable)
    self.lengths = lengths ?? [longest, 1, max(1, longest / 2)]
  }

  /// Checks one promise.
  ///
  /// - Throws: what a run throws; a broken promise is not an error but the outcome.
  public func outcome(of check: VerificationCheck) throws -> VerificationOutcome {
    switch check {
    case .batching: try batching().outcome(of: check)
    case .prefix: try prefixes().outcome(of: check)
    case .resuming: try resuming().outcome(of: check)
    case .stepwise: try stepwise().outcome(of: check)
    case .threads:
      try contexts([1, 2, 3].map { ComputeContext(threads: $0, instructionSet: own) })
        .outcome(of: check)
    case .instructionSets: try instructionSets()
    case .reading: try reading().outcome(of: check)
    case .replacing: try replacing().outcome(of: check)
    case .residualSums: try residualSums().outcome(of: check)
    case .logits: try logits().outcome(of: check)
    case .headSums: try headSums()
    case .recurrence: try recurrence()
    }
  }

  var own: InstructionSet { model.context.instructionSet }
  var catalog: HookCatalog { model.catalog }

  /// A plan that reads every hook point but those of some kinds.
  func everything(but skipped: [BlockPoint] = []) -> HookPlan {
    HookPlan(
      reads: catalog.entries.filter { entry in
        entry.name.point.map { !skipped.contains($0) } ?? true
      }
      .map { Read(hook: .name($0.name)) })
  }

  /// What can be read after a prefix: linear attention's holds a state and no keys, and its first own state is not
  /// the prompt's.
  var everythingAfterPrefix: HookPlan {
    catalog.entries.contains { $0.name.point == .ssmState }
      ? everything(but: [.attnScores, .pattern, .ssmStateInitial]) : everything()
  }

  /// Random tokens, the same for the same seed; as many as the model has positions for.
  func tokens(_ count: Int, seed: UInt64) -> [Int] {
    var generator = SeededGenerator(key: "verification", seed: seed)
    return (0..<min(count, model.architecture.maximumPositions ?? count)).map { _ in
      generator.uniformInteger(below: model.architecture.vocabulary)
    }
  }

  /// Sequences of random tokens of some lengths.
  func batch(_ lengths: [Int]) -> [BatchSequence<Float>] {
    lengths.enumerated().map { BatchSequence(tokens: tokens($1, seed: UInt64($0))) }
  }
}
