// Where two trees of values differ, such as two specs.

import CheckpointIO

/// A place that has different values in two trees.
struct TreeDifference: Equatable {
  /// The keys to it, joined by dots.
  let key: String
  /// The values as canonical JSON, `absent` where there is none.
  let first: String
  let second: String

  /// All such places: those of the first tree in its order, then what only the second has.
  static func all(_ first: JSON?, _ second: JSON?, at key: String = "") -> [TreeDifference] {
    guard let one = first?.objectValue, let other = second?.objectValue else {
      func text(_ json: JSON?) -> String { json?.canonicalText ?? "absent" }
      let found = TreeDifference(key: key, first: text(first), second: text(second))
      return found.first == found.second ? [] : [found]
    }
    return (one.keys + other.keys.filter { one.position(of: $0) == nil }).flatMap {
      all(one[$0], other[$0], at: key.isEmpty ? $0 : "\(key).\($0)")
    }
  }
}
