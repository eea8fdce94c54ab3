// How long a run would take: at the speed of an earlier run on this machine, or else at the speed of its matrix product.

import TensorCore

/// An expected time, and what it rests on.
public struct TimeEstimate: Sendable {
  /// Seconds by the key of a cell or a stage.
  private let parts: [String: Double]
  /// Seconds of what is in no cell, where a whole run on this machine told it.
  public let rest: Double
  /// Whether all groups ran on this machine before.
  public let isRemembered: Bool

  /// Of all cells and stages together, and of what is in neither.
  public let seconds: Double

  /// Of some cells and stages together.
  public func seconds(of some: [Rehearsal.Part]) -> Double {
    some.reduce(0) { $0 + parts[$1.cell.key, default: 0] }
  }

  /// - Parameters:
  ///   - rehearsal: the work of each cell.
  ///   - inputs: what earlier runs must have shared for their speed to count.
  ///   - environment: this machine.
  ///   - memory: the speeds of earlier runs.
  ///   - productSpeed: operations a second of the matrix product, asked for where nothing is remembered.
  public init(
    _ rehearsal: Rehearsal, of inputs: RunInputs, on environment: RunEnvironment,
    memory: MachineMemory, productSpeed: () -> Double
  ) {
    var (speed, isRemembered) = (Double?.none, true)
    func seconds(_ part: Rehearsal.Part) -> Double {
      let operations = part.work.floatingPointOperations
      if let known = memory.seconds(
        for: operations, of: part.cell.group, in: inputs, on: environment)
      {
        return known
      }
      isRemembered = false
      let measured = speed ?? productSpeed()
      speed = measured
      return part.overhead + operations / measured
    }
    let all = rehearsal.parts + rehearsal.stages
    let each = all.map(seconds)
    parts = Dictionary(
      zip(all.map(\.cell.key), each), uniquingKeysWith: { first, _ in first })
    rest = memory.seconds(for: 1, of: TimedCells.rest, in: inputs, on: environment) ?? 0
    self.seconds = each.reduce(rest, +)
    self.isRemembered = isRemembered
  }
}

extension ComputeContext {
  /// Operations a second of the matrix product at a few dozen rows, from a fifth of a second of it.
  public func measuredProductSpeed() -> Double {
    let (rows, depth, columns) = (64, 768, 3072)
    let weights = (0..<4).map { index in
      let weight = Parameter<Float>(
        name: "weight \(index)", tensor: Tensor(repeating: 0.5, shape: [columns, depth]))
      weight.prepare(on: self)
      return weight
    }
    let x = Variable(Tensor<Float>(repeating: 0.25, shape: [rows, depth]))
    let ops = Operations<Float>(self)
    let clock = ContinuousClock()
    for weight in weights { _ = ops.linear(x, weight: weight) }
    let start = clock.now
    var products = 0
    repeat {
      _ = ops.linear(x, weight: weights[products % weights.count])
      products += 1
    } while (clock.now - start).seconds < 0.2
    return 2 * Double(rows * depth * columns) * Double(products) / (clock.now - start).seconds
  }
}
