// RegressionSetting: the world of the linear-attention theory: y = θ·x + ε with x ~ N(0, Σ). Tokens are
// (1, x, y), the query's (1, x, 0).

import TensorCore

/// A family of noisy linear regressions.
package struct RegressionSetting: Sendable, Equatable {
  /// The variances of x's coordinates: Σ in its eigenbasis. That is no restriction: tasks and initial weights are
  /// rotation-invariant.
  package var variances: [Double]
  /// Variance of ε.
  package var noise: Double

  package init(variances: [Double], noise: Double) {
    self.variances = variances
    self.noise = noise
  }

  /// d, the width of x.
  package var dimension: Int { variances.count }
  /// Width of a token.
  package var width: Int { variances.count + 2 }

  /// A task: θ uniform on the unit sphere.
  package func task(_ generator: inout SeededGenerator) -> [Double] {
    let draw = (0..<dimension).map { _ in generator.normal() }
    let norm = draw.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return draw.map { $0 / norm }
  }
}

/// Points (x, y) of one task that prompts are drawn from with replacement.
package struct RegressionPool: Sendable {
  /// `[count, d + 1]`, row-major.
  package let points: [Double]
  package let count: Int

  package init(
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
package enum RegressionSource: Sendable {
  /// A new task for each prompt.
  case newTasks
  /// New points; prompt i has task i mod count.
  case tasks([[Double]])
  /// Points of one task, with replacement.
  case pool(RegressionPool)
  /// These points `[prompt][token][d + 1]`, the query last, in their order and then again; where fewer demonstrations are
  /// asked for, the last ones. Batches of a training follow one another.
  case given([[[Double]]])
}
