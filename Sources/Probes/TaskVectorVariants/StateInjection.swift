// StateInjection: what the recurrent state of the demonstrations is changed to before the query. The state of S at all
// layers is in-context learning itself: see the test that says so bit by bit.

import HookPoints
import HookedModels
import TensorCore

/// What a layer's initial state is changed to.
package enum StateInjection: Sendable {
  /// No state: as if nothing stood before.
  case empty(Int)
  /// The best approximation of a rank, head by head (truncated singular value decomposition).
  case rank(Int, Int)
  /// These values, `[heads, F, d]` flat.
  case values([Float], Int)
}

extension Transformer<Float> {
  /// What is said to a prompt whose first `count` tokens are a prefix, its states changed; all of the answer's tokens are
  /// scored, as if they had been generated.
  package func observation(
    _ tokens: [Int], after count: Int, answer: [Int], _ injections: [StateInjection],
    notes: inout CellNotes
  ) throws -> Observation {
    let prefix = try prefix(Array(tokens.prefix(count)))
    let sequence = BatchSequence(tokens: tokens.dropFirst(count) + answer.dropLast(), after: prefix)
    let edits = try injections.map { injection -> Intervention in
      let (layer, action): (Int, InterventionAction)
      switch injection {
      case .empty(let at): (layer, action) = (at, .zero)
      case .values(let values, let at): (layer, action) = (at, .replace(HookValues(values)))
      case .rank(let rank, let at):
        let hook = HookName.block(at, .ssmStateInitial)
        let read = try capture([sequence], plan: HookPlan(reads: [Read(hook: .name(hook))]))
        let state = try read.cache.tensor(hook)
        let widths = try catalog.entry(hook).widths
        (layer, action) = (
          at,
          .replace(
            HookValues(
              Self.truncated(
                state.values, heads: widths[0], rows: widths[1], columns: widths[2], rank: rank)))
        )
      }
      return Intervention(
        hook: .name(.block(layer, .ssmStateInitial)), positions: .all, action: action)
    }
    let result = try run(
      [sequence], plan: HookPlan(interventions: edits),
      logitsAt: .at(
        answer.indices.map { BatchPosition(sequence: 0, position: tokens.count - 1 + $0) }))
    notes.add(result.fireCounts)
    return Operations<Float>(context).observation(result.logits, answer: answer)
  }

  /// Each head's matrix projected on the span of its `rank` greatest right singular vectors.
  package static func truncated(_ state: [Float], heads: Int, rows: Int, columns: Int, rank: Int)
    -> [Float]
  {
    guard rank < min(rows, columns) else { return state }
    var result = state
    for head in 0..<heads {
      let start = head * rows * columns
      func entry(_ row: Int, _ column: Int) -> Double {
        Double(state[start + row * columns + column])
      }
      let gram = (0..<columns).map { a in
        (0..<columns).map { b in (0..<rows).reduce(0.0) { $0 + entry($1, a) * entry($1, b) } }
      }
      let kept = SymmetricEigenvectors(gram).vectors.prefix(rank)
      for row in 0..<rows {
        let values = (0..<columns).map { entry(row, $0) }
        let shares = kept.map { Statistics.dot(values, $0) }
        for column in 0..<columns {
          result[start + row * columns + column] = Float(
            zip(kept, shares).reduce(0.0) { $0 + $1.0[column] * $1.1 })
        }
      }
    }
    return result
  }
}
