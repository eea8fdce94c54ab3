// The one text that a JSON value has, whatever order its keys were written in: what is hashed.
//
// Keys of every object are sorted by their UTF-8 bytes; there is no space; integers are decimal, other
// numbers in the shortest form that reads back to the same double, with a point or an exponent (so 1 and
// 1.0 differ: a spec's reader decides which it is); strings escape only `"`, `\` and control characters.

import CheckpointIO

extension JSON {
  /// The same value with the keys of every object sorted by their bytes.
  var canonical: JSON {
    switch self {
    case .array(let elements): .array(elements.map(\.canonical))
    case .object(let members):
      .object(
        JSONObject(
          members.map { ($0, $1.canonical) }.sorted {
            $0.0.utf8.lexicographicallyPrecedes($1.0.utf8)
          }))
    default: self
    }
  }

  /// The canonical text.
  var canonicalText: String { canonical.serialized(pretty: false) }
}
