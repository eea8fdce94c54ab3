// Shares of a run: every cell in exactly one, balanced by cost, the same wherever they are asked for.

import Probes
import TensorCore
import Testing

@Suite struct ShardTests {
  private func plan(_ costs: [Double]) -> RunPlan {
    RunPlan(
      cells: costs.enumerated().map { Cell(key: "m/\($0.offset)", cost: $0.element) }, tables: [])
  }

  @Test func sharesCoverAndBalance() {
    var generator = SeededGenerator(key: "costs", seed: 1)
    for count in [1, 2, 3, 7, 40] {
      let costs = (0..<25).map { _ in 1 + 99 * generator.uniform() }
      let shares = plan(costs).shares(count)
      #expect(shares.count == count)
      #expect(shares.flatMap { $0 }.sorted() == Array(0..<25))
      #expect(shares.allSatisfy { $0 == $0.sorted() })
      // No division is better than the mean, nor than the dearest cell.
      let best = max(costs.reduce(0, +) / Double(count), costs.max() ?? 0)
      let longest = shares.map { $0.reduce(0) { $0 + costs[$1] } }.max() ?? 0
      #expect(longest <= best * 4 / 3 + 1e-9, "\(count): \(longest) over \(best)")
    }
  }

  @Test func sharesByHand() {
    // The dearest first: 5 to the first, 4 to the second, 3 to the second, 3 to the first, 3 to the second.
    #expect(plan([3, 5, 3, 4, 3]).shares(2) == [[1, 2], [0, 3, 4]])
    #expect(plan([1, 1, 1]).shares(2) == [[0, 2], [1]])
    #expect(plan([1]).shares(3) == [[0], [], []])
  }

  @Test func shardsAsText() {
    #expect(Shard("2/8") == Shard(2, of: 8) && Shard(2, of: 8)?.description == "2/8")
    for text in ["8/8", "-1/2", "1", "1/0", "a/2", "1/2/3", "", "0/1000001"] {
      #expect(Shard(text) == nil, "\(text)")
    }
  }
}
