// The merges of a byte-pair encoding: for a pair of neighbours its rank and what it becomes. Open
// addressing over 64-bit keys, key and value side by side, so that a miss costs one cache line.

struct MergeTable: Sendable {
  private var slots: [Slot]
  private(set) var count = 0
  private var shift: UInt64

  private struct Slot {
    var key = MergeTable.noKey
    /// Rank in the upper, new id in the lower half.
    var value = MergeTable.none
  }

  /// The value of a pair that does not merge; greater than every rank.
  static let none = UInt64.max
  private static let noKey = UInt64.max

  init(expected: Int) {
    var bits: UInt64 = 4
    while 1 << bits < expected * 2 { bits += 1 }
    slots = [Slot](repeating: Slot(), count: 1 << bits)
    shift = 64 - bits
  }

  static func rank(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value >> 32) }
  @inline(__always)
  static func newID(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value) }

  /// Sets the merge of a pair; of two merges of one pair the later counts.
  mutating func insert(_ left: UInt32, _ right: UInt32, rank: UInt32, newID: UInt32) {
    precondition(count * 2 <= slots.count, "the merge table is over its expected size")
    let key = UInt64(left) << 32 | UInt64(right)
    var index = home(key)
    while slots[index].key != Self.noKey, slots[index].key != key {
      index = (index + 1) & (slots.count - 1)
    }
    if slots[index].key == Self.noKey { count += 1 }
    slots[index] = Slot(key: key, value: UInt64(rank) << 32 | UInt64(newID))
  }

  @inline(__always)
  private func home(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: ((key ^ (key >> 29)) &* 0x9E37_79B9_7F4A_7C15) >> shift)
  }

  /// Rank and new id of a pair, or `none`.
  @inline(__always)
  func value(_ left: UInt32, _ right: UInt32) -> UInt64 {
    slots.withUnsafeBufferPointer { slots in
      let key = UInt64(left) << 32 | UInt64(right)
      var index = home(key)
      while true {
        let slot = slots[index]
        if slot.key == key { return slot.value }
        if slot.key == Self.noKey { return Self.none }
        index = (index + 1) & (slots.count - 1)
      }
    }
  }
}
