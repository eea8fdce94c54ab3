// The bootstrap's inner loop: which clusters a resample draws, and the sums of their columns.
// Clusters are summed in the order of the draws; the vectors only hold several columns side by side,
// so that the width of a vector does not change a bit.

import TensorCore

/// The clusters of one resample after another.
///
/// Indices come two from a word of the generator, upper half first, each by Lemire's method on 32 bits.
struct ClusterDraws {
  private let strata: [Range<Int>]
  private var generator: SeededGenerator
  /// The lower half of the last word, in the upper 32 bits, while it is unused.
  private var word: UInt64 = 0
  private var isHalfUsed = false
  /// The clusters of the current resample: as many of each stratum as it has.
  private(set) var indices: [UInt32]

  init(strata: [Range<Int>], generator: SeededGenerator) {
    let count = strata.last?.upperBound ?? 0
    precondition(count < Int(UInt32.max), "\(count) clusters are more than the bootstrap can draw")
    self.strata = strata
    self.generator = generator
    indices = Array(repeating: 0, count: count)
  }

  /// Draws the next resample.
  mutating func advance() {
    // Local copies stay in registers.
    var (generator, word, isHalfUsed) = (generator, word, isHalfUsed)
    indices.withUnsafeMutableBufferPointer { indices in
      for stratum in strata {
        let bound = UInt64(stratum.count)
        let threshold = (0 &- UInt32(stratum.count)) % UInt32(stratum.count)
        for place in stratum {
          var product: UInt64
          repeat {
            if isHalfUsed { word <<= 32 } else { word = generator.next() }
            isHalfUsed.toggle()
            product = (word >> 32) * bound
          } while UInt32(truncatingIfNeeded: product) < threshold
          indices[place] = UInt32(stratum.lowerBound) + UInt32(product >> 32)
        }
      }
    }
    (self.generator, self.word, self.isHalfUsed) = (generator, word, isHalfUsed)
  }
}

/// The totals of a sample's columns in every resample.
struct ResampledColumns {
  /// Block after block of eight columns; within a block one vector for each resample.
  private let totals: [[SIMD8<Double>]]
  /// The column of each series' sums, and of its weights. Equal columns are held once: all series
  /// without absent values share their weights.
  private let sumColumn: [Int]
  private let weightColumn: [Int]

  init(_ sample: ClusteredSample, resamples: Int, generator: SeededGenerator) {
    var columns: [[Double]] = []
    func place(_ column: [Double]) -> Int {
      if let known = columns.firstIndex(of: column) { return known }
      columns.append(column)
      return columns.count - 1
    }
    sumColumn = sample.sums.map(place)
    weightColumn = sample.weights.map(place)
    let blocks = stride(from: 0, to: columns.count, by: 8).map { first in
      (0..<sample.clusterCount).map { cluster in
        var vector = SIMD8<Double>.zero
        for lane in 0..<min(8, columns.count - first) {
          vector[lane] = columns[first + lane][cluster]
        }
        return vector
      }
    }
    var totals = blocks.map { _ in [SIMD8<Double>]() }
    for block in blocks.indices { totals[block].reserveCapacity(resamples) }
    var draws = ClusterDraws(strata: sample.strata, generator: generator)
    for _ in 0..<resamples {
      draws.advance()
      for (block, rows) in blocks.enumerated() {
        totals[block].append(Self.total(of: rows, at: draws.indices))
      }
    }
    self.totals = totals
  }

  /// The sum of the rows drawn, in the order of the draws.
  private static func total(of rows: [SIMD8<Double>], at indices: [UInt32]) -> SIMD8<Double> {
    rows.withUnsafeBufferPointer { rows in
      indices.withUnsafeBufferPointer { indices in
        var total = SIMD8<Double>.zero
        for index in indices { total += rows[Int(index)] }
        return total
      }
    }
  }

  /// The mean of a series in every resample; NaN where no drawn row has a value.
  func means(of series: ClusteredSample.Series) -> [Double] {
    let (sumBlock, sumLane) = sumColumn[series.index].quotientAndRemainder(dividingBy: 8)
    let (weightBlock, weightLane) = weightColumn[series.index].quotientAndRemainder(dividingBy: 8)
    return zip(totals[sumBlock], totals[weightBlock]).map { $0[sumLane] / $1[weightLane] }
  }
}
