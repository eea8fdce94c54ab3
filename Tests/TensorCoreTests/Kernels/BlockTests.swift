// The memory of tensors: blocks that come and go in any order never overlap.

import CKernels
import TensorCore
import Testing

struct BlockTests {
  @Test func blocksDoNotOverlap() throws {
    var draws = Draws(7)
    var held: [(base: UnsafeMutableRawPointer, words: Int, mark: UInt64)] = []
    func isWhole(_ block: (base: UnsafeMutableRawPointer, words: Int, mark: UInt64)) -> Bool {
      let words = block.base.assumingMemoryBound(to: UInt64.self)
      return stride(from: 0, to: block.words, by: 509).allSatisfy { words[$0] == block.mark }
        && words[block.words - 1] == block.mark
    }
    for turn in 0..<3000 {
      if held.count < 40 && draws.integer(0...2) > 0 {
        // Below and above the size from which blocks are cut from regions.
        let words = draws.integer(1...(turn % 2 == 0 ? 1000 : 1 << 20))
        let base = try #require(ck_allocate(words * 8))
        #expect(Int(bitPattern: base) % 64 == 0)
        let mark = UInt64(turn)
        let all = base.bindMemory(to: UInt64.self, capacity: words)
        for at in stride(from: 0, to: words, by: 509) { all[at] = mark }
        all[words - 1] = mark
        held.append((base, words, mark))
      } else if !held.isEmpty {
        let block = held.remove(at: draws.integer(0...(held.count - 1)))
        #expect(isWhole(block))
        ck_deallocate(block.base)
      }
    }
    for block in held {
      #expect(isWhole(block))
      ck_deallocate(block.base)
    }
    #expect(ck_allocate(Int.max) == nil)
  }
}
