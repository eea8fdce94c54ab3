// Finding a byte string in a text. A valid UTF-8 pattern can only match at a scalar's boundary, so
// bytes will do. Knuth-Morris-Pratt, because pattern and text both come from outside.

enum ByteSearch {
  /// Calls `body` with each occurrence in `range`, from the left, not overlapping. The pattern is
  /// not empty.
  static func forEachOccurrence(
    of pattern: [UInt8], in text: UnsafeBufferPointer<UInt8>, range: Range<Int>,
    _ body: (Range<Int>) -> Void
  ) {
    precondition(!pattern.isEmpty, "an empty pattern has no occurrences")
    if pattern.count == 1 {
      for index in range where text[index] == pattern[0] { body(index..<index + 1) }
      return
    }
    // border[i]: the longest proper border of the first i + 1 bytes of the pattern
    var border = [Int](repeating: 0, count: pattern.count)
    var matched = 0
    for index in pattern.indices.dropFirst() {
      while matched > 0, pattern[index] != pattern[matched] { matched = border[matched - 1] }
      if pattern[index] == pattern[matched] { matched += 1 }
      border[index] = matched
    }
    matched = 0
    for index in range {
      while matched > 0, text[index] != pattern[matched] { matched = border[matched - 1] }
      if text[index] == pattern[matched] { matched += 1 }
      if matched == pattern.count {
        body(index + 1 - matched..<index + 1)
        matched = 0
      }
    }
  }
}
