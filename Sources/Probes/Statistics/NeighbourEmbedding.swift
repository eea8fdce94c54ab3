// t-SNE with all pairs of points: exact, deterministic, and slow beyond a few thousand points.

import CKernels

/// Points in the plane whose neighbourhoods resemble those of the given distances (t-distributed stochastic neighbour
/// embedding).
///
/// Early exaggeration 12 with momentum 0.5 for the first quarter of the iterations, then momentum 0.8; adaptive gains; the
/// rate n / 48, at least 50. The start is given, so there is no randomness: principal components, scaled to a standard
/// deviation of 1e−4. Where groups overlap the descent ends in one of many local minima, which the last bits of the
/// distances decide: a picture, not a measurement.
///
/// - Source: L. van der Maaten and G. Hinton, JMLR 9, 2008; scikit-learn `TSNE(method="exact", init="pca")`, whose
///   constants these are.
public struct NeighbourEmbedding: Sendable, Equatable {
  /// `[point][2]`.
  public let points: [[Double]]
  /// KL(P ‖ Q) of the result, in nats.
  public let divergence: Double

  /// - Parameters:
  ///   - squares: squared distances, `[n, n]` flat.
  ///   - start: the first two principal components of the points, `[n][2]`.
  ///   - perplexity: the effective number of neighbours, above 1 and below n.
  ///   - iterations: steps of gradient descent.
  public init(
    squares: [Double], start: [[Double]], perplexity: Double, iterations: Int = 1000
  ) {
    let n = start.count
    let affinities = Self.affinities(squares: squares, count: n, perplexity: perplexity)
    let spread = Self.deviation(start.map { $0[0] })
    let scale = spread > 0 ? 1e-4 / spread : 0
    var places = start.flatMap { [scale * $0[0], scale * $0[1]] }
    var steps = [Double](repeating: 0, count: 2 * n)
    var gains = [Double](repeating: 1, count: 2 * n)
    var gradient = steps
    var kernel = [Double](repeating: 0, count: n * n)
    let rate = max(Double(n) / 12 / 4, 50)
    let early = iterations / 4
    for iteration in 0..<iterations {
      let exaggeration = iteration < early ? 12.0 : 1
      Self.gradient(&gradient, &kernel, places, affinities, exaggeration)
      let momentum = iteration < early ? 0.5 : 0.8
      if iteration == early { for index in steps.indices { (steps[index], gains[index]) = (0, 1) } }
      for index in places.indices {
        gains[index] =
          steps[index] * gradient[index] < 0
          ? gains[index] + 0.2 : max(0.01, gains[index] * 0.8)
        steps[index] = momentum * steps[index] - rate * gains[index] * gradient[index]
        places[index] += steps[index]
      }
    }
    points = (0..<n).map { [places[2 * $0], places[2 * $0 + 1]] }
    divergence = Self.divergence(of: points, affinities)
  }

  /// The joint probabilities P, `[n, n]` flat: each point's Gaussian has the width at which the entropy of its neighbours
  /// is ln(perplexity), and P is the mean of both directions.
  public static func affinities(squares: [Double], count n: Int, perplexity: Double) -> [Double] {
    precondition(
      squares.count == n * n && perplexity > 1 && perplexity < Double(n),
      "\(squares.count) distances of \(n) points, perplexity \(perplexity)")
    let wanted = ck_log(perplexity)
    var conditional = [Double](repeating: 0, count: n * n)
    for row in 0..<n {
      let own = squares[row * n..<(row + 1) * n]
      // Shifted by the least, which changes no share and keeps the exponentials in range.
      let others = (0..<n).filter { $0 != row }
      let least = others.map { own[row * n + $0] }.min() ?? 0
      var (precision, low, high) = (1.0, 0.0, Double.infinity)
      var weights: [Double] = []
      for _ in 0..<200 {
        weights = others.map { ck_exp(-precision * (own[row * n + $0] - least)) }
        let total = weights.reduce(0, +)
        var weighted = 0.0
        for (place, weight) in zip(others, weights) {
          weighted += weight * (own[row * n + place] - least)
        }
        let entropy = ck_log(total) + precision * weighted / total
        weights = weights.map { $0 / total }
        if abs(entropy - wanted) <= 1e-10 { break }
        if entropy > wanted { low = precision } else { high = precision }
        precision = high.isFinite ? (low + high) / 2 : precision * 2
      }
      for (place, weight) in zip(others, weights) { conditional[row * n + place] = weight }
    }
    var joint = conditional
    for row in 0..<n {
      for column in 0..<n {
        joint[row * n + column] =
          (conditional[row * n + column] + conditional[column * n + row]) / Double(2 * n)
      }
    }
    return joint
  }

  /// 4 Σ_j (s p − q)_ij (y_i − y_j) / (1 + ‖y_i − y_j‖²), of KL(s P ‖ Q) up to a constant.
  private static func gradient(
    _ gradient: inout [Double], _ kernel: inout [Double], _ places: [Double],
    _ affinities: [Double], _ exaggeration: Double
  ) {
    let n = places.count / 2
    gradient.withUnsafeMutableBufferPointer { gradient in
      kernel.withUnsafeMutableBufferPointer { kernel in
        places.withUnsafeBufferPointer { places in
          affinities.withUnsafeBufferPointer { affinities in
            let total = Self.fill(kernel, places)
            for i in 0..<n {
              var (x, y) = (0.0, 0.0)
              for j in 0..<n {
                let near = kernel[i * n + j]
                let force = (exaggeration * affinities[i * n + j] - near / total) * near
                x += force * (places[2 * i] - places[2 * j])
                y += force * (places[2 * i + 1] - places[2 * j + 1])
              }
              gradient[2 * i] = 4 * x
              gradient[2 * i + 1] = 4 * y
            }
          }
        }
      }
    }
  }

  /// 1 / (1 + ‖y_i − y_j‖²) for all pairs, 0 on the diagonal; returns the sum.
  private static func fill(
    _ kernel: UnsafeMutableBufferPointer<Double>, _ places: UnsafeBufferPointer<Double>
  ) -> Double {
    let n = places.count / 2
    var total = 0.0
    for i in 0..<n {
      kernel[i * n + i] = 0
      for j in 0..<i {
        let x = places[2 * i] - places[2 * j]
        let y = places[2 * i + 1] - places[2 * j + 1]
        let near = 1 / (1 + x * x + y * y)
        kernel[i * n + j] = near
        kernel[j * n + i] = near
        total += 2 * near
      }
    }
    return total
  }

  /// KL(P ‖ Q) of points in the plane, in nats.
  public static func divergence(of points: [[Double]], _ affinities: [Double]) -> Double {
    var kernel = [Double](repeating: 0, count: affinities.count)
    let total = kernel.withUnsafeMutableBufferPointer { kernel in
      points.flatMap { $0 }.withUnsafeBufferPointer { fill(kernel, $0) }
    }
    var sum = CompensatedSum()
    for (p, near) in zip(affinities, kernel) where p > 0 {
      sum.add(p * ck_log(p / max(near / total, 1e-300)))
    }
    return sum.value
  }

  private static func deviation(_ values: [Double]) -> Double {
    guard let mean = Statistics.mean(values) else { return 0 }
    return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count))
      .squareRoot()
  }
}
