// RegressionSetting: the world of the linear-attention theory: y = θ·x + ε with x ~ N(0, Σ). Tokens are
// (1, x, y), the query's (1, x, 0).

import TensorCore

/// A family of noisy linear regressions.
struct RegressionSetting: Sendable, Equatable {
  /// The variances of x's coordinates: Σ in its eigenbasis. That is no restriction: tasks and initial weights are
  /// rotation-invariant.
  var variances: [Double]
  /// Variance of ε.
  var noise: Double

  /// d, the width of x.
  var dimension: Int { variances.count }
  /// Width of a token.
  var width: Int { variances.count + 2 }

  /// A task: θ uniform on the unit sphere.
  func task(_ generator: inout SeededGenerator) -> [Double] {
    let draw = (0..<dimension).map { _ in generator.normal() }
    let norm = draw.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return draw.map { $0 / norm }
  }
}

/// Points (x, y) of one task that prompts are drawn from with replacement.
struct RegressionPool: Sendable {
  /// `[count, d + 1]`, row-major.
  let points: [Double]
  let count: Int

  init(
    _ setting: RegressionSetting, task: [Double], count: Int, generator: inout SeededGenerator
  ) {
    var points: [Double] = []
    points.reserveCapacity(count * (setting.dimension + 1))
    for _ in 0..<count {
      var y = setting.noise.squareRoot() * generator.normal()
      for (theta, variance) in zip(task, setting.variances) {
        let x = variance.squareRoot() * generator.normal()
        points.append(x)
        y += theta * x
      }
      points.append(y)
    }
    self.points = points
    self.count = count
  }
}

/// Where prompts come from.
enum RegressionSource: Sendable {
  /// A new task for each prompt.
  case newTasks
  /// New points; prompt i has task i mod count.
  case tasks([[Double]])
  /// Points of one task, with replacement.
  case pool(RegressionPool)
}
