// The randomised controls: shuffled labels and another task.

import TensorCore

/// Outputs rearranged so that as few demonstrations as possible keep their own.
///
/// The places are put in a random order, grouped by output with the largest group first, and every
/// output is handed on by the size of that group. So no output stays where it was, unless one output
/// makes up more than half of the demonstrations: then `kept` of them must keep it, the fewest
/// possible. With all outputs different the result is a uniformly random cyclic permutation; a single
/// demonstration keeps its output.
public struct ShuffledLabels: Sendable, Equatable {
  /// The outputs in their new order, one per demonstration.
  public let outputs: [String]
  /// How many demonstrations have the same output as before.
  public let kept: Int

  /// Rearranges outputs by a seed and a key that names the demonstration set.
  public init(outputs: [String], key: String, seed: UInt64) {
    var generator = SeededGenerator(key: "shuffled labels\u{0}\(key)", seed: seed)
    var groups: [[Int]] = []
    for place in generator.permutation(outputs.count) {
      if let group = groups.firstIndex(where: { outputs[$0[0]] == outputs[place] }) {
        groups[group].append(place)
      } else {
        groups.append([place])
      }
    }
    let largest = groups.map(\.count).max() ?? 0
    // Stable: groups of one size stay in their random order.
    let order = (1...max(1, largest)).reversed().flatMap { size in
      groups.filter { $0.count == size }.flatMap { $0 }
    }
    var shuffled = outputs
    for (position, place) in order.enumerated() {
      shuffled[place] = outputs[order[(position + largest) % order.count]]
    }
    self.outputs = shuffled
    kept = zip(shuffled, outputs).count { $0 == $1 }
  }
}

/// The task whose vector is patched in the control "another task's vector": uniform over the other
/// names, a function of the task, the set's number and the seed and not of the order of `names`.
///
/// - Returns: `nil` when there is no other task.
public func otherTask(than task: String, among names: [String], index: Int, seed: UInt64) -> String?
{
  var generator = SeededGenerator(key: "other task\u{0}\(task)\u{0}\(index)", seed: seed)
  return generator.element(of: Set(names).subtracting([task]).sorted())
}
