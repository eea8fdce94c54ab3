// How long the cells of a run took, and what they computed, by group: what the next plan's time rests on.

import TensorCore

/// Measures cells as they are computed.
public struct TimedCells {
  private var groups: [String: (work: Work, seconds: Double)] = [:]
  private let start = ContinuousClock.now

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
  ///
  /// - Parameters:
  ///   - memory: what is added to.
  ///   - inputs: what a plan must share for these speeds to count.
  ///   - environment: this machine.
  ///   - isWhole: whether all cells of a run were computed since this object was made; then what else took time (opening
  ///     models, the rows over all cells, writing) is remembered too.
  public func remember(
    in memory: inout MachineMemory, _ inputs: RunInputs, _ environment: RunEnvironment,
    isWhole: Bool
  ) {
    for (group, done) in groups {
      memory.remember(done.work, seconds: done.seconds, of: group, in: inputs, on: environment)
    }
    guard isWhole else { return }
    let rest = (ContinuousClock.now - start).seconds - groups.values.reduce(0) { $0 + $1.seconds }
    memory.remember(
      Work(floatingPointOperations: 1), seconds: rest, of: Self.rest, in: inputs, on: environment)
  }

  /// The group of what is in no cell: one operation, so to speak.
  static let rest = ""
}
