// Operations: edits of slices of a tensor, which is how interventions act. Gradients flow through all of them.

/// A run of consecutive elements of a tensor.
public struct Slice: Sendable, Equatable {
  /// The place of its first element in the tensor, row-major.
  public let start: Int
  /// Elements.
  public let count: Int

  public init(start: Int, count: Int) {
    self.start = start
    self.count = count
  }
}

/// Slices that all take the mean of other slices; all of one width.
public struct SliceMean: Sendable, Equatable {
  /// What is overwritten.
  public let targets: [Slice]
  /// What the mean is over.
  public let sources: [Slice]

  /// - Parameters:
  ///   - targets: what is overwritten; of the sources' width.
  ///   - sources: at least one.
  public init(targets: [Slice], sources: [Slice]) {
    precondition(!sources.isEmpty, "the mean of nothing")
    precondition(
      (sources + targets).allSatisfy { $0.count == sources[0].count }, "slices of unequal widths")
    self.targets = targets
    self.sources = sources
  }
}

extension Operations {
  /// The elements of slices, one after the other, flat; the tensor itself, uncopied, where that is all of it in order.
  public func gathered(_ slices: [Slice], of x: Tensor<Scalar>) -> Tensor<Scalar> {
    let ends = slices.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) }
    let count = ends[slices.count]
    if count == x.count, zip(slices, ends).allSatisfy({ $0.start == $1 }) {
      return x.reshaped([count])
    }
    let result = Tensor<Scalar>(uninitialized: [count])
    context.parallelRanges(slices.count, cost: count / 8) { range in
      for index in range {
        (result.mutableBase + ends[index]).initialize(
          from: x.base + slices[index].start, count: slices[index].count)
      }
    }
    return result
  }

  /// `x` with slices overwritten by constants.
  ///
  /// - Parameters:
  ///   - x: any shape.
  ///   - slices: what is overwritten.
  ///   - values: one array a slice, or one array for all of them.
  public func replace(_ x: Variable<Scalar>, _ slices: [Slice], with values: [[Scalar]])
    -> Variable<Scalar>
  {
    edited(x, slices, values) { current, given in
      current = given
    } gradient: { _ in
      0
    }
  }

  /// `x` with `factor · values` added to slices.
  public func add(
    _ x: Variable<Scalar>, _ slices: [Slice], values: [[Scalar]], factor: Scalar
  ) -> Variable<Scalar> {
    edited(x, slices, values) { current, given in
      current.addProduct(factor, given)
    } gradient: {
      $0
    }
  }

  /// `x` with slices multiplied by `factor`.
  public func scale(_ x: Variable<Scalar>, _ slices: [Slice], by factor: Scalar) -> Variable<Scalar>
  {
    edited(x, slices, slices.map { Array(repeating: factor, count: $0.count) }) { current, given in
      current *= given
    } gradient: {
      $0 * factor
    }
  }

  /// `x` with slices overwritten by means of other slices of x itself, all as they were before.
  ///
  /// Each mean is summed in f64; the mean of one slice is that slice.
  public func replace(_ x: Variable<Scalar>, byMeans means: [SliceMean]) -> Variable<Scalar> {
    var out = x.tensor
    out.makeUnique()
    for mean in means {
      let width = mean.sources[0].count
      for column in 0..<width {
        let value = Scalar(
          mean.sources.reduce(0.0) { $0 + Double(x.tensor.base[$1.start + column]) }
            / Double(mean.sources.count))
        for target in mean.targets { out.mutableBase[target.start + column] = value }
      }
    }
    let node = x.node
    return result(out, from: node) { dy, gradients in
      gradients.accumulate(into: node) { target, count in
        var flow = dy
        flow.makeUnique(on: context)
        for mean in means {
          for slice in mean.targets {
            (flow.mutableBase + slice.start).update(repeating: 0, count: slice.count)
          }
        }
        kernels.add(count, target, flow.base, target)
        withExtendedLifetime(flow) {}
        for mean in means {
          let share = 1 / Double(mean.sources.count)
          for source in mean.sources {
            for slice in mean.targets {
              kernels.add_scaled(slice.count, share, dy.base + slice.start, target + source.start)
            }
          }
        }
      }
    }
  }

  private func edited(
    _ x: Variable<Scalar>, _ slices: [Slice], _ values: [[Scalar]],
    _ change: (inout Scalar, Scalar) -> Void, gradient: @escaping (Scalar) -> Scalar
  ) -> Variable<Scalar> {
    precondition(values.count == slices.count || values.count == 1, "\(values.count) values")
    var out = x.tensor
    out.makeUnique(on: context)
    for (index, slice) in slices.enumerated() {
      let given = values[values.count == 1 ? 0 : index]
      precondition(given.count == slice.count, "\(given.count) values for \(slice.count) elements")
      for offset in 0..<slice.count {
        change(&out.mutableBase[slice.start + offset], given[offset])
      }
    }
    let node = x.node
    return result(out, from: node) { dy, gradients in
      var flow = dy
      flow.makeUnique(on: context)
      for slice in slices {
        for at in slice.start..<slice.start + slice.count {
          flow.mutableBase[at] = gradient(flow.mutableBase[at])
        }
      }
      gradients.add(flow, to: node)
    }
  }
}
