// "Did you mean": how many slips of a typist lie between two words.

/// The number of insertions, deletions, substitutions and swaps of neighbours from one text to the other
/// (the restricted Damerau–Levenshtein distance, in bytes; ASCII letters of either case are the same).
package func editDistance(_ left: String, _ right: String) -> Int {
  editDistance(bytes(left), bytes(right), below: .max) ?? 0
}

private func bytes(_ text: some StringProtocol) -> [UInt8] {
  text.utf8.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 + 32 : $0 }
}

/// The same; nil where it is not below a limit.
private func editDistance(_ a: [UInt8], _ b: [UInt8], below limit: Int) -> Int? {
  guard abs(a.count - b.count) < limit else { return nil }
  var beforeLast = [Int](repeating: 0, count: b.count + 1)
  var last = Array(0...b.count)
  var current = last
  for i in 0..<a.count {
    current[0] = i + 1
    var least = i + 1
    for j in 0..<b.count {
      var best = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, current[j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        best = min(best, beforeLast[j - 1] + 1)
      }
      current[j + 1] = best
      least = min(least, best)
    }
    // No later row goes below the least of this one.
    guard least < limit else { return nil }
    (beforeLast, last, current) = (last, current, beforeLast)
  }
  return last[b.count] < limit ? last[b.count] : nil
}

/// The candidate with the smallest distance to the text; the first of equals. Leaving out "hook_" is one slip, not five.
/// `candidates` is not empty.
package func nearest(to text: String, among candidates: [String]) -> String {
  precondition(!candidates.isEmpty, "nothing to choose the nearest from")
  // Names are shorter; what follows could only cost time.
  let text = bytes(text.prefix(200))
  let prefix = "hook_"
  let isWithoutPrefix = text.firstRange(of: prefix.utf8) == nil
  var best = candidates[0]
  var bestDistance = Int.max
  for candidate in candidates {
    if let distance = editDistance(text, bytes(candidate), below: bestDistance) {
      (best, bestDistance) = (candidate, distance)
    }
    guard isWithoutPrefix, let range = candidate.firstRange(of: prefix) else { continue }
    let rest = bytes(candidate[..<range.lowerBound]) + bytes(candidate[range.upperBound...])
    if let distance = editDistance(text, rest, below: bestDistance - 1) {
      (best, bestDistance) = (candidate, 1 + distance)
    }
  }
  return best
}

/// The nearest candidate that a mistyped text can be meant to be: at most a third of its letters off, or two.
package func nearName(to text: String, among candidates: [String]) -> String? {
  guard !candidates.isEmpty else { return nil }
  let near = nearest(to: text, among: candidates)
  let limit = max(2, near.utf8.count / 3)
  return editDistance(bytes(text), bytes(near), below: limit + 1).map { _ in near }
}
