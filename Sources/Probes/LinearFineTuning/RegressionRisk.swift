// RegressionRisk: the expected squared error of one layer of linear self-attention, in closed form: for any weights, and
// for the weights that the theory names.

/// E (ŷ − y)² over prompts of n demonstrations of one task.
///
/// Given the query, the demonstrations' sum is a sum of n independent products of two jointly Gaussian forms, whose
/// mean and variance Isserlis's theorem gives; over the query the error's mean is a cubic polynomial in a Gaussian.
package struct RegressionRisk {
  package let setting: RegressionSetting
  package let task: [Double]

  package init(setting: RegressionSetting, task: [Double]) {
    self.setting = setting
    self.task = task
  }

  /// The expected squared error of any weights.
  package func value(_ model: MomentModel, shots: Int) -> Double {
    let (d, width) = (setting.dimension, setting.width)
    let (n, length) = (Double(shots), Double(shots + 1))
    let (queryKey, v) = (model.queryKey, model.value)
    let scales = setting.variances.map { $0.squareRoot() }
    let covariance = tokenCovariance

    // A demonstration's product (a·z)(v·z), a = Qᵀ z_q: mean aᵀ C̄ v, variance aᵀ K a.
    var covered = (0..<width).map { row in
      (1..<width).reduce(0.0) { $0 + covariance[row * width + $1] * v[$1] }
    }
    let spread = (1..<width).reduce(0.0) { $0 + v[$1] * covered[$1] }
    var products = Array(repeating: 0.0, count: width * width)
    products[0] = spread
    for i in 1..<width {
      products[i] = v[0] * covered[i]
      products[i * width] = products[i]
      for j in 1..<width {
        products[i * width + j] =
          (v[0] * v[0] + spread) * covariance[i * width + j] + covered[i] * covered[j]
      }
    }
    covered[0] = v[0]
    var variance = 0.0
    for row in 0...d {
      let weight = row == 0 ? 1 : setting.variances[row - 1]
      for i in 0..<width {
        for j in 0..<width {
          variance +=
            weight * queryKey[row * width + i] * products[i * width + j] * queryKey[row * width + j]
        }
      }
    }

    // The mean error as c₀ + c·g + gᵀ B g + κ (gᵀ A g)(w·g), with x = Σ^½ g.
    let kappa = 1 / length
    func mean(_ row: Int) -> Double {
      n / length * (0..<width).reduce(0.0) { $0 + queryKey[row * width + $1] * covered[$1] }
    }
    let (q0, w0) = (queryKey[0], v[0])
    let q = (0..<d).map { scales[$0] * (queryKey[$0 + 1] + queryKey[($0 + 1) * width]) }
    let w = (0..<d).map { scales[$0] * v[$0 + 1] }
    let form = (0..<d * d).map { place in
      let (i, j) = (place / d, place % d)
      return scales[i] * scales[j] / 2
        * (queryKey[(i + 1) * width + j + 1] + queryKey[(j + 1) * width + i + 1])
    }
    let c0 = mean(0) + kappa * q0 * w0
    let c = (0..<d).map {
      scales[$0] * (mean($0 + 1) - task[$0]) + kappa * (q0 * w[$0] + w0 * q[$0])
    }
    let quadratic = (0..<d * d).map { place in
      let (i, j) = (place / d, place % d)
      return kappa * ((q[i] * w[j] + q[j] * w[i]) / 2 + w0 * form[place])
    }
    func dot(_ x: [Double], _ y: [Double]) -> Double { zip(x, y).reduce(0) { $0 + $1.0 * $1.1 } }
    func trace(_ matrix: [Double]) -> Double {
      (0..<d).reduce(0) { $0 + matrix[$1 * d + $1] }
    }
    let formed = (0..<d).map { i in (0..<d).reduce(0.0) { $0 + form[i * d + $1] * w[$1] } }
    let even = (c0 + trace(quadratic)) * (c0 + trace(quadratic)) + 2 * dot(quadratic, quadratic)
    let odd =
      dot(c, c) + 2 * kappa * (dot(c, w) * trace(form) + 2 * dot(c, formed)) + kappa * kappa
      * (dot(w, w) * (trace(form) * trace(form) + 2 * dot(form, form)) + 4 * trace(form)
        * dot(w, formed)
        + 8 * dot(formed, formed))
    return even + odd + n / (length * length) * variance + setting.noise
  }

  /// The covariance of (1, x, y), `[D, D]`.
  private var tokenCovariance: [Double] {
    let (d, width) = (setting.dimension, setting.width)
    var result = Array(repeating: 0.0, count: width * width)
    var last = setting.noise
    for i in 0..<d {
      let cross = setting.variances[i] * task[i]
      result[(i + 1) * width + i + 1] = setting.variances[i]
      result[(i + 1) * width + width - 1] = cross
      result[(width - 1) * width + i + 1] = cross
      last += cross * task[i]
    }
    result[width * width - 1] = last
    return result
  }
}

/// The weights that the theory names, each with its free numbers.
///
/// - Source: Lee, Sohn and Lee 2026, arXiv:2602.23197; for Σ ≠ I in the coordinates in which Σ is I.
package enum TheoryModel: Sendable, Equatable {
  /// Q_xx = g Σ⁻¹, v = (0, 0, 1): pre-training.
  case pretrained(g: Double)
  /// Q₀₀ = 1/w, v = (0, w θ₀, 1): zero-shot fine-tuning of everything.
  case full(w: Double)
  /// Q_xx = Σ⁻¹, v = (0, c θ₀, w): zero-shot fine-tuning of the values.
  case valueOnly(c: Double, w: Double)

  /// - Parameter tuned: θ₀.
  package func model(_ setting: RegressionSetting, tuned: [Double]) -> MomentModel {
    let width = setting.width
    var (queryKey, value) = (
      Array(repeating: 0.0, count: width * width), Array(repeating: 0.0, count: width)
    )
    func precision(_ scale: Double) {
      for i in 0..<setting.dimension {
        queryKey[(i + 1) * width + i + 1] = scale / setting.variances[i]
      }
    }
    switch self {
    case .pretrained(let g):
      precision(g)
      value[width - 1] = 1
    case .full(let w):
      queryKey[0] = 1 / w
      for i in 0..<setting.dimension { value[i + 1] = w * tuned[i] }
      value[width - 1] = 1
    case .valueOnly(let c, let w):
      precision(1)
      for i in 0..<setting.dimension { value[i + 1] = c * tuned[i] }
      value[width - 1] = w
    }
    return MomentModel(queryKey: queryKey, value: value)
  }
}

extension MomentModel {
  /// g, w and c as they stand in these weights: Q_xx's part along Σ⁻¹, times v_y or times v_x's part along θ₀.
  package func coefficients(_ setting: RegressionSetting, tuned: [Double]) -> (
    scale: Double, along: Double, last: Double
  ) {
    let width = self.width
    var (scale, cross, square) = (0.0, 0.0, 0.0)
    for i in 0..<setting.dimension {
      let variance = setting.variances[i]
      scale += variance * queryKey[(i + 1) * width + i + 1] / Double(setting.dimension)
      cross += variance * value[i + 1] * tuned[i]
      square += variance * tuned[i] * tuned[i]
    }
    return (scale, cross / square, value[width - 1])
  }
}
