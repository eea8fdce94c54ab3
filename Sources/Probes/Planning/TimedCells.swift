// How long the cells of a run took, and what they computed, by group: what the next plan's time rests on.

import TensorCore

/// Measures cells as they are computed.
public struct TimedCells {
  private var groups: [String: (work: Work, seconds: Double)] = [:]

  /// Nothing measured yet.
  public init() {}

  /// Computes a cell on a context that counts with `meter`.
  public mutating func run(
    _ cell: Cell, _ meter: WorkMeter, _ work: () throws -> CellOutput
  ) rethrows -> CellOutput {
    let clock = ContinuousClock()
    let start = clock.now
    meter.reset()
    let output = try work()
    let own = groups[cell.group] ?? (Work(), 0)
    groups[cell.group] = (
      own.work + (cell.work ?? meter.work), own.seconds + (clock.now - start).seconds
    )
    return output
  }

  /// Adds what was measured to the machine's memory, for the next plan.
  public func remember(
    in memory: inout MachineMemory, _ inputs: RunInputs, _ environment: RunEnvironment
  ) {
    for (group, done) in groups {
      memory.remember(
        done.work, seconds: done.seconds, of: group, in: inputs, on: environment)
    }
  }
}
