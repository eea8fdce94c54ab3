// How the engine fills a cache. Contradictions here are the engine's mistakes, so they are preconditions.

import TensorCore

extension ActivationCache {
  /// Notes the rows that a resolved plan reads at a hook of tokens or sequences.
  ///
  /// - Parameters:
  ///   - values: as many rows as the plan reads there, in its order, `[rows, …]`; any shape of that size.
  package mutating func record(
    _ hook: HookName, reading plan: ResolvedPlan, values: Tensor<Scalar>
  ) {
    guard let wanted = plan[hook]?.readRows, !wanted.isEmpty, let entry = entry(hook) else {
      preconditionFailure("\(hook) is recorded and nobody reads it")
    }
    let addresses: [RowAddress] =
      switch entry.rowKind {
      case .token: wanted.map(plan.address(ofRow:))
      case .sequence: wanted.map { RowAddress(sequence: $0, position: nil) }
      case .query: preconditionFailure("\(hook) is recorded sequence by sequence")
      }
    precondition(records[hook] == nil, "\(hook) is recorded twice")
    records[hook] = .rows(addresses, values.reshaped([wanted.count] + entry.widths))
  }

  /// Notes the scores or patterns of one sequence.
  ///
  /// - Parameters:
  ///   - positions: absolute, of the queries, ascending.
  ///   - values: `[H, positions, keys]`.
  package mutating func record(
    _ hook: HookName, sequence: Int, positions: [Int], values: Tensor<Scalar>
  ) {
    precondition(
      entry(hook)?.rowKind == .query && values.shape.count == 3
        && values.shape[0] == entry(hook)?.heads && values.shape[1] == positions.count,
      "\(hook): \(values.shape) for \(positions.count) queries of sequence \(sequence)")
    var all: [Int: (positions: [Int], values: Tensor<Scalar>)] = [:]
    if case .perSequence(let before)? = records[hook] { all = before }
    precondition(all[sequence] == nil, "\(hook) of sequence \(sequence) is recorded twice")
    all[sequence] = (positions, values)
    records[hook] = .perSequence(all)
  }

  private func entry(_ hook: HookName) -> HookCatalog.Entry? { try? catalog.entry(hook) }
}
