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

/// The weights that the theory names, each with its free numbers. Π is the setting's `precision`, I where Σ is I.
///
/// - Source: Lee, Sohn and Lee 2026, arXiv:2602.23197, for Σ = I; for other Σ see `precision` and `valueDirection`.
package enum TheoryModel: Sendable, Equatable {
  /// Q_xx = g Π, v = (0, 0, 1): pre-training.
  case pretrained(g: Double)
  /// Q₀₀ = 1/w, v = (0, w θ₀, 1): zero-shot fine-tuning of everything.
  case full(w: Double)
  /// Q_xx = Π, v = (0, c u, w) with u the setting's `valueDirection`, θ₀ where Σ is I: zero-shot fine-tuning of the
  /// values.
  case valueOnly(c: Double, w: Double)

  /// - Parameters:
  ///   - tuned: θ₀.
  ///   - shots: of pre-training prompts.
  package func model(_ setting: RegressionSetting, tuned: [Double], shots: Int) -> MomentModel {
    let shape = setting.precision(shots: shots)
    let width = setting.width
    var (queryKey, value) = (
      Array(repeating: 0.0, count: width * width), Array(repeating: 0.0, count: width)
    )
    func precision(_ scale: Double) {
      for i in 0..<setting.dimension {
        queryKey[(i + 1) * width + i + 1] = scale * shape[i]
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
      let direction = setting.valueDirection(tuned: tuned, shots: shots)
      for i in 0..<setting.dimension { value[i + 1] = c * direction[i] }
      value[width - 1] = w
    }
    return MomentModel(queryKey: queryKey, value: value)
  }
}

extension RegressionSetting {
  /// Π, the eigenvalues of Q_xx at the optimum of pre-training, scaled so that tr(ΣΠ) = d: proportional to
  /// 1 / (λ_i + (tr Σ + d σ²) / (n + 1)).
  ///
  /// - Source: the minimum of E (ŷ − y)² over Q_xx with θ uniform on the sphere and the 1/(n + 1) of prompts with their
  ///   query; Zhang, Frei and Bartlett 2023, arXiv:2306.09927, theorem 4.1, has it for 1/n and without noise.
  package func precision(shots: Int) -> [Double] {
    let optimum = optimalPrecision(shots: shots)
    let scale = zip(variances, optimum).reduce(0) { $0 + $1.0 * $1.1 } / Double(dimension)
    return optimum.map { $0 / scale }
  }

  /// The same unscaled: the optimum itself, with v = (0, 0, 1).
  package func optimalPrecision(shots: Int) -> [Double] {
    let total = variances.reduce(0, +) + Double(dimension) * noise
    return variances.map { Double(shots + 1) / (total + Double(shots + 1) * $0) }
  }

  /// u, the direction of v_x at the optimum of zero-shot fine-tuning of the values with Q_xx along Π, scaled so that
  /// c = 1 / (d + 4): with R = Σ^½ Π Σ^½,
  /// Σ^½ u = (d + 4) ((tr² R + 2 tr R²) I + 4 tr R · R + 8 R²)⁻¹ (tr R · I + 2 R) Σ^½ θ₀.
  package func valueDirection(tuned: [Double], shots: Int) -> [Double] {
    let spread = zip(variances, precision(shots: shots)).map { $0 * $1 }
    let trace = spread.reduce(0, +)
    let square = spread.reduce(0) { $0 + $1 * $1 }
    return zip(tuned, spread).map { theta, r in
      Double(dimension + 4) * (trace + 2 * r) * theta
        / (trace * trace + 2 * square + 4 * trace * r + 8 * r * r)
    }
  }

  /// w at which values fine-tuned on `tuned` (c given) have the least error at some shots: the error is a parabola in w.
  package func bestValue(tuned: [Double], c: Double, shots: Int, trainedWith: Int) -> Double {
    let risk = RegressionRisk(setting: self, task: tuned)
    let (left, middle, right) = (0.0, 0.5, 1.0)
    let errors = [left, middle, right].map {
      risk.value(
        TheoryModel.valueOnly(c: c, w: $0).model(self, tuned: tuned, shots: trainedWith),
        shots: shots)
    }
    let curvature = errors[0] - 2 * errors[1] + errors[2]
    return middle - (errors[2] - errors[0]) / (4 * curvature)
  }
}

extension MomentModel {
  /// What stands in these weights: Q_xx's mean eigenvalue relative to Σ⁻¹, v_x's parts along θ₀ and along the
  /// setting's `valueDirection`, and v_y.
  package func coefficients(_ setting: RegressionSetting, tuned: [Double], shots: Int) -> (
    scale: Double, along: Double, alongDirection: Double, last: Double
  ) {
    let width = self.width
    var scale = 0.0
    for i in 0..<setting.dimension {
      scale +=
        setting.variances[i] * queryKey[(i + 1) * width + i + 1] / Double(setting.dimension)
    }
    func part(along direction: [Double]) -> Double {
      var (cross, square) = (0.0, 0.0)
      for i in 0..<setting.dimension {
        cross += setting.variances[i] * value[i + 1] * direction[i]
        square += setting.variances[i] * direction[i] * direction[i]
      }
      return cross / square
    }
    return (
      scale, part(along: tuned),
      part(along: setting.valueDirection(tuned: tuned, shots: shots)), value[width - 1]
    )
  }
}
