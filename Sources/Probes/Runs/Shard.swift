// A shard: one machine's share of a run's cells. The shares of N follow from the plan alone, so that machines which do
// not know of each other agree.

/// One of several shares of a run.
public struct Shard: Sendable, Hashable, CustomStringConvertible {
  /// Counted from 0.
  public let index: Int
  /// How many shares there are.
  public let count: Int

  /// Nil for an index that is not below the count, or a count that is no number of shares.
  public init?(_ index: Int, of count: Int) {
    guard index >= 0, index < count, count <= 1_000_000 else { return nil }
    (self.index, self.count) = (index, count)
  }

  /// `2/8`: the third of eight.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]) else {
      return nil
    }
    self.init(index, of: count)
  }

  public var description: String { "\(index)/\(count)" }
}

extension RunPlan {
  /// The places of the cells of each of `count` shares, ascending: the dearest cell first, each to the share that has
  /// the least so far (of equal ones the first). No share costs more than 4/3 of what the best division would.
  ///
  /// - Source: Graham 1969, "Bounds on multiprocessing timing anomalies", theorem 2.
  public func shares(_ count: Int) -> [[Int]] {
    let order = cells.indices.sorted {
      (cells[$1].cost, $0) < (cells[$0].cost, $1)
    }
    var shares = [[Int]](repeating: [], count: count)
    var loads = [Double](repeating: 0, count: count)
    for place in order {
      let least = loads.indices.reduce(0) { loads[$1] < loads[$0] ? $1 : $0 }
      shares[least].append(place)
      loads[least] += cells[place].cost
    }
    return shares.map { $0.sorted() }
  }

  /// A shard's cells; of none, all.
  public func cells(of shard: Shard?) -> [Cell] { places(of: shard).map { cells[$0] } }

  /// The places of a shard's cells; of none, all.
  func places(of shard: Shard?) -> [Int] {
    guard let shard else { return Array(cells.indices) }
    return shares(shard.count)[shard.index]
  }
}
