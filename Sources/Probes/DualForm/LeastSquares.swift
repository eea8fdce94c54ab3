// LeastSquares: in-context linear regression as von Oswald et al. draw it, and gradient descent on it written out, in no
// way as attention. Legend: d width of x, N demonstrations.

import TensorCore

/// y = w·x without noise, w ~ N(0, I), x uniform in a cube; tokens (x, y), the query's (x, 0).
///
/// - Source: von Oswald et al. 2023, arXiv:2212.07677, §3 and appendix A.
package struct LeastSquares: Sendable, Equatable {
  package var dimension: Int
  package var shots: Int
  /// Side of the cube, centred at 0.
  package var range: Double

  package init(dimension: Int, shots: Int, range: Double) {
    self.dimension = dimension
    self.shots = shots
    self.range = range
  }

  package var width: Int { dimension + 1 }

  /// One prompt.
  package struct Prompt: Sendable, Equatable {
    /// `[N][d]`, `[N]`.
    package var x: [[Double]]
    package var y: [Double]
    package var query: [Double]
    package var target: Double

    package init(x: [[Double]], y: [Double], query: [Double], target: Double) {
      self.x = x
      self.y = y
      self.query = query
      self.target = target
    }

    /// Tokens `[N + 1][d + 1]`.
    package var tokens: [[Double]] { zip(x, y).map { $0 + [$1] } + [query + [0]] }
  }

  package func prompt(_ generator: inout SeededGenerator) -> Prompt {
    let task = (0..<dimension).map { _ in generator.normal() }
    func point() -> [Double] {
      (0..<dimension).map { _ in generator.uniform(from: -range / 2, to: range / 2) }
    }
    func value(_ x: [Double]) -> Double { zip(task, x).reduce(0) { $0 + $1.0 * $1.1 } }
    let x = (0..<shots).map { _ in point() }
    let query = point()
    return Prompt(x: x, y: x.map(value), query: query, target: value(query))
  }

  /// Draws eight prompts into a pass, and gives their targets.
  func draw(into pass: StackPass, _ generator: inout SeededGenerator) -> Lanes {
    var targets = Lanes()
    for lane in 0..<RegressionPrompts.lanes {
      let prompt = prompt(&generator)
      pass.load(prompt.tokens, lane: lane)
      targets[lane] = prompt.target
    }
    return targets
  }

  // MARK: What theory says

  /// The step size of least expected error of one step from w = 0:
  /// N σ² / (μ₄ + (N + d − 2) σ⁴), σ² and μ₄ the second and fourth moment of x's coordinates.
  package var bestRate: Double {
    let (n, variance, fourth) = (Double(shots), self.variance, fourthMoment)
    return n * variance / (fourth + Double(shots + dimension - 2) * variance * variance)
  }

  /// Its expected squared error: d σ² (1 − η σ²).
  package var leastError: Double {
    Double(dimension) * variance * (1 - bestRate * variance)
  }

  private var variance: Double { range * range / 12 }
  private var fourthMoment: Double { range * range * range * range / 80 }
}

extension StackPass {
  /// Takes one prompt's tokens as the input of one lane.
  package func load(_ tokens: [[Double]], lane: Int) {
    for (place, token) in tokens.enumerated() {
      for (column, value) in token.enumerated() {
        input[place * shape.width + column][lane] = value
      }
    }
  }
}

/// Gradient descent on Σ (y_i − w·x_i)² / 2N from w = 0.
package struct ExplicitDescent: Sendable, Equatable {
  package var steps: Int
  /// η.
  package var rate: Double
  /// γ of GD++: after each step every x, the query's too, becomes x − γ/N Σ x_i (x_i·x), and targets keep what is left.
  package var correction: Double

  package init(steps: Int, rate: Double, correction: Double = 0) {
    self.steps = steps
    self.rate = rate
    self.correction = correction
  }

  /// The prediction for the query.
  package func prediction(_ prompt: LeastSquares.Prompt) -> Double {
    let count = Double(prompt.x.count)
    func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
    var (x, left, query, prediction) = (prompt.x, prompt.y, prompt.query, 0.0)
    for _ in 0..<steps {
      // w = 0 on what is left: its gradient is −Σ left_i x_i / N.
      var weights = query.map { _ in 0.0 }
      for (point, residual) in zip(x, left) {
        for index in weights.indices { weights[index] += rate / count * residual * point[index] }
      }
      let points = x
      func corrected(_ point: [Double]) -> [Double] {
        var moved = point
        for other in points {
          let factor = correction / count * dot(other, point)
          for index in moved.indices { moved[index] -= factor * other[index] }
        }
        return moved
      }
      prediction += dot(weights, query)
      for index in left.indices { left[index] -= dot(weights, points[index]) }
      x = points.map(corrected)
      query = corrected(query)
    }
    return prediction
  }
}
