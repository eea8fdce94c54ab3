// ActivationVector: numbers that belong at sites of one layout: a task vector, a direction, a mean.
// Its width is checked against the model when a plan is resolved, not here: this module knows no model.

/// A value for sites of the layout `Layout`.
public struct ActivationVector<Layout: ActivationLayout>: Equatable, Sendable {
  /// As many as the site is wide.
  public var values: [Float]

  public init(_ values: [Float]) { self.values = values }

  /// The mean of vectors of one width, summed in f64 in the order given.
  public init(meanOf vectors: [ActivationVector]) {
    precondition(!vectors.isEmpty, "the mean of no vectors")
    var sums = [Double](repeating: 0, count: vectors[0].values.count)
    for vector in vectors {
      precondition(
        vector.values.count == sums.count,
        "a mean of vectors of \(sums.count) and \(vector.values.count) numbers")
      for index in sums.indices { sums[index] += Double(vector.values[index]) }
    }
    values = sums.map { Float($0 / Double(vectors.count)) }
  }

  /// The Euclidean norm, in f64.
  public var norm: Double {
    values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }
}

extension ActivationVector {
  public static func + (left: ActivationVector, right: ActivationVector) -> ActivationVector {
    left.combined(right) { $0 + $1 }
  }

  public static func - (left: ActivationVector, right: ActivationVector) -> ActivationVector {
    left.combined(right) { $0 - $1 }
  }

  public static func * (scale: Float, vector: ActivationVector) -> ActivationVector {
    ActivationVector(vector.values.map { scale * $0 })
  }

  private func combined(
    _ other: ActivationVector, _ operation: (Float, Float) -> Float
  ) -> ActivationVector {
    precondition(
      values.count == other.values.count,
      "vectors of \(values.count) and \(other.values.count) numbers")
    return ActivationVector(zip(values, other.values).map(operation))
  }
}

/// One value for each selected row, for sites of the layout `Layout`.
public struct ActivationRows<Layout: ActivationLayout>: Equatable, Sendable {
  /// Sequences in the order in which they are named, positions ascending within each.
  public var rows: [[Float]]

  public init(_ rows: [[Float]]) { self.rows = rows }

  public init(_ vectors: [ActivationVector<Layout>]) { rows = vectors.map(\.values) }
}
