// RegressionPrompts: eight prompts side by side, one in each lane, and their second moments: all that a single layer
// of linear attention sees of them. Legend: D token width, d = D − 2, n demonstrations.

import TensorCore

package typealias Lanes = SIMD8<Double>

/// Eight prompts of the same length. Used by one thread at a time.
package final class RegressionPrompts {
  package static let lanes = Lanes.scalarCount

  package let setting: RegressionSetting
  package let shots: Int
  /// `[n + 1, D]`, the query last.
  package let tokens: UnsafeMutablePointer<Lanes>
  /// `[D, D]`: the mean of z zᵀ over the tokens that `addDemonstration` and `closeMoments` have seen.
  package let moments: UnsafeMutablePointer<Lanes>
  private let sums: UnsafeMutablePointer<Lanes>
  private let draws: UnsafeMutablePointer<Lanes>
  /// y of the queries.
  package var targets = Lanes()

  private let width: Int

  package init(_ setting: RegressionSetting, shots: Int) {
    self.setting = setting
    self.shots = shots
    width = setting.width
    func lanes(_ count: Int) -> UnsafeMutablePointer<Lanes> {
      let memory = UnsafeMutablePointer<Lanes>.allocate(capacity: count)
      memory.initialize(repeating: Lanes(), count: count)
      return memory
    }
    tokens = lanes((shots + 1) * width)
    moments = lanes(width * width)
    sums = lanes(width * width)
    draws = lanes((shots + 2) * width)
  }

  deinit {
    for memory in [tokens, moments, sums, draws] { memory.deallocate() }
  }

  /// The queries' tokens, `[D]`.
  package var query: UnsafeMutablePointer<Lanes> { tokens + shots * width }

  /// Draws eight prompts.
  ///
  /// - Parameter first: the number of the first prompt, which decides its task, or its points, where there is a list.
  package func draw(
    _ source: RegressionSource, first: Int, table: NormalTable, _ generator: inout SeededGenerator
  ) {
    switch source {
    case .pool(let pool): draw(pool, &generator)
    case .given(let prompts): take(prompts, first)
    case .newTasks, .tasks: draw(source, first, table, &generator)
    }
    targets = query[width - 1]
    query[width - 1] = Lanes()
  }

  private func draw(_ pool: RegressionPool, _ generator: inout SeededGenerator) {
    let size = width - 1
    pool.points.withUnsafeBufferPointer { points in
      for token in 0...shots {
        let own = tokens + token * width
        own[0] = Lanes(repeating: 1)
        for lane in 0..<Self.lanes {
          let at = generator.uniformInteger(below: pool.count) * size
          for index in 0..<size { own[index + 1][lane] = points[at + index] }
        }
      }
    }
  }

  private func take(_ prompts: [[[Double]]], _ first: Int) {
    for lane in 0..<Self.lanes {
      let points = prompts[(first + lane) % prompts.count].suffix(shots + 1)
      precondition(points.count == shots + 1, "\(points.count) points, expected \(shots + 1)")
      for (token, point) in points.enumerated() {
        let own = tokens + token * width
        own[0][lane] = 1
        for (index, value) in point.enumerated() { own[index + 1][lane] = value }
      }
    }
  }

  private func draw(
    _ source: RegressionSource, _ first: Int, _ table: NormalTable,
    _ generator: inout SeededGenerator
  ) {
    let dimension = setting.dimension
    let count = (shots + 1) * (dimension + 1) + dimension
    draws.withMemoryRebound(to: Double.self, capacity: count * Self.lanes) {
      table.fill($0, count: count * Self.lanes, from: &generator)
    }
    let task = draws
    if case .tasks(let tasks) = source {
      for lane in 0..<Self.lanes {
        let theta = tasks[(first + lane) % tasks.count]
        for index in 0..<dimension { task[index][lane] = theta[index] }
      }
    } else {
      var square = Lanes()
      for index in 0..<dimension { square += task[index] * task[index] }
      let norm = square.squareRoot()
      for index in 0..<dimension { task[index] /= norm }
    }
    let deviation = setting.noise.squareRoot()
    for token in 0...shots {
      let own = tokens + token * width
      let drawn = draws + dimension + token * (dimension + 1)
      own[0] = Lanes(repeating: 1)
      var y = drawn[dimension] * deviation
      for index in 0..<dimension {
        let x = drawn[index] * setting.variances[index].squareRoot()
        own[index + 1] = x
        y += task[index] * x
      }
      own[width - 1] = y
    }
  }

  // MARK: Moments

  /// Forgets all demonstrations.
  package func clearMoments() { sums.update(repeating: Lanes(), count: width * width) }

  /// Adds z zᵀ of a demonstration.
  package func addDemonstration(_ index: Int) {
    let z = tokens + index * width
    for row in 0..<width {
      let factor = z[row]
      let target = sums + row * width
      for column in row..<width { target[column] += factor * z[column] }
    }
  }

  /// Adds the query and divides by the number of tokens; the demonstrations stay as they are.
  package func closeMoments(demonstrations count: Int) {
    let z = query
    let divisor = Double(count + 1)
    for row in 0..<width {
      for column in row..<width {
        let value = (sums[row * width + column] + z[row] * z[column]) / divisor
        moments[row * width + column] = value
        moments[column * width + row] = value
      }
    }
  }
}
