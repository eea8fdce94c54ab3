// Merges a word to the end: always the pair of lowest rank, of equal ones the leftmost. A short
// word is scanned for it again after every merge; a long one goes through a heap, because
// SentencePiece-style models take a whole text for one word and a scan would be quadratic.

/// The symbols of the word at hand and the memory to merge them in; used again for every word.
struct WordBuffer {
  /// Ids of the symbols.
  var symbols: [UInt32] = []
  /// How many bytes of the word each symbol stands for; kept only if lengths are asked for.
  var lengths: [Int32] = []
  let tracksLengths: Bool
  private var values: [UInt64] = []
  private var queue: [UInt64] = []
  private var links: [Link] = []

  private struct Link {
    var previous: Int32
    var next: Int32
  }

  /// Words with more symbols go through the heap. The scan is faster below some 60 symbols.
  static let scanLimit = 64
  private static let gone = UInt32.max

  init(tracksLengths: Bool) {
    self.tracksLengths = tracksLengths
  }

  mutating func clear() {
    symbols.removeAll(keepingCapacity: true)
    if tracksLengths { lengths.removeAll(keepingCapacity: true) }
  }

  @inline(__always)
  mutating func append(_ symbol: UInt32, length: Int) {
    symbols.append(symbol)
    if tracksLengths { lengths.append(Int32(length)) }
  }

  /// Applies all merges.
  mutating func merge(_ table: MergeTable) {
    if symbols.count < 2 { return }
    if symbols.count <= Self.scanLimit {
      scan(table)
    } else {
      drainQueue(table)
    }
  }

  private mutating func scan(_ table: MergeTable) {
    if values.count < Self.scanLimit {
      values = [UInt64](repeating: MergeTable.none, count: Self.scanLimit)
    }
    let count = Self.scan(&symbols, &lengths, &values, tracksLengths: tracksLengths, table)
    symbols.removeLast(symbols.count - count)
  }

  /// Merges in place and returns how many symbols are left, at the front.
  private static func scan(
    _ symbols: inout [UInt32], _ lengths: inout [Int32], _ values: inout [UInt64],
    tracksLengths: Bool, _ table: MergeTable
  ) -> Int {
    var count = symbols.count
    symbols.withUnsafeMutableBufferPointer { symbols in
      values.withUnsafeMutableBufferPointer { values in
        for index in 0..<count - 1 {
          values[index] = table.value(symbols[index], symbols[index + 1])
        }
        while count > 1 {
          var best = MergeTable.none
          var at = 0
          for index in 0..<count - 1 where values[index] < best {
            best = values[index]
            at = index
          }
          if best == MergeTable.none { break }
          symbols[at] = MergeTable.newID(best)
          if tracksLengths {
            lengths[at] += lengths[at + 1]
            lengths.remove(at: at + 1)
          }
          count -= 1
          var index = at + 1
          while index < count {
            symbols[index] = symbols[index + 1]
            values[index - 1] = values[index]
            index += 1
          }
          if at > 0 { values[at - 1] = table.value(symbols[at - 1], symbols[at]) }
          if at + 1 < count { values[at] = table.value(symbols[at], symbols[at + 1]) }
        }
      }
    }
    return count
  }

  private mutating func drainQueue(_ table: MergeTable) {
    let count = symbols.count
    links.removeAll(keepingCapacity: true)
    links.reserveCapacity(count)
    queue.removeAll(keepingCapacity: true)
    for index in 0..<count {
      links.append(Link(previous: Int32(index) - 1, next: Int32(index) + 1))
      if index + 1 < count { enqueue(table.value(symbols[index], symbols[index + 1]), index) }
    }
    while let top = popMinimum() {
      let at = Int(top & 0xFFFF_FFFF)
      let next = Int(links[at].next)
      guard symbols[at] != Self.gone, next < count else { continue }
      // An entry whose pair has changed since is expired.
      let value = table.value(symbols[at], symbols[next])
      guard value != MergeTable.none, UInt64(MergeTable.rank(value)) == top >> 32 else { continue }
      symbols[at] = MergeTable.newID(value)
      symbols[next] = Self.gone
      if tracksLengths { lengths[at] += lengths[next] }
      let after = Int(links[next].next)
      links[at].next = Int32(after)
      if after < count {
        links[after].previous = Int32(at)
        enqueue(table.value(symbols[at], symbols[after]), at)
      }
      let before = Int(links[at].previous)
      if before >= 0 { enqueue(table.value(symbols[before], symbols[at]), before) }
    }
    var kept = 0
    for index in 0..<count where symbols[index] != Self.gone {
      symbols[kept] = symbols[index]
      if tracksLengths { lengths[kept] = lengths[index] }
      kept += 1
    }
    symbols.removeLast(count - kept)
    if tracksLengths { lengths.removeLast(count - kept) }
  }

  /// Puts a pair that merges into the heap: rank in the upper, position in the lower half.
  private mutating func enqueue(_ value: UInt64, _ position: Int) {
    guard value != MergeTable.none else { return }
    let entry = value & 0xFFFF_FFFF_0000_0000 | UInt64(position)
    queue.append(entry)
    queue.withUnsafeMutableBufferPointer { queue in
      var child = queue.count - 1
      while child > 0 {
        let parent = (child - 1) / 2
        if queue[parent] <= entry { break }
        queue[child] = queue[parent]
        child = parent
      }
      queue[child] = entry
    }
  }

  private mutating func popMinimum() -> UInt64? {
    guard let last = queue.popLast() else { return nil }
    return queue.withUnsafeMutableBufferPointer { queue in
      guard queue.count > 0 else { return last }
      let minimum = queue[0]
      var parent = 0
      while true {
        var child = parent * 2 + 1
        if child >= queue.count { break }
        if child + 1 < queue.count, queue[child + 1] < queue[child] { child += 1 }
        if queue[child] >= last { break }
        queue[parent] = queue[child]
        parent = child
      }
      queue[parent] = last
      return minimum
    }
  }
}
