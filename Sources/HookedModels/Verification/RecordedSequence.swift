// RecordedSequence: every value of one sequence of a run, by hook and position, so that runs over other batches can be
// compared with it.

import HookPoints
import TensorCore

/// The recorded rows of one sequence from a position on, and its logits.
struct RecordedSequence {
  struct Key: Hashable, Comparable, CustomStringConvertible {
    /// Nil for logits.
    let hook: HookName?
    let position: Int

    static func < (left: Key, right: Key) -> Bool {
      switch (left.hook, right.hook) {
      case (let one?, let other?): (one, left.position) < (other, right.position)
      case (nil, nil): left.position < right.position
      case (_, let other): other == nil
      }
    }

    var description: String { "\(hook.map { "\($0)" } ?? "logits") at position \(position)" }
  }

  private(set) var values: [Key: [Float]] = [:]

  init(_ result: RunResult<Float>, sequence: Int, from first: Int = 0) throws {
    for hook in result.cache.hooks {
      for address in try result.cache.addresses(hook) where address.sequence == sequence {
        // A value of a whole sequence, such as its initial state, stands before its first token.
        let position = address.position ?? -1
        guard position >= first || first == 0 else { continue }
        values[Key(hook: hook, position: position)] = try result.cache.value(hook, address)
      }
    }
    for (row, place) in result.logitPositions.enumerated()
    where place.sequence == sequence && place.position >= first {
      values[Key(hook: nil, position: place.position)] = result.logits.row(row)
    }
  }
}
