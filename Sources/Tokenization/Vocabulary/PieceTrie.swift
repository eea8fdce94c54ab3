// All pieces that begin at a place in a text, found in one walk: the pieces as a tree of bytes.

struct PieceTrie: Sendable {
  // Nodes level by level, so that the children of a node lie side by side, in the order of their bytes.
  private var byteOfNode: [UInt8] = [0]
  /// Where a node's children begin; they end where the next node's begin.
  private var firstChild: [Int32] = []
  /// The id of the piece that ends at a node, or -1.
  private var idOfNode: [Int32] = []

  init(_ vocabulary: Vocabulary) {
    let pieces = (0..<vocabulary.idLimit).compactMap { id in
      vocabulary.bytes(id).map { (bytes: $0, id: Int32(id)) }
    }.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    /// The pieces below a node, which share its first `depth` bytes.
    var below = [(range: pieces.indices, depth: 0)]
    var node = 0
    while node < below.count {
      var (range, depth) = below[node]
      var id: Int32 = -1
      if let first = range.first, pieces[first].bytes.count == depth {
        id = pieces[first].id
        range = first + 1..<range.upperBound
      }
      idOfNode.append(id)
      firstChild.append(Int32(below.count))
      while let first = range.first {
        let byte = pieces[first].bytes[pieces[first].bytes.startIndex + depth]
        var end = first + 1
        while end < range.upperBound,
          pieces[end].bytes[pieces[end].bytes.startIndex + depth] == byte
        {
          end += 1
        }
        below.append((first..<end, depth + 1))
        byteOfNode.append(byte)
        range = end..<range.upperBound
      }
      node += 1
    }
    firstChild.append(Int32(below.count))
  }

  /// Calls `body` with the end and the id of every piece that begins at `start`, the shortest first.
  @inline(__always)
  func forEachPiece(
    in text: UnsafeBufferPointer<UInt8>, from start: Int, _ body: (Int, Int) -> Void
  ) {
    var node = 0
    for index in start..<text.count {
      guard let child = child(of: node, text[index]) else { return }
      node = child
      if idOfNode[node] >= 0 { body(index + 1, Int(idOfNode[node])) }
    }
  }

  @inline(__always)
  private func child(of node: Int, _ byte: UInt8) -> Int? {
    var low = Int(firstChild[node])
    let end = Int(firstChild[node + 1])
    var high = end
    while low < high {
      let middle = (low + high) / 2
      if byteOfNode[middle] < byte { low = middle + 1 } else { high = middle }
    }
    return low < end && byteOfNode[low] == byte ? low : nil
  }
}
