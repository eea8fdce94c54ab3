// The distance behind "did you mean": how many slips of a typist lie between two words.

/// The number of insertions, deletions, substitutions and swaps of neighbours from one text to the other
/// (the restricted Damerau–Levenshtein distance).
package func editDistance(_ left: String, _ right: String) -> Int {
  let a = Array(left.utf8)
  let b = Array(right.utf8)
  var beforeLast = [Int](repeating: 0, count: b.count + 1)
  var last = Array(0...b.count)
  var current = last
  for i in 0..<a.count {
    current[0] = i + 1
    for j in 0..<b.count {
      var best = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, current[j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        best = min(best, beforeLast[j - 1] + 1)
      }
      current[j + 1] = best
    }
    (beforeLast, last, current) = (last, current, beforeLast)
  }
  return last[b.count]
}

/// The candidate with the smallest distance to the text; the first of equals. `candidates` is not empty.
package func nearest(to text: String, among candidates: [String]) -> String {
  precondition(!candidates.isEmpty, "nothing to choose the nearest from")
  // Names are shorter; what follows could only cost time.
  let text = String(text.prefix(200))
  var best = candidates[0]
  var bestDistance = Int.max
  for candidate in candidates {
    let distance = nameDistance(text, candidate)
    if distance < bestDistance { (best, bestDistance) = (candidate, distance) }
  }
  return best
}

/// Whether a mistyped text can be meant to be a name: at most a third of its letters off, or two.
package func isNear(_ text: String, _ name: String) -> Bool {
  editDistance(text, name) <= max(2, name.utf8.count / 3)
}

/// The distance of hook names: leaving out "hook_" is one slip, not five.
private func nameDistance(_ text: String, _ candidate: String) -> Int {
  let direct = editDistance(text, candidate)
  guard let range = candidate.firstRange(of: "hook_"), !text.contains("hook_") else {
    return direct
  }
  return min(direct, 1 + editDistance(text, candidate.replacingCharacters(in: range)))
}

extension String {
  fileprivate func replacingCharacters(in range: Range<String.Index>) -> String {
    String(self[..<range.lowerBound]) + self[range.upperBound...]
  }
}
