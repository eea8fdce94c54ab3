// The ids of words seen before. It only saves time: a tokenizer gives the same ids with it, without
// it, and while another thread has it. One text at a time borrows the table; the others do without.

import Synchronization

/// A table of short words and their ids, of fixed size; a new word takes the place of an old one.
struct WordTable: Sendable {
  /// A word of at most 24 bytes.
  struct Key {
    fileprivate let first: UInt64
    fileprivate let second: UInt64
    fileprivate let third: UInt64
    fileprivate let length: Int

    @inline(__always)
    init?(_ word: UnsafeBufferPointer<UInt8>) {
      guard word.count <= 24 else { return nil }
      let raw = UnsafeRawBufferPointer(word)
      first = Self.load(raw, 0)
      second = raw.count > 8 ? Self.load(raw, 8) : 0
      third = raw.count > 16 ? Self.load(raw, 16) : 0
      length = raw.count
    }

    /// Up to eight bytes from `start`, the missing ones zero.
    @inline(__always)
    private static func load(_ raw: UnsafeRawBufferPointer, _ start: Int) -> UInt64 {
      let count = raw.count - start
      if count >= 8 { return raw.loadUnaligned(fromByteOffset: start, as: UInt64.self) }
      var word: UInt64 = 0
      for index in 0..<count { word |= UInt64(raw[start + index]) << UInt64(index * 8) }
      return word
    }

    @inline(__always)
    fileprivate var slot: Int {
      let hash = ByteHash.mix(first ^ 0xA076_1D64_78BD_642F, second ^ 0xE703_7ED1_A0B4_28DB)
      let mixed = ByteHash.mix(hash ^ third, UInt64(length) ^ 0x8EBC_6AF0_9C88_C6E3)
      return Int(truncatingIfNeeded: mixed) & (WordTable.slotCount - 1)
    }
  }

  /// A slot is eight words: the key in three; length, count and the first id; two ids in each
  /// other.
  private static let wordsPerSlot = 8
  private static let slotCount = 1 << 14
  private static let mostIDs = 9
  private var words = [UInt64](repeating: 0, count: slotCount * wordsPerSlot)

  /// Appends the ids of a known word; returns false if it is not known.
  @inline(__always)
  func appendIDs(of key: Key, to ids: inout [Int]) -> Bool {
    words.withUnsafeBufferPointer { words in
      let base = key.slot * Self.wordsPerSlot
      let head = words[base + 3]
      guard words[base] == key.first, words[base + 1] == key.second,
        words[base + 2] == key.third, head >> 32 & 0xFF == key.length
      else { return false }
      ids.append(Int(head & 0xFFFF_FFFF))
      let count = Int(head >> 40)
      var index = 1
      while index < count {
        let pair = words[base + 4 + (index - 1) / 2]
        ids.append(Int(index & 1 == 1 ? pair & 0xFFFF_FFFF : pair >> 32))
        index += 1
      }
      return true
    }
  }

  mutating func insert(_ key: Key, _ ids: [UInt32]) {
    guard let head = ids.first, ids.count <= Self.mostIDs else { return }
    let base = key.slot * Self.wordsPerSlot
    words[base] = key.first
    words[base + 1] = key.second
    words[base + 2] = key.third
    words[base + 3] = UInt64(head) | UInt64(key.length) << 32 | UInt64(ids.count) << 40
    for index in 1..<max(ids.count, 1) {
      let place = base + 4 + (index - 1) / 2
      if index & 1 == 1 {
        words[place] = UInt64(ids[index])
      } else {
        words[place] |= UInt64(ids[index]) << 32
      }
    }
  }
}

/// Keeps the table of a tokenizer between texts; copies of the tokenizer share it.
final class WordCache: Sendable {
  private enum State {
    case unused, lent
    case kept(WordTable)
  }

  private let state = Mutex(State.unused)

  /// The table, unless another text has it.
  func take() -> WordTable? {
    state.withLock { state in
      defer { state = .lent }
      switch state {
      case .unused: return WordTable()
      case .lent: return nil
      case .kept(let table): return table
      }
    }
  }

  func giveBack(_ table: WordTable) {
    state.withLock { $0 = .kept(table) }
  }
}
