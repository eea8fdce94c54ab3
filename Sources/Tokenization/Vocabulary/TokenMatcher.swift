// Finds added tokens in a text: at the leftmost place where one begins, the longest. A trie over
// bytes in one open-addressing table; a text without any first byte of a token is scanned once.

struct TokenMatcher: Sendable {
  /// From (node, byte) to the next node.
  private var edges: MergeTable
  /// The token that ends at a node, or -1.
  private var tokenAtNode: [Int32] = [-1]
  private var isFirstByte = [Bool](repeating: false, count: 256)

  /// - Parameter patterns: what to look for; of equal ones the first counts. Empty ones match
  ///   nothing.
  init(patterns: [(bytes: [UInt8], token: Int)]) {
    edges = MergeTable(expected: patterns.reduce(0) { $0 + $1.bytes.count })
    for (bytes, token) in patterns {
      guard let first = bytes.first else { continue }
      isFirstByte[Int(first)] = true
      var node: UInt32 = 0
      for byte in bytes {
        let found = edges.value(node, UInt32(byte))
        if found != MergeTable.none {
          node = MergeTable.newID(found)
        } else {
          let next = UInt32(tokenAtNode.count)
          tokenAtNode.append(-1)
          edges.insert(node, UInt32(byte), rank: 0, newID: next)
          node = next
        }
      }
      if tokenAtNode[Int(node)] < 0 { tokenAtNode[Int(node)] = Int32(token) }
    }
  }

  var isEmpty: Bool { tokenAtNode.count == 1 }

  /// Calls `body` with each match, from the left, not overlapping.
  func forEachMatch(in text: UnsafeBufferPointer<UInt8>, _ body: (Int, Range<Int>) -> Void) {
    if isEmpty { return }
    isFirstByte.withUnsafeBufferPointer { isFirstByte in
      var position = 0
      while position < text.count {
        guard isFirstByte[Int(text[position])], let match = longest(text, at: position) else {
          position += 1
          continue
        }
        body(match.token, position..<match.end)
        position = match.end
      }
    }
  }

  private func longest(
    _ text: UnsafeBufferPointer<UInt8>, at start: Int
  ) -> (token: Int, end: Int)? {
    var best: (token: Int, end: Int)?
    var node: UInt32 = 0
    var position = start
    while position < text.count {
      let found = edges.value(node, UInt32(text[position]))
      if found == MergeTable.none { break }
      node = MergeTable.newID(found)
      position += 1
      let token = tokenAtNode[Int(node)]
      if token >= 0 { best = (Int(token), position) }
    }
    return best
  }
}
