// Observed values grouped in clusters, the input of the bootstrap: which rows go together, and one or
// more series of values over those rows.

/// Rows that belong to clusters, with any number of series of values over them.
///
/// A cluster holds the rows that are not independent of each other: all rows of one query, say. Clusters
/// may lie in strata (tasks), which keep their sizes under resampling. The order of the rows has no
/// influence on which clusters a resample draws; clusters are numbered by the bytes of their names.
public struct ClusteredSample: Sendable {
  /// A series of values that was added to a sample.
  public struct Series: Sendable, Equatable {
    let index: Int
  }

  /// The cluster of each row.
  let clusterOfRow: [Int]
  /// The clusters of each stratum, as a range: clusters are numbered stratum by stratum.
  let strata: [Range<Int>]
  /// For each series the sum of weight · value, and of weight, in each cluster.
  private(set) var sums: [[Double]] = []
  private(set) var weights: [[Double]] = []
  /// For each series the number of rows that have a value.
  private(set) var counts: [Int] = []

  /// - Parameters:
  ///   - clusters: the cluster of each row, by name.
  ///   - strata: the stratum of each row; without it there is one. Clusters of the same name in two
  ///     strata are two clusters.
  public init(clusters: [String], strata: [String]? = nil) {
    precondition(
      strata.map { $0.count == clusters.count } ?? true,
      "\(clusters.count) rows with \(strata.map(\.count) ?? 0) strata")
    let places = clusters.indices.map { row in
      Place(stratum: strata.map { Array($0[row].utf8) } ?? [], cluster: Array(clusters[row].utf8))
    }
    let ordered = Set(places).sorted()
    var numbers: [Place: Int] = [:]
    var ranges: [Range<Int>] = []
    for (number, place) in ordered.enumerated() {
      numbers[place] = number
      if number > 0, ordered[number - 1].stratum == place.stratum, let last = ranges.popLast() {
        ranges.append(last.lowerBound..<(number + 1))
      } else {
        ranges.append(number..<(number + 1))
      }
    }
    clusterOfRow = places.map { place in
      guard let number = numbers[place] else { preconditionFailure("a row without cluster") }
      return number
    }
    self.strata = ranges
  }

  var clusterCount: Int { strata.last?.upperBound ?? 0 }

  /// Adds a value for each row; a row without one (`nil`) does not count.
  ///
  /// - Parameters:
  ///   - values: one a row, in the order of the clusters.
  ///   - weights: how much each row counts, 1 by default. A mean over tasks in which every task counts the same has
  ///     weights of one over the task's number of rows.
  public mutating func add(_ values: [Double?], weights: [Double]? = nil) -> Series {
    precondition(
      values.count == clusterOfRow.count, "\(values.count) values for \(clusterOfRow.count) rows")
    precondition(
      weights.map { $0.count == values.count && $0.allSatisfy { $0 > 0 && $0.isFinite } } ?? true,
      "every row needs a positive weight")
    var sums = [CompensatedSum](repeating: CompensatedSum(), count: clusterCount)
    var totals = sums
    var count = 0
    for (row, value) in values.enumerated() {
      // Not a skipped bad row: absent values are what `nil` is for.
      guard let value else { continue }
      let weight = weights.map { $0[row] } ?? 1
      sums[clusterOfRow[row]].add(weight * value)
      totals[clusterOfRow[row]].add(weight)
      count += 1
    }
    self.sums.append(sums.map(\.value))
    self.weights.append(totals.map(\.value))
    counts.append(count)
    return Series(index: self.sums.count - 1)
  }

  /// Adds outcomes as 1 and 0.
  public mutating func add(_ outcomes: [Bool], weights: [Double]? = nil) -> Series {
    add(outcomes.map { $0 ? 1 : 0 }, weights: weights)
  }
}

/// Where a row belongs, ordered by bytes: stratum first.
private struct Place: Hashable, Comparable {
  let stratum: [UInt8]
  let cluster: [UInt8]

  static func < (left: Place, right: Place) -> Bool {
    left.stratum == right.stratum
      ? left.cluster.lexicographicallyPrecedes(right.cluster)
      : left.stratum.lexicographicallyPrecedes(right.stratum)
  }
}
